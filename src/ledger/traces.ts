/**
 * The traces of a ledger: events with what caused them and when they were where; and where they meet
 * the log: what a run published, and which run that was.
 */
import { join } from "@std/path";
import type { Input, World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import type { JsonObject } from "./event_log.ts";
import { ledgerPaths, noLedger } from "../log/mod.ts";
import type { CompactTracesReport } from "../trace/store/compact.ts";
import type { FlushReport } from "../trace/store/flush.ts";
import type { TraceDamage } from "../trace/store/wal_read.ts";
import type { TracedEvent } from "../trace/event/event.ts";
import type { TraceFilter } from "../trace/event/filter.ts";
import type { IngestOptions, IngestReport } from "../trace/record/ingest.ts";
import type { LatencyReport } from "../trace/ask/latency.ts";
import type { CausationPath, Lineage } from "../trace/ask/lineage.ts";
import type { TraceSession } from "../trace/store/query.ts";
import type { WaitingTraces } from "../trace/store/snapshot.ts";
import type { TraceStats } from "../trace/ask/stats.ts";
import type { TypeDurations } from "../trace/ask/type_latency.ts";
import type { TraceStore, TraceStoreOptions } from "../trace/store/store.ts";
import type { Tracer, TracerOptions } from "../trace/record/tracer.ts";

/** How a tracer and its store are opened. */
export interface TraceOptions extends TraceStoreOptions, TracerOptions {}

/** What of a ledger its traces need. */
interface TracedLedger {
  readonly dir: string;
  emit(event: JsonObject): Promise<{ event_id: string }>;
  checkRun(run_id: string): Promise<void>;
  query(sql: string, options: { values: string[] }): Promise<JsonObject[]>;
}

/** What is said of a traced run when it is published. */
interface Publication {
  run_id?: string;
  metrics?: JsonObject;
  config_file?: string;
  strategy_type?: string;
  status?: string;
}

/** A run of the log that belongs to a trace, with what it left. */
export interface TracedRun {
  run_id: string;
  status: string | null;
  artifacts: { artifact_type: string; artifact_path: string }[];
}

/** A chain of causes that may lead through the log. */
export interface PathAcross extends CausationPath<TracedEvent> {
  /** The event of the log that was asked for, when it was no traced one. */
  logged_event?: JsonObject;
  /** The event of the log that the chain begins with. */
  logged_cause?: JsonObject;
  /** The runs that its correlation belongs to. */
  runs: TracedRun[];
}

/** The traces of one ledger. Everything here loads what it needs when it is first asked. */
export class LedgerTraces {
  /** Their folder. */
  readonly dir: string;
  readonly #damage = new Map<string, TraceDamage>();
  readonly #onDamage = (damage: TraceDamage) => {
    this.#damage.set(`${damage.path}:${damage.offset}`, damage);
  };

  constructor(readonly world: World, readonly ledger: TracedLedger) {
    this.dir = ledgerPaths(ledger.dir).traces;
  }

  /** Opens a tracer with a store of its own. Close it when done: that makes Parquet of what it kept. */
  async open(options: TraceOptions = {}): Promise<Tracer> {
    const { Tracer } = await import("../trace/record/tracer.ts");
    return new Tracer(this.world, await this.openStore(options), options);
  }

  /** Opens a store, for events that are complete. */
  async openStore(options: TraceStoreOptions = {}): Promise<TraceStore> {
    const { TraceStore } = await import("../trace/store/store.ts");
    return await TraceStore.open(this.world, this.dir, { onDamage: this.#onDamage, ...options });
  }

  /** What of write-ahead files could not be read so far, each place once: answers lack what was in it. */
  get damage(): readonly TraceDamage[] {
    return [...this.#damage.values()];
  }

  /** An id for everything that one run emits: `backtest_YYYYMMDD_HHMMSS_<8 hex>`. */
  async createCorrelationId(): Promise<string> {
    const { newCorrelationId } = await import("../trace/event/event.ts");
    return newCorrelationId(this.world.now_ms(), this.world.random_uint32());
  }

  /** Takes in events that another program traced, one a line. Durable when it returns. */
  async ingest(input: Pick<Input, "read">, options?: IngestOptions): Promise<IngestReport> {
    const { ingestStream } = await import("../trace/record/ingest.ts");
    // No caller waits for single events of a stream: it is durable as a whole.
    const store = await this.openStore({ critical_types: [] });
    try {
      const report = await ingestStream(this.world, store, input, options);
      await store.close("later");
      return report;
    } catch (error) {
      // What was said already says how much is kept; that closing fails for the same reason does not.
      await store.close("later").catch(() => store.abandon());
      throw error;
    }
  }

  /** A question where nothing ever was: the caller has mistaken the folder. */
  #mustBeThere(): void {
    if (!this.world.files.facts(this.ledger.dir)) throw noLedger(this.ledger.dir);
  }

  /** A session for the queries of one question. */
  async #session(): Promise<TraceSession> {
    this.#mustBeThere();
    const { TraceSession } = await import("../trace/store/query.ts");
    return new TraceSession(this.world, this.dir, this.#onDamage);
  }

  /** Opens a database with all of them as `trace_events`, for SQL. Close it when done. */
  async openDatabase(folders: readonly string[] = []): Promise<Database> {
    this.#mustBeThere();
    const { TraceDatabase } = await import("../trace/ask/sql_view.ts");
    return await TraceDatabase.open(this.world, this.dir, folders, this.#onDamage);
  }

  /** Wanted events, some at a time, in the order of their time. */
  async *read(filter?: TraceFilter): AsyncGenerator<TracedEvent[]> {
    using session = await this.#session();
    yield* session.read(filter);
  }

  /** Wanted events, all at once. */
  async query(filter?: TraceFilter): Promise<TracedEvent[]> {
    using session = await this.#session();
    return await session.query(filter);
  }

  /** The chain of causes of an event, its origin first. */
  async path(event_id: string): Promise<CausationPath<TracedEvent>> {
    using session = await this.#session();
    return await this.#findPath(session, event_id);
  }

  async #findPath(
    session: TraceSession,
    event_id: string,
  ): Promise<CausationPath<TracedEvent>> {
    const { loadPath } = await import("../trace/ask/lineage_queries.ts");
    return await loadPath((filter) => session.query(filter), event_id);
  }

  /** The events of a correlation, or of an event's correlations, and where their trees begin. */
  async lineage(name: string): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
    using session = await this.#session();
    const { loadLineage } = await import("../trace/ask/lineage_queries.ts");
    return await loadLineage((filter) => session.query(filter), name);
  }

  /** How long the events of a correlation took, and where. */
  async latency(correlation_id: string): Promise<LatencyReport> {
    const { analyzeLatency } = await import("../trace/ask/latency.ts");
    return analyzeLatency(await this.query({ correlation_id, without_data: true }));
  }

  /** How long events took, by type, over all correlations or some. */
  async typeLatencies(filter?: TraceFilter): Promise<TypeDurations[]> {
    this.#mustBeThere();
    const { typeLatencies } = await import("../trace/ask/type_latency.ts");
    return await typeLatencies(this.world, this.dir, filter, this.#onDamage);
  }

  /** What there is, in numbers. */
  async stats(): Promise<TraceStats> {
    this.#mustBeThere();
    const { traceStats } = await import("../trace/ask/stats.ts");
    return await traceStats(this.world, this.dir, this.#onDamage);
  }

  /** Reads all write-ahead files: how many events wait there, and what is damaged. */
  async checkWaiting(): Promise<WaitingTraces> {
    const { waitingTraces } = await import("../trace/store/snapshot.ts");
    return waitingTraces(this.world, this.dir);
  }

  /** Whether anything was ever traced. */
  exists(): boolean {
    return this.world.files.facts(this.dir)?.is_folder ?? false;
  }

  /** How many bytes stand in write-ahead files, those of living tracers too. */
  async waitingBytes(): Promise<number> {
    const { listSegments, segmentPath } = await import("../trace/event/files.ts");
    return listSegments(this.world.files, this.dir)
      .map((segment) => this.world.files.facts(segmentPath(this.dir, segment))?.size_bytes ?? 0)
      .reduce((sum, size_bytes) => sum + size_bytes, 0);
  }

  /** Makes Parquet of the write-ahead files of programs that have ended, and no more. */
  async convert(signal?: AbortSignal): Promise<FlushReport> {
    const { Flush } = await import("../trace/store/flush.ts");
    const flush = new Flush(this.world, this.dir);
    await flush.recover(signal);
    return flush.report;
  }

  /** The same, and few files of many. */
  async compact(): Promise<CompactTracesReport> {
    this.#mustBeThere();
    const { compactTraces } = await import("../trace/store/compact.ts");
    return await compactTraces(this.world, this.dir);
  }

  /**
   * Says in the log what came of a correlation: its metrics, and how long its events took. From there
   * the index has it, as `backtest_analytics`. Said again, the last word counts. A run that is named has
   * to be one that the log or a folder knows.
   */
  async publish(correlation_id: string, said: Publication = {}): Promise<JsonObject> {
    if (said.run_id !== undefined) await this.ledger.checkRun(said.run_id);
    const { analyzeLatency } = await import("../trace/ask/latency.ts");
    const events = await this.query({ correlation_id, without_data: true });
    const report = analyzeLatency(events);
    const ends = events.map(({ processed_at, emitted_at, timestamp }) =>
      processed_at ?? emitted_at ?? timestamp
    );
    const last_us = ends.reduce((latest, end) => Math.max(latest, end), 0);
    const { metrics = {}, ...others } = said;
    const event = {
      event_type: "trace.published",
      correlation_id,
      metrics,
      ...others,
      event_count: events.length,
      event_storage_path: this.dir,
      ...(events.length > 0 ? { completed_at_ms: Math.floor(last_us / 1000) } : {}),
      latencies: Object.entries(report.types).flatMap(([event_type, { latency }]) =>
        latency
          ? [{
            event_type,
            event_count: latency.count,
            mean_latency_ms: latency.mean_ms,
            p95_latency_ms: latency.p95_ms,
            max_latency_ms: latency.max_ms,
          }]
          : []
      ),
    };
    const { event_id } = await this.ledger.emit(event);
    return { event_id, ...event };
  }

  /** The runs of the log that name a correlation, as far as the index knows them. */
  async runsOf(correlation_id: string): Promise<TracedRun[]> {
    const { RUNS_OF_CORRELATION } = await import("../index/run_views.ts");
    return (await this.#askIndex(RUNS_OF_CORRELATION, correlation_id)).map((row) => ({
      run_id: row.run_id as string,
      status: row.status as string | null,
      artifacts: (row.artifacts ?? []) as TracedRun["artifacts"],
    }));
  }

  /**
   * What led to an event, across traces and log: the chain of an event of the log goes on with the
   * traced event that caused it, and a traced chain may begin with an event of the log.
   */
  async pathAcross(event_id: string): Promise<PathAcross> {
    using session = await this.#session();
    let found = await this.#findPath(session, event_id);
    const logged_event = found.end === "absent" ? await this.loggedEvent(event_id) : undefined;
    const cause = logged_event?.causation_id;
    if (typeof cause === "string") {
      found = await this.#findPath(session, cause);
      // The chain has no traced event at all, and the log's own cause is the one that is missing.
      if (found.end === "absent") found = { ...found, end: "missing_cause", missing_cause: cause };
    }
    const { missing_cause } = found;
    const logged_cause = missing_cause === undefined
      ? undefined
      : await this.loggedEvent(missing_cause);
    const correlation_id = found.path.at(-1)?.correlation_id ?? logged_event?.correlation_id;
    const runs = typeof correlation_id === "string" ? await this.runsOf(correlation_id) : [];
    return { ...found, logged_event, logged_cause, runs };
  }

  /** The log's event with an id, as far as the index knows it. */
  async loggedEvent(event_id: string): Promise<JsonObject | undefined> {
    const { EVENT_BY_ID } = await import("../index/run_views.ts");
    const [event] = await this.#askIndex(EVENT_BY_ID, event_id);
    return event;
  }

  /** Traces can be asked about without an index: then it knows nothing. */
  async #askIndex(sql: string, value: string): Promise<JsonObject[]> {
    if (!this.world.files.facts(join(ledgerPaths(this.ledger.dir).index, "runs.duckdb"))) return [];
    return await this.ledger.query(sql, { values: [value] });
  }
}
