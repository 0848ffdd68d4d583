/** The traces of a ledger: events with what caused them and when they were where. */
import type { Input, World } from "./base/world.ts";
import { ledgerPaths } from "./log/mod.ts";
import type { CompactTracesReport } from "./trace/compact.ts";
import type { TracedEvent } from "./trace/event.ts";
import type { TraceFilter } from "./trace/filter.ts";
import type { IngestOptions, IngestReport } from "./trace/ingest.ts";
import type { LatencyReport } from "./trace/latency.ts";
import type { CausationPath, Lineage } from "./trace/lineage.ts";
import type { TraceStats } from "./trace/stats.ts";
import type { TraceStore, TraceStoreOptions } from "./trace/store.ts";
import type { Tracer, TracerOptions } from "./trace/tracer.ts";

/** How a tracer and its store are opened. */
export interface TraceOptions extends TraceStoreOptions, TracerOptions {}

/** The traces of one ledger. Everything here loads what it needs when it is first asked. */
export class LedgerTraces {
  /** Their folder. */
  readonly dir: string;

  constructor(readonly world: World, ledger_dir: string) {
    this.dir = ledgerPaths(ledger_dir).traces;
  }

  /** Opens a tracer with a store of its own. Close it when done: that makes Parquet of what it kept. */
  async open(options: TraceOptions = {}): Promise<Tracer> {
    const { Tracer } = await import("./trace/tracer.ts");
    return new Tracer(this.world, await this.openStore(options), options);
  }

  /** Opens a store, for events that are complete. */
  async openStore(options: TraceStoreOptions = {}): Promise<TraceStore> {
    const { TraceStore } = await import("./trace/store.ts");
    return await TraceStore.open(this.world, this.dir, options);
  }

  /** An id for everything that one run emits: `backtest_YYYYMMDD_HHMMSS_<8 hex>`. */
  async createCorrelationId(): Promise<string> {
    const { newCorrelationId } = await import("./trace/event.ts");
    return newCorrelationId(this.world.now_ms(), this.world.random_uint32());
  }

  /** Takes in events that another program traced, one a line. Durable when it returns. */
  async ingest(input: Pick<Input, "read">, options?: IngestOptions): Promise<IngestReport> {
    const { ingestStream } = await import("./trace/ingest.ts");
    // Nobody waits for single events of a stream: it is durable as a whole.
    const store = await this.openStore({ critical_types: [] });
    try {
      return await ingestStream(this.world, store, input, options);
    } finally {
      await store.close("later");
    }
  }

  /** Wanted events, some at a time, in the order of their time. */
  async *read(filter?: TraceFilter): AsyncGenerator<TracedEvent[]> {
    const { readTraces } = await import("./trace/query.ts");
    yield* readTraces(this.world, this.dir, filter);
  }

  /** Wanted events, all at once. */
  async query(filter?: TraceFilter): Promise<TracedEvent[]> {
    const { queryTraces } = await import("./trace/query.ts");
    return await queryTraces(this.world, this.dir, filter);
  }

  /** The chain of causes of an event, its origin first. */
  async path(event_id: string): Promise<CausationPath<TracedEvent>> {
    const { storedPath } = await import("./trace/questions.ts");
    return await storedPath(this.world, this.dir, event_id);
  }

  /** The events of a correlation, or of an event's correlations, and where their trees begin. */
  async lineage(name: string): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
    const { storedLineage } = await import("./trace/questions.ts");
    return await storedLineage(this.world, this.dir, name);
  }

  /** How long the events of a correlation took, and where. */
  async latency(correlation_id: string): Promise<LatencyReport> {
    const { analyzeLatency } = await import("./trace/latency.ts");
    return analyzeLatency(await this.query({ correlation_id, without_data: true }));
  }

  /** What there is, in numbers. */
  async stats(): Promise<TraceStats> {
    const { traceStats } = await import("./trace/stats.ts");
    return await traceStats(this.world, this.dir);
  }

  /** Makes Parquet of what programs left that have ended, and few files of many. */
  async compact(): Promise<CompactTracesReport> {
    const { compactTraces } = await import("./trace/compact.ts");
    return await compactTraces(this.world, this.dir);
  }
}
