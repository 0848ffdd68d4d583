/** A chain of causes as steps, each with the time that went by since the one before it. */
import { queueTimeMs, type TracedEvent } from "../event/event.ts";

/** An event on a chain, and how long it took to get there. */
export type PathStep = Omit<TracedEvent, "data"> & {
  /** Counted from 1. */
  step: number;
  /** Since its cause was made; null at the beginning. */
  hop_ms: number | null;
  /** On the bus; null where nobody stamped that. */
  queue_time_ms: number | null;
  since_origin_ms: number | null;
};

/** The steps of a chain, its origin first. */
export function pathSteps(path: readonly TracedEvent[]): PathStep[] {
  return path.map((event, index) => {
    const { data: _, ...fields } = event;
    const before = path[index - 1];
    return {
      step: index + 1,
      ...fields,
      hop_ms: before ? (madeAt(event) - madeAt(before)) / 1000 : null,
      queue_time_ms: queueTimeMs(event) ?? null,
      since_origin_ms: before ? (madeAt(event) - madeAt(path[0])) / 1000 : null,
    };
  });
}

/** When it was made; where nobody stamped that, when it happened. */
function madeAt(event: TracedEvent): number {
  return event.created_at ?? event.timestamp;
}
