/**
 * Ingest: reads what is new in the log, in log order, and spools it for DuckDB. Which lines are events is
 * the log reader's decision alone.
 */
import { LedgerError } from "../base/error.ts";
import { openOwn } from "../base/files/durable.ts";
import { Thread } from "../base/thread.ts";
import type { World } from "../base/world.ts";
import { packedOf, unpackLines } from "../log/codec/unpacking.ts";
import {
  LogCursor,
  type LogRecord,
  type OpenPart,
  parsePartLabel,
  type PartExtent,
  partsOfDay,
  recordsOfLines,
} from "../log/mod.ts";
import { type Batch, type BatchSink, Spool } from "./spool.ts";

interface CommonRequest {
  /** Where spool files go. */
  folder: string;
  /** Whether nothing is indexed yet: then columns of packed lines can be loaded as they are. */
  from_nothing: boolean;
}

/** New lines of one log. */
interface LogRequest extends CommonRequest {
  root: string;
  days: string[];
  positions: [string, number][];
}

/** The lines of segments of many boxes. */
interface SegmentsRequest extends CommonRequest {
  segments: { box: string; path: string }[];
}

export type IngestRequest = LogRequest | SegmentsRequest;

export interface IngestResult {
  /** How far each part of a log was read; empty for segments, which are read whole. */
  positions: [string, number][];
  /** Box, where there are several; part, offset, reason. */
  rejected: (string | number)[][];
  new_events: number;
  new_bytes: number;
}

export async function ingest(
  world: World,
  request: IngestRequest,
  sink: BatchSink,
  onRead?: (new_bytes: number) => void,
): Promise<IngestResult> {
  const ingestion = new Ingestion(world, request, sink, onRead);
  const positions = "segments" in request
    ? await ingestion.readSegments(request)
    : await ingestion.readLog(request);
  return { positions, ...await ingestion.finish() };
}

class Ingestion {
  readonly #spool: Spool;
  readonly #rejected: IngestResult["rejected"] = [];
  #new_events = 0;
  #new_bytes = 0;

  constructor(
    readonly world: World,
    { folder }: IngestRequest,
    sink: BatchSink,
    readonly onRead: (new_bytes: number) => void = () => {},
  ) {
    this.#spool = new Spool(world, folder, sink);
  }

  async readLog(
    { root, days, positions, from_nothing }: LogRequest,
  ): Promise<IngestResult["positions"]> {
    const { world } = this;
    const cursor = new LogCursor(world, root);
    for (const [label, position] of positions) cursor.positions.set(label, position);
    for (const day of days) {
      for (const extent of await partsOfDay(world.files, root, day)) {
        if (from_nothing && extent.compacted && !cursor.positions.has(extent.label)) {
          await this.#addCompacted(cursor, extent);
        } else {
          for await (const records of cursor.batchesOfPart(extent)) await this.#addAll(records);
        }
      }
    }
    return [...cursor.positions];
  }

  /** Reads segments in turn; each names its part, and its lines their places in that. */
  async readSegments({ segments, from_nothing }: SegmentsRequest): Promise<[]> {
    const { world } = this;
    for (const { box, path } of segments) {
      using file = openOwn(world.files, path);
      const { part: label } = packedOf(file);
      const part = parsePartLabel(label);
      if (!part) throw noSegment(path);
      this.#spool.box = box;
      for (const block of unpackLines(file, { without_trials: from_nothing })) {
        await this.#addAll(recordsOfLines({ part, label }, block));
        await world.turn();
      }
      if (from_nothing) await this.#spool.addPacked({ path, part });
    }
    return [];
  }

  async finish(): Promise<Omit<IngestResult, "positions">> {
    await this.#spool.finish();
    return {
      rejected: this.#rejected,
      new_events: this.#new_events,
      new_bytes: this.#new_bytes,
    };
  }

  async #addAll(records: LogRecord[]): Promise<void> {
    for (const record of records) {
      // A torn tail is no line yet: a writer ends it, or moves it away.
      if (record.kind === "torn") continue;
      this.#new_bytes += record.size_bytes + 1;
      if (record.kind !== "event") {
        this.#rejected.push([...this.#spool.boxes, record.label, record.offset, record.reason]);
        continue;
      }
      this.#new_events++;
      const waiting = this.#spool.add(record);
      if (waiting) await waiting;
    }
    this.onRead(this.#new_bytes);
  }

  async #addCompacted(cursor: LogCursor, extent: PartExtent): Promise<void> {
    const [events_before, bytes_before] = [this.#new_events, this.#new_bytes];
    let packed_path: string | undefined;
    const onOpen = (part: OpenPart) => packed_path = part.packed_path;
    // The other lines first: reading them proves that the file is what it was.
    for await (const records of cursor.batchesOfPart(extent, true, onOpen)) {
      await this.#addAll(records);
    }
    // Restored at this very moment, it gave all of its lines.
    if (!packed_path) return;
    await this.#spool.addPacked({ ...extent, path: packed_path });
    this.#new_events = events_before + extent.events!;
    this.#new_bytes = bytes_before + extent.size_bytes;
    this.onRead(this.#new_bytes);
  }
}

function noSegment(path: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `${path} is no segment of a log`,
    where: { path },
    hint: "remove it: ledger fleet pull fetches it again",
  });
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
