/** Shipping lag: how much of this box's log the fleet's store has not acknowledged yet. Needs no network. */
import { dirname, join } from "@std/path";
import { linesOf } from "../../base/files/lines.ts";
import type { World } from "../../base/world.ts";
import { BadLine, validate } from "../event/validate.ts";
import { openPart, wasConcurrentlyRemoved } from "../read/part_file.ts";
import type { PartExtent } from "../read/parts.ts";
import { ownParts, readShipped, shippedPath } from "./shipped.ts";

/** What is not in the store yet. */
export interface ShippingLag {
  bytes: number;
  /** For how long at most the oldest of it has waited. */
  seconds: number;
  /** The number of the last segment that is known to be there. */
  head: number;
  /** Whole lines; where they were counted. */
  events?: number;
}

const NEWLINE = 10;

/** How far the store is behind the log. Counting events reads every byte that is not there. */
export async function shippingLag(
  world: World,
  root: string,
  { count }: { count?: boolean } = {},
): Promise<ShippingLag> {
  const { head, ends } = readShipped(world.files, root);
  const lag: ShippingLag = { bytes: 0, seconds: 0, head };
  if (count) lag.events = 0;
  let oldest_day: string | undefined;
  for await (const extent of ownParts(world, root)) {
    const from = ends.get(extent.label) ?? 0;
    if (extent.size_bytes <= from) continue;
    // The day of an event is that of its time: the oldest one is in the first of these days.
    oldest_day ??= extent.part.day;
    const is_oldest = extent.part.day === oldest_day;
    const waiting = await lookAt(world, extent, from, { is_oldest, count: count ?? false });
    lag.bytes += waiting.end - from;
    lag.seconds = Math.max(lag.seconds, (world.now_ms() - waiting.oldest_ms) / 1e3);
    if (count) lag.events! += waiting.events;
  }
  lag.seconds = Math.min(lag.seconds, sinceAcknowledged(world, root));
  return lag;
}

/** Where the lines of a part end, how many wait behind an offset, and when the first of them happened. */
async function lookAt(
  world: World,
  extent: PartExtent,
  from: number,
  { is_oldest, count }: { is_oldest: boolean; count: boolean },
) {
  const { part: { day }, compacted, size_bytes: end, events = 0 } = extent;
  const waiting = { end, events: 0, oldest_ms: Infinity };
  // A compacted part would be proven whole before it is read: what is noted of it is enough.
  if (compacted) waiting.oldest_ms = Date.parse(day);
  if (compacted && (!count || from === 0)) return { ...waiting, events };
  try {
    using part = await openPart(world, extent);
    waiting.end = part.startOfLineBefore(end + 1);
    if (!count && !is_oldest) return waiting;
    for (const { bytes } of part.blocks(from)) {
      if (waiting.oldest_ms === Infinity) waiting.oldest_ms = timeOfFirst(bytes);
      if (!count) break;
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
        waiting.events++;
      }
    }
  } catch (error) {
    if (!wasConcurrentlyRemoved(error)) throw error;
    waiting.end = from;
  }
  return waiting;
}

/** A line that is no event has no time. */
function timeOfFirst(bytes: Uint8Array): number {
  for (const { text, size_bytes } of linesOf(bytes, 0)) {
    const event = text === undefined ? undefined : validate(text, size_bytes);
    if (event && !(event instanceof BadLine)) return event.timestamp_ms;
  }
  return Infinity;
}

/** Old events may be filled in today: nothing has waited for longer than since the store last answered. */
function sinceAcknowledged(world: World, root: string): number {
  const path = shippedPath(root);
  const times_ms = [path, join(dirname(dirname(path)), "fleet.json")].flatMap((path) => {
    return world.files.facts(path)?.modified_ms ?? [];
  });
  if (times_ms.length === 0) return Infinity;
  return Math.max(0, (world.now_ms() - Math.max(...times_ms)) / 1e3);
}
