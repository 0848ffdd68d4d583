/**
 * Everything about one run, whether its log, its folder, or both know it: a manifest is read live, the
 * rest comes from the index.
 */
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { shellWord } from "../base/format.ts";
import { parseKeepingDigits, withNumbers } from "../base/json.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { HAS_LOG_INDEX, PHASES_OF_RUN } from "../index/run_views.ts";
import type { LogRecord, ReadFilter } from "../log/mod.ts";
import { claimsIn, type LoggedClaim } from "./claims.ts";
import type { RunDirectory } from "../runs/directory/directory.ts";
import type { RunEvents } from "../runs/directory/run_lifecycle.ts";
import type { NamedRun } from "../runs/manifest/layout.ts";
import type { RunManifest } from "../runs/manifest/manifest.ts";

type Members = Record<string, unknown>;

/** A phase of a run, as the log tells of it. */
interface LoggedPhase {
  phase_name: string;
  phase_order: number | null;
  started_at_ms: number | null;
  completed_at_ms: number | null;
  duration_ms: number | null;
}

/** An artifact that the log tells of. */
interface LoggedArtifact {
  artifact_type: string;
  artifact_path: string;
  size_bytes: number;
}

/** A note about a run. */
interface RunNote {
  noted_at_ms: number;
  note: string;
}

/** A relation between two runs. */
interface LoggedLink {
  run_id: string;
  kind: string;
  to_run_id: string;
}

/** A run, and what is known of it. */
export interface KnownRun {
  run_id: string;
  source: "log" | "folder" | "both";
  /** As it stands right now. */
  state: string;
  directory?: RunDirectory;
  /** Of a run that was archived, as it was then. */
  manifest?: RunManifest;
  run_type: string | null;
  created_at_ms: number | null;
  started_at_ms: number | null;
  completed_at_ms: number | null;
  error: string | null;
  /** Of a run whose folder is not there any more: missing, or archived and where. */
  presence: string | null;
  archive: string | null;
  /** Below the folder of runs. */
  run_path: string | null;
  data_fingerprint: string | null;
  parameters: Members;
  summary: Members;
  /** Phases that were emitted, and what the manifest says. */
  timing: Record<string, number>;
  phases: LoggedPhase[];
  trials: number;
  logged_artifacts: LoggedArtifact[];
  /** What people say of it. */
  name: string | null;
  group: string | null;
  pin: boolean;
  tags: string[];
  notes: RunNote[];
  /** To other runs, and from them to this one. */
  links: LoggedLink[];
  /** About it and its group. */
  claims: LoggedClaim[];
}

/** What is needed of a ledger's runs. */
export interface RunsOfLedger {
  readonly world: World;
  readonly dir: string;
  readonly ledger_dir: string;
  readonly events: RunEvents;
  openStates(): Promise<Database>;
}

export interface LocatedRun {
  run_id: string;
  directory?: RunDirectory;
}

/** The ids and names of all runs that an index knows: none where there is none, or none that can be read. */
export async function namesOfRuns(open: () => Promise<Database>): Promise<NamedRun[]> {
  try {
    await using database = await open();
    return await database.rows<NamedRun>(`select run_id, name from run_states`);
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return [];
  }
}

/** What the log says of a run itself; other events may only name it. */
const EVENTS_OF_RUNS = ["run.created", "run.started", "run.completed", "run.failed"];

/**
 * Throws where neither a folder nor the log knows a run of this id: an event that names one by mistake
 * stays in the log. The index may be behind, so the log itself is read for a run that it does not know.
 */
export async function checkIsKnown(
  ledger: {
    runs: { locate(run_id: string, options?: { sync: boolean }): Promise<LocatedRun> };
    exists(): boolean;
    read(filter: ReadFilter): AsyncIterable<LogRecord>;
  },
  run_id: string,
): Promise<void> {
  const look = (sync: boolean) =>
    ledger.runs.locate(run_id, { sync }).catch((error) => {
      const problem = asLedgerError(error);
      if (problem?.code !== "not_found") throw error;
      return problem;
    });
  const there = await look(false);
  if (!(there instanceof LedgerError) && there.run_id === run_id) return;
  const of_run = { run_id, types: EVENTS_OF_RUNS };
  for await (const { kind } of ledger.exists() ? ledger.read(of_run) : []) {
    if (kind === "event") return;
  }
  // The nearest may be a run that was only emitted.
  const located = await look(true);
  throw new LedgerError({
    code: "not_found",
    message: `there is no run ${quoted(run_id)}: neither the log nor a folder knows it`,
    hint: "nothing was written; " +
      (located instanceof LedgerError
        ? located.hint ?? "what there is: ledger runs query"
        : `did you mean ${located.run_id}?`),
  });
}

/** The error where only a run with a folder will do. */
export function hasNoFolder(
  { run_id, run_path, archive }: Pick<KnownRun, "run_id" | "run_path" | "archive">,
  runs_dir: string,
): LedgerError {
  const hint = archive && run_path
    ? `bring it back: tar -xzf ${shellWord(archive)} -C ${shellWord(runs_dir)} ${
      shellWord(run_path)
    }`
    : `to make it one: ledger runs create --run-id ${run_id}`;
  return new LedgerError({
    code: "not_found",
    message: `run ${quoted(run_id)} has no folder in ${runs_dir}: ` +
      (archive ? `it was archived in ${archive}` : "only the index knows it"),
    where: { path: runs_dir },
    hint: `what is known of it: ledger runs show ${run_id}; ${hint}`,
  });
}

/** What only the log tells. */
type Logged = Pick<
  KnownRun,
  "phases" | "trials" | "logged_artifacts" | "notes" | "links" | "claims"
>;

const NOTHING_LOGGED: Logged = {
  phases: [],
  trials: 0,
  logged_artifacts: [],
  notes: [],
  links: [],
  claims: [],
};

interface IndexedRun extends Logged {
  row?: Omit<KnownRun, "run_id" | "state" | keyof Logged>;
  status?: string;
}

const ROW_OF_RUN = `
  select source, run_type, status, epoch_ms(created_at) as created_at_ms,
    epoch_ms(started_at) as started_at_ms, epoch_ms(completed_at) as completed_at_ms, error,
    presence, run_path, archive, data_fingerprint, params as parameters, summary, timing, name,
    "group", pin, to_json(tags) as tags
  from run_states where run_id = $1`;

/** What the indexes say of a run. */
async function askIndexes(
  runs: RunsOfLedger,
  database: Database,
  run_id: string,
): Promise<IndexedRun> {
  const rowsOf = async <Row>(sql: string) =>
    (await database.rows<Members>(sql, [run_id])).map(withNumbers<Row>);
  const [found] = await rowsOf<Members>(ROW_OF_RUN);
  const parsed = (value: unknown) => parseKeepingDigits((value as string | null) ?? "{}");
  const { status, ...row } = found ?? {};
  const said = found && {
    ...row,
    parameters: parsed(row.parameters),
    summary: parsed(row.summary),
    timing: parsed(row.timing),
    tags: JSON.parse(row.tags as string),
  };
  const indexed = { row: said as IndexedRun["row"], status: status as string | undefined };
  const has_log = await database.value<boolean>(HAS_LOG_INDEX);
  if (!has_log) return { ...indexed, ...NOTHING_LOGGED };
  await database.run("use runs.main");
  const [{ trials }] = await rowsOf<{ trials: number }>(
    `select count(*) as trials from trial_results where run_id = $1`,
  );
  return {
    ...indexed,
    phases: await rowsOf<LoggedPhase>(PHASES_OF_RUN),
    trials,
    logged_artifacts: await rowsOf<LoggedArtifact>(
      `select artifact_type, artifact_path, size_bytes from artifacts_catalog where run_id = $1
       order by created_at_ms, artifact_type`,
    ),
    notes: await rowsOf<RunNote>(
      `select noted_at_ms, note from run_notes where run_id = $1 order by all`,
    ),
    links: await rowsOf<LoggedLink>(
      `select run_id, kind, to_run_id from run_links where run_id = $1 or to_run_id = $1
       order by linked_at_ms, kind, run_id, to_run_id`,
    ),
    claims: await claimsIn(database, runs, [run_id, indexed.row?.group ?? null]),
  };
}

/** Everything that is known of a run. An index that cannot be read takes nothing from its manifest. */
export async function lookAt(
  runs: RunsOfLedger,
  { run_id, directory }: LocatedRun,
  onNotice: (message: string) => void = () => {},
): Promise<KnownRun> {
  const indexed = await indexedRun(runs, run_id).catch((error): IndexedRun => {
    const problem = asLedgerError(error);
    if (!problem || !directory) throw error;
    if (problem.code !== "not_found") {
      onNotice(`what the log says of it is missing: ${problem.message}`);
    }
    return NOTHING_LOGGED;
  });
  const { row, status, ...logged } = indexed;
  if (!directory) {
    const { manifestOfRun } = await import("../runs/catalog/month_files.ts");
    const { presence = null, run_path = null } = row ?? {};
    const manifest = manifestOfRun(runs.world, runs.dir, { run_id, run_path, presence }, onNotice);
    return { run_id, ...row!, ...(manifest ? { manifest } : {}), state: status!, ...logged };
  }
  const manifest = directory.readManifest();
  const { manifestTime } = await import("../runs/manifest/manifest.ts");
  const msOf = (time: string | undefined | null) => time ? manifestTime(time) : null;
  const state = await directory.state();
  // The log may have heard of an end that the manifest does not tell of.
  const is_ended_in_log = row?.source === "both" && /^(completed|failed)$/.test(status!) &&
    !/^(completed|failed|unfinished)$/.test(state);
  return {
    run_id,
    source: row?.source === "both" ? "both" : "folder",
    state: is_ended_in_log ? status! : state,
    directory,
    manifest,
    run_type: manifest.run_type,
    created_at_ms: msOf(manifest.created_at),
    started_at_ms: msOf(manifest.started_at),
    completed_at_ms: msOf(manifest.completed_at) ?? (is_ended_in_log ? row.completed_at_ms : null),
    error: manifest.error ?? row?.error ?? null,
    presence: "present",
    archive: null,
    run_path: directory.path,
    data_fingerprint: manifest.data_fingerprint ?? null,
    parameters: { ...row?.parameters, ...manifest.parameters },
    summary: { ...row?.summary, ...manifest.summary },
    timing: { ...row?.timing, ...manifest.timing },
    name: row?.name ?? null,
    group: row ? row.group : manifest.group || null,
    pin: row?.pin ?? false,
    tags: row?.tags ?? [],
    ...logged,
  };
}

async function indexedRun(runs: RunsOfLedger, run_id: string): Promise<IndexedRun> {
  await using database = await runs.openStates();
  return await askIndexes(runs, database, run_id);
}
