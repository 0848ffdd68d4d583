/**
 * Brings the index up to date with the log, or builds it from nothing. Both go through the same
 * stage and the same statements, so both give the same tables.
 *
 * A builder works on a copy and renames it over the live file. It starts from nothing when there is
 * no index, when the index cannot be trusted (damaged, of another version, written to by another
 * program), and when the log is no longer a continuation of what was indexed.
 */
import { join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { staged_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/door.ts";
import { SnapshotStore } from "../duckdb/snapshot.ts";
import {
  ledgerPaths,
  lineHash,
  LogCursor,
  openPart,
  type PartExtent,
  partsOfDay,
} from "../log/mod.ts";
import * as queries from "./queries.ts";
import { CONTENT_TABLES, INDEX_VERSION, SCHEMA } from "./schema.ts";
import { takeIn } from "./intake.ts";
import { takeInBeside } from "./intake_beside.ts";
import { OrderChanged, PartRestored, Stage } from "./stage.ts";
import type { Handful } from "./staging.ts";

/** How to sync. */
export interface SyncOptions {
  /** Build from nothing. */
  full?: boolean;
  /** Look only at days from this one on; what is indexed of earlier ones stays. */
  since_day?: string;
  /** Another index file than `index/runs.duckdb`. */
  path?: string;
  lock_wait_ms?: number;
  /** Ends the wait for another builder when it is aborted; a sync that has begun goes on to its end. */
  signal?: AbortSignal;
  /** Also count rows and make digests, which a look at the whole index takes. */
  count?: boolean;
  /** Told how far it is, in bytes of the log. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
  /** Told what is worth a line: that an index was set aside, and why. */
  onNotice?: (message: string) => void;
}

/** What a table holds. */
export interface TableDigest {
  rows: number;
  digest: string;
}

/** What a sync did. */
export interface SyncReport {
  kind: "full" | "increment" | "nothing new";
  path: string;
  /** Events read from the log this time, duplicates and rejected lines not counted. */
  new_events: number;
  new_bytes: number;
  rejected: number;
  /** Of the whole index: events, rejected lines, and how many bytes of the log are in it. */
  total: { events: number; rejected: number; bytes: number };
  seconds: number;
  tables?: Record<string, TableDigest>;
}

/** How far a part is indexed. */
interface IndexedPart {
  log_day: string;
  log_part: string;
  indexed_to: number;
  last_line_at: number;
  last_line_hash: string;
}

/** Syncs one index. One process at a time: the others wait, then find little or nothing left to do. */
export async function syncIndex(
  world: World,
  root: string,
  options: SyncOptions = {},
): Promise<SyncReport> {
  const started_ms = world.elapsed_ms();
  const store = new SnapshotStore(
    world,
    options.path ?? join(ledgerPaths(root).index, "runs.duckdb"),
  );
  await store.lock(options.lock_wait_ms, options.signal);
  try {
    const sync = new Sync(world, root, store, options);
    const report = await sync.run();
    return { ...report, seconds: (world.elapsed_ms() - started_ms) / 1000 };
  } finally {
    store.unlock();
  }
}

/** How often a build begins again because somebody restores one part after another. */
const BUILDS_MAX = 5;

class Sync {
  readonly #cursor: LogCursor;
  /** Whether the live index is kept under another name when ours takes its place. */
  #keep_aside = false;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly store: SnapshotStore,
    readonly options: SyncOptions,
  ) {
    this.#cursor = new LogCursor(world, root);
  }

  async run(): Promise<Omit<SyncReport, "seconds">> {
    const extents = await this.#extents();
    const indexed = this.options.full ? undefined : await this.#continuable(extents);
    if (!indexed) return await this.#buildFromNothing(extents);
    const ends = new Map(indexed.map((part) => [labelOf(part), part.indexed_to]));
    const grown = extents.some(({ label, size_bytes, part }) =>
      this.#isLookedAt(part.day) && size_bytes > (ends.get(label) ?? 0)
    );
    try {
      return grown ? await this.#build(extents, indexed) : await this.#nothingNew();
    } catch (error) {
      const problem = asLedgerError(error);
      if (error instanceof OrderChanged) {
        this.#startOver("an event came that sorts before its indexed twin", false);
      } else if (problem?.code === "damaged") this.#startOver(problem.message, true);
      // Somebody took hold of the file since it was looked at: a fresh one needs nothing from it.
      else if (problem?.code === "busy") this.#startOver(problem.message, false);
      else throw error;
      return await this.#buildFromNothing(await this.#extents());
    }
  }

  async #buildFromNothing(extents: PartExtent[]): Promise<Omit<SyncReport, "seconds">> {
    for (let build = 1;; build++) {
      this.#cursor.positions.clear();
      try {
        return await this.#build(extents, undefined);
      } catch (error) {
        if (!(error instanceof PartRestored)) throw error;
        if (build === BUILDS_MAX) throw goneMeanwhile(error.message);
        extents = await this.#extents();
      }
    }
  }

  /** All parts, of the days that are to be looked at. Earlier days count when nothing is indexed. */
  async #extents(): Promise<PartExtent[]> {
    const extents: PartExtent[] = [];
    for (const day of this.#cursor.days()) {
      extents.push(...await partsOfDay(this.world.files, this.root, day));
    }
    return extents;
  }

  #isLookedAt(day: string): boolean {
    return this.options.since_day === undefined || day >= this.options.since_day;
  }

  /** What is indexed, if the log continues it; else undefined, and a line that says why. */
  async #continuable(extents: PartExtent[]): Promise<IndexedPart[] | undefined> {
    const { files } = this.world;
    if (!files.linkFacts(this.store.path)) return undefined;
    if (this.store.removeForeignWal()) {
      this.#notice("removed a .wal beside the index, which another program left");
    }
    let indexed: IndexedPart[];
    try {
      indexed = await this.#readIndexed();
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      // Somebody holds the file for writing. Ours replaces it by name and needs nothing from it.
      return this.#startOver(problem.message, problem.code !== "busy");
    }
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    for (const part of indexed) {
      if (!this.#isLookedAt(part.log_day)) continue;
      const extent = by_label.get(labelOf(part));
      if (!extent) return this.#startOver(`${labelOf(part)} is gone from the log`, false);
      if (!await this.#continues(extent, part)) {
        return this.#startOver(`${labelOf(part)} has other lines than were indexed`, false);
      }
    }
    return indexed;
  }

  async #readIndexed(): Promise<IndexedPart[]> {
    await using database = await this.store.openLive(queries.VERSION, INDEX_VERSION);
    const rows = await database.rows<Record<keyof IndexedPart, unknown>>(queries.ALL_PARTS);
    return rows.map((row) => ({
      log_day: String(row.log_day),
      log_part: String(row.log_part),
      indexed_to: Number(row.indexed_to),
      last_line_at: Number(row.last_line_at),
      last_line_hash: String(row.last_line_hash),
    }));
  }

  async #continues(extent: PartExtent, part: IndexedPart): Promise<boolean> {
    if (extent.size_bytes < part.indexed_to) return false;
    const { last_line_at, last_line_hash } = extent;
    if (last_line_hash !== undefined && part.indexed_to === extent.size_bytes) {
      // Of a compacted part this is noted: nobody has to unpack it to know.
      return part.last_line_at === last_line_at && part.last_line_hash === last_line_hash;
    }
    const lines = await openPart(this.world, extent);
    try {
      const line = lines.bytesBetween(part.last_line_at, part.indexed_to);
      return lineHash(line) === part.last_line_hash;
    } finally {
      lines.close();
    }
  }

  #startOver(reason: string, set_aside: boolean): undefined {
    this.#keep_aside = set_aside;
    this.#notice(this.store.anewNotice("the index", reason, set_aside));
    return undefined;
  }

  #notice(message: string): void {
    this.options.onNotice?.(message);
  }

  async #nothingNew(): Promise<Omit<SyncReport, "seconds">> {
    return {
      kind: "nothing new",
      path: this.store.path,
      new_events: 0,
      new_bytes: 0,
      rejected: 0,
      ...await this.#counts(this.store.path),
    };
  }

  async #build(
    extents: PartExtent[],
    indexed: IndexedPart[] | undefined,
  ): Promise<Omit<SyncReport, "seconds">> {
    for (const part of indexed ?? []) {
      this.#cursor.positions.set(labelOf(part), part.indexed_to);
    }
    const database = await this.store.openWork(indexed !== undefined, [
      eventsFolder(this.world, this.root),
    ]);
    let taken: Pick<SyncReport, "new_events" | "new_bytes" | "rejected">;
    try {
      if (!indexed) await database.run(SCHEMA);
      // In one transaction, large inserts go straight into the file, without the detour of a log.
      await database.run("begin");
      await database.run(queries.TOUCH_NOTHING);
      taken = await this.#takeIn(database, extents, indexed !== undefined);
      for (const statement of queries.DERIVE) await database.run(statement);
      await this.#writeParts(database, indexed ?? []);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    const counts = await this.#counts(this.store.building_path);
    this.store.publish(this.#keep_aside);
    const kind = indexed ? "increment" : "full";
    return { kind, path: this.store.path, ...taken, ...counts };
  }

  /** Looks at what is there as a reader does: with all threads. */
  async #counts(path: string): Promise<Pick<SyncReport, "total" | "tables">> {
    await using database = await openDatabase(this.world, {
      path,
      access: "read",
      folders: [this.store.work_folder],
      temp_folder: this.store.work_folder,
    });
    const [counts] = await database.rows<Record<"events" | "rejected" | "bytes", unknown>>(
      queries.TOTALS,
    );
    const total = {
      events: Number(counts.events),
      rejected: Number(counts.rejected),
      bytes: Number(counts.bytes),
    };
    return this.options.count ? { total, tables: await digests(database) } : { total };
  }

  /** Reads what is new, in log order, and takes it in. */
  async #takeIn(database: Database, extents: PartExtent[], has_events: boolean) {
    const { positions } = this.#cursor;
    const days = [...new Set(extents.map(({ part }) => part.day))]
      // From nothing, every day counts: an index that lacks days would pass for a whole one.
      .filter((day) => !has_events || this.#isLookedAt(day));
    const total_bytes = extents.reduce(
      (sum, { label, size_bytes }) => sum + Math.max(0, size_bytes - (positions.get(label) ?? 0)),
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
    const { positions } = this.#cursor;
    await stage.begin();
    const { root, store: { work_folder: folder } } = this;
    const request = { root, days, positions: [...positions], folder, from_nothing };
    const hand = (handful: Handful) => stage.take(handful);
    const onRead = (bytes: number) => this.options.onProgress?.(bytes, total_bytes);
    // Another thread takes a moment to start.
    const intake = this.world.has_threads && total_bytes > staged_bytes_max
      ? await takeInBeside(request, hand, onRead)
      : await takeIn(this.world, request, hand, onRead);
    await stage.finish();
    for (const [label, position] of intake.positions) positions.set(label, position);
    const { rejected, new_events, new_bytes } = intake;
    await database.runForEach(queries.ADD_REJECTED, rejected);
    return { new_events, new_bytes, rejected: rejected.length };
  }

  /** Notes how far each part is indexed now. */
  async #writeParts(database: Database, before: IndexedPart[]): Promise<void> {
    // Some may have come, or been compacted, while the others were read.
    const by_label = new Map((await this.#extents()).map((extent) => [extent.label, extent]));
    const rows: [string, string, number, number, string][] = [];
    // What was not looked at is known as before, and may be gone, or another, without our notice.
    const not_looked_at = new Set<string>();
    for (const part of before) {
      if (this.#isLookedAt(part.log_day)) continue;
      const { log_day, log_part, indexed_to, last_line_at, last_line_hash } = part;
      rows.push([log_day, log_part, indexed_to, last_line_at, last_line_hash]);
      not_looked_at.add(labelOf(part));
    }
    for (const [label, indexed_to] of this.#cursor.positions) {
      if (not_looked_at.has(label)) continue;
      if (indexed_to === 0) continue;
      const [, day, stem] = LABEL.exec(label)!;
      const extent = by_label.get(label);
      if (!extent) throw goneMeanwhile(label);
      if (extent.last_line_hash !== undefined && indexed_to === extent.size_bytes) {
        rows.push([day, stem, indexed_to, extent.last_line_at!, extent.last_line_hash]);
        continue;
      }
      const lines = await openPart(this.world, extent);
      try {
        const last_line_at = lines.startOfLineBefore(indexed_to);
        const last_line_hash = lineHash(lines.bytesBetween(last_line_at, indexed_to));
        rows.push([day, stem, indexed_to, last_line_at, last_line_hash]);
      } finally {
        lines.close();
      }
    }
    await database.run(queries.FORGET_PARTS);
    await database.runForEach(queries.ADD_PART, rows);
  }
}

/** Where DuckDB reads compacted parts. */
function eventsFolder(world: World, root: string): string {
  return resolve(world.cwd(), ledgerPaths(root).events);
}

function goneMeanwhile(label: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `${label} went from the log while it was indexed`,
    hint: "the index is as it was; repeat it",
  });
}

const LABEL = /^day=([^/]+)\/(.*)\.jsonl$/;

function labelOf(part: IndexedPart): string {
  return `day=${part.log_day}/${part.log_part}.jsonl`;
}

/** Rows and digest of every table that holds what the log says. */
export async function digests(database: Database): Promise<Record<string, TableDigest>> {
  const tables: Record<string, TableDigest> = {};
  for (const table of CONTENT_TABLES) {
    const [row] = await database.rows<{ rows: bigint; digest: string }>(queries.digestOf(table));
    tables[table] = { rows: Number(row.rows), digest: row.digest };
  }
  return tables;
}
