/**
 * Layout of traces in a ledger folder: names <-> (store, segment, day, type). No other module builds or
 * takes apart a name.
 *
 * ```
 * traces/_wal/STORE.lock                              held while the store lives
 * traces/_wal/STORE-000001.jsonl                      a segment of what it was given
 * traces/.ingest.lock                                 held while events with ids are compared and recorded
 * traces/_quarantine/STORE-000001.at-OFFSET.torn      what a killed store left of a line
 * traces/date=2026-01-23/type=FILL/STORE-000001.parquet    that type and day of that segment
 * traces/date=2026-01-23/type=FILL/merged-UNIQUE.parquet   several such files, made into one
 * ```
 */
import { join } from "@std/path";
import { refuseWhatWaits } from "../../base/files/durable.ts";
import { LedgerError } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { trace_listings_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { dayOf } from "../../log/mod.ts";
import { folderText } from "./event.ts";

/** The folders and well-known files of a ledger's traces. */
export function tracePaths(dir: string) {
  return {
    dir,
    wal: join(dir, "_wal"),
    quarantine: join(dir, "_quarantine"),
    merge_lock: join(dir, "_wal", ".merge.lock"),
    ingest_lock: join(dir, ".ingest.lock"),
  };
}

/** The folder for what does not fit into DuckDB's memory: it makes one folder, and not those above. */
export function newSpillFolder(world: World, dir: string): string {
  return join(dir, `.spill-${uniqueName(world)}`);
}

/** A write-ahead file of a store. */
export interface Segment {
  store: string;
  number: number;
}

/** A folder of Parquet files: one UTC day of one type. */
export interface Partition {
  day: string;
  event_type: string;
}

/** A name that no other store has: when it was opened, by which process, and chance. */
export function newStoreName(world: World): string {
  const digits = new Date(world.now_ms()).toISOString().replace(/[-:]|\.\d+Z$/g, "");
  return `${digits}-${uniqueName(world)}`;
}

/** `STORE-000001` */
export function segmentStem({ store, number }: Segment): string {
  return `${store}-${String(number).padStart(6, "0")}`;
}

/** The path of a segment. */
export function segmentPath(dir: string, segment: Segment): string {
  return join(tracePaths(dir).wal, `${segmentStem(segment)}.jsonl`);
}

/** The lock that a store holds while it lives. */
export function storeLockPath(dir: string, store: string): string {
  return join(tracePaths(dir).wal, `${store}.lock`);
}

const SEGMENT_STEM = /^(.+)-(\d{6,})$/;

function parseSegmentStem(stem: string): Segment | undefined {
  const match = SEGMENT_STEM.exec(stem);
  return match ? { store: match[1], number: Number(match[2]) } : undefined;
}

/** All segments by store, in order; and the stores that have nothing but a lock. */
export function listStores(files: Files, dir: string): Map<string, Segment[]> {
  const stores = new Map<string, Segment[]>();
  const entries = files.list(tracePaths(dir).wal) ?? [];
  for (const name of entries.map(({ name }) => name).sort()) {
    const [stem, extension] = splitName(name);
    if (extension === "lock" && stem !== ".merge" && !stores.has(stem)) stores.set(stem, []);
    const segment = extension === "jsonl" ? parseSegmentStem(stem) : undefined;
    if (!segment) continue;
    stores.set(segment.store, [...stores.get(segment.store) ?? [], segment]);
  }
  for (const segments of stores.values()) segments.sort((a, b) => a.number - b.number);
  return stores;
}

export function listSegments(files: Files, dir: string): Segment[] {
  return [...listStores(files, dir).values()].flat();
}

function splitName(name: string): [string, string] {
  const dot = name.lastIndexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

/** The folder of a partition. */
export function partitionFolder(dir: string, { day, event_type }: Partition): string {
  return join(dir, `date=${day}`, `type=${folderText(event_type)}`);
}

/** The UTC day of a time. */
export function dayOfUs(time_us: number): string {
  return dayOf(Math.floor(time_us / 1000));
}

/** The partitions that are there, in order, as far as they are wanted. */
export function listPartitions(
  files: Files,
  dir: string,
  isWanted: (partition: Partition) => boolean = () => true,
): Partition[] {
  const partitions = (files.list(dir) ?? []).flatMap(({ name: day_name }) => {
    const day = /^date=(\d{4}-\d{2}-\d{2})$/.exec(day_name)?.[1];
    if (day === undefined) return [];
    return (files.list(join(dir, day_name)) ?? []).flatMap(({ name, is_folder }) => {
      const event_type = is_folder ? typeOfFolder(name) : undefined;
      return event_type === undefined ? [] : [{ day, event_type }];
    });
  });
  return partitions.filter(isWanted).sort((a, b) =>
    a.day < b.day || (a.day === b.day && a.event_type < b.event_type) ? -1 : 1
  );
}

function typeOfFolder(name: string): string | undefined {
  if (!name.startsWith("type=")) return undefined;
  try {
    return decodeURIComponent(name.slice("type=".length));
  } catch {
    // A foreign folder: ours decode.
    return undefined;
  }
}

/** The Parquet file that a segment's events of a partition go to. */
export function parquetName(segment: Segment): string {
  return `${segmentStem(segment)}.parquet`;
}

/** The segment that a Parquet file was made from; undefined for one that was merged. */
export function segmentOfParquet(name: string): Segment | undefined {
  return isMerged(name) ? undefined : parseSegmentStem(splitName(name)[0]);
}

/** A name for a merged file. Never one that was used before. */
export function newMergedName(world: World): string {
  return `merged-${newStoreName(world)}.parquet`;
}

/** Whether a file was made from others. */
export function isMerged(name: string): boolean {
  return name.startsWith("merged-");
}

/**
 * The Parquet files in a partition. A folder that changes while it is listed may show neither what went
 * nor what came in its place; so it is listed until it shows the same twice.
 */
export function listParquet(files: Files, folder: string): string[] {
  let before: string | undefined;
  for (let listing = 0; listing < trace_listings_max; listing++) {
    const entries = (files.list(folder) ?? []).filter(({ name }) => name.endsWith(".parquet"));
    // They are read by DuckDB, which waits at a pipe.
    for (const { name, is_file } of entries) {
      if (!is_file) refuseWhatWaits(files, join(folder, name));
    }
    const names = entries.map(({ name }) => name).sort();
    const now = names.join("\n");
    if (now === before) return names;
    before = now;
  }
  throw new LedgerError({
    code: "busy",
    message: `cannot list ${folder}: its files keep changing`,
    where: { path: folder },
    hint: "nothing was read; try again",
  });
}
