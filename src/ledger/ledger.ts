/**
 * A ledger, as a library user and the command line both see it: the log with its writer, its reader,
 * its registry. Commands have no power that is not here.
 */
import { basename } from "@std/path";
import { latest_runs } from "../base/limits.ts";
import type { Input } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import type { SyncOptions, SyncReport } from "../index/sync.ts";
import type { ReadyEvent } from "../log/event/emit_check.ts";
import {
  type Acknowledgement,
  followLog,
  LogCursor,
  type LogRecord,
  type LogSurvey,
  migrateType,
  type MigrationStep,
  noLedger,
  type ReadFilter,
  registerType,
  type StreamOptions,
  type StreamReport,
  type VerifyOptions,
  type VerifyReport,
} from "../log/mod.ts";
import type { ArtifactSource } from "../runs/artifacts/input.ts";
import type { ArtifactKind } from "./artifacts.ts";
import type { AnswerLag, AnswerSource } from "./fresh.ts";
import { EventLog, type JsonObject, type OpenOptions } from "./event_log.ts";
import type { IndexOptions, QueryOptions } from "./open_index.ts";
import { LedgerRuns } from "./runs.ts";
import { LedgerTraces } from "./traces.ts";
import { LedgerUpkeep } from "./upkeep.ts";

/** An open ledger. Close it, or declare it with `await using`. */
export class Ledger extends EventLog {
  /** Run directories and their catalog. */
  readonly runs: LedgerRuns;
  /** Traced events: which led to which, and where the time went. */
  readonly traces: LedgerTraces;
  /** Sealing, compacting, archiving: what keeps the log fit to run for years. */
  readonly upkeep: LedgerUpkeep;
  readonly #background?: BackgroundSync;
  readonly #onNotice: OpenOptions["onNotice"];

  constructor(options: OpenOptions = {}) {
    super(options);
    const { world, dir } = this;
    this.traces = new LedgerTraces(world, this);
    this.runs = new LedgerRuns(world, dir, options.runs_dir, this);
    this.upkeep = new LedgerUpkeep(world, dir, this.runs.dir);
    const { onNotice, syncAfterRun } = options;
    this.#onNotice = onNotice;
    if (syncAfterRun) {
      this.#background = new BackgroundSync(() => this.sync({ onNotice }), onNotice);
    }
  }

  override emitStream(input: Pick<Input, "read">, options?: StreamOptions): Promise<StreamReport> {
    const stream = super.emitStream(input, options);
    const sync = () => this.#background?.request();
    stream.then(sync, sync);
    return stream;
  }

  protected override append(event: ReadyEvent): Promise<Acknowledgement> {
    const appended = super.append(event);
    if (this.#background && endsRun(event.line)) {
      appended.then(() => this.#background?.request(), () => {});
    }
    return appended;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#background?.settled();
  }

  /** All wanted records of the log as it is now, in log order. Damage comes as records too. */
  read(filter?: ReadFilter): AsyncGenerator<LogRecord> {
    return this.cursor(filter).pass();
  }

  /** Throws where neither the log nor a folder knows a run: for what is to name it in the log. */
  async checkRun(run_id: string): Promise<void> {
    const { checkIsKnown } = await import("./known_run.ts");
    await checkIsKnown(this, run_id);
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
    const { surveyLog } = await import("../log/read/survey.ts");
    return await surveyLog(this.world, this.dir);
  }

  /**
   * Whether the log is whole, and what of traces waits to become Parquet; with `repair`, takes damage
   * of the log out of the way.
   */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    const { verifyLog } = await import("../log/seal/verify.ts");
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
   * Brings up to date what answers are made of, where that is quick and no other process is at it; returns
   * what of log and runs they lack still. With a limit below zero it only looks.
   */
  async freshen(
    sources: readonly AnswerSource[] = ["log", "runs"],
    onNotice?: (message: string) => void,
    quick_ms_max?: number,
  ): Promise<AnswerLag[]> {
    const { freshen } = await import("./fresh.ts");
    return await freshen(this.world, this, sources, onNotice, quick_ms_max);
  }

  /**
   * Opens an index for reading; it stays as it is while it is open, whatever is built meanwhile.
   * Close it when done.
   */
  async openIndex(options: IndexOptions = {}): Promise<Database> {
    const { openIndexOf } = await import("./open_index.ts");
    return await openIndexOf(this.world, this, { onNotice: this.#onNotice, ...options });
  }

  /** Asks the index in SQL. Values come as JSON has them; whole numbers past 2^53 as strings. */
  async query(sql: string, options: QueryOptions = {}): Promise<JsonObject[]> {
    const { rowsOfQuery } = await import("../duckdb/query.ts");
    await using database = await this.openIndex({ ...options, sql });
    return await rowsOfQuery(database, sql, options.values);
  }

  /** The latest runs and how they stand. */
  async latestRuns(limit = latest_runs): Promise<JsonObject[]> {
    const { LATEST_RUNS } = await import("../index/run_views.ts");
    return await this.query(LATEST_RUNS, { values: [Math.max(0, Math.floor(limit))] });
  }

  /** The phases of a run, in order. */
  async runPhases(run_id: string): Promise<JsonObject[]> {
    const { PHASES_OF_RUN } = await import("../index/run_views.ts");
    return await this.query(PHASES_OF_RUN, { values: [run_id] });
  }

  /** The trials of a run, as they were recorded. */
  async trials(run_id: string): Promise<JsonObject[]> {
    const { TRIALS_OF_RUN } = await import("../index/run_views.ts");
    return await this.query(TRIALS_OF_RUN, { values: [run_id] });
  }

  /** Registers a custom event type. */
  async registerType(name: string, schema: unknown, description?: string) {
    const result = await registerType(this.world, this.dir, name, schema, description);
    this.refreshRegistry();
    return result;
  }

  /** Declares the next version of a custom event type. */
  async migrateType(name: string, steps: MigrationStep[], schema?: unknown) {
    const type = await migrateType(this.world, this.dir, name, steps, schema);
    this.refreshRegistry();
    return type;
  }

  /** Registers an artifact type: its columns, and what is known of them. */
  async registerArtifactType(name: string, schema: unknown, description?: string) {
    const { ARTIFACT_SECTION } = await import("../runs/artifacts/registered.ts");
    const { world, dir } = this;
    const result = await registerType(world, dir, name, schema, description, ARTIFACT_SECTION);
    this.refreshRegistry();
    return result;
  }

  /** Declares the next version of a registered artifact type: how older rows are read, and its columns. */
  async migrateArtifactType(name: string, steps: MigrationStep[], schema?: unknown) {
    const { ARTIFACT_SECTION } = await import("../runs/artifacts/registered.ts");
    const type = await migrateType(this.world, this.dir, name, steps, schema, ARTIFACT_SECTION);
    this.refreshRegistry();
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
}

/**
 * Brings the index up to date beside the writers: no writer waits for it, and it costs no event. One
 * sync at a time; what is written while it runs is taken in by one more after it.
 */
class BackgroundSync {
  #last?: Promise<void>;

  constructor(
    readonly sync: () => Promise<unknown>,
    readonly onNotice: (message: string) => void = () => {},
  ) {}

  /** Has what is in the log by now taken in. */
  request(): void {
    const before = this.#last ?? Promise.resolve();
    const last: Promise<void> = before.then(this.sync).then(
      () => {},
      (error) => this.onNotice(`the index was not synced: ${error.message}`),
    ).finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
  }

  /** Waits until all that was requested is done. */
  async settled(): Promise<void> {
    while (this.#last) await this.#last;
  }
}

const ENDS_OF_RUNS: ReadonlySet<unknown> = new Set(["run.completed", "run.failed"]);

/** Whether an event ends a run. Most lines do not even look like it. */
function endsRun(line: string): boolean {
  return line.includes('"run.') && ENDS_OF_RUNS.has(JSON.parse(line).event_type);
}

/** Opens a ledger; its folder is made by the first event. */
export function openLedger(options?: OpenOptions): Promise<Ledger> {
  return Promise.resolve().then(() => new Ledger(options));
}
