/**
 * A database that is derived from files: its own file, and what stands around it. That is the lock of
 * the one that builds, the folder where it builds, and the rename by which a finished file takes the
 * place of the last one. Readers keep the file they opened; nobody ever waits for anybody.
 */
import { dirname, join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { makeFolderDurably, removeQuietly, replaceFile, syncFile } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { duckdb_building_threads_max, index_lock_wait_ms } from "../base/limits.ts";
import { takeSignedLock } from "../base/files/file_lock.ts";
import { uniqueName, type World } from "../base/world.ts";
import { type ConnectionOptions, type Database, openDatabase } from "./connection.ts";
import { guardDefinitions } from "./sandbox.ts";

/** How a database is built that goes on from what is live. */
interface BuildFromLive<Live, Built> {
  /** What it is called when it is built anew: `the catalog`. */
  name: string;
  /** Says what the live file was made from, or throws when it cannot be trusted. Absent: not asked. */
  read?: () => Promise<Live>;
  /** Builds and publishes: from the live file, or without one from nothing. */
  build: (live: Live | undefined, keep_aside: boolean) => Promise<Built>;
  /** Told why it is built anew. */
  onNotice?: (message: string) => void;
}

/** One such file. */
export class SnapshotStore {
  readonly path: string;
  readonly folder: string;
  readonly #work: string;
  #lock?: OpenFile;

  constructor(readonly world: World, path: string) {
    this.path = resolve(world.cwd(), path);
    this.folder = dirname(this.path);
    // A name that nobody else gives: the folder may be anybody's (`--db`), and what is in here goes.
    this.#work = join(this.folder, ".ledger-building");
  }

  /** Becomes the one that builds, or says who is. */
  async lock(wait_ms: number = index_lock_wait_ms, signal?: AbortSignal): Promise<void> {
    const { files } = this.world;
    makeFolderDurably(files, this.folder);
    const path = join(this.folder, ".lock");
    const taken = await takeSignedLock(this.world, path, wait_ms, signal);
    if ("holder" in taken) {
      if (signal?.aborted) {
        throw new LedgerError({
          code: "interrupted",
          message: "told to stop while another process was building the index",
          where: { path },
        });
      }
      throw new LedgerError({
        code: "busy",
        message: `cannot build the index: ${taken.holder} is building it`,
        where: { path },
        hint: "it takes in what is new; try again when it is done",
      });
    }
    this.#lock = taken.lock;
    try {
      // Whatever a killed builder left is of no use to anybody.
      if (files.linkFacts(this.#work)) files.remove(this.#work);
      makeFolderDurably(files, this.#work);
    } catch (error) {
      // A full disk, say: a daemon tries again, and must not find itself in the way.
      this.unlock();
      throw error;
    }
  }

  unlock(): void {
    removeQuietly(this.world.files, this.#work);
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Where staged files go. */
  get work_folder(): string {
    return this.#work;
  }

  /** The database that is being built. Nobody else knows it. */
  get building_path(): string {
    return join(this.#work, "building.duckdb");
  }

  /**
   * Opens a database to build in: empty, or a copy of the one that is live; with others beside it that
   * can be read.
   */
  async openWork(
    from_live: boolean,
    folders: readonly string[] = [],
    attached: ConnectionOptions["attached"] = [],
  ): Promise<Database> {
    const path = this.building_path;
    // An attempt before this one may have been given up half-way.
    if (this.world.files.facts(this.#work)) this.world.files.remove(this.#work);
    makeFolderDurably(this.world.files, this.#work);
    if (from_live) {
      this.world.files.copy(this.path, path);
      if (!this.isAsPublished()) {
        throw new LedgerError({
          code: "damaged",
          message: "another program writes to it",
          where: { path: this.path },
        });
      }
    }
    return await openDatabase(this.world, {
      path,
      access: "write",
      folders: [this.#work, ...folders],
      temp_folder: join(this.#work, "spill"),
      threads: duckdb_building_threads_max,
      attached,
    });
  }

  /**
   * Puts the finished database in place of the live one, durably. What was live is kept aside where
   * that is asked for; until here it stood where it was, for those who could still read it.
   */
  publish(keep_aside: boolean): void {
    const { files } = this.world;
    const path = this.building_path;
    syncFile(files, path);
    this.removeForeignWal();
    const must_move = files.facts(this.path)?.is_folder ?? false;
    const moved = (keep_aside || must_move) && this.#setAside();
    try {
      files.rename(path, this.path);
    } catch (error) {
      if (moved) files.rename(this.aside_path, this.path);
      throw error;
    }
    files.syncFolder(this.folder);
    const stamp = new TextEncoder().encode(this.#stampOfLive());
    replaceFile(files, this.#stamp_path, stamp, uniqueName(this.world));
  }

  /** Whether a file was ever published under this name. */
  wasPublished(): boolean {
    return this.world.files.facts(this.#stamp_path) !== undefined;
  }

  /** Whether the live file is as it was published: nobody else has written into it. */
  isAsPublished(): boolean {
    const { files } = this.world;
    if (!files.facts(this.#stamp_path)?.is_file) return false;
    return files.readText(this.#stamp_path) === this.#stampOfLive();
  }

  /** The same, and by a process of this user: who could forge that could write the folders as well. */
  isAsPublishedByUser(): boolean {
    const { files } = this.world;
    const are_own = [this.path, this.#stamp_path]
      .every((path) => files.facts(path)?.uid === Deno.uid());
    return are_own && this.isAsPublished();
  }

  /**
   * Opens the live file for the one that builds, to see what it was made from. Throws "damaged" when
   * nothing in it can be trusted; a builder then begins from nothing, and says so.
   */
  async openLive(version_sql: string, version: number): Promise<Database> {
    if (!this.world.files.linkFacts(this.path)?.is_file) throw untrusted("it is not a file");
    this.removeForeignWal();
    if (!this.isAsPublished()) {
      throw untrusted("another program has written to it, or it was copied here");
    }
    const database = await openDatabase(this.world, {
      path: this.path,
      access: "read",
      folders: [this.#work],
      temp_folder: this.#work,
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
  async buildFromLive<Live, Built>(building: BuildFromLive<Live, Built>): Promise<Built> {
    const { name, read, build, onNotice } = building;
    const buildAnew = async (error: unknown) => {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      // Somebody holds the file for writing. Ours replaces it by name and needs nothing from it.
      const keep_aside = problem.code !== "busy";
      onNotice?.(this.anewNotice(name, problem.message, keep_aside));
      return await build(undefined, keep_aside);
    };
    if (!read || !this.world.files.linkFacts(this.path)) return await build(undefined, false);
    let live: Live;
    try {
      live = await read();
    } catch (error) {
      return await buildAnew(error);
    }
    try {
      return await build(live, false);
    } catch (error) {
      const code = asLedgerError(error)?.code;
      if (code !== "damaged" && code !== "busy") throw error;
      return await buildAnew(error);
    }
  }

  /** The line that says why nothing of the live file is used, and where it is, if it is kept. */
  anewNotice(name: string, reason: string, keep_aside: boolean): string {
    const kept = keep_aside ? `; the old file is kept as ${this.aside_path}` : "";
    return `building ${name} anew: ${reason}${kept}`;
  }

  /**
   * Removes a write-ahead file beside the live index. We never leave one, so it is of another program
   * that opened the index for writing; DuckDB would replay it into whatever file has the name.
   */
  removeForeignWal(): boolean {
    const path = `${this.path}.wal`;
    if (!this.world.files.facts(path)) return false;
    this.world.files.remove(path);
    return true;
  }

  /** Where a live file goes that cannot be used any more. */
  get aside_path(): string {
    return `${this.path}.set-aside`;
  }

  /** Moves the live file out of the way, whatever it is; false when there is none. */
  #setAside(): boolean {
    const { files } = this.world;
    if (!files.linkFacts(this.path)) return false;
    if (files.linkFacts(this.aside_path)) files.remove(this.aside_path);
    files.rename(this.path, this.aside_path);
    return true;
  }

  get #stamp_path(): string {
    return `${this.path}.published`;
  }

  #stampOfLive(): string {
    const facts = this.world.files.facts(this.path);
    return facts ? `${facts.identity} ${facts.size_bytes} ${facts.modified_ms}\n` : "";
  }
}

function untrusted(message: string): LedgerError {
  return new LedgerError({ code: "damaged", message });
}

/** What is opened for reading, and what beside it. */
interface SnapshotOptions {
  /** What to do when it is not there. */
  hint_when_absent: string;
  /** The folders that SQL may read. */
  folders?: readonly string[];
  /** Other databases, readable under a name. */
  attached?: readonly { path: string; name: string }[];
}

/** Opens one for reading. What its reader sees does not change while it is open. */
export async function openSnapshot(
  world: World,
  path: string,
  options: SnapshotOptions,
): Promise<Database> {
  const store = new SnapshotStore(world, path);
  const facts = world.files.facts(store.path);
  if (!facts) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no index at ${store.path}`,
      where: { path: store.path },
      hint: options.hint_when_absent,
    });
  }
  // Not in the folder where an index is built: that one goes away while readers still read.
  const temp_folder = join(store.folder, ".ledger-spill");
  for (;;) {
    let may_remove = true;
    try {
      store.removeForeignWal();
    } catch {
      // Not ours to remove (another's ledger, a read-only disk): then nobody writes there either.
      may_remove = false;
    }
    const database = await openDatabase(world, {
      path: store.path,
      access: "read",
      folders: [temp_folder, ...options.folders ?? []],
      temp_folder,
      attached: options.attached,
    });
    // One that came in between was replayed: its rows are in what we opened.
    if (may_remove && world.files.facts(`${store.path}.wal`)) {
      database.close();
      continue;
    }
    try {
      // What another program wrote may hold views that do more than answer.
      if (options.attached?.length || !store.isAsPublishedByUser()) {
        await guardDefinitions(database);
      }
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }
}
