/**
 * An adapter: the event emitter of the first system, with its positional signatures, over a `Ledger`. As
 * there, recording never stops the work: nothing here throws or rejects. Code that was written for it keeps
 * working; new code is better off with `openLedger()`.
 */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { emitter_errors_said_max } from "../base/limits.ts";
import { systemWorld } from "../base/world.ts";
import type { JsonObject, OpenOptions } from "../ledger/event_log.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { Acknowledgement } from "../log/mod.ts";

/** How an emitter is opened. */
export interface EmitterOptions extends OpenOptions {
  /** Called with each error and the event that is lost by it. Without it standard error says the first ones. */
  onError?: (error: LedgerError, event: JsonObject) => void;
  /** Called where a number that JSON does not have is recorded as null. Default: standard error, once a field. */
  onWarning?: (message: string, event: JsonObject) => void;
}

/** What is returned once an event is durable; nothing where it is lost, which `lost_events` counts. */
type Emitted = Promise<Acknowledgement | undefined>;

/** The eight emitters (and `emitRunFailed`), each with its arguments in a row. */
export class EventEmitter implements AsyncDisposable {
  /** Events that could not be recorded. */
  lost_events = 0;
  /** Numbers that were recorded as null. */
  nulled_numbers = 0;
  #ledger?: Ledger;
  #disposal?: Promise<void>;
  readonly #warned = new Set<string>();

  constructor(readonly options: EmitterOptions = {}) {}

  emitRunCreated(
    run_id: string,
    run_type: string,
    config: JsonObject,
    data_fingerprint: string,
  ): Emitted {
    return this.#emit("run.created", { run_id, run_type, config, data_fingerprint });
  }

  emitRunStarted(run_id: string): Emitted {
    return this.#emit("run.started", { run_id });
  }

  emitPhaseStarted(run_id: string, phase_name: string, phase_order: number): Emitted {
    return this.#emit("phase.started", { run_id, phase_name, phase_order });
  }

  emitPhaseCompleted(
    run_id: string,
    phase_name: string,
    duration_ms: number,
    output_summary?: JsonObject | null,
  ): Emitted {
    return this.#emit("phase.completed", {
      run_id,
      phase_name,
      duration_ms,
      output_summary: output_summary ?? {},
    });
  }

  emitTrialRecorded(
    run_id: string,
    trial_id: string,
    params: JsonObject,
    metrics: JsonObject,
  ): Emitted {
    return this.#emit("trial.recorded", { run_id, trial_id, params, metrics });
  }

  emitBaselineCompleted(
    run_id: string,
    alerts_total: number,
    alerts_ok: number,
    artifact_path: string,
  ): Emitted {
    return this.#emit("baseline.completed", { run_id, alerts_total, alerts_ok, artifact_path });
  }

  emitArtifactCreated(
    run_id: string,
    artifact_type: string,
    artifact_path: string,
    size_bytes: number,
  ): Emitted {
    return this.#emit("artifact.created", { run_id, artifact_type, artifact_path, size_bytes });
  }

  emitRunCompleted(
    run_id: string,
    summary?: JsonObject | null,
    artifact_paths?: JsonObject | null,
  ): Emitted {
    return this.#emit("run.completed", {
      run_id,
      summary: summary ?? {},
      artifact_paths: artifact_paths ?? {},
    });
  }

  emitRunFailed(run_id: string, error: string | Error): Emitted {
    const text = error instanceof Error ? error.message || error.name : error;
    return this.#emit("run.failed", { run_id, error: text });
  }

  /** Waits until what was emitted is durable, and lets go of the files; the next `getEventEmitter()` opens anew. */
  dispose(): Promise<void> {
    if (shared === this) shared = undefined;
    return this.#disposal ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    try {
      await this.#ledger?.close();
    } catch (error) {
      this.#say(`cannot close the ledger: ${problemOf(error).message}`);
    }
    const is_all_said = this.options.onError || this.lost_events <= emitter_errors_said_max;
    if (!is_all_said) this.#say(`${this.lost_events} events were not recorded`);
  }

  /** The same, by the name that a ledger has for it. */
  close(): Promise<void> {
    return this.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Makes the line at once, so that events stand in the log as they were emitted. */
  async #emit(event_type: string, fields: JsonObject): Emitted {
    const event = { event_type, ...fields };
    const nulled: [name: string, value: number][] = [];
    try {
      if (this.#disposal) throw disposed();
      this.#ledger ??= new Ledger(this.options);
      const emitted = await this.#ledger.emitLine(lineOf(event, nulled));
      for (const [name, value] of nulled) this.#warn(event, name, value);
      return emitted;
    } catch (error) {
      this.#lost(problemOf(error), event);
    }
  }

  #warn(event: JsonObject, name: string, value: number): void {
    this.nulled_numbers++;
    const { event_type, run_id } = event;
    const { onWarning } = this.options;
    const field = `${event_type} ${name}`;
    if (!onWarning && this.#warned.has(field)) return;
    this.#warned.add(field);
    const message = `${name} of ${event_type} of run ${run_id} is ${value}: null is recorded, ` +
      `since JSON has no such number`;
    this.#guarded(() => onWarning ? onWarning(message, event) : this.#say(message));
  }

  #lost(error: LedgerError, event: JsonObject): void {
    this.lost_events++;
    const { onError } = this.options;
    if (!onError && this.lost_events > emitter_errors_said_max) return;
    this.#guarded(() =>
      onError
        ? onError(error, event)
        : this.#say(`${event.event_type} of run ${event.run_id} is lost: ${error.message}`)
    );
  }

  /** What a caller's function throws is said, and ends nothing. */
  #guarded(call: () => unknown): void {
    const failed = (error: unknown) =>
      this.#say(`a callback of the event emitter failed: ${problemOf(error).message}`);
    try {
      Promise.resolve(call()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #say(message: string): void {
    try {
      (this.options.world ?? systemWorld()).stderr.write(`ledger: ${message}\n`);
    } catch {
      // A standard error that is closed hears nothing.
    }
  }
}

/** An event as JSON; a number that JSON does not have is null, and noted. */
function lineOf(event: JsonObject, nulled: [name: string, value: number][]): string {
  const line = JSON.stringify(event);
  // Where nothing is null, no number was lost.
  if (!line.includes("null")) return line;
  return JSON.stringify(event, (name, value) => {
    if (typeof value !== "number" || Number.isFinite(value)) return value;
    nulled.push([name, value]);
    return null;
  });
}

/** Whatever was thrown, as an error that has a message. */
function problemOf(error: unknown): LedgerError {
  const known = asLedgerError(error);
  if (known) return known;
  const message = error instanceof Error ? error.message : `${typeof error} was thrown`;
  return new LedgerError({ code: "invalid", message, cause: error });
}

function disposed(): LedgerError {
  return new LedgerError({
    code: "usage",
    message: "the event emitter was disposed of",
    hint: "ask for another: getEventEmitter()",
  });
}

let shared: EventEmitter | undefined;

/** The emitter that everything in this process shares; options count when it is first asked for. */
export function getEventEmitter(options?: EmitterOptions): EventEmitter {
  return shared ??= new EventEmitter(options);
}
