/**
 * What is said about runs, as events: annotations, links, and uses of artifacts. The runs themselves stay
 * as they are. All is checked before the first event is emitted.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { firstNames } from "../base/format.ts";
import type { Database } from "../duckdb/connection.ts";
import type { RunDirectory } from "../runs/directory/directory.ts";
import type { RunEvents } from "../runs/directory/run_lifecycle.ts";
import { checkAnnotation, OWN_WORD, type RunAnnotation } from "../runs/manifest/annotation.ts";
import { namesOfRuns } from "./known_run.ts";

/** A relation of one run to another. */
export interface RunLink {
  /** `retry-of`, `derived-from`, …: a word of the caller's own. */
  kind: string;
  /** The other run, as it may be named anywhere. */
  to: string;
  /** The link is taken back. */
  removed?: boolean;
}

/** What is said of a run, and its links. */
export interface SaidOfRun extends RunAnnotation {
  links?: readonly RunLink[];
}

/** An artifact of another run that a run has read. */
export interface ArtifactUse {
  run_id: string;
  used_run_id: string;
  artifact_type: string;
  /** Of what was read; empty where it is not known. */
  sha256: string;
}

/** What is needed of a ledger's runs. */
interface RunsOfLedger {
  readonly events: RunEvents;
  locate(beginning: string): Promise<{ run_id: string; directory?: RunDirectory }>;
  openStates(): Promise<Database>;
}

/** Says something about a run; returns its id. */
export async function annotateRun(
  runs: RunsOfLedger,
  asked: string,
  { links = [], ...said }: SaidOfRun,
  onNotice?: (message: string) => void,
): Promise<string> {
  const { run_id } = await runs.locate(asked);
  const members = Object.entries(said).filter(([, value]) =>
    value !== undefined && !(Array.isArray(value) && value.length === 0)
  );
  if (members.length + links.length === 0) {
    throw new LedgerError({
      code: "usage",
      message: `cannot annotate run ${quoted(run_id)}: nothing is said of it`,
      hint: "say a tag, a note, a name, a pin, a group or a link",
    });
  }
  checkAnnotation(run_id, said);
  const linked: Record<string, unknown>[] = [];
  for (const link of links) linked.push(await readLink(runs, run_id, link));
  if (said.name) await noteOtherRuns(runs, run_id, said.name, onNotice);
  if (members.length > 0) {
    await runs.events.emit({
      event_type: "run.annotated",
      run_id,
      ...Object.fromEntries(members),
    });
  }
  for (const link of linked) await runs.events.emit({ event_type: "run.linked", run_id, ...link });
  return run_id;
}

async function readLink(
  runs: RunsOfLedger,
  run_id: string,
  { kind, to, removed }: RunLink,
): Promise<Record<string, unknown>> {
  if (!OWN_WORD.test(kind)) {
    throw new LedgerError({
      code: "invalid",
      message: `cannot link run ${quoted(run_id)}: ${quoted(kind)} is no kind of link`,
      hint: "a kind is a word of small letters, digits, dots and dashes: retry-of, derived-from",
    });
  }
  const other = await runs.locate(to);
  refuseItself(run_id, other.run_id, "link");
  return { to_run_id: other.run_id, kind, ...(removed ? { removed } : {}) };
}

function refuseItself(run_id: string, other: string, action: string): void {
  if (run_id !== other) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot ${action} run ${quoted(run_id)}: the other run is the same`,
    hint: "nothing was written; name another run",
  });
}

/** A name that is not its run's alone stands for none. */
async function noteOtherRuns(
  runs: RunsOfLedger,
  run_id: string,
  name: string,
  onNotice: ((message: string) => void) | undefined,
): Promise<void> {
  const known = await namesOfRuns(() => runs.openStates());
  const others = known.filter((run) => run.run_id !== run_id && run.name === name)
    .map((run) => run.run_id);
  if (others.length > 0) {
    const theirs = `the name ${quoted(name)} is that of ${firstNames(others)} too`;
    onNotice?.(`${theirs}: it stands for none of them now`);
  }
  if (known.some((run) => run.run_id === name && name !== run_id)) {
    onNotice?.(`${quoted(name)} is the id of another run, and stands for that one`);
  }
}

/** Notes that a run has read an artifact of another. The same use noted twice counts once. */
export async function noteUse(
  runs: RunsOfLedger,
  asked: string,
  used: string,
  artifact_type?: string,
): Promise<ArtifactUse> {
  const { run_id } = await runs.locate(asked);
  const other = await runs.locate(used);
  refuseItself(run_id, other.run_id, "note a use of");
  const artifacts = await artifactsOf(runs, other);
  const types = Object.keys(artifacts);
  const type = artifact_type ?? (types.length === 1 ? types[0] : undefined);
  if (type === undefined || !Object.hasOwn(artifacts, type)) {
    const is_open = type === undefined && types.length > 0;
    const has = is_open
      ? "several artifacts"
      : artifact_type === undefined
      ? "no artifacts"
      : `no ${quoted(artifact_type)}`;
    throw new LedgerError({
      code: is_open ? "usage" : "not_found",
      message: `cannot note that run ${quoted(run_id)} used ${
        quoted(other.run_id)
      }: that has ${has}`,
      hint: types.length > 0
        ? `which was read? --artifact ${types.join("|")}`
        : `what is known of it: ledger runs show ${other.run_id}`,
    });
  }
  const use = { run_id, used_run_id: other.run_id, artifact_type: type, sha256: artifacts[type] };
  const event_id = [run_id, "artifact.used", other.run_id, type, use.sha256.slice(0, 16)].join(":");
  await runs.events.emit({ event_type: "artifact.used", event_id, ...use });
  return use;
}

/** The digests of a run's artifacts; of those that only the log tells of, none is known. */
async function artifactsOf(
  runs: RunsOfLedger,
  { run_id, directory }: { run_id: string; directory?: RunDirectory },
): Promise<Record<string, string>> {
  if (directory) {
    const in_folder = Object.entries(directory.readManifest().artifacts)
      .map(([type, { sha256 }]) => [type, sha256 ?? ""]);
    return Object.fromEntries(in_folder);
  }
  await using database = await runs.openStates();
  const rows = await database.rows<{ artifact_type: string; sha256: string | null }>(
    `select artifact_type, sha256 from run_artifacts where run_id = $1 order by all`,
    [run_id],
  );
  return Object.fromEntries(rows.map(({ artifact_type, sha256 }) => [artifact_type, sha256 ?? ""]));
}
