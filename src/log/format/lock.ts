/** Advisory lock of a day: a flock on a file in the day's folder, held for the length of one write. */
import { dirname, join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import { systemCode } from "../../base/files/file_error.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { folder_tries_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { dayFolder, dayLockName } from "./layout.ts";

const WITHOUT_LOCKS = new Set(["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * The lock of one writer's parts of a day. A private writer's lock file is made under the day's common lock,
 * the door: so the holder of the door knows all writers, and none comes in meanwhile.
 */
export function lockOfWriter(
  world: World,
  root: string,
  { day, writer }: { day: string; writer: string },
  wait_ms: number,
  { is_private = false, onWait }: { is_private?: boolean; onWait?: () => void } = {},
): DayLock {
  const folder = dayFolder(root, day);
  const path = join(folder, dayLockName(writer));
  const door_path = writer === "" ? undefined : join(folder, dayLockName(""));
  return new DayLock(world, path, is_private, wait_ms, onWait, door_path);
}

export class DayLock implements Disposable {
  #file?: OpenFile;
  #identity = "";

  constructor(
    readonly world: World,
    readonly path: string,
    /** Whether one process alone writes here by contract, so that a missing lock does no harm. */
    readonly is_private: boolean,
    readonly wait_ms: number,
    readonly onWait: () => void = () => {},
    /** The lock under which this one's file is made; absent where the caller holds it, or there is none. */
    readonly door_path?: string,
  ) {}

  /**
   * Takes the lock, making the folder and the file when they are not there. A caller that knows that no name
   * in the folder has changed spares the check of the lock's own.
   */
  async take(namesAreUnchanged: () => boolean = () => false): Promise<void> {
    try {
      for (;;) {
        if (!this.#file) await this.#open();
        if (!await this.#lockInTime(this.#file!)) throw this.#busy();
        if (this.#hasItsName(namesAreUnchanged)) return;
      }
    } catch (error) {
      // A lock that is kept and not used would block all other writers.
      this.close();
      throw error;
    }
  }

  /**
   * Takes the lock if its file is open and that blocks the thread for a few milliseconds at most: then the
   * write is done in the same turn of the event loop, and others have the lock sooner.
   */
  takeSoon(namesAreUnchanged: () => boolean): boolean {
    try {
      return this.#file !== undefined && this.#lockSoon(this.#file) &&
        this.#hasItsName(namesAreUnchanged);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A lock whose name went with the day's folder protects nothing: it is released. */
  #hasItsName(namesAreUnchanged: () => boolean): boolean {
    if (namesAreUnchanged()) return true;
    if (this.world.files.facts(this.path)?.identity === this.#identity) return true;
    this.close();
    return false;
  }

  /** Releases the lock and keeps the file open. */
  release(): void {
    try {
      this.#file?.unlock();
    } catch {
      // Closing releases it too.
      this.close();
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #open(): Promise<void> {
    const folder = dirname(this.path);
    for (let attempt = 1;; attempt++) {
      // The name of one that is there becomes durable before the first byte of a part.
      if (!this.world.files.facts(folder)) makeFolderDurably(this.world.files, folder);
      try {
        this.#file = await this.#openOrMake();
        break;
      } catch (error) {
        // The day was archived in between: it begins anew.
        if (asLedgerError(error)?.code !== "not_found" || attempt === folder_tries_max) throw error;
      }
    }
    this.#identity = this.#file.facts().identity;
  }

  async #openOrMake(): Promise<OpenFile> {
    const { files } = this.world;
    if (this.door_path === undefined) return files.open(this.path, "lock");
    if (files.facts(this.path)) return files.open(this.path, "append");
    const { world, door_path, is_private, wait_ms, onWait } = this;
    using door = new DayLock(world, door_path, is_private, wait_ms, onWait);
    await door.take();
    return files.open(this.path, "lock");
  }

  async #lockInTime(file: OpenFile): Promise<boolean> {
    try {
      if (file.tryLock(true)) return true;
      this.onWait();
      return await file.lock(true, this.wait_ms);
    } catch (error) {
      return this.#goesWithout(error);
    }
  }

  #lockSoon(file: OpenFile): boolean {
    try {
      if (file.tryLock(true)) return true;
      const is_taken = file.lockSoon(true, this.wait_ms);
      // A lock that is not taken by now is waited for, and counted, in `take`.
      if (is_taken) this.onWait();
      return is_taken;
    } catch (error) {
      return this.#goesWithout(error);
    }
  }

  /** Where there are no locks, only a part that one process alone writes can do without. */
  #goesWithout(error: unknown): true {
    if (!WITHOUT_LOCKS.has(systemCode(asLedgerError(error)?.cause) ?? "")) throw error;
    if (this.is_private) return true;
    throw asLedgerError(error)!.with({
      hint: "this file system has no locks: give every process its own --writer NAME",
    });
  }

  #busy(): LedgerError {
    return new LedgerError({
      code: "busy",
      message: `cannot append to ${dirname(this.path)}: another process has held its lock for ` +
        `${this.wait_ms} ms`,
      where: { path: this.path },
      hint: `nothing was written; repeat it, or find a stopped process with: fuser -v ${this.path}`,
    });
  }
}
