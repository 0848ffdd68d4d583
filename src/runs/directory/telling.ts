/** What the log hears of a run, step by step. The same step told twice has the same id, and counts once. */
import { join } from "@std/path";
import { manifestTime, type RunManifest, type StoredArtifact } from "../manifest/manifest.ts";

/** Where the steps of a run are told: a ledger is such a place. */
export interface RunEvents {
  emit(event: Record<string, unknown>): Promise<unknown>;
}

/** Tells of one run; to nobody, for those who emit their events themselves. */
export class RunTeller {
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
