/**
 * Brings the index up to date with the log, or builds it from nothing. Both go through the same
 * stage and the same statements, so both give the same tables.
 *
 * A builder works on a copy and renames it over the live file. It starts from nothing when there is
 * no index, when the index cannot be trusted (damaged, of another version, written to by another
 * program), and when the log is no longer a continuation of what was indexed.
 */
import { basename, dirname, join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { staged_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/door.ts";
import { SnapshotStore } from "../duckdb/snapshot.ts";
import {
  hasGone,
  ledgerPaths,
  LogCursor,
  type PartExtent,
  partsAway,
  partsOfDay,
  type TakenOutStep,
  wentMeanwhile,
} from "../log/mod.ts";
import { checkIsNotOurs } from "../log/own_places.ts";
import { AwayParts, keepRows, missingNotice, readIndexed, writeIndexed } from "./archived.ts";
import { continuesPart, type IndexedPart, indexedPart, labelOf } from "./indexed_part.ts";
import * as queries from "./queries.ts";
import { CONTENT_TABLES, INDEX_VERSION, SCHEMA } from "./schema.ts";
import { takeIn } from "./intake.ts";
import { takeInBeside } from "./intake_beside.ts";
import { OrderChanged, Stage } from "./stage.ts";
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

/** Syncs one index. One process at a time: the others wait, then find little or nothing left to do. */
export async function syncIndex(
  world: World,
  root: string,
  options: SyncOptions = {},
): Promise<SyncReport> {
  const started_ms = world.elapsed_ms();
  const default_path = join(ledgerPaths(root).index, "runs.duckdb");
  const store = new SnapshotStore(world, options.path ?? default_path);
  if (store.path !== default_path) checkMayBeIndex(world, root, store);
  await store.lock(options.lock_wait_ms, options.signal);
  try {
    const sync = new Sync(world, root, store, options);
    const report = await sync.run();
    return { ...report, seconds: (world.elapsed_ms() - started_ms) / 1000 };
  } finally {
    store.unlock();
  }
}

/** Whoever names a file for the index may have mistyped: nothing that is not ours is replaced. */
function checkMayBeIndex(world: World, root: string, store: SnapshotStore): void {
  const { path } = store;
  const { index } = ledgerPaths(root);
  const is_among_indexes = resolve(world.cwd(), dirname(path)) === resolve(world.cwd(), index);
  const is_other_index = ["catalog.duckdb", "alerts.duckdb"].includes(basename(path));
  if (!is_among_indexes || is_other_index) checkIsNotOurs(world, path, { dir: root });
  if (!world.files.linkFacts(path) || store.wasPublished()) return;
  throw new LedgerError({
    code: "usage",
    message: `cannot build an index as ${path}: what is there was not put there as an index`,
    where: { path },
    hint: "nothing was changed; name another file, or move that one away",
  });
}

/** How often it is tried again where parts go from the log, or get another name, while it is read. */
const ATTEMPTS_MAX = 5;

type Indexed = Awaited<ReturnType<typeof readIndexed>>;

class Sync {
  readonly #cursor: LogCursor;
  /** The parts that the chain says are away. */
  #away: ReadonlyMap<string, TakenOutStep> = new Map();
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
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#runOnce();
      } catch (error) {
        // A day was archived while we read it: what there is now is the log.
        if (!hasGone(error) || attempt === ATTEMPTS_MAX) throw error;
        this.#cursor.positions.clear();
        this.#keep_aside = false;
      }
    }
  }

  async #runOnce(): Promise<Omit<SyncReport, "seconds">> {
    const extents = await this.#extents();
    const away = this.#awayBeside(extents);
    const live = this.options.full ? undefined : await this.#continuable(extents, away);
    if (!live) return await this.#buildAnew(extents);
    const ends = new Map(live.parts.map((part) => [labelOf(part), part.indexed_to]));
    const grown = extents.some(({ label, size_bytes, part }) =>
      this.#isLookedAt(part.day) && size_bytes > (ends.get(label) ?? 0)
    );
    try {
      return grown || !away.isKnownTo(live)
        ? await this.#build(extents, { before: live.parts })
        : await this.#nothingNew();
    } catch (error) {
      const problem = asLedgerError(error);
      // What is wrong with the log does not get better by building anew.
      if (problem?.where?.path?.startsWith(ledgerPaths(this.root).events)) throw error;
      if (error instanceof OrderChanged) {
        this.#startOver("an event came that sorts before its indexed twin", false);
      } else if (problem?.code === "damaged") this.#startOver(problem.message, true);
      // Somebody took hold of the file since it was looked at: a fresh one needs nothing from it.
      else if (problem?.code === "busy") this.#startOver(problem.message, false);
      else throw error;
      this.#cursor.positions.clear();
      return await this.#buildAnew(await this.#extents());
    }
  }

  /** Builds from nothing but the log, and what the live index has of days that are in archives. */
  async #buildAnew(extents: PartExtent[]): Promise<Omit<SyncReport, "seconds">> {
    const archived = this.#awayBeside(extents).archived;
    let kept = archived.length > 0 ? await this.#keepable(archived) : [];
    if (kept.length > 0) {
      try {
        return await this.#build(extents, { kept });
      } catch (error) {
        if (!(error instanceof NothingToKeep)) throw error;
        this.#startOver(error.message, true);
        this.#cursor.positions.clear();
        kept = [];
      }
    }
    if (archived.length > kept.length) this.#notice(missingNotice(archived, this.#away));
    return await this.#build(extents, {});
  }

  /** The parts of the live index whose rows stand nowhere else. */
  async #keepable(archived: readonly string[]): Promise<IndexedPart[]> {
    if (!this.world.files.linkFacts(this.store.path)) return [];
    try {
      const { parts } = await this.#readIndexed();
      return parts.filter((part) => archived.includes(labelOf(part)));
    } catch (error) {
      const problem = asLedgerError(error);
      if (problem?.code === "busy") throw cannotKeep(problem);
      if (!problem) throw error;
      if (!this.#keep_aside) this.#startOver(problem.message, true);
      return [];
    }
  }

  #awayBeside(extents: readonly PartExtent[]): AwayParts {
    this.#away = partsAway(this.world, this.root);
    return new AwayParts(this.#away, new Set(extents.map(({ label }) => label)));
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
  async #continuable(extents: PartExtent[], away: AwayParts): Promise<Indexed | undefined> {
    const { files } = this.world;
    if (!files.linkFacts(this.store.path)) return undefined;
    if (this.store.removeForeignWal()) {
      this.#notice("removed a .wal beside the index, which another program left");
    }
    let indexed: Indexed;
    try {
      indexed = await this.#readIndexed();
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      // Somebody holds the file for writing. Ours replaces it by name and needs nothing from it.
      return this.#startOver(problem.message, problem.code !== "busy");
    }
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    for (const part of indexed.parts) {
      if (!this.#isLookedAt(part.log_day)) continue;
      const label = labelOf(part);
      const extent = by_label.get(label);
      if (!extent && away.isArchived(label)) continue;
      if (!extent) {
        const why = away.isForgotten(label) ? "is to be forgotten" : "is gone from the log";
        return this.#startOver(`${label} ${why}`, false);
      }
      if (!await continuesPart(this.world, extent, part)) {
        return this.#startOver(`${label} has other lines than were indexed`, false);
      }
    }
    return indexed;
  }

  async #readIndexed(): Promise<Indexed> {
    await using database = await this.store.openLive(queries.VERSION, INDEX_VERSION);
    return await readIndexed(database);
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
    { before, kept = [] }: { before?: IndexedPart[]; kept?: IndexedPart[] },
  ): Promise<Omit<SyncReport, "seconds">> {
    for (const part of before ?? []) {
      this.#cursor.positions.set(labelOf(part), part.indexed_to);
    }
    const database = await this.#openWork(before !== undefined, kept.length > 0);
    let taken: Pick<SyncReport, "new_events" | "new_bytes" | "rejected">;
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
    const counts = await this.#counts(this.store.building_path);
    this.store.publish(this.#keep_aside);
    const kind = before ? "increment" : "full";
    return { kind, path: this.store.path, ...taken, ...counts };
  }

  async #openWork(from_live: boolean, beside_live: boolean): Promise<Database> {
    const folders = [eventsFolder(this.world, this.root)];
    if (!beside_live) return await this.store.openWork(from_live, folders);
    try {
      return await this.store.openWork(false, folders, [
        { path: this.store.path, name: queries.LIVE },
      ]);
    } catch (error) {
      throw nothingToKeep(error);
    }
  }

  async #keep(database: Database, kept: IndexedPart[]): Promise<void> {
    try {
      await keepRows(database, kept);
    } catch (error) {
      throw nothingToKeep(error);
    }
    if (!this.store.isAsPublished()) throw new NothingToKeep("another program writes to it");
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

  /** Notes how far each part is indexed now, and which of them are in the log no more. */
  async #writeParts(
    database: Database,
    before: IndexedPart[],
    kept: IndexedPart[],
  ): Promise<void> {
    // Some may have come, been compacted or archived, while the others were read.
    const extents = await this.#extents();
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    const away = this.#awayBeside(extents);
    const { positions } = this.#cursor;
    const known: Omit<IndexedPart, "is_archived">[] = [...kept];
    const read = new Map(positions);
    for (const part of before) {
      const label = labelOf(part);
      // What was not looked at is known as before, and may be gone, or another, without our notice.
      const is_as_before = !this.#isLookedAt(part.log_day) ||
        (away.isArchived(label) && positions.get(label) === part.indexed_to);
      if (!is_as_before) continue;
      known.push(part);
      read.delete(label);
    }
    for (const [label, indexed_to] of read) {
      if (indexed_to === 0) continue;
      const extent = by_label.get(label);
      if (!extent) throw wentMeanwhile(label);
      known.push(await indexedPart(this.world, extent, indexed_to));
    }
    const marks_stand = kept.length === 0 &&
      before.every((part) => part.is_archived === away.isArchived(labelOf(part)));
    await writeIndexed(database, known, away, marks_stand);
  }
}

/** Where DuckDB reads compacted parts. */
function eventsFolder(world: World, root: string): string {
  return resolve(world.cwd(), ledgerPaths(root).events);
}

/** The live index has rows that an index built anew should take over, and cannot be read. */
class NothingToKeep extends Error {}

function nothingToKeep(error: unknown): unknown {
  const problem = asLedgerError(error);
  if (problem?.code === "busy") return cannotKeep(problem);
  return problem?.code === "damaged" ? new NothingToKeep(problem.message) : error;
}

/** Rows of days that were deleted stand nowhere else: better no new index than one without them. */
function cannotKeep(problem: LedgerError): LedgerError {
  return problem.with({
    message: `cannot build the index anew and keep its rows of archived days: ${problem.message}`,
  });
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
