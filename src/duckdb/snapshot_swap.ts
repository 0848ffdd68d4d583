/**
 * Snapshot swap: a database that is derived from files is built beside the live one, under a lock, and
 * swapped in by a rename. A reader keeps the file that it opened; readers and builder never wait for each
 * other.
 */
import { dirname, join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { makeFolderDurably, removeQuietly, replaceFile, syncFile } from "../base/files/durable.ts";
import { takeSignedLock } from "../base/files/file_lock.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { duckdb_building_threads_max, index_lock_wait_ms } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { type ConnectionOptions, type Database, openDatabase } from "./connection.ts";
import { guardDefinitions } from "./query_guard.ts";

/** How a database is built that goes on from what is live. */
interface BuildFromLive<Live, Built> {
  name: string;
  /** Says what the live file was made from, or throws when it cannot be trusted. Absent: not asked. */
  read?: () => Promise<Live>;
  /** Builds and publishes: from the live file, or without one from nothing. */
  build: (live: Live | undefined, keep_aside: boolean) => Promise<Built>;
  onNotice?: (message: string) => void;
}

export class SnapshotStore {
  readonly path: string;
  readonly folder: string;
  /** Where it is built. Its name is ours alone: another program may own the folder (`--db`). */
  readonly work_folder: string;
  readonly building_path: string;
  /** Where a live file goes that cannot be used any more. */
  readonly aside_path: string;
  /** Holds the fingerprint of the file that was published last. */
  readonly #published_path: string;
  readonly #watermark_path: string;
  #lock?: OpenFile;

  constructor(readonly world: World, path: string) {
    this.path = resolve(world.cwd(), path);
    this.folder = dirname(this.path);
    this.work_folder = join(this.folder, ".ledger-building");
    this.building_path = join(this.work_folder, "building.duckdb");
    this.aside_path = `${this.path}.set-aside`;
    this.#published_path = `${this.path}.published`;
    this.#watermark_path = `${this.path}.watermark`;
  }

  async lock(wait_ms: number = index_lock_wait_ms, signal?: AbortSignal): Promise<void> {
    makeFolderDurably(this.world.files, this.folder);
    const path = join(this.folder, ".lock");
    const taken = await takeSignedLock(this.world, path, wait_ms, signal);
    if ("holder" in taken) {
      throw new LedgerError(
        signal?.aborted
          ? {
            code: "interrupted",
            message: "interrupted while another process was building the index",
            where: { path },
          }
          : {
            code: "busy",
            message: `cannot build the index: ${taken.holder} is building it`,
            where: { path },
            hint: "it will index what is new; try again when it has finished",
          },
      );
    }
    this.#lock = taken.lock;
    try {
      this.#emptyWorkFolder();
    } catch (error) {
      // A full disk, say: a daemon tries again, and must not find itself in the way.
      this.unlock();
      throw error;
    }
  }

  unlock(): void {
    removeQuietly(this.world.files, this.work_folder);
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Clears away what a killed builder, or an attempt that was given up, left half-way. */
  #emptyWorkFolder(): void {
    const { files } = this.world;
    if (files.linkFacts(this.work_folder)) files.remove(this.work_folder);
    makeFolderDurably(files, this.work_folder);
  }

  /** Opens a database to build in: empty, or a copy of the live one; with others attached to read. */
  async openWork(
    from_live: boolean,
    folders: readonly string[] = [],
    attached: ConnectionOptions["attached"] = [],
  ): Promise<Database> {
    const { world, path, building_path, work_folder } = this;
    this.#emptyWorkFolder();
    if (from_live) {
      world.files.copy(path, building_path);
      if (!this.isAsPublished()) throw untrusted("another program writes to it", path);
    }
    return await openDatabase(world, {
      path: building_path,
      access: "write",
      folders: [work_folder, ...folders],
      temp_folder: join(work_folder, "spill"),
      threads: duckdb_building_threads_max,
      attached,
    });
  }

  /**
   * Swaps the finished database in, durably. The live one is kept aside where `keep_aside` asks for it;
   * until here it stood where it was, for readers.
   */
  publish(keep_aside: boolean): void {
    const { world: { files }, path, building_path } = this;
    syncFile(files, building_path);
    const must_move = files.facts(path)?.is_folder ?? false;
    const moved = (keep_aside || must_move) && this.#setAside();
    this.removeForeignWal();
    try {
      files.rename(building_path, path);
    } catch (error) {
      if (moved) files.rename(this.aside_path, path);
      throw error;
    }
    files.syncFolder(this.folder);
    const fingerprint = new TextEncoder().encode(this.fingerprint());
    replaceFile(files, this.#published_path, fingerprint, uniqueName(this.world));
  }

  wasPublished(): boolean {
    return this.world.files.facts(this.#published_path) !== undefined;
  }

  /** Whether another program made the live file: none was ever published under its name. */
  isForeign(): boolean {
    return this.world.files.linkFacts(this.path) !== undefined && !this.wasPublished();
  }

  /** Whether the live file is as it was published: no other program has written into it. */
  isAsPublished(): boolean {
    const { files } = this.world;
    return files.facts(this.#published_path)?.is_file === true &&
      files.readText(this.#published_path) === this.fingerprint();
  }

  /** The same, and by a process of this user: a forger of that could write the folders as well. */
  isAsPublishedByUser(): boolean {
    return [this.path, this.#published_path]
      .every((path) => this.world.files.facts(path)?.uid === Deno.uid()) && this.isAsPublished();
  }

  /** Notes what the live file was made from. Where that fails, the next sync finds it out. */
  writeWatermark(text: string): void {
    if (this.readWatermark() === text) return;
    const bytes = new TextEncoder().encode(this.fingerprint() + text);
    try {
      replaceFile(this.world.files, this.#watermark_path, bytes, uniqueName(this.world));
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
  }

  /** What the live file was made from; undefined where that is not noted, or of another file. */
  readWatermark(): string | undefined {
    const { files } = this.world;
    if (!files.facts(this.#watermark_path)?.is_file) return undefined;
    const fingerprint = this.fingerprint();
    const text = files.readText(this.#watermark_path);
    return fingerprint !== "" && text.startsWith(fingerprint)
      ? text.slice(fingerprint.length)
      : undefined;
  }

  /** A watermark that is an object of this version; undefined where there is none, or another. */
  parseWatermark<Mark extends { version: number }>(version: number): Mark | undefined {
    const text = this.readWatermark();
    if (text === undefined) return undefined;
    try {
      const mark = JSON.parse(text) as Mark;
      return mark.version === version ? mark : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether one was published, and is another now: written by another program, or copied here. */
  wasChanged(): boolean {
    return this.wasPublished() && !this.isAsPublished();
  }

  /** Opens the live file for the builder. Throws "damaged" when nothing in it can be trusted. */
  async openLive(version_sql: string, version: number): Promise<Database> {
    const { world, path, work_folder } = this;
    if (!world.files.linkFacts(path)?.is_file) throw untrusted("it is not a file");
    this.removeForeignWal();
    if (!this.isAsPublished()) {
      throw untrusted("another program has written to it, or it was copied here");
    }
    const database = await openDatabase(world, {
      path,
      access: "read",
      folders: [work_folder],
      temp_folder: work_folder,
    });
    try {
      const found = Number(await database.value(version_sql));
      if (found === version) return database;
      throw untrusted(`it is of version ${found}, and this program's is ${version}`);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * Goes on from the live file as long as it can be trusted, and begins from nothing where it cannot:
   * what is derived is not worth a failure, only a line. Some rot shows only in the work.
   */
  async buildFromLive<Live, Built>(
    { name, read, build, onNotice }: BuildFromLive<Live, Built>,
  ): Promise<Built> {
    if (!read || !this.world.files.linkFacts(this.path)) {
      return await build(undefined, this.isForeign());
    }
    let is_read = false;
    try {
      const live = await read();
      is_read = true;
      return await build(live, false);
    } catch (error) {
      const problem = asLedgerError(error);
      const is_about_file = problem?.code === "damaged" || problem?.code === "busy";
      if (!problem || (is_read && !is_about_file)) throw error;
      // Busy: another program has the file open. Ours replaces it by name and needs nothing from it.
      const keep_aside = problem.code !== "busy" || this.isForeign();
      onNotice?.(this.anewNotice(name, problem.message, keep_aside));
      return await build(undefined, keep_aside);
    }
  }

  /** The line that says why nothing of the live file is used, and where it is, if it is kept. */
  anewNotice(name: string, reason: string, keep_aside: boolean): string {
    const kept = keep_aside ? `; the old file is kept as ${this.aside_path}` : "";
    return `building ${name} anew: ${reason}${kept}`;
  }

  /**
   * Removes a write-ahead file beside the live file. We never leave one, so another program that opened
   * the file for writing did; DuckDB would replay it into whatever file has the name.
   */
  removeForeignWal(): boolean {
    const path = `${this.path}.wal`;
    if (!this.world.files.facts(path)) return false;
    this.world.files.remove(path);
    return true;
  }

  /** Moves the live file out of the way, whatever it is; false when there is none. */
  #setAside(): boolean {
    const { world: { files }, path, aside_path } = this;
    if (!files.linkFacts(path)) return false;
    for (const end of ["", ".wal"]) {
      if (files.linkFacts(aside_path + end)) files.remove(aside_path + end);
    }
    // What its program has not taken in yet belongs to it.
    if (files.linkFacts(`${path}.wal`)) files.rename(`${path}.wal`, `${aside_path}.wal`);
    files.rename(path, aside_path);
    return true;
  }

  /** Another text whenever the live file is another; empty where there is none. */
  fingerprint(): string {
    const facts = this.world.files.facts(this.path);
    return facts ? `${facts.identity} ${facts.size_bytes} ${facts.modified_ms}\n` : "";
  }
}

function untrusted(message: string, path?: string): LedgerError {
  return new LedgerError({ code: "damaged", message, where: path ? { path } : undefined });
}

interface SnapshotOptions extends Partial<Pick<ConnectionOptions, "folders" | "attached">> {
  hint_when_absent: string;
  /** Snapshots of ours that are attached too. */
  beside?: ConnectionOptions["attached"];
}

/** Opens one for reading. What its reader sees does not change while it is open. */
export async function openSnapshot(
  world: World,
  path: string,
  { hint_when_absent, folders = [], attached = [], beside = [] }: SnapshotOptions,
): Promise<Database> {
  const store = new SnapshotStore(world, path);
  const stores = [store, ...beside.map(({ path }) => new SnapshotStore(world, path))];
  if (!world.files.facts(store.path)) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no index at ${store.path}`,
      where: { path: store.path },
      hint: hint_when_absent,
    });
  }
  // Not in the folder where an index is built: that one goes away while readers still read.
  const temp_folder = join(store.folder, ".ledger-spill");
  for (;;) {
    let may_remove = true;
    try {
      for (const each of stores) each.removeForeignWal();
    } catch {
      // Not ours to remove (another's ledger, a read-only disk): then no program writes there either.
      may_remove = false;
    }
    const database = await openDatabase(world, {
      path: store.path,
      access: "read",
      folders: [temp_folder, ...folders],
      temp_folder,
      attached: [...attached, ...beside],
    });
    // A file that came in between was replayed: its rows are in what we opened.
    if (may_remove && stores.some(({ path }) => world.files.facts(`${path}.wal`))) {
      database.close();
      continue;
    }
    try {
      // What another program wrote may hold views that do more than answer.
      if (attached.length > 0 || !stores.every((each) => each.isAsPublishedByUser())) {
        await guardDefinitions(database);
      }
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }
}
