/** The seam to the disk on Deno: system calls, each attempted under its name, and their faults. */
import {
  attended_step_ms,
  lock_pause_ms,
  lock_poll_ms,
  lock_tries_max,
  pipe_pause_ms_max,
} from "../limits.ts";
import { fileError, systemCode, WAITS_FOR_EVER } from "./file_error.ts";
import type {
  FaultHook,
  FileFacts,
  FileOperation,
  Files,
  FolderWatch,
  InputFile,
  OpenFile,
  OpenMode,
} from "./seam.ts";

function factsOf(info: Deno.FileInfo): FileFacts {
  return {
    is_file: info.isFile,
    is_folder: info.isDirectory,
    is_link: info.isSymlink,
    is_pipe: Boolean(info.isFifo || info.isSocket),
    is_device: Boolean(info.isCharDevice || info.isBlockDevice),
    is_endless: Boolean(info.isBlockDevice || (info.isCharDevice && !isQuiet(info.rdev))),
    size_bytes: info.size,
    identity: `${info.dev}:${info.ino}`,
    links: info.nlink ?? 1,
    modified_ms: info.mtime?.getTime() ?? 0,
    mode: info.mode,
    uid: info.uid,
  };
}

const NULL_DEVICE = 0x103;
/** The kernel's numbers for kinds of terminals: consoles, the process's own, and those of programs. */
const TERMINALS: readonly number[] = [4, 5, 136, 137, 138, 139, 140, 141, 142, 143];

/** Whether a device is a terminal, or the one that is always at its end. */
function isQuiet(device: number | null): boolean {
  return device !== null && (device === NULL_DEVICE || TERMINALS.includes(device >> 8));
}

const OPTIONS_OF_MODE: Readonly<Record<OpenMode, Deno.OpenOptions>> = {
  read: { read: true },
  append: { read: true, append: true },
  create: { read: true, append: true, createNew: true },
  lock: { read: true, write: true, create: true },
};

/** `tryLock` came after the Deno that compiles in some places: ask, do not assume. */
type MaybeTryLock = Deno.FsFile & { tryLockSync?: (exclusive?: boolean) => boolean };

/** What a thread waits on in order to sleep: nothing wakes it. */
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

/** Does one operation, as far as the fault hook lets it, and names it in its error. */
type Attempt = <T>(operation: FileOperation, path: string, body: (room: number | void) => T) => T;

class SystemFile implements OpenFile {
  /** The wait for the lock, as long as the system has the file for it. */
  private in_line?: Promise<void>;

  constructor(readonly path: string, readonly file: Deno.FsFile, readonly attempt: Attempt) {}

  readAt(buffer: Uint8Array, offset: number): number {
    return this.attempt("read", this.path, () => {
      this.file.seekSync(offset, Deno.SeekMode.Start);
      return this.file.readSync(buffer) ?? 0;
    });
  }

  findEnd(last_byte: Uint8Array): number {
    return this.attempt("read", this.path, () => {
      // A third of what asking for all facts about the file costs, under a lock that others wait for.
      const last = this.#seekLastByte();
      return last < 0 ? 0 : last + (this.file.readSync(last_byte) ?? 0);
    });
  }

  /** Where the last byte is; -1 in an empty file. */
  #seekLastByte(): number {
    try {
      return this.file.seekSync(-1, Deno.SeekMode.End);
    } catch (cause) {
      // There is no place before the start.
      if (this.file.seekSync(0, Deno.SeekMode.End) === 0) return -1;
      throw cause;
    }
  }

  write(bytes: Uint8Array): number {
    return this.attempt("write", this.path, (room) => {
      if (typeof room === "number" && room < bytes.length) {
        return room > 0 ? this.file.writeSync(bytes.subarray(0, room)) : 0;
      }
      return this.file.writeSync(bytes);
    });
  }

  facts(): FileFacts {
    return this.attempt("look at", this.path, () => factsOf(this.file.statSync()));
  }

  truncate(size_bytes: number): void {
    this.attempt("truncate", this.path, () => this.file.truncateSync(size_bytes));
  }

  syncData(): void {
    this.attempt("sync", this.path, () => this.file.syncDataSync());
  }

  async syncDataInBackground(): Promise<void> {
    // The hook runs first and alone: a promise that rejects later is translated just the same.
    const started = this.attempt("sync", this.path, () => this.file.syncData());
    try {
      await started;
    } catch (cause) {
      throw fileError("sync", this.path, cause);
    }
  }

  sync(): void {
    this.attempt("sync", this.path, () => this.file.syncSync());
  }

  get can_try_lock(): boolean {
    return "tryLockSync" in this.file;
  }

  tryLock(exclusive: boolean): boolean {
    const file = this.file as MaybeTryLock;
    if (!file.tryLockSync) return false;
    return this.attempt("lock", this.path, () => file.tryLockSync!(exclusive));
  }

  lockSoon(exclusive: boolean, wait_ms: number): boolean {
    const until_ms = performance.now() + Math.min(wait_ms, lock_poll_ms);
    while (this.can_try_lock) {
      for (let tries = 0; tries < lock_tries_max; tries++) {
        if (this.tryLock(exclusive)) return true;
      }
      if (performance.now() > until_ms) break;
      // Locks are held for microseconds. A short sleep gets one sooner, and takes less from its
      // holder, than a place in line, for which Deno uses another thread.
      Atomics.wait(NEVER_WOKEN, 0, 0, lock_pause_ms);
    }
    return false;
  }

  async lock(exclusive: boolean, wait_ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.lockSoon(exclusive, wait_ms)) return true;
    return await answeredWithin(this.lockInLine(exclusive), wait_ms, signal);
  }

  async lockInLine(exclusive: boolean): Promise<void> {
    this.in_line = this.attempt("lock", this.path, () => this.file.lock(exclusive));
    try {
      await this.in_line;
    } catch (cause) {
      throw fileError("lock", this.path, cause);
    } finally {
      this.in_line = undefined;
    }
  }

  unlock(): void {
    this.attempt("unlock", this.path, () => this.file.unlockSync());
  }

  close(): void {
    const close = () => this.file.close();
    if (this.in_line) this.in_line.then(close, close);
    else close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * A pipe. Opening it, and reading it, would block this thread until its other end writes; so it is
 * polled, and a signal comes through meanwhile.
 */
class Pipe implements InputFile {
  readonly size_bytes = undefined;
  readonly #fd: number;
  /** One that has a name may be opened before its writer comes: until then its end is not its end. */
  #had_writer: boolean;
  #is_closed = false;

  constructor(readonly path: string, readonly attempt: Attempt) {
    const { openSync, constants: { O_RDONLY, O_NONBLOCK } } = nodeFs();
    this.#fd = openSync(path, O_RDONLY | O_NONBLOCK);
    this.#had_writer = /^\/(dev\/fd|proc)\//.test(path);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (let pause_ms = 0;; pause_ms = Math.min(pause_ms + 1, pipe_pause_ms_max)) {
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
      // By now its number may be that of another file.
      if (this.#is_closed) return null;
      const count = this.attempt("read", this.path, () => this.#tryRead(buffer));
      if (count === undefined) continue;
      if (count > 0) return count;
      if (this.#had_writer) return null;
    }
  }

  /** Undefined where there is nothing now. */
  #tryRead(buffer: Uint8Array): number | undefined {
    try {
      const count = nodeFs().readSync(this.#fd, buffer, 0, buffer.length, null);
      this.#had_writer ||= count > 0;
      return count;
    } catch (cause) {
      if (systemCode(cause) !== "EAGAIN") throw cause;
      this.#had_writer = true;
      return undefined;
    }
  }

  close(): void {
    if (this.#is_closed) return;
    this.#is_closed = true;
    nodeFs().closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The real file system; with a hook, the one that fails where a test wants it to. */
export function systemFiles(hook?: FaultHook): Files {
  const attempt: Attempt = (operation, path, body) => {
    try {
      return body(hook?.(operation, path));
    } catch (cause) {
      throw fileError(operation, path, cause);
    }
  };

  const absentAsUndefined = <T>(operation: FileOperation, path: string, body: () => T) =>
    attempt(operation, path, () => {
      try {
        return body();
      } catch (cause) {
        if (systemCode(cause) === "ENOENT") return undefined;
        throw cause;
      }
    });

  /** Reading gives everything else a turn, or a signal would wait for the end of the input. */
  function openInput(path: string): InputFile {
    if (attempt("open", path, () => Deno.statSync(path)).isFifo) {
      return attempt("open", path, () => new Pipe(path, attempt));
    }
    const file = attempt("open", path, () => Deno.openSync(path, { read: true }));
    const { isFile, size } = attempt("look at", path, () => file.statSync());
    const close = () => file.close();
    return {
      size_bytes: isFile ? size : undefined,
      async read(buffer) {
        await new Promise((resolve) => setImmediate(resolve));
        try {
          return await attempt("read", path, () => file.read(buffer));
        } catch (cause) {
          throw fileError("read", path, cause);
        }
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  return {
    openInput,
    open(path, mode) {
      const open = () => new SystemFile(path, Deno.openSync(path, OPTIONS_OF_MODE[mode]), attempt);
      return attempt(mode === "create" ? "create" : "open", path, open);
    },
    facts: (path) => absentAsUndefined("look at", path, () => factsOf(Deno.statSync(path))),
    linkFacts: (path) => absentAsUndefined("look at", path, () => factsOf(Deno.lstatSync(path))),
    realPath: (path) => attempt("look at", path, () => Deno.realPathSync(path)),
    checkScope: (path) =>
      attempt("write", path, () => {
        const { state } = Deno.permissions.querySync({ name: "write", path });
        if (state !== "granted") throw new Deno.errors.NotCapable("outside the write scope");
      }),
    list: (folder) =>
      absentAsUndefined("list", folder, () =>
        Array.from(
          Deno.readDirSync(folder),
          ({ name, isFile, isDirectory }) => ({ name, is_file: isFile, is_folder: isDirectory }),
        )),
    readBytes: (path) => attempt("read", path, () => Deno.readFileSync(path)),
    readText: (path) =>
      attempt("read", path, () => {
        const { isFile, isDirectory } = Deno.statSync(path);
        if (!isFile && !isDirectory) throw new Error(WAITS_FOR_EVER);
        return Deno.readTextFileSync(path);
      }),
    makeFolder: (path, mode) =>
      attempt("make folder", path, () => Deno.mkdirSync(path, { recursive: true, mode })),
    setMode: (path, mode) => attempt("set mode of", path, () => Deno.chmodSync(path, mode)),
    syncFolder: (path) =>
      attempt("sync folder", path, () => {
        using folder = Deno.openSync(path, { read: true });
        folder.syncSync();
      }),
    rename: (from, to) => attempt("rename", to, () => Deno.renameSync(from, to)),
    link: (from, to) => attempt("link", to, () => Deno.linkSync(from, to)),
    copy: (from, to) => attempt("copy to", to, () => Deno.copyFileSync(from, to)),
    remove: (path) => attempt("remove", path, () => Deno.removeSync(path, { recursive: true })),
    watch: (folder) => attempt("watch", folder, () => watchFolder(folder)),
    fileSystem(path) {
      try {
        const { type, bsize, blocks, bavail } = nodeFs().statfsSync(path);
        return { type, free_bytes: bavail * bsize, total_bytes: blocks * bsize };
      } catch {
        // A library user who did not allow it, or a system that has no such call.
        return undefined;
      }
    },
  };
}

function watchFolder(folder: string): FolderWatch {
  const watcher = Deno.watchFs(folder, { recursive: true });
  async function* changedPaths(): AsyncIterable<string[]> {
    for await (const event of watcher) {
      if (event.kind !== "access") yield event.paths;
    }
  }
  return {
    changes: changedPaths(),
    close() {
      try {
        watcher.close();
      } catch {
        // Closed already, by the end of its iteration.
      }
    },
  };
}

/** Deno itself cannot say what kind of disk a path is on. Loaded when asked: a start takes 0.4 ms less. */
function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

/**
 * Whether the answer comes in time, and before the signal is aborted. Rejects when the answer does. Counts
 * attended time: a thread that computes, or that a slow sync keeps, takes no answers; when it comes back,
 * its timers have run out, and on some runtimes they go off first: a lock that was granted at once would
 * count as held all the time. A holder in this same thread could not have released it either.
 */
export async function answeredWithin(
  answer: Promise<unknown>,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  let is_answered = false;
  const answered = answer.then(() => {
    is_answered = true;
  });
  for (let left_ms = wait_ms; left_ms > 0 && !signal?.aborted; left_ms -= attended_step_ms) {
    await step(answered, Math.min(left_ms, attended_step_ms), signal);
    if (is_answered) return true;
  }
  // What was answered while the thread was busy arrives in the next turn of its event loop.
  await Promise.race([answered, new Promise((resolve) => setImmediate(resolve))]);
  return is_answered;
}

/** Ends with the answer, after a while, or when the signal is aborted. */
async function step(answered: Promise<void>, wait_ms: number, signal?: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  const timer = setTimeout(end, wait_ms);
  signal?.addEventListener("abort", end);
  try {
    await Promise.race([answered, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}
