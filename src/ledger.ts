/**
 * A ledger, as a library user and the command line both see it: the log with its writer, its reader,
 * its registry. Commands have no power that is not here.
 */
import { join } from "@std/path";
import { buildFacts } from "./base/build.ts";
import { LedgerError, quoted } from "./base/error.ts";
import { makeFolderDurably, replaceFile } from "./base/files.ts";
import { type Input, systemWorld, type World } from "./base/world.ts";
import {
  type Acknowledgement,
  appendStream,
  dayOf,
  type Durability,
  EmitCheck,
  followLog,
  isBuiltIn,
  isOfKind,
  ledgerPaths,
  LogCursor,
  type LogRecord,
  type LogSurvey,
  LogWriter,
  migrateType,
  type MigrationStep,
  type ReadFilter,
  readRegistry,
  registerType,
  type Registry,
  type StreamOptions,
  type StreamReport,
  surveyLog,
  verifyLog,
  type VerifyOptions,
  type VerifyReport,
  type WriterCounters,
} from "./log/mod.ts";

/** How a ledger is opened. */
export interface OpenOptions {
  /** Its folder. Default: the environment's LEDGER_DIR, or `data/ledger`. */
  dir?: string;
  /** A name for parts of one's own, for network file systems. Default: LEDGER_WRITER, or none. */
  writer?: string;
  /** "fsync": acknowledged means durable. "os": acknowledged means handed to the system. */
  durability?: Durability;
  /** How long an append waits for another process before it says "busy". */
  lock_wait_ms?: number;
  part_bytes_max?: number;
  /** Told about each write and each recovery. */
  onNotice?: (message: string) => void;
  /** Surroundings to work in; tests pass their own. */
  world?: World;
}

/** The fields that every emitter takes beside its own. Extra fields are kept. */
export interface CommonFields {
  /** Its own id makes an event idempotent: emitted twice, it counts once. */
  event_id?: string;
  timestamp_ms?: number;
  correlation_id?: string;
  causation_id?: string;
  [extra: string]: unknown;
}

/** JSON objects, as events hold them. */
export type JsonObject = Record<string, unknown>;

/** What `putArtifact` stores. */
export const ARTIFACT_KINDS = ["summary", "config"] as const;
/** A kind of artifact that is a JSON object. */
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** An open ledger. Close it, or declare it with `await using`. */
export class Ledger implements AsyncDisposable {
  readonly dir: string;
  readonly #world: World;
  readonly #writer: LogWriter;
  #check: EmitCheck;
  #registry_stamp: string;

  constructor(options: OpenOptions = {}) {
    const world = options.world ?? systemWorld();
    this.#world = world;
    this.dir = options.dir ?? world.env("LEDGER_DIR") ?? buildFacts().ledger_dir;
    this.#writer = new LogWriter(world, this.dir, {
      writer: options.writer ?? world.env("LEDGER_WRITER"),
      durability: options.durability,
      lock_wait_ms: options.lock_wait_ms,
      part_bytes_max: options.part_bytes_max,
      onWrite: options.onNotice,
      onTornTail: (path, kept) =>
        options.onNotice?.(`${path} ended in a torn line; its bytes are kept in ${kept}`),
    });
    this.#registry_stamp = this.#stampOfRegistry();
    this.#check = new EmitCheck(world, readRegistry(world, this.dir));
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
    const ready = this.#check.fromFields(event);
    if (ready instanceof Promise) return this.#emitAfterAll(event, ready);
    return this.#writer.append(dayOf(ready.timestamp_ms), ready.event_id, ready.line);
  }

  /** Appends one event given as JSON text; what the text says is kept byte for byte. */
  async emitLine(line: string): Promise<Acknowledgement> {
    const ready = await this.check(line);
    return await this.#writer.append(dayOf(ready.timestamp_ms), ready.event_id, ready.line);
  }

  /** The line that emitting this text would write. Throws where emitting would; writes nothing. */
  async check(line: string): Promise<{ event_id: string; timestamp_ms: number; line: string }> {
    let ready = this.#check.fromLine(line);
    if (ready instanceof Promise) {
      const error = await ready;
      if (!this.#registryChanged()) throw error;
      ready = this.#check.fromLine(line);
      if (ready instanceof Promise) throw await ready;
    }
    return ready;
  }

  /**
   * Appends many events. All are checked before the first is written. If writing fails half-way the
   * error's `detail.durable` says how many are durable.
   */
  async emitMany(events: Iterable<JsonObject>): Promise<Acknowledgement[]> {
    const all = [...events];
    const ready = all.map((event) => this.#check.fromFields(event));
    for (const [index, checked] of ready.entries()) {
      if (!(checked instanceof Promise)) continue;
      const error = await checked;
      throw error.with({
        message: `${error.message} (event ${index + 1} of ${all.length}; none was written)`,
      });
    }
    const outcomes = await Promise.allSettled(ready.map((checked) => {
      const { timestamp_ms, event_id, line } = checked as Exclude<typeof checked, Promise<unknown>>;
      return this.#writer.append(dayOf(timestamp_ms), event_id, line);
    }));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (!failed) return outcomes.map((outcome) => (outcome as { value: Acknowledgement }).value);
    const durable = outcomes.filter((outcome) => outcome.status === "fulfilled").length;
    if (!(failed.reason instanceof LedgerError)) throw failed.reason;
    throw failed.reason.with({
      message: `${failed.reason.message}. ${durable} of ${all.length} events are durable`,
      detail: { durable },
    });
  }

  /** Appends a stream of NDJSON. */
  emitStream(input: Pick<Input, "read">, options?: StreamOptions): Promise<StreamReport> {
    return appendStream(input, this.#writer, this.#check, options);
  }

  /** A run exists. */
  emitRunCreated(
    fields: CommonFields & {
      run_id: string;
      run_type: string;
      config: JsonObject;
      data_fingerprint: string;
    },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.created", ...fields });
  }

  /** A run began. */
  emitRunStarted(fields: CommonFields & { run_id: string }): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.started", ...fields });
  }

  /** A phase of a run began. */
  emitPhaseStarted(
    fields: CommonFields & { run_id: string; phase_name: string; phase_order: number },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "phase.started", ...fields });
  }

  /** A phase of a run ended. */
  emitPhaseCompleted(
    fields: CommonFields & {
      run_id: string;
      phase_name: string;
      duration_ms: number;
      output_summary?: JsonObject;
    },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "phase.completed", output_summary: {}, ...fields });
  }

  /** One trial of an optimization. */
  emitTrialRecorded(
    fields: CommonFields & {
      run_id: string;
      trial_id: string;
      params: JsonObject;
      metrics: JsonObject;
    },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "trial.recorded", ...fields });
  }

  /** A baseline run ended. */
  emitBaselineCompleted(
    fields: CommonFields & {
      run_id: string;
      alerts_total: number;
      alerts_ok: number;
      artifact_path: string;
    },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "baseline.completed", ...fields });
  }

  /** A file with results was stored. */
  emitArtifactCreated(
    fields: CommonFields & {
      run_id: string;
      artifact_type: string;
      artifact_path: string;
      size_bytes: number;
    },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "artifact.created", ...fields });
  }

  /** A run ended well. */
  emitRunCompleted(
    fields: CommonFields & { run_id: string; summary?: JsonObject; artifact_paths?: JsonObject },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.completed", summary: {}, artifact_paths: {}, ...fields });
  }

  /** A run ended with an error. */
  emitRunFailed(
    fields: CommonFields & { run_id: string; error: string },
  ): Promise<Acknowledgement> {
    return this.emit({ event_type: "run.failed", ...fields });
  }

  /** Whether there is a log yet: the first event makes it. */
  exists(): boolean {
    return this.#world.files.facts(ledgerPaths(this.dir).events) !== undefined;
  }

  /** Acknowledged means this: on the disk ("fsync"), or handed to the system ("os"). */
  get durability(): Durability {
    return this.#writer.durability;
  }

  /** All wanted records of the log as it is now, in log order. Damage comes as records too. */
  read(filter?: ReadFilter): AsyncGenerator<LogRecord> {
    return this.cursor(filter).pass();
  }

  /** A reader that remembers where it stopped. */
  cursor(filter?: ReadFilter): LogCursor {
    return new LogCursor(this.#world, this.dir, filter);
  }

  /** All wanted records that come, until the signal is aborted; after those the cursor has passed. */
  follow(signal: AbortSignal, cursor: LogCursor = this.cursor()): AsyncGenerator<LogRecord> {
    return followLog(this.#world, this.dir, cursor, signal);
  }

  /** The log at a glance. */
  survey(): Promise<LogSurvey> {
    return surveyLog(this.#world, this.dir);
  }

  /** Whether the log is whole; with `repair`, takes damage out of the way. */
  verify(options?: VerifyOptions): Promise<VerifyReport> {
    return verifyLog(this.#world, this.dir, this.registry, options);
  }

  /** Registers a custom event type. */
  async registerType(name: string, schema: unknown, description?: string) {
    const result = await registerType(this.#world, this.dir, name, schema, description);
    this.#registryChanged();
    return result;
  }

  /** Declares the next version of a custom event type. */
  async migrateType(name: string, steps: MigrationStep[], schema?: unknown) {
    const type = await migrateType(this.#world, this.dir, name, steps, schema);
    this.#registryChanged();
    return type;
  }

  /** Stores a run's summary or configuration under `artifacts/runs/{run_id}/` and says so in the log. */
  async putArtifact(
    run_id: string,
    kind: ArtifactKind,
    json: string,
  ): Promise<{ path: string; acknowledgement: Acknowledgement }> {
    if (!isOfKind("run_id", run_id)) {
      throw new LedgerError({
        code: "invalid",
        message: `cannot store an artifact of run ${quoted(run_id)}: that is no run id`,
        hint: "a run id names a folder: no slash, backslash or control character",
      });
    }
    checkJsonObject(json, kind);
    const folder = join(ledgerPaths(this.dir).run_artifacts, run_id);
    const path = join(folder, `${kind}.json`);
    const bytes = new TextEncoder().encode(json.endsWith("\n") ? json : `${json}\n`);
    makeFolderDurably(this.#world.files, folder);
    const unique = `${this.#world.pid}-${this.#world.random_uint32().toString(16)}`;
    replaceFile(this.#world.files, path, bytes, unique);
    const acknowledgement = await this.emitArtifactCreated({
      run_id,
      artifact_type: kind,
      artifact_path: `artifacts/runs/${run_id}/${kind}.json`,
      size_bytes: bytes.length,
    });
    return { path, acknowledgement };
  }

  /** Waits until everything emitted is durable, then lets go of all files. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A type may have been registered by another process since we looked: ask once more. */
  async #emitAfterAll(event: JsonObject, refusal: Promise<LedgerError>): Promise<Acknowledgement> {
    const error = await refusal;
    if (isBuiltIn(String(event?.event_type)) || !this.#registryChanged()) throw error;
    const ready = this.#check.fromFields(event);
    if (ready instanceof Promise) throw await ready;
    return await this.#writer.append(dayOf(ready.timestamp_ms), ready.event_id, ready.line);
  }

  #registryChanged(): boolean {
    const stamp = this.#stampOfRegistry();
    if (stamp === this.#registry_stamp) return false;
    this.#registry_stamp = stamp;
    this.#check = new EmitCheck(this.#world, readRegistry(this.#world, this.dir));
    return true;
  }

  #stampOfRegistry(): string {
    const facts = this.#world.files.facts(ledgerPaths(this.dir).schema);
    return facts ? `${facts.identity} ${facts.modified_ms} ${facts.size_bytes}` : "";
  }
}

/** Opens a ledger; its folder is made by the first event. */
export function openLedger(options?: OpenOptions): Promise<Ledger> {
  return Promise.resolve().then(() => new Ledger(options));
}

function checkJsonObject(json: string, kind: string): void {
  let reason = "it is not a JSON object";
  try {
    if (isOfKind("object", JSON.parse(json))) return;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new LedgerError({
    code: "invalid",
    message: `cannot store this ${kind}: ${reason}`,
    hint: `a ${kind} is one JSON object; nothing was stored`,
  });
}
