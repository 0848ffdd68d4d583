/** A day's lock: a flock on a file in the day's folder, held for the length of one write. */
import { dirname, join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import { systemCode } from "../../base/files/file_error.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { folder_tries_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { dayFolder, dayLockName } from "./layout.ts";

/** What a file system that has no flock answers. */
const WITHOUT_LOCKS = new Set(["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * The lock of one writer's parts of a day. A writer's own lock file is made under the day's common lock,
 * which is a door: so who holds the door knows all writers there are, and none comes in meanwhile.
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

/** One lock file, kept open between uses. */
export class DayLock {
  #file?: OpenFile;
  #identity = "";

  constructor(
    readonly world: World,
    readonly path: string,
    /** Whether one process alone writes here by contract, so that no lock is no harm. */
    readonly is_private: boolean,
    readonly wait_ms: number,
    readonly onWait: () => void = () => {},
    /** The lock under which this one's file is made; absent where the caller has it, or none is due. */
    readonly door_path?: string,
  ) {}

  /**
   * Takes the lock, making the folder and the file when they are not there. A caller who can tell
   * that no name in the folder has changed since the last time spares us the look at our own.
   */
  async take(namesAreUnchanged: () => boolean = () => false): Promise<void> {
    try {
      for (;;) {
        if (!this.#file) await this.#open();
        if (!await this.#lockInTime(this.#file!)) throw this.#busy();
        if (this.#hasItsName(namesAreUnchanged)) return;
      }
    } catch (error) {
      // A lock that was had and is not used would keep everybody else waiting.
      this.close();
      throw error;
    }
  }

  /**
   * Takes the lock if that takes no opening and no more than a few milliseconds, in which this thread
   * does nothing else: then the work can be done in the same turn, and others have the lock sooner.
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

  /**
   * Whoever removes or replaces the day's folder takes the lock's name with it. Holding a lock that
   * has lost its name protects nothing: it is let go of.
   */
  #hasItsName(namesAreUnchanged: () => boolean): boolean {
    if (namesAreUnchanged()) return true;
    if (this.world.files.facts(this.path)?.identity === this.#identity) return true;
    this.close();
    return false;
  }

  /** Gives the lock back and keeps the file for the next time. */
  release(): void {
    try {
      this.#file?.unlock();
    } catch {
      // Closing gives it back too.
      this.close();
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  async #open(): Promise<void> {
    const folder = dirname(this.path);
    for (let attempt = 1;; attempt++) {
      // One that is there gets its durable name before the first byte of a part, if it has none yet.
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
    const door = new DayLock(
      this.world,
      this.door_path,
      this.is_private,
      this.wait_ms,
      this.onWait,
    );
    await door.take();
    try {
      return files.open(this.path, "lock");
    } finally {
      door.close();
    }
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
      // Whoever does not have it by now goes on waiting in `take`, and is counted there.
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
