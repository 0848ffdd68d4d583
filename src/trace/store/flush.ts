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
import type { RecordDamage } from "../../base/files/records.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { trace_row_group_rows } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import type { TracedEvent } from "../event/event.ts";
import {
  dayOfUs,
  listStores,
  parquetName,
  type Partition,
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
import {
  damageIn,
  readLateStamps,
  readSegment,
  type StampsByEvent,
  type TraceDamage,
} from "./wal_read.ts";

/** What became of segments. */
export interface FlushReport {
  segments: number;
  events: number;
  files: number;
  /** Torn ends and corrupt lines that were moved to quarantine. */
  quarantined: number;
  /** The corrupt ones of them: a torn end is what a killed program leaves. */
  damage: TraceDamage[];
  /** Records that had no checksum, since version 0.1.0 wrote them. */
  unchecked: number;
}

/** A report of nothing. */
export function emptyFlushReport(): FlushReport {
  return { segments: 0, events: 0, files: 0, quarantined: 0, damage: [], unchecked: 0 };
}

/** Flushes the segments of all stores whose processes are gone. */
export async function recoverStores(world: World, dir: string): Promise<FlushReport> {
  const report = emptyFlushReport();
  for (const store of listStores(world.files, dir).keys()) {
    const lock = await takeStoreLock(world, storeLockPath(dir, store), "if abandoned");
    if (!lock) continue;
    try {
      // The process that held it until now may have done it all.
      const segments = listStores(world.files, dir).get(store);
      if (segments) await flushStore(world, dir, store, segments, report);
    } finally {
      lock.close();
    }
  }
  return report;
}

/** Flushes a store's segments, and removes it. The caller holds its lock. */
export async function flushStore(
  world: World,
  dir: string,
  store: string,
  segments: readonly Segment[],
  report: FlushReport,
): Promise<void> {
  const late: StampsByEvent = new Map();
  for (const segment of segments.slice(1)) {
    withOpenFile(world.files, segmentPath(dir, segment), (file) => readLateStamps(file, late));
  }
  for (const segment of segments) await flushSegment(world, dir, segment, late, report);
  const lock_path = storeLockPath(dir, store);
  if (world.files.facts(lock_path)) world.files.remove(lock_path);
}

async function flushSegment(
  world: World,
  dir: string,
  segment: Segment,
  late: StampsByEvent,
  report: FlushReport,
): Promise<void> {
  const path = segmentPath(dir, segment);
  const read = (file: OpenFile) => readSegment(file, late);
  const { events, damage, unchecked } = withOpenFile(world.files, path, read);
  // Before the segment goes: no byte of it is to be lost.
  for (const each of damage) quarantine(world, dir, segment, each);
  for (const [partition, of_partition] of byPartition(events)) {
    await writePartition(world, dir, segment, partition, of_partition);
    report.files++;
  }
  world.files.remove(path);
  // A segment that a power cut brought back would count instead of its files: they are the same. But
  // not once those were merged into others.
  world.files.syncFolder(tracePaths(dir).wal);
  report.segments++;
  report.events += events.length;
  report.quarantined += damage.length;
  report.damage.push(...damageIn(path, damage));
  report.unchecked += unchecked;
  await world.turn();
}

function byPartition(events: readonly TracedEvent[]): [Partition, TracedEvent[]][] {
  const partitions = new Map<string, [Partition, TracedEvent[]]>();
  for (const event of events) {
    const { event_type } = event;
    const day = dayOfUs(event.timestamp);
    const key = `${day} ${event_type}`;
    let of_partition = partitions.get(key);
    if (!of_partition) partitions.set(key, of_partition = [{ day, event_type }, []]);
    of_partition[1].push(event);
  }
  return [...partitions.values()];
}

async function writePartition(
  world: World,
  dir: string,
  segment: Segment,
  partition: Partition,
  events: TracedEvent[],
): Promise<void> {
  const { writeParquet } = await import("../../parquet/mod.ts");
  const folder = partitionFolder(dir, partition);
  makeFolderDurably(world.files, folder);
  const path = join(folder, parquetName(segment));
  if (world.files.facts(path)) {
    // An attempt before this one came so far; what it may not have come to is the name.
    world.files.syncFolder(folder);
    return;
  }
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

function* inBatches(events: readonly TracedEvent[]) {
  for (let start = 0; start < events.length; start += trace_row_group_rows) {
    yield events.slice(start, start + trace_row_group_rows).map(rowOf);
  }
}

/** Keeps bytes that are no record. Doing it again is nothing: a dead store's segments do not change. */
function quarantine(world: World, dir: string, segment: Segment, damage: RecordDamage): void {
  const folder = tracePaths(dir).quarantine;
  makeFolderDurably(world.files, folder);
  const name = `${segmentStem(segment)}.at-${damage.offset}.${damage.kind}`;
  replaceFile(world.files, join(folder, name), damage.bytes, uniqueName(world));
}
