/** Liveness lock: the process that writes a store holds it, and the system takes it back when that dies. */
import type { OpenFile } from "../../base/files/seam.ts";
import { lock_probe_ms, lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";

/**
 * Takes a lock for this process; closing the file, or dying, gives it up. A process that looks whether a
 * store is abandoned has its lock for a moment, and removes it when there is nothing else: so a lock that
 * has lost its name by the time it is had is taken anew.
 */
export async function takeStoreLock(
  world: World,
  path: string,
  when: "new" | "if abandoned",
): Promise<OpenFile | undefined> {
  for (;;) {
    const lock = await lockedFile(world, path, when === "new" ? lock_wait_ms : 0);
    if (!lock) return undefined;
    try {
      if (world.files.facts(path)?.identity === lock.facts().identity) return lock;
    } catch (error) {
      lock.close();
      throw error;
    }
    lock.close();
  }
}

async function lockedFile(
  world: World,
  path: string,
  wait_ms: number,
): Promise<OpenFile | undefined> {
  const file = world.files.open(path, "lock");
  let is_had = false;
  try {
    is_had = file.tryLock(true);
    if (!is_had && (wait_ms > 0 || !file.can_try_lock)) {
      is_had = await file.lock(true, wait_ms || lock_probe_ms);
    }
    return is_had ? file : undefined;
  } finally {
    if (!is_had) file.close();
  }
}
