/**
 * One transaction: rows and the positions up to which the log is read commit together, into a copy of
 * the live index or an empty database. Both run the same statements, so both give the same tables. The
 * finished file is then swapped in.
 */
import { resolve } from "@std/path";
import { withNumbers } from "../base/json.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/connection.ts";
import type { SnapshotStore } from "../duckdb/snapshot_swap.ts";
import {
  concurrentlyRemoved,
  ledgerPaths,
  listDays,
  type PartExtent,
  partsOfDay,
} from "../log/mod.ts";
import { AwayParts, keepRows, NothingToKeep, readingKept } from "./archived.ts";
import { type IndexedPart, indexedPart, labelOf, writeIndexed } from "./coverage.ts";
import { loadAll } from "./load.ts";
import * as sql from "./load_sql.ts";
import { CONTENT_TABLES, tablesOf } from "./tables.ts";
import { viewsOf } from "./run_views.ts";

export interface BuildOptions {
  /** Look only at days from this one on; what is indexed of earlier ones stays. */
  since_day?: string;
  /** Also count rows and make digests, which reads the whole index. */
  count?: boolean;
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** What a build goes on from: nothing, what the live index has, or its rows of parts that are away. */
export interface BuiltFrom {
  before?: readonly IndexedPart[];
  kept?: readonly IndexedPart[];
}

export interface TableDigest {
  rows: number;
  digest: string;
}

export interface IndexReport {
  kind: "full" | "increment" | "nothing new";
  path: string;
  /** Events read from the log this time, duplicates and rejected lines not counted. */
  new_events: number;
  new_bytes: number;
  rejected: number;
  /** Of the whole index: events, rejected lines, and how many bytes of the log are in it. */
  total: { events: number; rejected: number; bytes: number };
  tables?: Record<string, TableDigest>;
}

export async function partsOfLog({ files }: World, root: string): Promise<PartExtent[]> {
  const extents: PartExtent[] = [];
  for (const day of listDays(files, root)) extents.push(...await partsOfDay(files, root, day));
  return extents;
}

export function isLookedAt({ since_day }: BuildOptions, day: string): boolean {
  return since_day === undefined || day >= since_day;
}

export interface Build {
  world: World;
  root: string;
  store: SnapshotStore;
  options: BuildOptions;
}

const LOG_SQL = sql.loadSql("log");

export class LoadTransaction {
  readonly #positions = new Map<string, number>();

  constructor(readonly build: Build) {}

  /** Builds the file and swaps it in; keeps what was live beside it on request. */
  async run(
    extents: readonly PartExtent[],
    { before, kept = [] }: BuiltFrom,
    keep_aside: boolean,
  ): Promise<IndexReport> {
    for (const part of before ?? []) this.#positions.set(labelOf(part), part.indexed_to);
    const database = await this.#openWork(before !== undefined, kept.length > 0);
    let loaded: Pick<IndexReport, "new_events" | "new_bytes" | "rejected">;
    try {
      if (!before) await database.run(tablesOf("log") + viewsOf("log"));
      // In one transaction, large inserts go straight into the file, without the detour of a log.
      await database.run("begin");
      await database.run(LOG_SQL.TOUCH_NOTHING);
      if (kept.length > 0) await this.#keep(database, kept);
      loaded = await this.#load(database, extents, before !== undefined);
      for (const statement of LOG_SQL.DERIVE) await database.run(statement);
      await this.#writePositions(database, before ?? [], kept);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    const { store } = this.build;
    const counts = await countsOf(this.build, store.building_path);
    store.publish(keep_aside);
    return { kind: before ? "increment" : "full", path: store.path, ...loaded, ...counts };
  }

  async #openWork(from_live: boolean, beside_live: boolean): Promise<Database> {
    // The loader reads compacted parts there.
    const { world, root, store } = this.build;
    const folders = [resolve(world.cwd(), ledgerPaths(root).events)];
    if (!beside_live) return await store.openWork(from_live, folders);
    const live = { path: store.path, name: sql.LIVE };
    return await readingKept(() => store.openWork(false, folders, [live]));
  }

  async #keep(database: Database, kept: readonly IndexedPart[]): Promise<void> {
    await readingKept(() => keepRows(database, kept));
    if (!this.build.store.isAsPublished()) throw new NothingToKeep("another program writes to it");
  }

  async #load(database: Database, extents: readonly PartExtent[], has_events: boolean) {
    const { world, root, store, options } = this.build;
    const total_bytes = extents.reduce(
      (sum, { label, size_bytes }) =>
        sum + Math.max(0, size_bytes - (this.#positions.get(label) ?? 0)),
      0,
    );
    const request = {
      root,
      // From nothing, every day counts: an index that lacks days would pass for a whole one.
      days: [...new Set(extents.map(({ part }) => part.day))]
        .filter((day) => !has_events || isLookedAt(options, day)),
      positions: [...this.#positions],
      folder: store.work_folder,
      from_nothing: !has_events,
    };
    const { positions, ...counts } = await loadAll(world, database, LOG_SQL, request, {
      total_bytes,
      onRead: (bytes) => options.onProgress?.(bytes, total_bytes),
    });
    for (const [label, position] of positions) this.#positions.set(label, position);
    return counts;
  }

  /** Notes how far each part is indexed now, which of them are archived, and marks the rows by that. */
  async #writePositions(
    database: Database,
    before: readonly IndexedPart[],
    kept: readonly IndexedPart[],
  ): Promise<void> {
    // Some may have come, been compacted or archived, while the others were read.
    const { world, root, options } = this.build;
    const extents = await partsOfLog(world, root);
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    const away = new AwayParts(world, root, extents);
    const parts = [...kept];
    const read = new Map(this.#positions);
    for (const part of before) {
      const label = labelOf(part);
      // What was not looked at is known as before, and may be gone, or another, without our notice.
      const is_as_before = !isLookedAt(options, part.log_day) ||
        (away.isArchived(label) && this.#positions.get(label) === part.indexed_to);
      if (!is_as_before) continue;
      parts.push(part);
      read.delete(label);
    }
    for (const [label, indexed_to] of read) {
      if (indexed_to === 0) continue;
      const extent = by_label.get(label);
      if (!extent) throw concurrentlyRemoved(label);
      parts.push(await indexedPart(world, extent, indexed_to));
    }
    const isMarked = (part: IndexedPart) => part.is_archived === away.isArchived(labelOf(part));
    const are_marked = kept.length === 0 && before.every(isMarked);
    await writeIndexed(database, {
      parts: parts.map((part) => ({ ...part, is_archived: away.isArchived(labelOf(part)) })),
      archived_days: away.days,
    });
    if (are_marked) return;
    for (const statement of sql.MARK_ARCHIVED) await database.run(statement);
  }
}

/** What a file of an index holds, looked at as a reader does: with all threads. */
export async function countsOf(
  { world, store: { work_folder }, options }: Build,
  path: string,
): Promise<Pick<IndexReport, "total" | "tables">> {
  await using database = await openDatabase(world, {
    path,
    access: "read",
    folders: [work_folder],
    temp_folder: work_folder,
  });
  const [counts] = await database.rows(sql.TOTALS);
  const total = withNumbers<IndexReport["total"]>(counts);
  if (!options.count) return { total };
  const tables: Record<string, TableDigest> = {};
  for (const table of CONTENT_TABLES) {
    const [row] = await database.rows(sql.digestOf(table));
    tables[table] = withNumbers<TableDigest>(row);
  }
  return { total, tables };
}
