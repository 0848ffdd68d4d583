/**
 * Tracer: completes events as a program emits them, hands them to the store, and keeps the last ones of
 * every active correlation in a ring buffer.
 */
import { trace_memory_correlations_max, trace_memory_events_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { analyzeLatency, type LatencyReport } from "../ask/latency.ts";
import { type CausationPath, findCausationPath } from "../ask/lineage.ts";
import { completeTraced, FreshDefaults, hasOurId, type NewTracedEvent } from "../event/complete.ts";
import { newCorrelationId, type TracedEvent } from "../event/event.ts";
import type { TraceStore } from "../store/store.ts";
import type { LaterStamps, WalEntry } from "../store/wal.ts";

/** How a tracer works. */
export interface TracerOptions {
  /** The correlation of events that name none. Default: `unknown`. */
  correlation_id?: string;
  /** How many events of a correlation stay in memory. */
  memory_events_max?: number;
  /** And of how many correlations. */
  memory_correlations_max?: number;
}

/** Facts about an event from where it is emitted; its own fields go before these. */
export interface TracedSurroundings {
  correlation_id?: string;
  /** The correlation of its cause, where no other is given. */
  inherited_correlation_id?: string;
  causation_id?: string;
  source_container?: string;
  destination?: string;
}

const NO_SURROUNDINGS: TracedSurroundings = {};

/** An event on its way, which takes the stamps that come later. */
export class TraceSpan {
  readonly #tracer: Tracer;
  readonly #entry?: WalEntry;

  /** Made by `Tracer.begin`. */
  constructor(readonly event: TracedEvent, tracer: Tracer, entry: WalEntry | undefined) {
    this.#tracer = tracer;
    this.#entry = entry;
  }

  /** Its receiver has it. Only the first time counts. */
  received(): void {
    if (this.event.received_at !== null) return;
    this.#keep("received_at", this.event.received_at = this.#tracer.now_us());
  }

  /** Its processing has ended. The last time counts. */
  processed(): void {
    this.#keep("processed_at", this.event.processed_at = this.#tracer.now_us());
  }

  #keep(name: keyof LaterStamps, stamp: number): void {
    if (this.#entry) this.#tracer.store?.stamp(this.#entry, name, stamp);
  }
}

/** Ring buffer of the last events of a correlation. */
class RecentEvents {
  readonly #events: TracedEvent[] = [];
  #oldest = 0;

  constructor(readonly events_max: number) {}

  add(event: TracedEvent): void {
    if (this.#events.length < this.events_max) this.#events.push(event);
    else if (this.events_max > 0) {
      this.#events[this.#oldest] = event;
      this.#oldest = (this.#oldest + 1) % this.events_max;
    }
  }

  inOrder(): TracedEvent[] {
    return [...this.#events.slice(this.#oldest), ...this.#events.slice(0, this.#oldest)];
  }
}

/**
 * Traces the events of one program. Without a store it keeps them in memory alone.
 *
 * ```ts
 * import { systemWorld } from "../../base/world.ts";
 *
 * const tracer = new Tracer(systemWorld());
 * const signal = tracer.trace({ event_type: "SIGNAL", source_container: "momentum" });
 * const span = tracer.begin({ event_type: "ORDER", causation_id: signal.event_id });
 * span.received();
 * span.processed();
 * const { path } = await tracer.findCausationPath(span.event.event_id);
 * if (path[0].event_id !== signal.event_id) throw new Error("lost");
 * ```
 */
export class Tracer implements AsyncDisposable {
  /** The correlation of events that name none. */
  correlation_id?: string;
  readonly #events_max: number;
  readonly #correlations_max: number;
  /** In the order of their last event, so that the first is the one to forget. */
  readonly #active = new Map<string, RecentEvents>();
  #latest?: { correlation_id: string; recent: RecentEvents };
  readonly #defaults: FreshDefaults;

  constructor(readonly world: World, readonly store?: TraceStore, options: TracerOptions = {}) {
    this.correlation_id = options.correlation_id;
    this.#defaults = new FreshDefaults(world);
    this.#events_max = options.memory_events_max ?? trace_memory_events_max;
    this.#correlations_max = options.memory_correlations_max ?? trace_memory_correlations_max;
  }

  /** The time now, in microseconds UTC. */
  now_us(): number {
    return this.#defaults.now_us();
  }

  /** `backtest_YYYYMMDD_HHMMSS_<8 hex>`: an id for everything that one run emits. */
  createCorrelationId(): string {
    return newCorrelationId(this.world.now_ms(), this.world.random_uint32());
  }

  /**
   * Traces an event that is emitted now; the span takes the stamps that come later. A critical event is
   * written when this returns.
   */
  begin(given: NewTracedEvent, otherwise: TracedSurroundings = NO_SURROUNDINGS): TraceSpan {
    const defaults = this.#defaults;
    defaults.emitted_at = this.now_us();
    defaults.correlation_id = otherwise.correlation_id ?? this.correlation_id ??
      otherwise.inherited_correlation_id;
    defaults.causation_id = otherwise.causation_id;
    defaults.source_container = otherwise.source_container;
    defaults.destination = otherwise.destination;
    const event = completeTraced(given, defaults);
    const entry = this.store?.record(event, hasOurId(given));
    this.#remember(event);
    return new TraceSpan(event, this, entry);
  }

  /** Traces an event of which no more will be known. */
  trace(given: NewTracedEvent): TracedEvent {
    return this.begin(given).event;
  }

  /** The correlations of which events are in memory, the one with the latest event last. */
  activeCorrelations(): string[] {
    return [...this.#active.keys()];
  }

  /** The last events of a correlation, as far as they are in memory, in the order they were traced. */
  recent(correlation_id: string): TracedEvent[] {
    return this.#active.get(correlation_id)?.inOrder() ?? [];
  }

  /** Forgets a correlation that has ended: its events in memory, and its count. */
  end(correlation_id: string): void {
    this.#active.delete(correlation_id);
    this.#defaults.forget(correlation_id);
    this.#latest = undefined;
  }

  /** The chain of causes of an event, its origin first: from memory, else from all that is stored. */
  async findCausationPath(event_id: string): Promise<CausationPath<TracedEvent>> {
    for (const recent of this.#active.values()) {
      const path = findCausationPath(recent.inOrder(), event_id);
      if (path.end === "root" || (path.end !== "absent" && !this.store)) return path;
    }
    if (!this.store) return findCausationPath([], event_id);
    const { loadPath } = await import("../ask/lineage_queries.ts");
    const { TraceSession } = await import("../store/query.ts");
    this.store.flush();
    using session = new TraceSession(this.world, this.store.dir, this.store.onDamage);
    return await loadPath((filter) => session.query(filter), event_id);
  }

  /** How long the events of a correlation took, and where: of all that is stored of it. */
  async analyzeLatency(correlation_id: string): Promise<LatencyReport> {
    const events = await this.store?.query({ correlation_id, without_data: true });
    return analyzeLatency(events ?? this.recent(correlation_id));
  }

  /** Writes what waits; throws what keeps it from being written. */
  flush(): void {
    this.store?.flush();
  }

  /** Closes the store. */
  async close(): Promise<void> {
    await this.store?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #remember(event: TracedEvent): void {
    const { correlation_id } = event;
    if (this.#latest?.correlation_id !== correlation_id) {
      const recent = this.#active.get(correlation_id) ?? new RecentEvents(this.#events_max);
      this.#active.delete(correlation_id);
      this.#active.set(correlation_id, recent);
      if (this.#active.size > this.#correlations_max) {
        const [quietest] = this.#active.keys();
        this.#active.delete(quietest);
      }
      this.#latest = { correlation_id, recent };
    }
    this.#latest.recent.add(event);
  }
}
