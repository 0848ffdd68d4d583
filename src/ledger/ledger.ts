/**
 * A ledger, as a library user and the command line both see it: the log with its writer, its reader,
 * its registry. Commands have no power that is not here.
 */
import { basename } from "@std/path";
import { BackgroundSync, endsRun } from "./background_sync.ts";
import { buildFacts } from "../base/build.ts";
import { LedgerError } from "../base/error.ts";
import { type Input, systemWorld, type World } from "../base/world.ts";
import { latest_runs } from "../base/limits.ts";
import type { Database } from "../duckdb/connection.ts";
import { Emitters, type JsonObject } from "./emitters.ts";
import type { ArtifactKind } from "./artifacts.ts";
import type { IndexOptions, QueryOptions } from "./index.ts";
import { LedgerRuns } from "./runs.ts";
import { LedgerTraces } from "./traces.ts";
import { LedgerUpkeep } from "./upkeep.ts";
import type { SyncOptions, SyncReport } from "../index/sync.ts";
import type { CheckedEvent, ReadyEvent } from "../log/event/emit_check.ts";
import type { ArtifactSource } from "../runs/artifacts/input.ts";
import {
  type Acknowledgement,
  appendStream,
  dayOf,
  type Durability,
  EmitCheck,
  followLog,
  ledgerPaths,
  LogCursor,
  type LogRecord,
  type LogSurvey,
  LogWriter,
  migrateType,
  type MigrationStep,
  noLedger,
  type ReadFilter,
  registerType,
  type Registry,
  RegistryReader,
  type StreamOptions,
  type StreamReport,
  type VerifyOptions,
  type VerifyReport,
  type WriterCounters,
} from "../log/mod.ts";

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
   * stream. Nobody waits for it but `close()`; trouble with it is told to `onNotice` and costs no event.
   */
  syncAfterRun?: boolean;
  /** Told about each write and each recovery. */
  onNotice?: (message: string) => void;
  /** Surroundings to work in; tests pass their own. */
  world?: World;
}

/** An open ledger. Close it, or declare it with `await using`. */
export class Ledger extends Emitters implements AsyncDisposable {
  /** The surroundings it works in. */
  readonly world: World;
  readonly dir: string;
  /** Run directories and their catalog. */
  readonly runs: LedgerRuns;
  /** Traced events: which led to which, and where the time went. */
  readonly traces: LedgerTraces;
  /** Sealing, compacting, archiving: what keeps the log fit to run for years. */
  readonly upkeep: LedgerUpkeep;
  readonly #writer: LogWriter;
  readonly #check: EmitCheck;
  readonly #options: OpenOptions;
  readonly #background: BackgroundSync;

  constructor(options: OpenOptions = {}) {
    super();
    const world = options.world ?? systemWorld();
    this.world = world;
    this.#options = options;
    this.dir = options.dir ?? (world.env("LEDGER_DIR") || buildFacts().ledger_dir);
    if (this.dir === "") throw emptyName("--dir");
    this.traces = new LedgerTraces(world, this);
    this.runs = new LedgerRuns(world, this.dir, options.runs_dir, this);
    this.upkeep = new LedgerUpkeep(world, this.dir, this.runs.dir);
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
    const { onNotice } = options;
    this.#background = new BackgroundSync(() => this.sync({ onNotice }), onNotice);
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
    const outcomes = await Promise.allSettled(ready.map((event) => this.#append(event)));
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
    const stream = appendStream(input, this.#writer, this.#check, options);
    const sync = () => this.#background.request();
    if (this.#options.syncAfterRun) stream.then(sync, sync);
    return stream;
  }

  /** Whether there is a log yet: the first event makes it. */
  exists(): boolean {
    return this.world.files.facts(ledgerPaths(this.dir).events) !== undefined;
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
    return new LogCursor(this.world, this.dir, filter);
  }

  /** All wanted records that come, until the signal is aborted; after those the cursor has passed. */
  follow(signal: AbortSignal, cursor: LogCursor = this.cursor()): AsyncGenerator<LogRecord> {
    return followLog(this.world, this.dir, cursor, signal);
  }

  /** The log at a glance. */
  async survey(): Promise<LogSurvey> {
    const { surveyLog } = await import("../log/upkeep.ts");
    return await surveyLog(this.world, this.dir);
  }

  /**
   * Whether the log is whole, and what of traces waits to become Parquet; with `repair`, takes damage
   * of the log out of the way.
   */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    const { verifyLog } = await import("../log/upkeep.ts");
    const report = await verifyLog(this.world, this.dir, this.registry, options);
    const { damage } = await this.traces.checkWaiting();
    for (const { path, ...place } of damage) {
      report.findings.push({
        kind: "corrupt_trace",
        part: `traces/_wal/${basename(path)}`,
        ...place,
      });
    }
    return report;
  }

  /** Takes what is new in the log into the index; see `SyncOptions`. Loads DuckDB. */
  async sync(options?: SyncOptions): Promise<SyncReport> {
    // Not even a lock is left where a folder was mistyped.
    if (!this.exists()) throw noLedger(this.dir);
    const { syncIndex } = await import("../index/sync.ts");
    return await syncIndex(this.world, this.dir, options);
  }

  /**
   * Opens an index for reading; it stays as it is while it is open, whatever is built meanwhile.
   * Close it when done.
   */
  async openIndex(options: IndexOptions = {}): Promise<Database> {
    const { openIndexOf } = await import("./index.ts");
    return await openIndexOf(this.world, this, options);
  }

  /** Asks the index in SQL. Values come as JSON has them; whole numbers past 2^53 as strings. */
  async query(sql: string, options: QueryOptions = {}): Promise<JsonObject[]> {
    const { rowsOfQuery } = await import("../duckdb/query.ts");
    await using database = await this.openIndex({ ...options, sql });
    return await rowsOfQuery(database, sql, options.values);
  }

  /** The latest runs and how they stand. */
  async latestRuns(limit = latest_runs): Promise<JsonObject[]> {
    const { LATEST_RUNS } = await import("../index/views.ts");
    return await this.query(LATEST_RUNS, { values: [Math.max(0, Math.floor(limit))] });
  }

  /** The phases of a run, in order. */
  async runPhases(run_id: string): Promise<JsonObject[]> {
    const { PHASES_OF_RUN } = await import("../index/views.ts");
    return await this.query(PHASES_OF_RUN, { values: [run_id] });
  }

  /** The trials of a run, as they were recorded. */
  async trials(run_id: string): Promise<JsonObject[]> {
    const { TRIALS_OF_RUN } = await import("../index/views.ts");
    return await this.query(TRIALS_OF_RUN, { values: [run_id] });
  }

  /** Registers a custom event type. */
  async registerType(name: string, schema: unknown, description?: string) {
    const result = await registerType(this.world, this.dir, name, schema, description);
    this.#check.refresh();
    return result;
  }

  /** Declares the next version of a custom event type. */
  async migrateType(name: string, steps: MigrationStep[], schema?: unknown) {
    const type = await migrateType(this.world, this.dir, name, steps, schema);
    this.#check.refresh();
    return type;
  }

  /** Stores a run's summary or configuration under `artifacts/runs/{run_id}/` and says so in the log. */
  async putArtifact(
    run_id: string,
    kind: ArtifactKind,
    json: string,
  ): Promise<{ path: string; acknowledgement: Acknowledgement }> {
    const { putArtifact } = await import("./artifacts.ts");
    return await putArtifact(this.world, this, run_id, kind, json);
  }

  /** Stores a run's trades as Parquet under `artifacts/runs/{run_id}/`, every row checked, and says so. */
  async putTrades(
    run_id: string,
    source: ArtifactSource,
  ): Promise<{ path: string; rows: number; acknowledgement: Acknowledgement }> {
    const { putTrades } = await import("./artifacts.ts");
    return await putTrades(this.world, this, run_id, source);
  }

  /** Waits until everything emitted is durable, then lets go of all files. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#background.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A good event is appended at once, without a promise of its own. */
  #emit(checked: CheckedEvent): Promise<Acknowledgement> {
    return checked.ok ? this.#append(checked) : checked.explain().then((error) => {
      throw error;
    });
  }

  #append({ event_id, timestamp_ms, line }: ReadyEvent): Promise<Acknowledgement> {
    const appended = this.#writer.append(dayOf(timestamp_ms), event_id, line);
    if (this.#options.syncAfterRun && endsRun(line)) {
      appended.then(() => this.#background.request(), () => {});
    }
    return appended;
  }
}

function emptyName(flag: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot use a folder without a name: ${flag} is ""`,
    hint: "is a variable empty? Name the folder, or leave the flag out",
  });
}

/** Opens a ledger; its folder is made by the first event. */
export function openLedger(options?: OpenOptions): Promise<Ledger> {
  return Promise.resolve().then(() => new Ledger(options));
}
