/**
 * Another box's ledger -> this one: its types, its parts of the log, its artifacts, its runs.
 * Nothing there is changed. What cannot be taken is a finding, and the others go on.
 */
import { basename, dirname, join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { outsideFiles } from "../base/files/outside.ts";
import { escaped } from "../base/format.ts";
import type { World } from "../base/world.ts";
import {
  adoptTypes,
  checkWriterName,
  ledgerPaths,
  type NewTypes,
  newTypesOf,
  readRegistry,
  writerNameFrom,
} from "../log/mod.ts";
import { type LogPullReport, pullParts } from "../log/pull/pull.ts";
import { findingOf, type PullFinding } from "../log/pull/source.ts";
import {
  type NamedBy,
  readReplicationState,
  replicatedHost,
  type ReplicationState,
  withPullLock,
  writeReplicationState,
} from "../log/pull/replication_state.ts";
import { ARTIFACT_SECTION, artifactTypesOf } from "../runs/artifacts/registered.ts";
import type { ArtifactTypes } from "../runs/artifacts/types.ts";
import { pullRuns, type RunsPullReport } from "../runs/upkeep/pull.ts";
import { type ArtifactsPullReport, pullArtifacts } from "../runs/upkeep/pull_artifacts.ts";

/** What to pull, and how. */
export interface PullRequest {
  /** A ledger's folder, or the folder of a box: `data/ledger` and `runs` are looked for in it. */
  from: string;
  /** What the box is called here. Default: what it calls itself, or its folder's name. */
  as?: string;
  /** Its folder of runs. Default: `runs`, where `from` is the folder of a box. */
  runs?: string;
  /** Takes nothing, and reports what would be taken. */
  dry_run?: boolean;
  lock_wait_ms?: number;
  /** Told before anything is taken. */
  onSource?: (source: PullSource) => void;
  onNotice?: (message: string) => void;
}

/** Where is pulled from. */
export interface PullSource {
  /** What its parts are called here. */
  host: string;
  named_by: NamedBy;
  ledger: string;
  runs?: string;
}

/** What a pull did, or would do. */
export interface PullReport {
  from: PullSource;
  /** Event types that were registered as they are there. */
  types: string[];
  /** The artifact types that were registered as they are there. */
  artifact_types: string[];
  log: LogPullReport;
  artifacts: ArtifactsPullReport;
  runs: RunsPullReport;
  findings: PullFinding[];
}

/** Where is pulled to. */
interface Own {
  dir: string;
  runs_dir: string;
}

/** Pulls another box's ledger into this one. */
export async function pull(world: World, own: Own, request: PullRequest): Promise<PullReport> {
  const places = findPlaces(world, request);
  refuseItself(world, own, places.ledger);
  const theirs = { ...world, files: outsideFiles(world.files, places.named) };
  // One of a newer program is refused before anything of it is taken.
  const types = readTypes(world, theirs, own, places.ledger);
  const body = () => pullAll(world, theirs, own, places, types, request);
  if (request.dry_run) return await body();
  return await withPullLock(world, own.dir, body, request.lock_wait_ms);
}

interface Places {
  /** As it was named. */
  named: string;
  ledger: string;
  runs?: string;
}

function findPlaces({ files }: World, { from, runs }: PullRequest): Places {
  const isLedger = (folder: string) => files.facts(join(folder, "events"))?.is_folder;
  const isFolder = (folder: string) => files.facts(folder)?.is_folder;
  if (runs !== undefined && !isFolder(runs)) throw nothingToPull(runs, "there is no such folder");
  if (isLedger(from)) return { named: from, ledger: from, runs };
  const ledger = join(from, "data", "ledger");
  if (!isLedger(ledger)) {
    throw nothingToPull(from, `neither ${join(from, "events")} nor ${ledger} is there`);
  }
  const own_runs = join(from, "runs");
  return { named: from, ledger, runs: runs ?? (isFolder(own_runs) ? own_runs : undefined) };
}

function nothingToPull(path: string, reason: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `cannot pull from ${path}: ${reason}`,
    where: { path },
    hint: "name a ledger's folder, or the folder of a box that has data/ledger and runs in it",
  });
}

function refuseItself({ files }: World, { dir }: Own, from: string): void {
  const [own, other] = [dir, from].map((root) => files.facts(ledgerPaths(root).events)?.identity);
  if (own !== other) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot pull ${from} into itself`,
    where: { path: from },
    hint: "name the folder of another box's ledger; the one to pull into is --dir",
  });
}

/** What of their registry is new here. */
interface TypesPull {
  of_events: NewTypes;
  of_artifacts: NewTypes;
  /** The artifact types that say what rows of their runs are. */
  known: ArtifactTypes;
  finding?: PullFinding;
}

function readTypes(world: World, theirs: World, { dir }: Own, from: string): TypesPull {
  const own = readRegistry(world, dir);
  try {
    const other = readRegistry(theirs, from);
    const of_artifacts = newTypesOf(own.artifacts, other.artifacts, ARTIFACT_SECTION);
    const known = new Map([...own.artifacts, ...of_artifacts.unknown]);
    for (const { name } of of_artifacts.different) known.delete(name);
    return {
      of_events: newTypesOf(own.types, other.types),
      of_artifacts,
      known: artifactTypesOf(known),
    };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const path = ledgerPaths(from).schema;
    if (problem.code === "newer_format") {
      throw problem.with({
        message: `cannot pull from ${from}: its registry was written by a newer program ` +
          `(${problem.message})`,
        hint: "use a newer ledger executable here; nothing was taken",
      });
    }
    const reason = `${escaped(problem.message)}; its types are not known`;
    const finding = { what: escaped(path), reason };
    const none: NewTypes = { unknown: new Map(), different: [] };
    return { of_events: none, of_artifacts: none, known: artifactTypesOf(own.artifacts), finding };
  }
}

async function pullAll(
  world: World,
  theirs: World,
  own: Own,
  places: Places,
  types: TypesPull,
  request: PullRequest,
): Promise<PullReport> {
  const pulled = readOwnRecord(world, own, request);
  const before = recordText(pulled);
  const source = sourceOf(theirs, places, pulled, request);
  request.onSource?.(source);
  const { host } = source;
  const findings: PullFinding[] = [];
  const { dry_run, lock_wait_ms, onNotice } = request;
  const options = {
    dry_run,
    onFinding: (finding: PullFinding) => void findings.push(finding),
  };
  if (types.finding) findings.push(types.finding);
  const { of_events, of_artifacts, known } = types;
  for (const { name, reason } of of_events.different) {
    findings.push({ what: escaped(`type ${name}`), reason });
  }
  for (const { name, reason } of of_artifacts.different) {
    findings.push({ what: escaped(`artifact type ${name}`), reason });
  }
  if (!dry_run && of_events.unknown.size > 0) await adoptTypes(world, own.dir, of_events.unknown);
  if (!dry_run && of_artifacts.unknown.size > 0) {
    await adoptTypes(world, own.dir, of_artifacts.unknown, ARTIFACT_SECTION);
  }

  const record = () => {
    if (!dry_run) writeReplicationState(world, own.dir, pulled);
  };
  const of_host = replicatedHost(pulled, host);
  of_host.dir = resolve(world.cwd(), places.named);
  of_host.named_by = source.named_by;
  const log = await pullParts(world, own.dir, places.ledger, {
    ...options,
    theirs,
    host,
    pulled,
    lock_wait_ms,
    onWorthRecording: record,
    onNotice,
  });
  const [here, there] = [own.dir, places.ledger].map((root) => ledgerPaths(root).run_artifacts);
  const seen = of_host.files;
  const artifacts = await goOn({ taken: [], same: 0 }, there, findings, () => {
    return pullArtifacts(world, theirs, here, there, { ...options, seen });
  });
  const no_runs: RunsPullReport = { taken: [], same: 0, left: [], notes: [] };
  const { runs: their_runs } = places;
  const runs = their_runs === undefined
    ? no_runs
    : await goOn(no_runs, their_runs, findings, () => {
      const of_runs = request.runs === undefined
        ? theirs
        : { ...world, files: outsideFiles(world.files, their_runs) };
      const of_known = { ...options, types: known };
      return pullRuns(world, of_runs, own.runs_dir, their_runs, of_known);
    });
  if (recordText(pulled) !== before) record();
  // Names that stand there from an attempt that failed before they were durable.
  else if (!dry_run) world.files.syncFolder(ledgerPaths(own.dir).events);
  return {
    from: source,
    types: [...of_events.unknown.keys()],
    artifact_types: [...of_artifacts.unknown.keys()],
    log,
    artifacts,
    runs,
    findings,
  };
}

/** A folder there that cannot even be listed is a finding. */
async function goOn<Report>(
  nothing: Report,
  what: string,
  findings: PullFinding[],
  body: () => Promise<Report>,
): Promise<Report> {
  try {
    return await body();
  } catch (error) {
    findings.push(findingOf(error, what));
    return nothing;
  }
}

/** The record spares work; a damaged one costs that work, and no more. */
function readOwnRecord(world: World, { dir }: Own, { onNotice }: PullRequest): ReplicationState {
  try {
    return readReplicationState(world.files, dir);
  } catch (error) {
    const problem = asLedgerError(error);
    if (problem?.code !== "damaged") throw error;
    onNotice?.(`${problem.message}: what is here is found by comparing bytes`);
    return new Map();
  }
}

function recordText(pulled: ReplicationState): string {
  return JSON.stringify([...pulled], (_, value) => value instanceof Map ? [...value] : value);
}

/** A box keeps the name that it was first pulled under, unless it tells its name itself. */
function sourceOf(
  world: World,
  { named, ledger, runs }: Places,
  pulled: ReplicationState,
  { as }: PullRequest,
): PullSource {
  const source = (host: string, named_by: NamedBy): PullSource => {
    return { host, named_by, ledger, ...(runs === undefined ? {} : { runs }) };
  };
  if (as !== undefined) return source(checkWriterName(as), "flag");
  const path = resolve(world.cwd(), named);
  const said = hostOfIndex(world, ledger);
  const before = [...pulled].find(([, { dir }]) => dir === path);
  if (before && !(before[1].named_by === "index" && said)) {
    return source(before[0], before[1].named_by ?? "folder");
  }
  if (said) return source(said, "index");
  const name = nameOfFolder(path);
  if (name) return source(name, "folder");
  throw new LedgerError({
    code: "usage",
    message: `cannot tell what to call the box whose ledger is ${named}`,
    hint: "name it: --as HOST",
  });
}

/**
 * A process that built an index there left its host's name in the lock. Our own name tells nothing: it is
 * another ledger of this host, or a copy of this one.
 */
function hostOfIndex({ files, hostname }: World, ledger: string): string | undefined {
  const path = join(ledgerPaths(ledger).index, ".lock");
  try {
    if (!files.facts(path)?.is_file) return undefined;
    const [, host] = /^process \d+ on (\S+)\s*$/.exec(files.readText(path)) ?? [];
    return host === undefined || host === hostname() ? undefined : writerNameFrom(host);
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return undefined;
  }
}

const NOT_NAMES: ReadonlySet<string> = new Set(["data", "ledger"]);

function nameOfFolder(path: string): string | undefined {
  let folder = path;
  while (NOT_NAMES.has(basename(folder))) folder = dirname(folder);
  return writerNameFrom(basename(folder));
}
