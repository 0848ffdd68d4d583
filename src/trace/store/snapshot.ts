/**
 * Snapshot of all traces at one moment: segments, read at once, and the Parquet files that count.
 *
 * Segments are opened first and the files are listed after: a segment that is open counts in place of
 * its files, and one that is gone has all of them in place.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { openOwn } from "../../base/files/durable.ts";
import { corruptIn } from "../../base/files/records.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { trace_listings_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { TracedEvent } from "../event/event.ts";
import {
  isMerged,
  listParquet,
  listPartitions,
  listSegments,
  partitionFolder,
  type Segment,
  segmentOfParquet,
  segmentPath,
  segmentStem,
} from "../event/files.ts";
import { mayHold, type TraceFilter, wantedBy } from "../event/filter.ts";
import { compactionSources } from "./parquet_file.ts";
import { readLateStamps, readSegment, type StampsByEvent, type TraceDamage } from "./wal_read.ts";

/** All that a query has to look at. */
export interface TraceSnapshot {
  /** Wanted events that stand in segments. */
  recent: TracedEvent[];
  /** Parquet files that may hold wanted events, by path. */
  files: string[];
  /** What of the segments could not be read, wanted or not. */
  damage: TraceDamage[];
  /** Records of segments that have no checksum, wanted or not. */
  unchecked: number;
}

/** Takes a snapshot of all that can hold wanted events. */
export function takeSnapshot(world: World, dir: string, filter: TraceFilter): TraceSnapshot {
  return withSegments(world, dir, (opened) => {
    const open = new Set(opened.keys());
    const files = listPartitions(world.files, dir, (each) => mayHold(each, filter))
      .map((partition) => partitionFolder(dir, partition))
      .flatMap((folder) => countingFiles(world, folder, open).map((name) => join(folder, name)));
    return { ...readSegments(dir, opened, filter), files };
  });
}

/** The content of write-ahead files, in numbers, and what of it is damaged. */
export interface WaitingTraces {
  events: number;
  /** Records without a checksum. */
  unchecked: number;
  damage: TraceDamage[];
}

/** Reads all write-ahead files, and nothing else. */
export function waitingTraces(world: World, dir: string): WaitingTraces {
  return withSegments(world, dir, (opened) => {
    const { recent, unchecked, damage } = readSegments(dir, opened, {});
    return { events: recent.length, unchecked, damage };
  });
}

/** By stem, the segments of a store in order. */
type OpenedSegments = Map<string, { segment: Segment; file: OpenFile }>;

/** Opens all segments there are at one moment, for as long as a function takes. */
function withSegments<Result>(
  world: World,
  dir: string,
  look: (opened: OpenedSegments) => Result,
): Result {
  for (let attempt = 0; attempt < trace_listings_max; attempt++) {
    const opened: OpenedSegments = new Map();
    try {
      for (const segment of listSegments(world.files, dir)) {
        const file = openOwn(world.files, segmentPath(dir, segment));
        opened.set(segmentStem(segment), { segment, file });
      }
      return look(opened);
    } catch (error) {
      // A file that was listed is gone: another one stands in its place by now.
      if (asLedgerError(error)?.code !== "not_found") throw error;
    } finally {
      for (const { file } of opened.values()) file.close();
    }
  }
  throw new LedgerError({
    code: "busy",
    message: `cannot read the traces in ${dir}: their files change all the time`,
    where: { path: dir },
    hint: "nothing was read; try again",
  });
}

function readSegments(
  dir: string,
  opened: OpenedSegments,
  filter: TraceFilter,
): Omit<TraceSnapshot, "files"> {
  const late = new Map<string, StampsByEvent>();
  for (const { segment: { store, number }, file } of opened.values()) {
    if (!late.has(store)) late.set(store, new Map());
    if (number > 1) readLateStamps(file, late.get(store)!);
  }
  const isWanted = wantedBy(filter);
  const found: Omit<TraceSnapshot, "files"> = { recent: [], damage: [], unchecked: 0 };
  for (const { segment, file } of opened.values()) {
    const { events, damage, unchecked } = readSegment(file, late.get(segment.store)!);
    for (const event of events) if (isWanted(event)) found.recent.push(event);
    found.damage.push(...corruptIn(segmentPath(dir, segment), damage));
    found.unchecked += unchecked;
  }
  return found;
}

/** The files of a partition that count: not those of open segments, nor those that were merged. */
export function countingFiles(
  world: World,
  folder: string,
  open_segments: ReadonlySet<string>,
): string[] {
  const names = listParquet(world.files, folder);
  const replaced = namesReplaced(world, folder, names);
  return names.filter((name) => !isOfOpenSegment(name, open_segments) && !replaced.has(name));
}

/** The files of a partition that merged files say they replace. */
export function replacedFiles(world: World, folder: string): string[] {
  const names = listParquet(world.files, folder);
  const replaced = namesReplaced(world, folder, names);
  return names.filter((name) => replaced.has(name));
}

function namesReplaced(world: World, folder: string, names: readonly string[]): Set<string> {
  const merged = names.length > 1 ? names.filter(isMerged) : [];
  return new Set(merged.flatMap((name) => compactionSources(world, join(folder, name))));
}

/** Whether a Parquet file stands for a segment that counts in its place. */
export function isOfOpenSegment(name: string, open_segments: ReadonlySet<string>): boolean {
  const segment = segmentOfParquet(name);
  return segment !== undefined && open_segments.has(segmentStem(segment));
}
