/**
 * An adapter: the event emitter of the first system, with its positional signatures, over a `Ledger`.
 * Code that was written for it keeps working; new code is better off with `openLedger()`.
 */
import type { JsonObject, OpenOptions } from "../ledger/event_log.ts";
import { Ledger } from "../ledger/ledger.ts";

/** The eight emitters (and `emitRunFailed`), each with its arguments in a row. */
export class EventEmitter implements AsyncDisposable {
  constructor(readonly ledger: Ledger) {}

  emitRunCreated(run_id: string, run_type: string, config: JsonObject, data_fingerprint: string) {
    return this.ledger.emitRunCreated({ run_id, run_type, config, data_fingerprint });
  }

  emitRunStarted(run_id: string) {
    return this.ledger.emitRunStarted({ run_id });
  }

  emitPhaseStarted(run_id: string, phase_name: string, phase_order: number) {
    return this.ledger.emitPhaseStarted({ run_id, phase_name, phase_order });
  }

  emitPhaseCompleted(
    run_id: string,
    phase_name: string,
    duration_ms: number,
    output_summary: JsonObject = {},
  ) {
    return this.ledger.emitPhaseCompleted({ run_id, phase_name, duration_ms, output_summary });
  }

  emitTrialRecorded(run_id: string, trial_id: string, params: JsonObject, metrics: JsonObject) {
    return this.ledger.emitTrialRecorded({ run_id, trial_id, params, metrics });
  }

  emitBaselineCompleted(
    run_id: string,
    alerts_total: number,
    alerts_ok: number,
    artifact_path: string,
  ) {
    return this.ledger.emitBaselineCompleted({ run_id, alerts_total, alerts_ok, artifact_path });
  }

  emitArtifactCreated(
    run_id: string,
    artifact_type: string,
    artifact_path: string,
    size_bytes: number,
  ) {
    return this.ledger.emitArtifactCreated({ run_id, artifact_type, artifact_path, size_bytes });
  }

  emitRunCompleted(run_id: string, summary: JsonObject = {}, artifact_paths: JsonObject = {}) {
    return this.ledger.emitRunCompleted({ run_id, summary, artifact_paths });
  }

  emitRunFailed(run_id: string, error: string) {
    return this.ledger.emitRunFailed({ run_id, error });
  }

  /** Lets go of the ledger's files; the next `getEventEmitter()` opens them anew. */
  async close(): Promise<void> {
    if (shared === this) shared = undefined;
    await this.ledger.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

let shared: EventEmitter | undefined;

/** The emitter that everything in this process shares; options count when it is first asked for. */
export function getEventEmitter(options?: OpenOptions): EventEmitter {
  return shared ??= new EventEmitter(new Ledger(options));
}
