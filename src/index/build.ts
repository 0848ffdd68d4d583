/**
 * Builds the file of an index, from a copy of the live one or from nothing. Both go through the same
 * stage and the same statements, so both give the same tables. The finished file is renamed over the
 * live one.
 */
import { resolve } from "@std/path";
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { spool_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/connection.ts";
import type { SnapshotStore } from "../duckdb/snapshot.ts";
import {
  concurrentlyRemoved,
  ledgerPaths,
  listDays,
  type PartExtent,
  partsOfDay,
} from "../log/mod.ts";
import { AwayParts, keepRows, writeIndexed } from "./archived.ts";
import { type IndexedPart, indexedPart, labelOf } from "./indexed_part.ts";
import { takeIn } from "./ingest.ts";
import { takeInBeside } from "./reader_thread.ts";
import * as queries from "./queries.ts";
import { CONTENT_TABLES, SCHEMA } from "./schema.ts";
import { Stage } from "./load.ts";
import type { Handful } from "./spool.ts";

/** How an index is built. */
export interface BuildOptions {
  /** Look only at days from this one on; what is indexed of earlier ones stays. */
  since_day?: string;
  /** Also count rows and make digests, which a look at the whole index takes. */
  count?: boolean;
  /** Told how far it is, in bytes of the log. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** What a build goes on from: nothing, what the live index has, or its rows of parts that are away. */
export interface BuiltFrom {
  before?: readonly IndexedPart[];
  kept?: readonly IndexedPart[];
}

/** What a table holds. */
export interface TableDigest {
  rows: number;
  digest: string;
}

/** What was done, and what the index holds. */
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

/** All parts of the log. */
export async function partsOfLog(world: World, root: string): Promise<PartExtent[]> {
  const extents: PartExtent[] = [];
  for (const day of listDays(world.files, root)) {
    extents.push(...await partsOfDay(world.files, root, day));
  }
  return extents;
}

/** Whether a day is one of those that are looked at. */
export function isLookedAt({ since_day }: BuildOptions, day: string): boolean {
  return since_day === undefined || day >= since_day;
}

/** One build. */
export class IndexBuild {
  /** How far each part is read, by its label. */
  readonly #positions = new Map<string, number>();

  constructor(
    readonly world: World,
    readonly root: string,
    readonly store: SnapshotStore,
    readonly options: BuildOptions,
  ) {}

  /** Builds, and puts the file in place; what was live is kept beside it where that is asked for. */
  async run(
    extents: readonly PartExtent[],
    { before, kept = [] }: BuiltFrom,
    keep_aside: boolean,
  ): Promise<IndexReport> {
    for (const part of before ?? []) this.#positions.set(labelOf(part), part.indexed_to);
    const database = await this.#openWork(before !== undefined, kept.length > 0);
    let taken: Pick<IndexReport, "new_events" | "new_bytes" | "rejected">;
    try {
      if (!before) await database.run(SCHEMA);
      // In one transaction, large inserts go straight into the file, without the detour of a log.
      await database.run("begin");
      await database.run(queries.TOUCH_NOTHING);
      if (kept.length > 0) await this.#keep(database, kept);
      taken = await this.#takeIn(database, extents, before !== undefined);
      for (const statement of queries.DERIVE) await database.run(statement);
      await this.#writeParts(database, before ?? [], kept);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    const { world, store, options } = this;
    const counts = await countsOf(world, store, store.building_path, options.count);
    store.publish(keep_aside);
    return { kind: before ? "increment" : "full", path: store.path, ...taken, ...counts };
  }

  async #openWork(from_live: boolean, beside_live: boolean): Promise<Database> {
    // Where it reads compacted parts.
    const folders = [resolve(this.world.cwd(), ledgerPaths(this.root).events)];
    if (!beside_live) return await this.store.openWork(from_live, folders);
    try {
      return await this.store.openWork(false, folders, [
        { path: this.store.path, name: queries.LIVE },
      ]);
    } catch (error) {
      throw nothingToKeep(error);
    }
  }

  async #keep(database: Database, kept: readonly IndexedPart[]): Promise<void> {
    try {
      await keepRows(database, kept);
    } catch (error) {
      throw nothingToKeep(error);
    }
    if (!this.store.isAsPublished()) throw new NothingToKeep("another program writes to it");
  }

  /** Reads what is new, in log order, and takes it in. */
  async #takeIn(database: Database, extents: readonly PartExtent[], has_events: boolean) {
    const days = [...new Set(extents.map(({ part }) => part.day))]
      // From nothing, every day counts: an index that lacks days would pass for a whole one.
      .filter((day) => !has_events || isLookedAt(this.options, day));
    const total_bytes = extents.reduce(
      (sum, { label, size_bytes }) =>
        sum + Math.max(0, size_bytes - (this.#positions.get(label) ?? 0)),
      0,
    );
    const stage = new Stage(this.world, database, has_events);
    try {
      return await this.#takeInto(stage, database, days, total_bytes, !has_events);
    } finally {
      await stage.close();
    }
  }

  async #takeInto(
    stage: Stage,
    database: Database,
    days: string[],
    total_bytes: number,
    from_nothing: boolean,
  ) {
    await stage.begin();
    const { root, store: { work_folder: folder } } = this;
    const request = { root, days, positions: [...this.#positions], folder, from_nothing };
    const hand = (handful: Handful) => stage.take(handful);
    const onRead = (bytes: number) => this.options.onProgress?.(bytes, total_bytes);
    // Another thread takes a moment to start.
    const intake = this.world.has_threads && total_bytes > spool_bytes_max
      ? await takeInBeside(request, hand, onRead)
      : await takeIn(this.world, request, hand, onRead);
    await stage.finish();
    for (const [label, position] of intake.positions) this.#positions.set(label, position);
    const { rejected, new_events, new_bytes } = intake;
    await database.runForEach(queries.ADD_REJECTED, rejected);
    return { new_events, new_bytes, rejected: rejected.length };
  }

  /** Notes how far each part is indexed now, and which of them are in the log no more. */
  async #writeParts(
    database: Database,
    before: readonly IndexedPart[],
    kept: readonly IndexedPart[],
  ): Promise<void> {
    // Some may have come, been compacted or archived, while the others were read.
    const extents = await partsOfLog(this.world, this.root);
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    const away = AwayParts.beside(this.world, this.root, extents);
    const known: Omit<IndexedPart, "is_archived">[] = [...kept];
    const read = new Map(this.#positions);
    for (const part of before) {
      const label = labelOf(part);
      // What was not looked at is known as before, and may be gone, or another, without our notice.
      const is_as_before = !isLookedAt(this.options, part.log_day) ||
        (away.isArchived(label) && this.#positions.get(label) === part.indexed_to);
      if (!is_as_before) continue;
      known.push(part);
      read.delete(label);
    }
    for (const [label, indexed_to] of read) {
      if (indexed_to === 0) continue;
      const extent = by_label.get(label);
      if (!extent) throw concurrentlyRemoved(label);
      known.push(await indexedPart(this.world, extent, indexed_to));
    }
    const marks_stand = kept.length === 0 &&
      before.every((part) => part.is_archived === away.isArchived(labelOf(part)));
    await writeIndexed(database, known, away, marks_stand);
  }
}

/** What a file of an index holds, looked at as a reader does: with all threads. */
export async function countsOf(
  world: World,
  store: SnapshotStore,
  path: string,
  with_tables = false,
): Promise<Pick<IndexReport, "total" | "tables">> {
  await using database = await openDatabase(world, {
    path,
    access: "read",
    folders: [store.work_folder],
    temp_folder: store.work_folder,
  });
  const [counts] = await database.rows<Record<"events" | "rejected" | "bytes", unknown>>(
    queries.TOTALS,
  );
  const total = {
    events: Number(counts.events),
    rejected: Number(counts.rejected),
    bytes: Number(counts.bytes),
  };
  return with_tables ? { total, tables: await digests(database) } : { total };
}

/** The live index has rows that an index built anew should take over, and cannot be read. */
export class NothingToKeep extends Error {}

function nothingToKeep(error: unknown): unknown {
  const problem = asLedgerError(error);
  if (problem?.code === "busy") return cannotKeep(problem);
  return problem?.code === "damaged" ? new NothingToKeep(problem.message) : error;
}

/** Rows of days that were deleted stand nowhere else: better no new index than one without them. */
export function cannotKeep(problem: LedgerError): LedgerError {
  return problem.with({
    message: `cannot build the index anew and keep its rows of archived days: ${problem.message}`,
  });
}

/** Rows and digest of every table that holds what the log says. */
async function digests(database: Database): Promise<Record<string, TableDigest>> {
  const tables: Record<string, TableDigest> = {};
  for (const table of CONTENT_TABLES) {
    const [row] = await database.rows<{ rows: bigint; digest: string }>(queries.digestOf(table));
    tables[table] = { rows: Number(row.rows), digest: row.digest };
  }
  return tables;
}
