/**
 * Ingest: reads what is new in the log, in log order, and spools it for DuckDB. Which lines are events is
 * the log reader's decision alone.
 */
import { Thread } from "../base/thread.ts";
import type { World } from "../base/world.ts";
import {
  LogCursor,
  type LogRecord,
  type OpenPart,
  type PartExtent,
  partsOfDay,
} from "../log/mod.ts";
import { type Batch, type BatchSink, Spool } from "./spool.ts";

export interface IngestRequest {
  root: string;
  days: string[];
  positions: [string, number][];
  folder: string;
  /** Whether nothing is indexed yet: then columns of compacted parts can be loaded as they are. */
  from_nothing: boolean;
}

export interface IngestResult {
  positions: [string, number][];
  /** Part, offset, reason. */
  rejected: [string, number, string][];
  new_events: number;
  new_bytes: number;
}

export async function ingest(
  world: World,
  { root, days, positions, folder, from_nothing }: IngestRequest,
  sink: BatchSink,
  onRead?: (new_bytes: number) => void,
): Promise<IngestResult> {
  const cursor = new LogCursor(world, root);
  for (const [label, position] of positions) cursor.positions.set(label, position);
  const spool = new Spool(world, folder, sink);
  const rejected: IngestResult["rejected"] = [];
  let new_events = 0;
  let new_bytes = 0;
  const addAll = async (records: LogRecord[]) => {
    for (const record of records) {
      // A torn tail is no line yet: a writer ends it, or moves it away.
      if (record.kind === "torn") continue;
      new_bytes += record.size_bytes + 1;
      if (record.kind !== "event") {
        rejected.push([record.label, record.offset, record.reason]);
        continue;
      }
      new_events++;
      const waiting = spool.add(record);
      if (waiting) await waiting;
    }
    onRead?.(new_bytes);
  };
  const addCompacted = async (extent: PartExtent) => {
    const [events_before, bytes_before] = [new_events, new_bytes];
    let packed_path: string | undefined;
    const onOpen = (part: OpenPart) => packed_path = part.packed_path;
    // The other lines first: reading them proves that the file is what it was.
    for await (const records of cursor.batchesOfPart(extent, true, onOpen)) await addAll(records);
    // Restored at this very moment, it gave all of its lines.
    if (!packed_path) return;
    await spool.addCompacted({ ...extent, path: packed_path });
    new_events = events_before + extent.events!;
    new_bytes = bytes_before + extent.size_bytes;
    onRead?.(new_bytes);
  };
  for (const day of days) {
    for (const extent of await partsOfDay(world.files, root, day)) {
      if (from_nothing && extent.compacted && !cursor.positions.has(extent.label)) {
        await addCompacted(extent);
      } else {
        for await (const records of cursor.batchesOfPart(extent)) await addAll(records);
      }
    }
  }
  await spool.finish();
  return { positions: [...cursor.positions], rejected, new_events, new_bytes };
}

export interface ReadBatch {
  batch: Batch;
  new_bytes: number;
}

const MODULE = {
  name: "reading",
  bundled: "./src/index/reader_worker.js",
  source: "./reader_worker.ts",
  seen_from: import.meta.url,
};

/**
 * The same on a thread of its own, with the same surroundings. The caller's thread calls DuckDB, and in some
 * versions of Deno the event loop stands still for as long as DuckDB works.
 */
export async function ingestOnThread(
  request: IngestRequest,
  sink: BatchSink,
  onRead?: (new_bytes: number) => void,
): Promise<IngestResult> {
  const reader = new Thread<IngestRequest, IngestResult, ReadBatch, "next">(MODULE);
  try {
    let taken = Promise.resolve();
    const { promise: refused, reject } = Promise.withResolvers<never>();
    const read = reader.run(request, ({ batch, new_bytes }) => {
      onRead?.(new_bytes);
      taken = taken.then(() => sink(batch));
      taken.then(() => reader.say("next"), reject);
    });
    const ingested = await Promise.race([read, refused]);
    await taken;
    return ingested;
  } finally {
    reader.close();
  }
}
