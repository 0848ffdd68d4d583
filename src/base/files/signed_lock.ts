/** A lock that one process at a time holds for a while, with its holder's name in it, for people. */
import { openOwn } from "./durable.ts";
import { takeFileLock } from "./file_lock.ts";
import type { OpenFile } from "./seam.ts";
import { lock_probe_ms } from "../limits.ts";
import type { World } from "../world.ts";

/** The lock, or who has it. */
export type SignedLock = { lock: OpenFile } | { holder: string };

/** Takes a lock and signs it; when it cannot be had in time, says who has it. Its folder has to exist. */
export async function takeSignedLock(
  world: World,
  path: string,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<SignedLock> {
  const lock = await takeFileLock(world.files, path, wait_ms, signal);
  if (!lock) return { holder: holderIn(world, path) };
  try {
    lock.truncate(0);
    lock.write(new TextEncoder().encode(`process ${world.pid} on ${world.hostname()}\n`));
    return { lock };
  } catch (error) {
    // A full disk, say: whoever tries again must not find itself in the way.
    lock.close();
    throw error;
  }
}

/** Who holds such a lock; undefined when nobody does. */
export async function holderOf(world: World, path: string): Promise<string | undefined> {
  if (!world.files.facts(path)) return undefined;
  const lock = openOwn(world.files, path);
  try {
    if (lock.tryLock(false) || await lock.lock(false, lock_probe_ms)) return undefined;
  } finally {
    lock.close();
  }
  return holderIn(world, path);
}

function holderIn(world: World, path: string): string {
  return world.files.readText(path).trim() || "another process";
}
