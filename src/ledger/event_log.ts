/**
 * The writing half of a ledger: events are checked against the registry and appended. A process that only
 * emits loads no more than this.
 */
import { buildFacts } from "../base/build.ts";
import { LedgerError } from "../base/error.ts";
import { type Input, systemWorld, type World } from "../base/world.ts";
import { type CheckedEvent, EmitCheck, type ReadyEvent } from "../log/event/emit_check.ts";
import { type Registry, RegistryReader } from "../log/event/registry.ts";
import { dayOf, ledgerPaths } from "../log/format/layout.ts";
import type { WriterCounters } from "../log/write/day_appender.ts";
import { appendStream, type StreamOptions, type StreamReport } from "../log/write/stream.ts";
import { type Acknowledgement, type Durability, LogWriter } from "../log/write/writer.ts";
import type { RunAnnotation } from "../runs/manifest/annotation.ts";
import type { Claim } from "./claims.ts";

/** How a ledger is opened. */
export interface OpenOptions {
  /** Its folder. Default: the environment's LEDGER_DIR, or `data/ledger`. */
  dir?: string;
  /** The folder of runs. Default: the environment's LEDGER_RUNS_DIR, or `runs`. */
  runs_dir?: string;
  /** A name for parts of one's own, for network file systems. Default: LEDGER_WRITER, or none. */
  writer?: string;
  /** "fsync": acknowledged means durable. "os": acknowledged means handed to the system. */
  durability?: Durability;
  /** How long an append waits for another process before it says "busy". */
  lock_wait_ms?: number;
  part_bytes_max?: number;
  /**
   * Bring the index up to date in the background whenever a run completes or fails, and at the end of a
   * stream. Only `close()` waits for it; its errors go to `onNotice` and cost no event.
   */
  syncAfterRun?: boolean;
  /** Told about each write and each recovery. */
  onNotice?: (message: string) => void;
  /** Surroundings to work in; tests pass their own. */
  world?: World;
}

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
    fields: OfRun<
      { run_type: string; config: JsonObject; data_fingerprint: string; group?: string }
    >,
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

  /** What people say of a run. */
  emitRunAnnotated(fields: OfRun<RunAnnotation>): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.annotated", ...fields });
  }

  /** A run stands in a relation to another. */
  emitRunLinked(
    fields: OfRun<{ to_run_id: string; kind: string; removed?: boolean }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.linked", ...fields });
  }

  /** What a run, or a group of runs, is to show: said before its trials. */
  emitRunClaimed(
    fields: Partial<OfRun<{ group: string }>> & Claim,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.claimed", ...fields });
  }

  /** A run read an artifact of another. */
  emitArtifactUsed(
    fields: OfRun<{ used_run_id: string; artifact_type: string; sha256: string }>,
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "artifact.used", ...fields });
  }

  /** A run ended with an error. */
  emitRunFailed(fields: OfRun<{ error: string }>): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.failed", ...fields });
  }
}

/** The log of a ledger, open for writing. Close it, or declare it with `await using`. */
export class EventLog extends Emitters implements AsyncDisposable {
  /** The surroundings it works in. */
  readonly world: World;
  readonly dir: string;
  readonly #writer: LogWriter;
  readonly #check: EmitCheck;

  constructor(options: OpenOptions = {}) {
    super();
    const world = options.world ?? systemWorld();
    this.world = world;
    this.dir = options.dir ?? (world.env("LEDGER_DIR") || buildFacts().ledger_dir);
    if (this.dir === "") throw emptyName("--dir");
    this.#writer = new LogWriter(world, this.dir, {
      writer: options.writer ?? world.env("LEDGER_WRITER"),
      durability: options.durability,
      lock_wait_ms: options.lock_wait_ms,
      part_bytes_max: options.part_bytes_max,
      onWrite: options.onNotice,
      onTornTail: (path, kept) =>
        options.onNotice?.(`${path} ended in a torn line; its bytes are kept in ${kept}`),
    });
    const registry_file = new RegistryReader(world, this.dir);
    this.#check = new EmitCheck(world, registry_file.read(), () => registry_file.readIfChanged());
  }

  /** What this ledger has written so far: events, bytes, writes, syncs, lock waits. */
  get counters(): Readonly<WriterCounters> {
    return this.#writer.counters;
  }

  /** The types that may be emitted, and how old events are read. */
  get registry(): Registry {
    return this.#check.registry;
  }

  /** Appends one event. Resolves when it is durable; calls made together share one sync. */
  emit(event: JsonObject): Promise<Acknowledgement> {
    try {
      return this.#emit(this.#check.fromFields(event));
    } catch (error) {
      // A registry that was damaged since it was read.
      return Promise.reject(error);
    }
  }

  /** Appends one event given as JSON text; what the text says is kept byte for byte. */
  async emitLine(line: string): Promise<Acknowledgement> {
    return await this.#emit(this.#check.fromLine(line));
  }

  /** The line that emitting this text would write. Throws where emitting would; writes nothing. */
  async check(line: string): Promise<{ event_id: string; timestamp_ms: number; line: string }> {
    const checked = this.#check.fromLine(line);
    if (!checked.ok) throw await checked.explain();
    const { event_id, timestamp_ms, line: written } = checked;
    return { event_id, timestamp_ms, line: written };
  }

  /**
   * Appends many events. All are checked before the first is written. If writing fails half-way the
   * error's `detail.durable` says how many are durable.
   */
  async emitMany(events: Iterable<JsonObject>): Promise<Acknowledgement[]> {
    return await this.#appendAll([...events], (event) => this.#check.fromFields(event));
  }

  /** The same with events given as JSON text; what the texts say is kept byte for byte. */
  async emitLines(lines: Iterable<string>): Promise<Acknowledgement[]> {
    return await this.#appendAll([...lines], (line) => this.#check.fromLine(line));
  }

  async #appendAll<Given>(
    all: readonly Given[],
    check: (given: Given) => CheckedEvent,
  ): Promise<Acknowledgement[]> {
    const ready: ReadyEvent[] = [];
    for (const given of all) {
      const checked = check(given);
      if (!checked.ok) {
        const error = await checked.explain();
        throw error.with({
          message: `${error.message} (event ${
            ready.length + 1
          } of ${all.length}; none was written)`,
        });
      }
      ready.push(checked);
    }
    const outcomes = await Promise.allSettled(ready.map((event) => this.append(event)));
    const rejected = outcomes.filter((outcome) => outcome.status === "rejected");
    // The gravest first: of these, lines may be there that nothing was promised for.
    const failed =
      rejected.find(({ reason }) =>
        reason instanceof LedgerError && reason.code === "durability_unknown"
      ) ?? rejected[0];
    if (!failed) return outcomes.map((outcome) => (outcome as { value: Acknowledgement }).value);
    const durable = outcomes.filter((outcome) => outcome.status === "fulfilled").length;
    if (!(failed.reason instanceof LedgerError)) throw failed.reason;
    throw failed.reason.with({
      message: `${failed.reason.message}. ${durable} of ${ready.length} events are durable`,
      detail: { durable },
    });
  }

  /** Appends a stream of NDJSON. */
  emitStream(input: Pick<Input, "read">, options?: StreamOptions): Promise<StreamReport> {
    return appendStream(input, this.#writer, this.#check, options);
  }

  /** Whether there is a log yet: the first event makes it. */
  exists(): boolean {
    return this.world.files.facts(ledgerPaths(this.dir).events) !== undefined;
  }

  /** Acknowledged means this: on the disk ("fsync"), or handed to the system ("os"). */
  get durability(): Durability {
    return this.#writer.durability;
  }

  /** Takes note of types that were registered since the registry was read. */
  protected refreshRegistry(): void {
    this.#check.refresh();
  }

  /** Waits until everything emitted is durable, then lets go of all files. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A good event is appended at once, without a promise of its own. */
  #emit(checked: CheckedEvent): Promise<Acknowledgement> {
    return checked.ok ? this.append(checked) : checked.explain().then((error) => {
      throw error;
    });
  }

  /** Appends an event that was checked. */
  protected append({ event_id, timestamp_ms, line }: ReadyEvent): Promise<Acknowledgement> {
    return this.#writer.append(dayOf(timestamp_ms), event_id, line);
  }
}

function emptyName(flag: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot use a folder without a name: ${flag} is ""`,
    hint: "is a variable empty? Name the folder, or leave the flag out",
  });
}
