/**
 * The seam to the disk: every touch of it is one named operation of these interfaces.
 *
 * That gives two things: an error always says what was tried on which path, and a test can make the
 * k-th operation fail (`FaultHook`). The calls are synchronous where a writer waits for them anyway,
 * because Deno's asynchronous ones take about twice as long; waiting for a lock is asynchronous.
 * `system_files.ts` implements them on Deno; `outside.ts` narrows them for files of others.
 */

/** Operations as errors and fault plans name them: on open files, on paths, on names. */
export type FileOperation =
  | ("open" | "create" | "read" | "write" | "truncate" | "sync" | "lock" | "unlock")
  | ("look at" | "list" | "make folder" | "sync folder" | "set mode of" | "watch")
  | ("rename" | "link" | "copy to" | "remove");

/**
 * Called before each operation. It may throw what the system would throw; a number returned for a
 * write is how many bytes the "disk" still takes.
 */
export type FaultHook = (operation: FileOperation, path: string) => number | void;

export interface FileFacts {
  is_file: boolean;
  is_folder: boolean;
  is_link: boolean;
  /** Opening one waits for its other end. */
  is_pipe: boolean;
  is_device: boolean;
  /** A device that never ends, and is no terminal. */
  is_endless: boolean;
  size_bytes: number;
  /** Device and inode: the same text is the same file, whatever its name. */
  identity: string;
  /** How many names the file has; 0 when it was removed while open. */
  links: number;
  modified_ms: number;
  mode: number | null;
  uid: number | null;
}

/** How a file stands: another text means that it may be another file, or have other bytes. */
export function standOf({ identity, size_bytes, modified_ms }: FileFacts): string {
  return `${identity} ${size_bytes} ${modified_ms}`;
}

interface FolderEntry {
  name: string;
  is_file: boolean;
  is_folder: boolean;
}

/** How a file is opened. `append` and `read` want it to exist, `create` wants it not to. */
export type OpenMode = "read" | "append" | "create" | "lock";

export interface OpenFile extends Disposable {
  readonly path: string;
  /** Reads at an offset; 0 at the end of the file. */
  readAt(buffer: Uint8Array, offset: number): number;
  /** Where the file ends; its last byte is put into the buffer, unless it is empty. */
  findEnd(last_byte: Uint8Array): number;
  /** One write at the end. May take fewer bytes than given: that is how a full disk shows first. */
  write(bytes: Uint8Array): number;
  facts(): FileFacts;
  truncate(size_bytes: number): void;
  /** fdatasync: content and length are durable when it returns. */
  syncData(): void;
  /** The same without blocking this thread. */
  syncDataInBackground(): Promise<void>;
  /** fsync: everything about the file is durable when it returns. */
  sync(): void;
  /** Whether `tryLock` can tell: where the system has no such call, it always says no. */
  readonly can_try_lock: boolean;
  tryLock(exclusive: boolean): boolean;
  /**
   * Takes the lock if it can be had within a few milliseconds, and no more than `wait_ms`. This
   * thread does nothing else meanwhile.
   */
  lockSoon(exclusive: boolean, wait_ms: number): boolean;
  /**
   * Waits for the lock; false when it could not be had in time, or before the signal was aborted.
   * Then the file is of no more use, and closing it is all that is left to do.
   */
  lock(exclusive: boolean, wait_ms: number, signal?: AbortSignal): Promise<boolean>;
  /** Waits for the lock however long it takes. The wait cannot be called off. */
  lockInLine(exclusive: boolean): Promise<void>;
  unlock(): void;
  /**
   * Once, by its opener, whatever came of it; `using` does it. A lock that is still waited for is given
   * back as soon as it comes.
   */
  close(): void;
}

/** Something open to be read from its start to its end, without blocking this thread. */
export interface InputFile extends Disposable {
  /** Of a regular file. */
  readonly size_bytes: number | undefined;
  /** Fills the buffer as far as data is there; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  close(): void;
}

/** Notifications about a folder and what is below it, until it is closed. */
export interface FolderWatch {
  changes: AsyncIterable<string[]>;
  close(): void;
}

export interface FileSystemFacts {
  /** The kernel's number for the kind of file system. */
  type: number;
  /** What a user who is not root can still write. */
  free_bytes: number;
  total_bytes: number;
}

export interface Files {
  open(path: string, mode: OpenMode): OpenFile;
  /** Opens what is read in order only, which may be a pipe. */
  openInput(path: string): InputFile;
  /** Links followed; undefined when there is nothing. */
  facts(path: string): FileFacts | undefined;
  /** Of the path itself, a link included. */
  linkFacts(path: string): FileFacts | undefined;
  /** Where a path leads, without links; it has to lead somewhere. */
  realPath(path: string): string;
  /** Throws where a path lies outside of what this program may write. */
  checkScope(path: string): void;
  /** Undefined when there is no such folder. */
  list(folder: string): FolderEntry[] | undefined;
  readBytes(path: string): Uint8Array;
  readText(path: string): string;
  makeFolder(path: string, mode?: number): void;
  setMode(path: string, mode: number): void;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): void;
  rename(from: string, to: string): void;
  /** Gives a file a second name, and never one that something has. */
  link(from: string, to: string): void;
  copy(from: string, to: string): void;
  /** Also a folder with all that is in it. */
  remove(path: string): void;
  watch(folder: string): FolderWatch;
  /** What holds a path; undefined where that cannot be asked. */
  fileSystem(path: string): FileSystemFacts | undefined;
}
