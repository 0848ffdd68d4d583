/**
 * Work folder of a job: its temporary files and databases, below a lock that dies with it. A job that begins
 * removes the folders of jobs that have died.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { lock_probe_ms, lock_wait_ms } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { type Database, openDatabase } from "../../duckdb/connection.ts";

const LOCK_ENDING = ".lock";

/** The folder of one job, for as long as it is not disposed of. */
export class JobFolder implements Disposable {
  private constructor(
    readonly world: World,
    readonly path: string,
    readonly lock: OpenFile,
  ) {}

  /** Makes one below a folder that all jobs of a ledger share. */
  static async open(world: World, parent: string): Promise<JobFolder> {
    const { files } = world;
    makeFolderDurably(files, parent);
    // A lock file that no job holds yet is not taken for a dead one's: both happen below this lock.
    using turn = await takeFileLock(files, join(parent, "jobs"), lock_wait_ms);
    if (!turn) {
      throw new LedgerError({
        code: "busy",
        message: `another job has had ${parent} for ${lock_wait_ms / 1e3} s`,
        where: { path: parent },
        hint: "try again",
      });
    }
    await removeDead(world, parent);
    const path = join(parent, uniqueName(world));
    const lock = await takeFileLock(files, `${path}${LOCK_ENDING}`, lock_wait_ms);
    if (!lock) throw new Error(`${path}${LOCK_ENDING} is new, and held by another`);
    files.makeFolder(path);
    return new JobFolder(world, path, lock);
  }

  /** Lends an empty folder. */
  withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
    return withFolder(this.world, this.path, body);
  }

  /** A database in memory that reads and writes in a folder. */
  openDatabase(folder: string): Promise<Database> {
    return openWorkDatabase(this.world, folder);
  }

  /** Lends both. */
  withDatabase<T>(body: (database: Database, folder: string) => Promise<T>): Promise<T> {
    return withDatabase(this.world, this.path, body);
  }

  [Symbol.dispose](): void {
    this.world.files.remove(this.path);
    this.world.files.remove(this.lock.path);
    this.lock.close();
  }
}

/** Lends an empty folder below one that the caller has to itself. */
async function withFolder<T>(
  world: World,
  parent: string,
  body: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = join(parent, uniqueName(world));
  world.files.makeFolder(folder);
  try {
    return await body(folder);
  } finally {
    world.files.remove(folder);
  }
}

function openWorkDatabase(world: World, folder: string): Promise<Database> {
  return openDatabase(world, {
    path: ":memory:",
    access: "write",
    folders: [folder],
    temp_folder: join(folder, "spill"),
    keeps_order: true,
  });
}

/** Lends such a folder, and a database in memory that reads and writes in it. */
export function withDatabase<T>(
  world: World,
  parent: string,
  body: (database: Database, folder: string) => Promise<T>,
): Promise<T> {
  return withFolder(world, parent, async (folder) => {
    await using database = await openWorkDatabase(world, folder);
    return await body(database, folder);
  });
}

/** Removes what jobs have left whose lock is free, or gone. */
async function removeDead({ files }: World, parent: string): Promise<void> {
  const names = (files.list(parent) ?? []).map(({ name }) => name);
  for (const name of names.filter((each) => each.endsWith(LOCK_ENDING))) {
    using lock = await takeFileLock(files, join(parent, name), lock_probe_ms);
    if (!lock) continue;
    const folder = name.slice(0, -LOCK_ENDING.length);
    // A job may have died before it made its folder.
    if (names.includes(folder)) files.remove(join(parent, folder));
    files.remove(join(parent, name));
  }
  const left = new Set((files.list(parent) ?? []).map(({ name }) => name));
  for (const name of left) {
    if (/^\d+-[0-9a-f]+$/.test(name) && !left.has(`${name}${LOCK_ENDING}`)) {
      files.remove(join(parent, name));
    }
  }
}
