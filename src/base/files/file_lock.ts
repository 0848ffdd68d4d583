/** Lock files: a lock is held for as long as its file is open, also where the process dies. */
import { lock_held_ms } from "../limits.ts";
import type { World } from "../world.ts";
import { openOwn } from "./durable.ts";
import type { Files, OpenFile } from "./seam.ts";

/** Takes the lock of a file, which is made where it is missing; undefined when it is not free in time. */
export async function takeFileLock(
  files: Files,
  path: string,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<OpenFile | undefined> {
  const lock = files.open(path, "lock");
  let is_had = false;
  try {
    is_had = await lock.lock(true, wait_ms, signal);
    return is_had ? lock : undefined;
  } finally {
    if (!is_had) lock.close();
  }
}

type SignedLock = { lock: OpenFile } | { holder: string };

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
    // A full disk, say: the next try must not find this one's lock in its way.
    lock.close();
    throw error;
  }
}

export async function holderOf(world: World, path: string): Promise<string | undefined> {
  if (!world.files.facts(path)) return undefined;
  {
    using lock = openOwn(world.files, path);
    if (lock.tryLock(false)) return undefined;
    if (!lock.can_try_lock && await lock.lock(false, lock_held_ms)) return undefined;
  }
  return holderIn(world, path);
}

function holderIn(world: World, path: string): string {
  return world.files.readText(path).trim() || "another process";
}
