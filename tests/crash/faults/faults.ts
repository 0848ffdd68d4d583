/**
 * A disk that fails where a test wants it to, and remembers what it was asked: the k-th operation
 * fails, in one of several ways. It also says whether all that it took is durable by now.
 */
import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import type { FaultHook, FileOperation } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { systemWorld, type World } from "../../../src/base/world.ts";
import { IS_FULL, systemError } from "../../harness.ts";
import { Random, TEST_SEED } from "../../laws/random.ts";

/** A way to fail. */
interface Failure {
  /** The operations that it concerns; only these are counted. */
  concerns: (operation: FileOperation) => boolean;
  /** What the n-th of them gets when the k-th is the first that fails. */
  at: (n: number, k: number, operation: FileOperation) => Error | number | undefined;
}

/** So few bytes that no line fits. */
const SHORT_BYTES = 7;
/** Enough bytes for several of the lines that these tests write, and part of another. */
const LINES_BYTES = 450;

const EIO = () => systemError("EIO", "Input/output error");
const ENOSPC = () => systemError("ENOSPC", "No space left on device");
const EACCES = () => systemError("EACCES", "Permission denied");

const once = (error: () => Error): Failure["at"] => (n, k) => n === k ? error() : undefined;
const from = (error: () => Error): Failure["at"] => (n, k) => n >= k ? error() : undefined;
const every = () => true;
const writes = (operation: FileOperation) => operation === "write";
const syncs = (operation: FileOperation) => operation.startsWith("sync");
const changes = (operation: FileOperation) =>
  ["write", "create", "make folder", "rename", "truncate"].includes(operation);

/** The ways in which the k-th operation fails. */
export const FAILURES: Record<string, Failure> = {
  "EIO": { concerns: every, at: once(EIO) },
  "EACCES": { concerns: every, at: once(EACCES) },
  "ENOSPC": { concerns: changes, at: once(ENOSPC) },
  "a write that is cut short once": {
    concerns: writes,
    at: (n, k) => n === k ? SHORT_BYTES : undefined,
  },
  "a full disk": { concerns: writes, at: from(ENOSPC) },
  "a disk that fills up": {
    concerns: writes,
    at: (n, k) => n === k ? LINES_BYTES : from(ENOSPC)(n, k, "write"),
  },
  "a disk that fills up, and where nothing can be cut back either": {
    concerns: (operation) => writes(operation) || operation === "truncate",
    at: (n, k, operation) =>
      n === k && writes(operation) ? LINES_BYTES : from(ENOSPC)(n, k, operation),
  },
  "syncs that all fail": { concerns: syncs, at: from(EIO) },
  "a disk that is gone": { concerns: every, at: from(EIO) },
};

/** The failing disk of one attempt. */
export class FaultyDisk {
  /** The world whose disk this is. */
  readonly world: World;
  /** What succeeded, in order. */
  readonly trace: { operation: FileOperation; path: string }[] = [];
  /** What failed first. */
  failed?: string;
  #operations = 0;
  #healthy = false;

  constructor(
    readonly failure: Failure,
    readonly k: number,
    /** Which paths it concerns: all, unless told otherwise. */
    readonly isConcerned: (path: string) => boolean = () => true,
  ) {
    this.world = { ...systemWorld(systemFiles(this.#hook)), env: () => undefined };
  }

  /** Whether the attempt went on to its k-th operation. */
  get was_reached(): boolean {
    return this.#operations >= this.k;
  }

  /** From here on it works. */
  heal(): void {
    this.#healthy = true;
  }

  readonly #hook: FaultHook = (operation, path) => {
    const counts = !this.#healthy && this.failure.concerns(operation) && this.isConcerned(path);
    const fault = counts ? this.failure.at(++this.#operations, this.k, operation) : undefined;
    if (fault !== undefined) this.failed ??= `${operation} ${path}`;
    if (fault instanceof Error) throw fault;
    this.trace.push({ operation, path });
    return fault;
  };

  /**
   * Fails unless all that was written would be there after a power cut: contents synced after their
   * last change, names by a sync of their folder. `existing` are the paths that were there before.
   * What was written before `contents_from` was not acknowledged.
   */
  assertAllDurable(existing: Set<string>, contents_from = 0): void {
    const last = new Map<string, number>();
    this.trace.forEach(({ operation, path }, at) => last.set(`${operation} ${path}`, at));
    const lastOf = (operation: FileOperation, path: string) =>
      last.get(`${operation} ${path}`) ?? -1;
    const not_durable: string[] = [];
    for (const [at, { operation, path }] of this.trace.entries()) {
      // What stands in a lock is for people who look for its holder; a mark of changes is a hint.
      if (lastOf("remove", path) > at || /\.(tmp|lock|changes)$/.test(path)) continue;
      const folder_synced = lastOf("sync folder", dirname(path)) > at;
      if (operation === "write" || operation === "truncate") {
        if (at >= contents_from && lastOf("sync", path) < at) {
          not_durable.push(`what was written to ${path}`);
        }
      } else if (operation === "create" || operation === "rename") {
        if (!folder_synced) not_durable.push(`the name of ${path}`);
      }
    }
    for (const [folder, made_at] of this.#foldersMade(existing)) {
      if (lastOf("sync folder", dirname(folder)) < made_at) {
        not_durable.push(`the name of ${folder}`);
      }
    }
    assertEquals(not_durable, [], "acknowledged, and not durable");
  }

  /** The folders that were new, and when each was made. */
  #foldersMade(existing: Set<string>): Map<string, number> {
    const made = new Map<string, number>();
    for (const [at, { operation, path }] of this.trace.entries()) {
      if (operation !== "make folder") continue;
      for (let folder = path; !existing.has(folder) && !made.has(folder);) {
        made.set(folder, at);
        folder = dirname(folder);
      }
    }
    return made;
  }
}

/** Tries the same on disks that fail, one after the other at every operation that it comes to. */
export async function failAtEach(attempt: (disk: FaultyDisk) => Promise<void>): Promise<void> {
  for (const name of Object.keys(FAILURES)) await failEachWay(name, attempt);
}

/** Of the operations of an attempt, a plain run lets about every so many-th fail. */
export const STRIDE = IS_FULL ? 1 : 8;
/** The same of what takes long. */
export const LONG_STRIDE = IS_FULL ? 1 : 40;

/** The operations that are to fail, one after the other: in a plain run those that the seed draws. */
export function* operationsToFail(stride = STRIDE): Generator<number> {
  const random = new Random(TEST_SEED);
  for (let k = 1;; k += IS_FULL ? stride : 1 + random.below(2 * stride - 1)) yield k;
}

/** The same in one of the ways to fail; at every so many-th operation, of those on some paths. */
export async function failEachWay(
  name: string,
  attempt: (disk: FaultyDisk) => Promise<void>,
  isConcerned?: (path: string) => boolean,
  stride = STRIDE,
): Promise<void> {
  let injected = 0;
  for (const k of operationsToFail(stride)) {
    const disk = new FaultyDisk(FAILURES[name], k, isConcerned);
    try {
      await attempt(disk);
    } catch (cause) {
      const at = `${name} at operation ${k} (${disk.failed ?? "none failed"})`;
      throw new Error(`${at}: ${(cause as Error).message}`, { cause });
    }
    if (disk.failed) injected++;
    if (!disk.was_reached) break;
  }
  assert(injected > 0, `${name}: nothing has failed`);
}
