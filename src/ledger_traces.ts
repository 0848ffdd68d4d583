/** The traces of a ledger, and where they meet its log: what a run published, and what it caused. */
import { join } from "@std/path";
import type { Input, World } from "./base/world.ts";
import type { JsonObject } from "./emitters.ts";
import { ledgerPaths } from "./log/mod.ts";
import type { CompactTracesReport } from "./trace/compact.ts";
import type { TracedEvent } from "./trace/event.ts";
import type { TraceFilter } from "./trace/filter.ts";
import type { IngestOptions, IngestReport } from "./trace/ingest.ts";
import type { LatencyReport } from "./trace/latency.ts";
import type { CausationPath, Lineage } from "./trace/lineage.ts";
import type { TraceStore, TraceStoreOptions } from "./trace/store.ts";
import type { Tracer, TracerOptions } from "./trace/tracer.ts";

/** What of a ledger its traces need. */
export interface TracedLedger {
  readonly dir: string;
  emit(event: JsonObject): Promise<{ event_id: string }>;
  query(sql: string): Promise<JsonObject[]>;
}

/** What is said of a traced run when it is published. */
export interface Publication {
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

/** What a correlation holds, in numbers. */
export interface TraceStats {
  events: number;
  correlations: number;
  by_type: Record<string, number>;
  files: number;
  /** Write-ahead files that are not Parquet yet. */
  segments: number;
  bytes: number;
}

/** The traces of one ledger. Everything here loads what it needs when it is first asked. */
export class LedgerTraces {
  /** The folder of traces. */
  readonly dir: string;

  constructor(readonly world: World, readonly ledger: TracedLedger) {
    this.dir = join(ledger.dir, "traces");
  }

  /** A tracer that keeps what it traces in this ledger. Close it when done. */
  async tracer(options: TracerOptions & TraceStoreOptions = {}): Promise<Tracer> {
    const { Tracer } = await import("./trace/tracer.ts");
    return new Tracer(this.world, await this.openStore(options), options);
  }

  /** A store of traces for one process. */
  async openStore(options?: TraceStoreOptions): Promise<TraceStore> {
    const { TraceStore } = await import("./trace/store.ts");
    return await TraceStore.open(this.world, this.dir, options);
  }

  /** Takes in NDJSON; all of it is durable when this returns. */
  async ingest(input: Pick<Input, "read">, options?: IngestOptions): Promise<IngestReport> {
    const { ingestTraces } = await import("./trace/ingest.ts");
    const store = await this.openStore();
    try {
      return await ingestTraces(this.world, store, input, options);
    } finally {
      // Making Parquet takes ten times as long; whoever asks often lets `compact` do it.
      await store.close("later");
    }
  }

  /** All wanted events, some at a time, in the order of their time. */
  async *read(filter?: TraceFilter): AsyncGenerator<TracedEvent[]> {
    const { readTraces } = await import("./trace/query.ts");
    yield* readTraces(this.world, this.dir, filter);
  }

  /** All wanted events at once. */
  async query(filter?: TraceFilter): Promise<TracedEvent[]> {
    const { queryTraces } = await import("./trace/query.ts");
    return await queryTraces(this.world, this.dir, filter);
  }

  /** The chain of causes of an event, its origin first. */
  async path(event_id: string): Promise<CausationPath<TracedEvent>> {
    const { storedPath } = await import("./trace/questions.ts");
    return await storedPath(this.world, this.dir, event_id);
  }

  /** A correlation, or an event, and all that came of it. */
  async lineage(
    name: string,
  ): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
    const { storedLineage } = await import("./trace/questions.ts");
    return await storedLineage(this.world, this.dir, name);
  }

  /** How long the events of a correlation took, and where. */
  async latency(correlation_id: string): Promise<LatencyReport> {
    const { analyzeLatency } = await import("./trace/latency.ts");
    return analyzeLatency(await this.query({ correlation_id, without_data: true }));
  }

  /** Makes few large files of many small ones, and Parquet of what killed programs left. */
  async compact(): Promise<CompactTracesReport> {
    const { compactTraces } = await import("./trace/compact.ts");
    return await compactTraces(this.world, this.dir);
  }

  /** What is stored, in numbers. */
  async stats(): Promise<TraceStats> {
    const by_type: Record<string, number> = {};
    const correlations = new Set<string>();
    let events = 0;
    for await (const batch of this.read({ without_data: true })) {
      for (const { event_type, correlation_id } of batch) {
        by_type[event_type] = (by_type[event_type] ?? 0) + 1;
        correlations.add(correlation_id);
        events++;
      }
    }
    const { files, segments, bytes } = this.#filesBelow(this.dir);
    return { events, correlations: correlations.size, by_type, files, segments, bytes };
  }

  #filesBelow(folder: string): Pick<TraceStats, "files" | "segments" | "bytes"> {
    const sum = { files: 0, segments: 0, bytes: 0 };
    for (const { name, is_folder } of this.world.files.list(folder) ?? []) {
      const path = join(folder, name);
      if (is_folder) {
        const below = this.#filesBelow(path);
        sum.files += below.files;
        sum.segments += below.segments;
        sum.bytes += below.bytes;
        continue;
      }
      const is_parquet = name.endsWith(".parquet");
      const is_segment = name.endsWith(".jsonl");
      if (is_parquet) sum.files++;
      if (is_segment) sum.segments++;
      if (is_parquet || is_segment) sum.bytes += this.world.files.facts(path)?.size_bytes ?? 0;
    }
    return sum;
  }

  /**
   * Says in the log what came of a correlation: its metrics, and how long its events took. From there
   * the index has it, as `backtest_analytics`. Said again, the last word counts.
   */
  async publish(correlation_id: string, said: Publication = {}): Promise<JsonObject> {
    const { analyzeLatency } = await import("./trace/latency.ts");
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
    if (!this.world.files.facts(join(ledgerPaths(this.ledger.dir).index, "runs.duckdb"))) return [];
    const { literal } = await import("./duckdb/door.ts");
    const rows = await this.ledger.query(
      `select e.run_id, any_value(l.status) as status,
         list(distinct struct_pack(artifact_type := a.artifact_type, artifact_path := a.artifact_path))
           filter (a.run_id is not null) as artifacts
       from (select distinct run_id from events
             where correlation_id = ${literal(correlation_id)} and run_id is not null) e
       left join latest_runs l on l.run_id = e.run_id
       left join artifacts_catalog a on a.run_id = e.run_id
       group by e.run_id order by e.run_id`,
    );
    return rows.map((row) => ({
      run_id: row.run_id as string,
      status: row.status as string | null,
      artifacts: (row.artifacts ?? []) as TracedRun["artifacts"],
    }));
  }

  /** The log's event with an id, where a trace's first cause is one: as far as the index knows it. */
  async loggedCause(event_id: string): Promise<JsonObject | undefined> {
    if (!this.world.files.facts(join(ledgerPaths(this.ledger.dir).index, "runs.duckdb"))) return;
    const { literal } = await import("./duckdb/door.ts");
    const [event] = await this.ledger.query(
      `select event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id
       from events where event_id = ${literal(event_id)}`,
    );
    return event;
  }
}
