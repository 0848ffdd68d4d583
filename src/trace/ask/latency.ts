/**
 * Latency percentiles: per type from creation to the end of processing, with the wait on the bus apart
 * from the work; per hop from a cause to its effect; and a histogram of durations. Stamps that cannot be
 * right (missing, below zero, in the wrong order) are left out, and counted. Pure.
 */
import type { TracedEvent } from "../event/event.ts";
import { Lineage } from "./lineage.ts";

/** A summary of durations. */
export interface DurationSummary {
  count: number;
  mean_ms: number;
  median_ms: number;
  p90_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
}

/** How many durations were left out, by the reason. */
export interface LeftOutStamps {
  missing: number;
  negative: number;
  out_of_order: number;
}

/** How long events of a type took. Null where no event has the stamps for it. */
export interface TypeLatency {
  /** From creation to the end of processing. */
  latency: DurationSummary | null;
  /** From the bus to the receiver. */
  queue: DurationSummary | null;
  /** From the receiver to the end of processing. */
  processing: DurationSummary | null;
  /** Events of which the latency is not known. */
  left_out: LeftOutStamps;
}

/** How long it took from causes of one type to their effects of another. */
export interface HopLatency {
  from: string;
  to: string;
  latency: DurationSummary | null;
  left_out: LeftOutStamps;
}

/** Latencies of a set of events. */
export interface LatencyReport {
  events: number;
  types: Record<string, TypeLatency>;
  hops: HopLatency[];
}

/** The stamps of an event. */
export type Stamps = Pick<
  TracedEvent,
  "created_at" | "emitted_at" | "received_at" | "processed_at"
>;

/** What latency needs to know of an event. */
export type LatencyEvent =
  & Stamps
  & Pick<TracedEvent, "event_id" | "event_type" | "correlation_id" | "causation_id">;

/** Durations that are gathered. */
export class Durations {
  readonly left_out: LeftOutStamps = { missing: 0, negative: 0, out_of_order: 0 };
  /** Those that can be right. */
  readonly values_ms: number[] = [];

  /** Takes the time from the first to the last of some stamps, if they can be right. */
  add(stamps: readonly (number | null)[]): void {
    const problem = stampsProblem(stamps);
    if (problem) this.left_out[problem]++;
    else this.values_ms.push((stamps[stamps.length - 1]! - stamps[0]!) / 1000);
  }

  summary(): DurationSummary | null {
    return summarize(this.values_ms);
  }
}

/** Why stamps cannot be right; undefined when they can. */
function stampsProblem(stamps: readonly (number | null)[]): keyof LeftOutStamps | undefined {
  if (stamps.includes(null)) return "missing";
  if (stamps.some((stamp) => stamp! < 0)) return "negative";
  if (stamps.some((stamp, at) => at > 0 && stamp! < stamps[at - 1]!)) return "out_of_order";
}

/** The ends give the latency; stamps between them may be missing, and have to fit. */
export function stampsOf({ created_at, emitted_at, received_at, processed_at }: Stamps) {
  const between = [emitted_at, received_at].filter((stamp) => stamp !== null);
  return [created_at, ...between, processed_at];
}

/** The latencies of events, one by one, without those that `analyzeLatency` leaves out. */
export function latenciesMs(events: Iterable<LatencyEvent>): number[] {
  const latencies = new Durations();
  for (const event of events) latencies.add(stampsOf(event));
  return latencies.values_ms;
}

/** Latencies per type and per hop. The events may come in any order. */
export function analyzeLatency(events: Iterable<LatencyEvent>): LatencyReport {
  const lineage = new Lineage(events);
  const types = new Map<string, Record<"latency" | "queue" | "processing", Durations>>();
  const hops = new Map<string, { from: string; to: string; durations: Durations }>();
  for (const event of lineage.events) {
    const { event_type, created_at, emitted_at, received_at, processed_at } = event;
    const of_type = types.getOrInsertComputed(event_type, () => ({
      latency: new Durations(),
      queue: new Durations(),
      processing: new Durations(),
    }));
    of_type.latency.add(stampsOf(event));
    of_type.queue.add([emitted_at, received_at]);
    of_type.processing.add([received_at, processed_at]);
    const cause = lineage.causeOf(event);
    if (!cause) continue;
    const hop = { from: cause.event_type, to: event_type };
    hops.getOrInsertComputed(
      JSON.stringify([hop.from, hop.to]),
      () => ({ ...hop, durations: new Durations() }),
    ).durations.add([cause.created_at, created_at]);
  }
  return {
    events: lineage.events.length,
    types: Object.fromEntries(
      [...types].sort(([a], [b]) => a < b ? -1 : 1).map((
        [type, { latency, queue, processing }],
      ) => [type, {
        latency: latency.summary(),
        queue: queue.summary(),
        processing: processing.summary(),
        left_out: latency.left_out,
      }]),
    ),
    hops: [...hops.values()].map(({ from, to, durations }) => {
      return { from, to, latency: durations.summary(), left_out: durations.left_out };
    }).sort((a, b) => a.from < b.from || (a.from === b.from && a.to < b.to) ? -1 : 1),
  };
}

/** Summarizes durations; null for none. */
export function summarize(values_ms: readonly number[]): DurationSummary | null {
  if (values_ms.length === 0) return null;
  const sorted = Float64Array.from(values_ms).sort();
  return {
    count: sorted.length,
    mean_ms: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    median_ms: percentile(sorted, 0.5),
    p90_ms: percentile(sorted, 0.9),
    p95_ms: percentile(sorted, 0.95),
    p99_ms: percentile(sorted, 0.99),
    max_ms: sorted[sorted.length - 1],
  };
}

/** Interpolates between the two nearest values, as numpy does. */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** One range of a histogram, from its lower bound up to its upper. */
interface HistogramBar {
  from_ms: number;
  to_ms: number;
  count: number;
}

/** Durations in ranges of 1, 2, 5, 10 … : latencies spread over powers of ten. */
export function histogramOf(values_ms: readonly number[]): HistogramBar[] {
  const ranges = Map.groupBy(values_ms, rangeOf);
  if (ranges.size === 0) return [];
  const first = Math.min(...ranges.keys());
  const last = Math.max(...ranges.keys());
  return Array.from({ length: last - first + 1 }, (_, at) => ({
    from_ms: boundOf(first + at),
    to_ms: boundOf(first + at + 1),
    count: ranges.get(first + at)?.length ?? 0,
  }));
}

const BAR_COLUMNS = 40;

/** A bar as a line of blocks. */
export function barText(count: number, most: number): string {
  return count === 0 ? "" : "█".repeat(Math.max(1, Math.round(count / most * BAR_COLUMNS)));
}

const STEPS = [1, 2, 5];
/** Everything below a microsecond is one range: no clock tells it apart. */
const LOWEST_MS = 0.001;
const LOWEST = 3 * Math.log10(LOWEST_MS);

function rangeOf(value_ms: number): number {
  if (value_ms < LOWEST_MS) return LOWEST - 1;
  let index = 3 * Math.floor(Math.log10(value_ms));
  // Logarithms are off by a hair at the bounds themselves.
  while (boundOf(index + 1) <= value_ms) index++;
  while (boundOf(index) > value_ms) index--;
  return index;
}

function boundOf(index: number): number {
  if (index < LOWEST) return 0;
  const power = Math.floor(index / 3);
  return Number(`${STEPS[index - 3 * power]}e${power}`);
}
