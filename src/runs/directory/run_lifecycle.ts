/** How a run begins and ends, and the events that tell the log of it. */
import { join } from "@std/path";
import { textDigest } from "../../base/files/checksum.ts";
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { listMonths, runPath } from "../manifest/layout.ts";
import {
  ManifestFile,
  manifestText,
  manifestTime,
  RUN_TYPES,
  type RunManifest,
  type RunType,
  SCHEMA_VERSION,
  type StoredArtifact,
} from "../manifest/manifest.ts";
import { getGitProvenance } from "../evidence/provenance.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";

/** A run that begins. */
export interface NewRun {
  run_type: RunType;
  /** Default: a fresh UUID. */
  run_id?: string;
  dataset?: RunManifest["dataset"];
  parameters?: Record<string, unknown>;
  /** Default: the digest of the dataset, as JSON. */
  data_fingerprint?: string;
  /** Whether this program is the run, and its death the run's. */
  owned?: boolean;
  /** Whether git is asked for the state of the code. Default: it is. */
  git?: boolean;
  /** Facts of the manifest beside these. */
  extra?: Record<string, unknown>;
}

/** Throws when there are no runs of such a type. */
export function checkRunType(type: string): void {
  if ((RUN_TYPES as readonly string[]).includes(type)) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot create a run of type ${quoted(type)}`,
    hint: `types are ${RUN_TYPES.join(", ")}`,
  });
}

/** Where a run is whose creation was interrupted; throws when there is one that has begun. */
export function begunBefore(world: World, runs_dir: string, run_id: string): string | undefined {
  for (const month of listMonths(world.files, runs_dir)) {
    const path = runPath(month, run_id);
    const there = new ManifestFile(world, join(runs_dir, path), run_id);
    // A folder without a manifest is of somebody who was killed as he made it: nothing is lost in it.
    if (!there.exists()) continue;
    if (there.read().status !== "pending") throw existsAlready(run_id, there.folder);
    return path;
  }
  return undefined;
}

/** The manifest of a run that begins. */
export async function newManifest(
  world: World,
  run: NewRun,
  run_id: string,
  now: string,
): Promise<RunManifest> {
  const dataset = run.dataset ?? {};
  return {
    run_id,
    run_type: run.run_type,
    created_at: now,
    started_at: now,
    status: "running",
    ...(run.git === false ? {} : await getGitProvenance(world)),
    dataset,
    data_fingerprint: run.data_fingerprint ?? textDigest(JSON.stringify(dataset)),
    parameters: run.parameters ?? {},
    schema_version: { ...SCHEMA_VERSION },
    artifacts: {},
    ...(run.owned ? { owner: { host: world.hostname(), pid: world.pid } } : {}),
    ...run.extra,
  };
}

/** What is wrong with a run that begins is wrong before anything is written. */
export function checkBeginning(manifest: RunManifest, path: string): void {
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

/** Throws unless a run that is there has begun in the same way, and not gone on from there. */
export function refuseOtherBeginning(there: RunManifest, begun: RunManifest, folder: string): void {
  const said = ({ run_type, dataset, data_fingerprint, parameters }: RunManifest) =>
    JSON.stringify([run_type, dataset, data_fingerprint, parameters]);
  if (there.status === "pending" && said(there) === said(begun)) return;
  throw existsAlready(there.run_id, folder);
}

function existsAlready(run_id: string, folder: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot create run ${quoted(run_id)}: there is one already`,
    where: { path: folder },
    hint: "give another --run-id, or none: then it gets a fresh one",
  });
}

/** How a run ends. */
export interface RunEnd {
  /** `plan_ms`, `execution_ms`, …; `total_ms` is the time since the start unless it is given. */
  timing?: Record<string, number>;
  /** What the run came to. Default: the row of its summary artifact. */
  summary?: Record<string, unknown>;
}

/** Notes in a manifest when the run ended, how long it took, and what it came to. */
export function noteEnd(
  manifest: RunManifest,
  { timing, summary }: RunEnd,
  now_ms: number,
): void {
  // Told again after an interruption, the run ended when it was first told.
  manifest.completed_at ??= new Date(now_ms).toISOString();
  const started_ms = manifestTime(manifest.started_at ?? manifest.created_at);
  const total_ms = Math.max(0, manifestTime(manifest.completed_at) - started_ms);
  manifest.timing = { total_ms, ...manifest.timing, ...timing };
  manifest.started_at ??= manifest.created_at;
  if (summary) manifest.summary = { ...manifest.summary, ...summary };
}

/** Metrics stand beside the summary's row; one that is in it cannot have a second value. */
export function refuseOtherSummary(
  manifest: RunManifest,
  given: Record<string, unknown> = {},
): void {
  if (!manifest.artifacts.summary) return;
  for (const { name } of artifactDefinition("summary").columns) {
    if (given[name] === undefined) continue;
    const [stored, other] = [manifest.summary?.[name], given[name]].map((value) =>
      JSON.stringify(value)
    );
    if (stored === undefined || stored === other || Number(stored) === Number(other)) continue;
    throw new LedgerError({
      code: "invalid",
      message:
        `cannot finish run ${manifest.run_id}: its summary is given with ${name} ${other}, ` +
        `and its summary artifact has ${stored}`,
      hint: "leave it out, or correct the artifact first: ledger runs write ID summary",
    });
  }
}

/** Where the steps of a run are told: a ledger is such a place. */
export interface RunEvents {
  emit(event: Record<string, unknown>): Promise<unknown>;
}

/** Tells of one run; to nobody, for those who emit their events themselves. */
export class RunEventPublisher {
  constructor(
    readonly events: RunEvents | undefined,
    readonly run_id: string,
    /** The run's folder, as paths in the log begin. */
    readonly folder: string,
  ) {}

  /** It was created, and has started. */
  async created(manifest: RunManifest): Promise<void> {
    const timestamp_ms = manifestTime(manifest.created_at);
    await this.#tell("run.created", {
      event_type: "run.created",
      timestamp_ms,
      run_type: manifest.run_type,
      config: manifest.parameters,
      data_fingerprint: manifest.data_fingerprint ?? "",
    });
    await this.#tell("run.started", { event_type: "run.started", timestamp_ms });
  }

  /** An artifact is in place, and in the manifest. */
  async stored(type: string, { path, bytes, sha256 }: StoredArtifact): Promise<void> {
    await this.#tell(`artifact.created:${type}:${sha256.slice(0, 16)}`, {
      event_type: "artifact.created",
      artifact_type: type,
      artifact_path: join(this.folder, path),
      size_bytes: bytes,
    });
  }

  /** It ended well. */
  async completed(manifest: RunManifest): Promise<void> {
    const paths = Object.entries(manifest.artifacts)
      .map(([type, { path }]) => [type, join(this.folder, path)]);
    await this.#tell("run.completed", {
      event_type: "run.completed",
      timestamp_ms: manifestTime(manifest.completed_at!),
      summary: manifest.summary ?? {},
      artifact_paths: Object.fromEntries(paths),
    });
  }

  /** It failed, for the reason that its manifest says. */
  async failed({ completed_at, error }: RunManifest): Promise<void> {
    await this.#tell("run.failed", {
      event_type: "run.failed",
      timestamp_ms: manifestTime(completed_at!),
      error,
    });
  }

  async #tell(step: string, event: Record<string, unknown>): Promise<void> {
    const { run_id } = this;
    await this.events?.emit({ event_id: `${run_id}:${step}`, run_id, ...event });
  }
}
