/** Traced events for tests: complete ones, with times that do not depend on when a test runs. */
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { completeTraced, type NewTracedEvent } from "../../src/trace/event/complete.ts";

/** Noon of a day far from its ends, in microseconds. */
export const NOON_US = Date.UTC(2026, 0, 23, 12) * 1000;

let ids = 0;

/** An event with all that is not given filled in. */
export function traced(given: NewTracedEvent): TracedEvent {
  return completeTraced({ timestamp: NOON_US, ...given }, {
    eventId: (event_type) => `${event_type}_${ids++}`,
    now_us: () => NOON_US,
    nextSequence: () => 1,
  });
}

/** A chain in which each event was caused by the one before it: `e0`, `e1`, … */
export function chain(length: number, correlation_id = "c"): TracedEvent[] {
  return Array.from({ length }, (_, n) =>
    traced({
      event_id: `e${n}`,
      event_type: "BAR",
      correlation_id,
      causation_id: n === 0 ? "" : `e${n - 1}`,
      timestamp: NOON_US + n,
      sequence_number: n + 1,
    }));
}
