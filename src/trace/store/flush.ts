/**
 * Flush of the write-ahead log: segments become Parquet when their store is closed, or is known to be
 * dead. Never on the way of an event.
 *
 * A segment's Parquet files have its name, and a segment goes only when all of them are in place,
 * durably. As long as it is there its Parquet files do not count; so wherever this is cut off, every
 * event counts once, and doing it again ends it. The segments of a store go in order: stamps that come
 * late stand in a later segment than their event.
 */
import { join } from "@std/path";
import { makeFolderDurably, replaceFile, withOpenFile } from "../../base/files/durable.ts";
import { corruptIn, type RecordDamage } from "../../base/files/records.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { trace_row_group_rows } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import type { TracedEvent } from "../event/event.ts";
import {
  dayOfUs,
  listStores,
  parquetName,
  partitionFolder,
  type Segment,
  segmentPath,
  segmentStem,
  storeLockPath,
  tracePaths,
} from "../event/files.ts";
import {
  compareForFile,
  rowOf,
  TRACE_FILE_VERSION,
  TRACE_KEYS,
  TRACED_COLUMNS,
} from "./parquet_file.ts";
import { takeStoreLock } from "./liveness_lock.ts";
import { readLateStamps, readSegment, type StampsByEvent, type TraceDamage } from "./wal_read.ts";

/** What became of segments. */
export interface FlushReport {
  segments: number;
  events: number;
  files: number;
  /** Torn ends and corrupt lines that were moved to quarantine. */
  quarantined: number;
  /** The corrupt ones of them: a torn end is what a killed process leaves. */
  damage: TraceDamage[];
  /** Records that had no checksum, since version 0.1.0 wrote them. */
  unchecked: number;
}

/** Flushes segments, and counts what became of them. */
export class Flush {
  readonly report: FlushReport = {
    segments: 0,
    events: 0,
    files: 0,
    quarantined: 0,
    damage: [],
    unchecked: 0,
  };

  constructor(readonly world: World, readonly dir: string) {}

  /** Flushes the segments of all stores whose processes are gone; aborted, ends between two of them. */
  async recover(signal?: AbortSignal): Promise<void> {
    const { world, dir } = this;
    for (const store of listStores(world.files, dir).keys()) {
      if (signal?.aborted) return;
      const lock = await takeStoreLock(world, storeLockPath(dir, store), "if abandoned");
      if (!lock) continue;
      try {
        // The process that held it until now may have done it all.
        const segments = listStores(world.files, dir).get(store);
        if (segments) await this.flushStore(store, segments, signal);
      } finally {
        lock.close();
      }
    }
  }

  /** Flushes a store's segments, and removes it. The caller holds its lock. */
  async flushStore(
    store: string,
    segments: readonly Segment[],
    signal?: AbortSignal,
  ): Promise<void> {
    const { world: { files }, dir } = this;
    const late: StampsByEvent = new Map();
    for (const segment of segments.slice(1)) {
      withOpenFile(files, segmentPath(dir, segment), (file) => readLateStamps(file, late));
    }
    for (const segment of segments) {
      if (signal?.aborted) return;
      await this.#flushSegment(segment, late);
    }
    const lock_path = storeLockPath(dir, store);
    if (files.facts(lock_path)) files.remove(lock_path);
  }

  async #flushSegment(segment: Segment, late: StampsByEvent): Promise<void> {
    const { world, dir, report } = this;
    const path = segmentPath(dir, segment);
    const read = (file: OpenFile) => readSegment(file, late);
    const { events, damage, unchecked } = withOpenFile(world.files, path, read);
    // Before the segment goes: no byte of it is to be lost.
    for (const each of damage) this.#quarantine(segment, each);
    for (const of_partition of byPartition(events)) {
      await this.#writePartition(segment, of_partition);
      report.files++;
    }
    world.files.remove(path);
    // A segment that a power cut brought back would count instead of its files: they are the same. But
    // not once those were merged into others.
    world.files.syncFolder(tracePaths(dir).wal);
    report.segments++;
    report.events += events.length;
    report.quarantined += damage.length;
    report.damage.push(...corruptIn(path, damage));
    report.unchecked += unchecked;
    await world.turn();
  }

  async #writePartition(segment: Segment, events: TracedEvent[]): Promise<void> {
    const { writeParquet } = await import("../../parquet/mod.ts");
    const { world, dir } = this;
    const [{ timestamp, event_type }] = events;
    const folder = partitionFolder(dir, { day: dayOfUs(timestamp), event_type });
    makeFolderDurably(world.files, folder);
    const path = join(folder, parquetName(segment));
    // An attempt before this one came so far; what it may not have come to is the name.
    if (world.files.facts(path)) return world.files.syncFolder(folder);
    events.sort(compareForFile);
    await writeParquet(world, path, TRACED_COLUMNS, inBatches(events), {
      codec: "zstd",
      row_group_rows: trace_row_group_rows,
      key_values: {
        [TRACE_KEYS.version]: TRACE_FILE_VERSION,
        [TRACE_KEYS.segment]: segmentStem(segment),
      },
    });
  }

  /** Keeps bytes that are no record. Idempotent: a dead store's segments do not change. */
  #quarantine(segment: Segment, { offset, kind, bytes }: RecordDamage): void {
    const { world, dir } = this;
    const folder = tracePaths(dir).quarantine;
    makeFolderDurably(world.files, folder);
    const path = join(folder, `${segmentStem(segment)}.at-${offset}.${kind}`);
    replaceFile(world.files, path, bytes, uniqueName(world));
  }
}

function byPartition(events: readonly TracedEvent[]): Iterable<TracedEvent[]> {
  return Map.groupBy(events, ({ timestamp, event_type }) => `${dayOfUs(timestamp)} ${event_type}`)
    .values();
}

function* inBatches(events: readonly TracedEvent[]) {
  for (let start = 0; start < events.length; start += trace_row_group_rows) {
    yield events.slice(start, start + trace_row_group_rows).map(rowOf);
  }
}
