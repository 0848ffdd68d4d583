/** Watermarks: up to where an index covers each part of the log, and what it holds of archived days. */
import { join } from "@std/path";
import { withNumbers } from "../base/json.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { SnapshotStore } from "../duckdb/snapshot_swap.ts";
import { ledgerPaths, lineHash, openPart, type PartExtent, partStem } from "../log/mod.ts";
import * as sql from "./load_sql.ts";
import { INDEX_VERSION } from "./tables.ts";
import { RUNNING_RUNS } from "./run_views.ts";

/** A row of `index_parts`: how far a part is indexed. */
export interface IndexedPart {
  log_day: string;
  log_part: string;
  indexed_to: number;
  last_line_at: number;
  last_line_hash: string;
  is_archived: boolean;
}

export type ArchivedDay = [log_day: string, archived_at_ms: number, archive: string | null];

/** What an index says of itself: its parts, and the days that it takes for archived. */
export interface Indexed {
  parts: IndexedPart[];
  archived_days: ArchivedDay[];
}

export function labelOf(part: Pick<IndexedPart, "log_day" | "log_part">): string {
  return `day=${part.log_day}/${part.log_part}.jsonl`;
}

export async function indexedPart(
  world: World,
  extent: PartExtent,
  indexed_to: number,
): Promise<IndexedPart> {
  const place = { log_day: extent.part.day, log_part: partStem(extent.part), indexed_to };
  return { ...place, ...await lastLine(world, extent, indexed_to), is_archived: false };
}

/** Whether a part still has the line that was the last to be indexed. */
export async function continuesPart(
  world: World,
  extent: PartExtent,
  part: IndexedPart,
): Promise<boolean> {
  if (extent.size_bytes < part.indexed_to) return false;
  const found = await lastLine(world, extent, part.indexed_to, part.last_line_at);
  return found.last_line_at === part.last_line_at && found.last_line_hash === part.last_line_hash;
}

/** The line of a part that ends at a place, and begins at another one where that is known. */
async function lastLine(world: World, extent: PartExtent, end: number, start?: number) {
  const { size_bytes, last_line_at, last_line_hash } = extent;
  // A compacted part notes its last line: nothing has to be unpacked.
  if (last_line_at !== undefined && last_line_hash !== undefined && end === size_bytes) {
    return { last_line_at, last_line_hash };
  }
  using lines = await openPart(world, extent);
  const at = start ?? lines.startOfLineBefore(end);
  return { last_line_at: at, last_line_hash: lineHash(lines.bytesBetween(at, end)) };
}

export async function readIndexed(database: Database): Promise<Indexed> {
  const parts = await database.rows(sql.ALL_PARTS);
  const days = await database.rows(sql.ARCHIVED_DAYS);
  return {
    parts: parts.map((row) => withNumbers<IndexedPart>(row)),
    archived_days: days.map((row) => Object.values(withNumbers(row)) as ArchivedDay),
  };
}

/** Notes what an index covers, inside the transaction that adds the rows. */
export async function writeIndexed(
  database: Database,
  { parts, archived_days }: Indexed,
): Promise<void> {
  await database.run(sql.FORGET_COVERAGE);
  await database.runForEach(
    sql.ADD_PART,
    parts.map((part) => [
      part.log_day,
      part.log_part,
      part.indexed_to,
      part.last_line_at,
      part.last_line_hash,
      part.is_archived,
    ]),
  );
  await database.runForEach(sql.ADD_ARCHIVED_DAY, archived_days);
}

export interface IndexCoverage {
  indexed: ReadonlyMap<string, number>;
  /** By day, the runs that were created or started in it and have not ended. */
  running: ReadonlyMap<string, readonly string[]>;
}

/** Reads it from the live index. Throws when there is none, or none that can be trusted. */
export async function readCoverage(
  world: World,
  root: string,
  lock_wait_ms?: number,
): Promise<IndexCoverage> {
  const store = new SnapshotStore(world, indexPath(root));
  await store.lock(lock_wait_ms);
  try {
    await using database = await store.openLive(sql.VERSION, INDEX_VERSION);
    const { parts } = await readIndexed(database);
    const rows = await database.rows<{ run_id: string; log_day: string }>(RUNNING_RUNS);
    const by_day = Map.groupBy(rows, ({ log_day }) => log_day);
    return {
      indexed: new Map(parts.map((part) => [labelOf(part), part.indexed_to])),
      running: new Map([...by_day].map(([day, runs]) => [day, runs.map(({ run_id }) => run_id)])),
    };
  } finally {
    store.unlock();
  }
}

export function indexPath(root: string): string {
  return join(ledgerPaths(root).index, "runs.duckdb");
}
