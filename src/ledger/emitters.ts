/** An emitter for each built-in event type, so that a program's compiler checks its fields. */
import type { Acknowledgement } from "../log/mod.ts";

/** JSON objects, as events hold them. */
export type JsonObject = Record<string, unknown>;

/** The fields that every emitter takes beside its own. Extra fields are kept. */
export interface CommonFields {
  /** Its own id makes an event idempotent: emitted twice, it counts once. */
  event_id?: string;
  timestamp_ms?: number;
  correlation_id?: string;
  causation_id?: string;
  [extra: string]: unknown;
}

type OfRun<Fields = unknown> = CommonFields & { run_id: string } & Fields;

/** An emitter for each type, over one that takes any event. */
export abstract class Emitters {
  /** Appends one event; resolves when it is durable. */
  abstract emit(event: JsonObject): Promise<Acknowledgement>;

  /** A run exists. */
  emitRunCreated(
    fields: OfRun<{ run_type: string; config: JsonObject; data_fingerprint: string }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.created", ...fields });
  }

  /** A run began. */
  emitRunStarted(fields: OfRun): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.started", ...fields });
  }

  /** A phase of a run began. */
  emitPhaseStarted(
    fields: OfRun<{ phase_name: string; phase_order: number }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "phase.started", ...fields });
  }

  /** A phase of a run ended. */
  emitPhaseCompleted(
    fields: OfRun<{ phase_name: string; duration_ms: number; output_summary?: JsonObject }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "phase.completed", output_summary: {}, ...fields });
  }

  /** One trial of an optimization. */
  emitTrialRecorded(
    fields: OfRun<{ trial_id: string; params: JsonObject; metrics: JsonObject }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "trial.recorded", ...fields });
  }

  /** A baseline run ended. */
  emitBaselineCompleted(
    fields: OfRun<{ alerts_total: number; alerts_ok: number; artifact_path: string }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "baseline.completed", ...fields });
  }

  /** A file with results was stored. */
  emitArtifactCreated(
    fields: OfRun<{ artifact_type: string; artifact_path: string; size_bytes: number }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "artifact.created", ...fields });
  }

  /** A run ended well. */
  emitRunCompleted(
    fields: OfRun<{ summary?: JsonObject; artifact_paths?: JsonObject }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.completed", summary: {}, artifact_paths: {}, ...fields });
  }

  /** A run ended with an error. */
  emitRunFailed(fields: OfRun<{ error: string }>): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.failed", ...fields });
  }
}
