/**
 * Stratified sampling of a trace that keeps what matters: every critical event with what happened around
 * it, and of all the rest a share, more of it from windows where much happened.
 *
 * The share is a quota and not a coin tossed for each event. The rest is cut into strata (a type within
 * a window of the stream); what a stratum may keep follows from the rate and from how busy its window
 * was, measured against the stream itself; which of its events those are is drawn. So the size of a
 * sample is known beforehand, no rare type is passed over, and a seed gives the same sample again.
 */
import { SeededRandom } from "../../base/random.ts";
import {
  sample_activity_factor_max,
  sample_context_events,
  sample_rate,
  sample_window_events,
} from "../../base/limits.ts";
import { LedgerError } from "../../base/error.ts";
import { CRITICAL_TYPES, type TracedEvent } from "../event/event.ts";

/** How a trace is sampled. */
export interface SampleOptions {
  /** The share of events that are neither critical nor next to one: from 0 to 1. */
  rate?: number;
  /** Another seed draws others. Default: 1. */
  seed?: number;
  critical_types?: readonly string[];
  /** How many events to keep before and after each critical one. */
  context_events?: number;
}

/** What sampling needs to know of an event. */
export type SampleEvent = Pick<TracedEvent, "event_type" | "timestamp">;

/** Samples events that are in the order in which they happened. The sample keeps that order. */
export function sampleEvents<Event extends SampleEvent>(
  events: readonly Event[],
  options: SampleOptions = {},
): Event[] {
  const rate = options.rate ?? sample_rate;
  if (!(rate >= 0 && rate <= 1)) {
    throw new LedgerError({
      code: "usage",
      message: `cannot sample at a rate of ${rate}: it has to be from 0 to 1`,
      hint: "0.1 keeps one event in ten",
    });
  }
  const is_kept = keepCritical(events, options);
  // The more is kept, the less there is to choose; at a rate of 1 everything is kept.
  const factors = activityFactors(events).map((factor) => factor ** (1 - rate));
  const random = new SeededRandom(options.seed ?? 1);
  for (const windows of strata(events, is_kept)) {
    for (const [indices, count] of withQuotas(windows, factors, rate)) {
      draw(indices, count, random, (index) => is_kept[index] = 1);
    }
  }
  return events.filter((_, index) => is_kept[index] === 1);
}

/** Marks the critical events, and those around them. */
function keepCritical(events: readonly SampleEvent[], options: SampleOptions): Uint8Array {
  const { critical_types = CRITICAL_TYPES, context_events = sample_context_events } = options;
  const critical = new Set(critical_types);
  const is_kept = new Uint8Array(events.length);
  events.forEach(({ event_type }, index) => {
    if (!critical.has(event_type)) return;
    is_kept.fill(1, Math.max(0, index - context_events), index + context_events + 1);
  });
  return is_kept;
}

/** The events of a type that are left over, window by window. */
type Windows = Map<number, number[]>;

function strata(events: readonly SampleEvent[], is_kept: Uint8Array): Iterable<Windows> {
  const of_types = new Map<string, Windows>();
  events.forEach(({ event_type }, index) => {
    if (is_kept[index]) return;
    of_types.getOrInsertComputed(event_type, () => new Map())
      .getOrInsertComputed(Math.floor(index / sample_window_events), () => []).push(index);
  });
  return of_types.values();
}

/**
 * How busy each window of the stream was: events over time, against all events over all time. At most
 * the limit, and at least its inverse, so that a quiet window is not passed over for a busy one.
 */
function activityFactors(events: readonly SampleEvent[]): number[] {
  const count = Math.ceil(events.length / sample_window_events);
  const limit = sample_activity_factor_max;
  const whole = density(events, 0, events.length);
  // Where no time passes at all, nothing is busier than anything else.
  if (whole === Infinity) return Array(count).fill(1);
  return Array.from({ length: count }, (_, window) => {
    const from = window * sample_window_events;
    const own = density(events, from, Math.min(events.length, from + sample_window_events));
    return Math.min(limit, Math.max(1 / limit, own / whole));
  });
}

function density(events: readonly SampleEvent[], from: number, to: number): number {
  const duration = events.length === 0 ? 0 : events[to - 1].timestamp - events[from].timestamp;
  return duration > 0 ? (to - from - 1) / duration : Infinity;
}

/**
 * How many each window may keep. Together that is the rate's share of the type, whatever happened
 * when; none keeps more than the limit times its own share.
 */
function* withQuotas(
  windows: Windows,
  factors: readonly number[],
  rate: number,
): Generator<[number[], number]> {
  let events = 0;
  let weights = 0;
  for (const [window, indices] of windows) {
    events += indices.length;
    weights += indices.length * factors[window];
  }
  // What one stratum cannot have, since it is less than a whole event, goes to the next.
  let due = 0.5;
  for (const [window, indices] of windows) {
    const factor = Math.min(sample_activity_factor_max, factors[window] * events / weights);
    due += Math.min(1, rate * factor) * indices.length;
    const count = Math.min(indices.length, Math.floor(due));
    due -= count;
    yield [indices, count];
  }
}

/** Draws some of the indices, each with the same chance. */
function draw(
  indices: number[],
  count: number,
  random: SeededRandom,
  keep: (index: number) => void,
): void {
  for (let drawn = 0; drawn < count; drawn++) {
    const other = drawn + random.below(indices.length - drawn);
    [indices[drawn], indices[other]] = [indices[other], indices[drawn]];
    keep(indices[drawn]);
  }
}
