/**
 * The index's file and what stands around it: the lock of the one that builds, the folder where it
 * builds, and the rename by which a finished file takes the place of the last one. Readers keep the
 * file they opened; nobody ever waits for anybody.
 */
import { dirname, join, resolve } from "@std/path";
import { LedgerError } from "../base/error.ts";
import { makeFolderDurably, type OpenFile, removeQuietly, replaceFile } from "../base/files.ts";
import { index_lock_wait_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/door.ts";
import { ledgerPaths } from "../log/mod.ts";

/** One index file. */
export class IndexStore {
  readonly path: string;
  readonly folder: string;
  readonly #work: string;
  #lock?: OpenFile;

  constructor(readonly world: World, readonly root: string, path?: string) {
    this.path = resolve(world.cwd(), path ?? join(ledgerPaths(root).index, "runs.duckdb"));
    this.folder = dirname(this.path);
    this.#work = join(this.folder, ".tmp");
  }

  /** Becomes the one that builds, or says who is. */
  async lock(wait_ms: number = index_lock_wait_ms): Promise<void> {
    const { files } = this.world;
    makeFolderDurably(files, this.folder);
    const path = join(this.folder, ".lock");
    const lock = files.open(path, "lock");
    if (!lock.tryLock(true) && !await lock.lock(true, wait_ms)) {
      const holder = files.readText(path).trim();
      throw new LedgerError({
        code: "busy",
        message: `cannot build the index: ${holder || "another process"} is building it`,
        where: { path },
        hint: "it takes in what is new; try again when it is done",
      });
    }
    this.#lock = lock;
    lock.truncate(0);
    lock.write(new TextEncoder().encode(`process ${this.world.pid} on ${this.world.hostname()}\n`));
    // Whatever a killed builder left is of no use to anybody.
    if (files.facts(this.#work)) files.remove(this.#work);
    makeFolderDurably(files, this.#work);
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

  /** Opens a database to build in: empty, or a copy of the one that is live. */
  async openWork(from_live: boolean): Promise<Database> {
    const path = join(this.#work, "building.duckdb");
    if (this.world.files.facts(path)) this.world.files.remove(path);
    if (from_live) this.world.files.copy(this.path, path);
    return await openDatabase(this.world, {
      path,
      access: "write",
      folders: [this.#work],
      temp_folder: join(this.#work, "spill"),
    });
  }

  /** Puts the finished database in place of the live one, durably. */
  publish(): void {
    const { files } = this.world;
    const path = join(this.#work, "building.duckdb");
    const file = files.open(path, "append");
    try {
      file.sync();
    } finally {
      file.close();
    }
    this.removeForeignWal();
    if (files.facts(this.path)?.is_folder) this.setAside();
    files.rename(path, this.path);
    files.syncFolder(this.folder);
    const stamp = new TextEncoder().encode(this.#stampOfLive());
    replaceFile(files, this.#stamp_path, stamp, String(this.world.pid));
  }

  /** Whether the live file is as it was published: nobody else has written into it. */
  isAsPublished(): boolean {
    const { files } = this.world;
    if (!files.facts(this.#stamp_path)) return false;
    return files.readText(this.#stamp_path) === this.#stampOfLive();
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

  /** Moves the live file out of the way; whatever it is. */
  setAside(): string {
    const aside = `${this.path}.set-aside`;
    if (this.world.files.linkFacts(aside)) this.world.files.remove(aside);
    this.world.files.rename(this.path, aside);
    return aside;
  }

  get #stamp_path(): string {
    return `${this.path}.published`;
  }

  #stampOfLive(): string {
    const facts = this.world.files.facts(this.path);
    return facts ? `${facts.identity} ${facts.size_bytes} ${facts.modified_ms}\n` : "";
  }
}

/** Opens an index for reading. What its reader sees does not change while it is open. */
export async function openIndex(
  world: World,
  root: string,
  name: "runs" | "alerts" | "catalog" = "runs",
  folders: readonly string[] = [],
  attached: readonly { path: string; name: string }[] = [],
): Promise<Database> {
  const path = resolve(world.cwd(), join(ledgerPaths(root).index, `${name}.duckdb`));
  const facts = world.files.facts(path);
  if (!facts) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no index at ${path}`,
      where: { path },
      hint: name === "runs" ? "make it: ledger rebuild" : "nothing has been catalogued yet",
    });
  }
  const store = new IndexStore(world, root, path);
  try {
    store.removeForeignWal();
  } catch {
    // Not ours to remove (another's ledger, a read-only disk): then nobody writes there either.
  }
  return await openDatabase(world, {
    path,
    access: "read",
    folders: [join(dirname(path), ".tmp"), ...folders],
    temp_folder: join(dirname(path), ".tmp", "spill"),
    attached,
  });
}
