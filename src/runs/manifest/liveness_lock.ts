/**
 * Whether the program that owns a run still lives. Process ids of another host, or of another day,
 * say nothing; a lock that is held says it all: the system lets go of it when its holder dies.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { makeFolderDurably, openOwn } from "../../base/files/durable.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { lock_wait_ms, owner_look_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { RUN_FILES } from "./layout.ts";

/** Held: it lives. Free: it had the lock, and is gone. Never: nobody ever took it. */
export type Ownership = "held" | "free" | "never";

/** Takes a run for the program that this is; closing the file, or dying, gives it up. */
export async function ownRun(world: World, folder: string): Promise<OpenFile> {
  makeFolderDurably(world.files, folder);
  const path = join(folder, RUN_FILES.owner_lock);
  // Nobody else keeps it; whoever looks at it has it for a moment.
  const lock = await takeFileLock(world.files, path, lock_wait_ms);
  if (lock) return lock;
  throw new LedgerError({
    code: "busy",
    message: `cannot own ${folder}: another process owns it`,
    where: { path },
    hint: `a run has one owner; to see which: fuser -v ${path}`,
  });
}

/** Waits in line that go on, by path: where a lock cannot be tried, each look would begin another. */
const waits = new WeakMap<World, Map<string, Promise<void>>>();

/** Looks whether a run is owned. */
export async function ownershipOf(world: World, folder: string): Promise<Ownership> {
  const path = join(folder, RUN_FILES.owner_lock);
  const waiting = waits.get(world) ?? new Map<string, Promise<void>>();
  waits.set(world, waiting);
  if (waiting.has(path)) return "held";
  const lock = openIfThere(world, path);
  if (!lock) return "never";
  let is_free: boolean;
  try {
    is_free = lock.tryLock(false);
  } catch (error) {
    lock.close();
    throw error;
  }
  if (is_free || lock.can_try_lock) {
    lock.close();
    return is_free ? "free" : "held";
  }
  const wait = lock.lockInLine(false).finally(() => {
    lock.close();
    waiting.delete(path);
  });
  waiting.set(path, wait);
  let is_over = false;
  // A wait that fails is one that is over.
  const over = wait.catch(() => {}).then(() => {
    is_over = true;
  });
  const late = new AbortController();
  await Promise.race([over, world.pause(owner_look_ms, late.signal)]);
  late.abort();
  // What was answered while this thread was busy arrives in the next turn.
  if (!is_over) await world.turn();
  return is_over ? "free" : "held";
}

function openIfThere(world: World, path: string): OpenFile | undefined {
  try {
    return openOwn(world.files, path);
  } catch (error) {
    if (asLedgerError(error)?.code === "not_found") return undefined;
    throw error;
  }
}
