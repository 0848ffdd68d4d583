/**
 * Reads what is new in the log, in log order, and makes handfuls of it for DuckDB. Which lines are
 * events is our reader's decision alone.
 */
import type { World } from "../base/world.ts";
import {
  LogCursor,
  type LogRecord,
  type OpenPart,
  type PartExtent,
  partsOfDay,
} from "../log/mod.ts";
import { type Hand, Staging } from "./spool.ts";

/** What is to be read. */
export interface IntakeRequest {
  root: string;
  days: string[];
  /** How far each part is read already, by its label. */
  positions: [string, number][];
  /** Where the files of a handful go. */
  folder: string;
  /** Whether nothing is indexed yet: then columns of compacted parts can be taken as they are. */
  from_nothing: boolean;
}

/** What was read. */
export interface Intake {
  /** How far each part is read now. */
  positions: [string, number][];
  /** Part, offset, reason. */
  rejected: [string, number, string][];
  new_events: number;
  new_bytes: number;
}

/** Reads all there is, and hands it over. */
export async function takeIn(
  world: World,
  { root, days, positions, folder, from_nothing }: IntakeRequest,
  hand: Hand,
  onRead?: (new_bytes: number) => void,
): Promise<Intake> {
  const cursor = new LogCursor(world, root);
  for (const [label, position] of positions) cursor.positions.set(label, position);
  const staging = new Staging(world, folder, hand);
  const rejected: Intake["rejected"] = [];
  let new_events = 0;
  let new_bytes = 0;
  const takeBatch = async (batch: LogRecord[]) => {
    for (const record of batch) {
      // A torn tail is no line yet: a writer ends it, or moves it away.
      if (record.kind === "torn") continue;
      new_bytes += record.size_bytes + 1;
      if (record.kind !== "event") {
        rejected.push([record.label, record.offset, record.reason]);
        continue;
      }
      new_events++;
      const waiting = staging.add(record);
      if (waiting) await waiting;
    }
    onRead?.(new_bytes);
  };
  const takePart = async (extent: PartExtent) => {
    for await (const batch of cursor.batchesOfPart(extent)) await takeBatch(batch);
  };
  const takeCompacted = async (extent: PartExtent) => {
    const [events_before, bytes_before] = [new_events, new_bytes];
    let packed_path: string | undefined;
    const onOpen = (part: OpenPart) => packed_path = part.packed_path;
    // The other lines first: reading them, the file is proven to be what it was.
    for await (const batch of cursor.batchesOfPart(extent, true, onOpen)) await takeBatch(batch);
    // Restored at this very moment, it gave all of its lines.
    if (!packed_path) return;
    await staging.addCompacted({ ...extent, path: packed_path });
    new_events = events_before + extent.events!;
    new_bytes = bytes_before + extent.size_bytes;
    onRead?.(new_bytes);
  };
  for (const day of days) {
    for (const extent of await partsOfDay(world.files, root, day)) {
      const is_new = !cursor.positions.has(extent.label);
      if (from_nothing && extent.compacted && is_new) await takeCompacted(extent);
      else await takePart(extent);
    }
  }
  await staging.finish();
  return { positions: [...cursor.positions], rejected, new_events, new_bytes };
}
