/**
 * The lifecycle of a run: what its manifest says when it begins and when it ends, and the events that
 * publish each step to the log. Until the log has the first of these, the run is pending.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import type { World } from "../../base/world.ts";
import type { EvidenceFile } from "../evidence/changes.ts";
import type { InputCache } from "../evidence/input_cache.ts";
import { checkAnnotation, OWN_WORD } from "../manifest/annotation.ts";
import { type CodeRequest, collectCode } from "../evidence/provenance.ts";
import { foldersOfRuns, runPath } from "../manifest/layout.ts";
import {
  ManifestFile,
  manifestText,
  manifestTime,
  RUN_TYPES,
  type RunManifest,
  SCHEMA_VERSION,
  type StoredArtifact,
} from "../manifest/manifest.ts";

/** What a run has for a fingerprint of whose data nothing is known. */
const UNKNOWN_FINGERPRINT = "unknown";

/** A run that begins. */
export interface NewRun extends CodeRequest {
  /** A name: `policy`, `walk-forward`, …; see `RUN_TYPES` for those whose runs have a summary. */
  run_type: string;
  /** Default: a fresh UUID. */
  run_id?: string;
  dataset?: RunManifest["dataset"];
  parameters?: Record<string, unknown>;
  /** The sweep that it belongs to. */
  group?: string;
  /** The files that it reads, and patterns of such: its data's fingerprint is made of their digests. */
  inputs?: readonly string[];
  /** Whether large inputs are read that stand as they did when they were last read. */
  rehash?: boolean;
  /** Of a run without inputs. Default: `unknown`. */
  data_fingerprint?: string;
  /** Whether this process is the run, and its death the run's. */
  owned?: boolean;
  /** Facts of the manifest beside these. */
  extra?: Record<string, unknown>;
  /** Gets what is worth a line: an input with other bytes and its old time, code that git is silent of. */
  onNotice?: (message: string) => void;
  /** Gets how much is read of its inputs, of so much. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** Throws where a type is no name; notes one that is a slip of the hand away from a known one. */
export function checkRunType(type: string, onNotice?: NewRun["onNotice"]): void {
  if ((RUN_TYPES as readonly string[]).includes(type)) return;
  const meant = nearest(type.toLowerCase(), RUN_TYPES);
  if (OWN_WORD.test(type)) {
    if (meant) onNotice?.(`the run is of type ${quoted(type)}; was ${quoted(meant)} meant?`);
    return;
  }
  throw new LedgerError({
    code: "invalid",
    message: `cannot create a run of type ${quoted(type)}: a type is 1 to 64 small letters, ` +
      'digits, ".", "_" or "-", the first a letter or digit',
    hint: meant ? `is ${quoted(meant)} meant?` : "such as policy, or walk-forward",
  });
}

/** The path of a run whose creation was interrupted; throws when a run with this id has begun. */
export function begunBefore(world: World, runs_dir: string, run_id: string): string | undefined {
  for (const month of foldersOfRuns(world.files, runs_dir)) {
    const path = runPath(month, run_id);
    const file = new ManifestFile(world, join(runs_dir, path), run_id);
    // A folder without a manifest was made by a process that was killed: nothing is lost in it.
    if (!file.exists()) continue;
    if (file.read().status !== "pending") throw existsAlready(run_id, file.folder);
    return path;
  }
}

/** The manifest of a run that begins, and the files that belong to it. */
export async function newManifest(
  world: World,
  run: NewRun,
  { run_id, begins_at, own_folders }: {
    run_id: string;
    begins_at: string;
    /** What lies in them is no code. */
    own_folders: readonly string[];
  },
  cache?: InputCache,
): Promise<{ manifest: RunManifest; files: EvidenceFile[] }> {
  const noneMade = (error: unknown): never => {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const { hint } = problem;
    throw problem.with({ hint: `no run was made${hint === undefined ? "" : `; ${hint}`}` });
  };
  const inputs = await namedInputs(world, run).catch(noneMade);
  const seed = run.seed ?? seedIn(run.parameters);
  // Both wait for the disk, or for git: at the same time.
  const [data, { git, code, files }] = await Promise.all([
    dataOf(world, { ...run, inputs }, cache),
    collectCode(world, own_folders, { ...run, inputs, seed }),
  ]).catch(noneMade);
  const manifest: RunManifest = {
    run_id,
    run_type: run.run_type,
    created_at: begins_at,
    started_at: begins_at,
    status: "running",
    ...git,
    code,
    dataset: run.dataset ?? {},
    ...data,
    parameters: run.parameters ?? {},
    ...(run.group ? { group: run.group } : {}),
    schema_version: { ...SCHEMA_VERSION },
    artifacts: {},
    ...(run.owned ? { owner: { host: world.hostname(), pid: world.pid } } : {}),
    ...run.extra,
  };
  return { manifest, files };
}

/** The seed that parameters name. */
function seedIn({ seed }: Record<string, unknown> = {}): string | number | undefined {
  return typeof seed === "string" || typeof seed === "number" ? seed : undefined;
}

/** The files that a run's creator names as its inputs, from the root on. */
async function namedInputs(
  world: World,
  { inputs: named, data_fingerprint }: NewRun,
): Promise<string[]> {
  if (!named?.length) return [];
  if (data_fingerprint !== undefined) {
    const given = `the data fingerprint ${quoted(data_fingerprint)}`;
    throw new LedgerError({
      code: "invalid",
      message: `cannot create a run with inputs and ${given}, for their digests make that`,
      hint: "leave one of the two out; a name for the data can be a parameter, or a tag",
    });
  }
  const { inputPaths } = await import("../evidence/input_paths.ts");
  return inputPaths(world, named);
}

/** What identifies a run's data, whose inputs are these files. */
async function dataOf(
  world: World,
  { inputs: paths = [], data_fingerprint, rehash, onNotice, onProgress }: NewRun,
  cache?: InputCache,
): Promise<Pick<RunManifest, "data_fingerprint" | "inputs">> {
  if (paths.length === 0) return { data_fingerprint: data_fingerprint ?? UNKNOWN_FINGERPRINT };
  const { fingerprintOf, readInputs } = await import("../evidence/inputs.ts");
  const inputs = await readInputs(world, paths, { cache, rehash, onNotice, onProgress });
  return { data_fingerprint: fingerprintOf(inputs), inputs };
}

/** Throws what is wrong with a run that begins, before anything is written. */
export function checkBeginning(manifest: RunManifest, path: string): void {
  checkAnnotation(manifest.run_id, { group: manifest.group }, "create");
  try {
    manifestText(manifest, path);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const tried = `cannot create run ${quoted(manifest.run_id)}`;
    throw problem.with({
      message: problem.message.replace(`cannot write ${path}`, () => tried),
      hint: "nothing was made; correct it and repeat",
    });
  }
}

/** Throws unless a run that is there began in the same way, and went no further. */
export function refuseOtherBeginning(there: RunManifest, begun: RunManifest, folder: string): void {
  const said = ({ run_type, dataset, data_fingerprint, inputs, parameters, group }: RunManifest) =>
    JSON.stringify([run_type, dataset, data_fingerprint, inputs, parameters, group]);
  if (there.status === "pending" && said(there) === said(begun)) return;
  throw existsAlready(there.run_id, folder);
}

/** A run that was pending, with the code that begins it now: another may have been there the first time. */
export function begunAgain(there: RunManifest, begun: RunManifest): RunManifest {
  const { git_commit: _commit, git_branch: _branch, git_dirty: _dirty, owner: _owner, ...kept } =
    there;
  const { created_at, started_at } = there;
  return { ...kept, ...begun, created_at, started_at };
}

/** Its code, but for the files that tell of it. */
export function withoutFiles({ code }: RunManifest): Record<string, unknown> {
  const { patch: _patch, files: _files, ...facts } = Object(code);
  return facts;
}

function existsAlready(run_id: string, folder: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot create run ${quoted(run_id)}: there is one already`,
    where: { path: folder },
    hint: "give another --run-id, or none: then it gets a new UUID",
  });
}

/** The end of a run. */
export interface RunEnd {
  /** `plan_ms`, …; `total_ms`, unless it is given, is their sum, and without them the time since the start. */
  timing?: Record<string, number>;
  /** What the run came to. Default: the row of its summary artifact. */
  summary?: Record<string, unknown>;
  /** When it ended. Default: now. */
  ended_ms?: number;
}

/** Notes in a manifest when the run ended, how long it took, and what it came to. */
export function noteEnd(
  manifest: RunManifest,
  { timing, summary, ended_ms }: RunEnd,
  now_ms: number,
): void {
  // A run that is finished again after an interruption ended the first time.
  manifest.completed_at ??= new Date(ended_ms ?? now_ms).toISOString();
  manifest.started_at ??= manifest.created_at;
  const { total_ms: total_before_ms, ...steps } = { ...manifest.timing, ...timing };
  const steps_ms = Object.values(steps).filter(Number.isFinite);
  const took_ms = manifestTime(manifest.completed_at) - manifestTime(manifest.started_at);
  const sum_ms = steps_ms.length > 0
    ? steps_ms.reduce((sum, ms) => sum + ms)
    : Math.max(0, took_ms);
  const is_given = timing === undefined || timing.total_ms !== undefined;
  manifest.timing = { total_ms: is_given ? total_before_ms ?? sum_ms : sum_ms, ...steps };
  if (summary) manifest.summary = { ...manifest.summary, ...summary };
}

/** The row of the summary artifact; where there is none, nothing. */
export async function summaryRow(
  world: World,
  folder: string,
  { artifacts, summary = {} }: RunManifest,
): Promise<Record<string, unknown>> {
  if (!artifacts.summary) return {};
  const { readFirstRow } = await import("../artifacts/file.ts");
  const row = await readFirstRow(world, join(folder, artifacts.summary.path)).catch((error) => {
    // A file that is damaged keeps no run from its end.
    if (!asLedgerError(error)) throw error;
  });
  return row ?? summary;
}

/** Metrics stand beside the summary's row; one that is in it cannot have a second value. */
export function refuseOtherSummary(
  run_id: string,
  row: Record<string, unknown>,
  given: Record<string, unknown> = {},
): void {
  for (const name of Object.keys(row)) {
    if (given[name] === undefined) continue;
    const [stored, other] = [row[name], given[name]].map((value) => JSON.stringify(value));
    if (stored === other || Number(stored) === Number(other)) continue;
    throw new LedgerError({
      code: "invalid",
      message: `cannot finish run ${run_id}: its summary is given with ${name} ${other}, and its ` +
        `summary artifact has ${stored}`,
      hint: "leave it out, or correct the artifact first: ledger runs write ID summary",
    });
  }
}

/** Takes the events of runs: a ledger does. */
export interface RunEvents {
  emit(event: Record<string, unknown>): Promise<unknown>;
}

/** Publishes the steps of one run. The same step published twice has the same id, and counts once. */
export class RunEventPublisher {
  constructor(
    /** Absent where the caller emits the events itself. */
    readonly events: RunEvents | undefined,
    readonly run_id: string,
    /** The run's folder, as paths in the log begin. */
    readonly folder: string,
  ) {}

  async created(manifest: RunManifest): Promise<void> {
    const timestamp_ms = manifestTime(manifest.created_at);
    await this.#emit("run.created", {
      timestamp_ms,
      run_type: manifest.run_type,
      config: manifest.parameters,
      data_fingerprint: manifest.data_fingerprint ?? UNKNOWN_FINGERPRINT,
      ...(manifest.group ? { group: manifest.group } : {}),
    });
    await this.#emit("run.started", { timestamp_ms });
  }

  async stored(type: string, { path, bytes, sha256 }: StoredArtifact): Promise<void> {
    await this.#emit("artifact.created", {
      artifact_type: type,
      artifact_path: join(this.folder, path),
      size_bytes: bytes,
    }, `:${type}:${sha256.slice(0, 16)}`);
  }

  async completed({ completed_at, summary, artifacts }: RunManifest): Promise<void> {
    const paths = Object.entries(artifacts)
      .map(([type, { path }]) => [type, join(this.folder, path)]);
    await this.#emit("run.completed", {
      timestamp_ms: manifestTime(completed_at!),
      summary: summary ?? {},
      artifact_paths: Object.fromEntries(paths),
    });
  }

  async failed({ completed_at, error }: RunManifest): Promise<void> {
    await this.#emit("run.failed", { timestamp_ms: manifestTime(completed_at!), error });
  }

  async #emit(event_type: string, fields: Record<string, unknown>, of = ""): Promise<void> {
    const { run_id } = this;
    const event_id = `${run_id}:${event_type}${of}`;
    await this.events?.emit({ event_id, run_id, event_type, ...fields });
  }
}
