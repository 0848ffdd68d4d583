/** Whether the program that writes a store still lives: it holds a lock, and the system gives that back. */
import { LedgerError } from "../base/error.ts";
import type { OpenFile } from "../base/files.ts";
import { lock_wait_ms, owner_look_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";

/**
 * Takes a lock for the program that this is; closing the file, or dying, gives it up. Whoever looks
 * whether a store is abandoned has its lock for a moment, and removes it when there is nothing else: so
 * a lock that has lost its name by the time it is had is taken anew.
 */
export async function ownStore(
  world: World,
  path: string,
  when: "new" | "if nobody has it",
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
  try {
    if (file.tryLock(true)) return file;
    if (wait_ms > 0 || !file.can_try_lock) {
      return await file.lock(true, wait_ms || owner_look_ms) ? file : undefined;
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/** The error of a store that somebody else has. */
export function storeIsHeld(path: string): LedgerError {
  return new LedgerError({
    code: "busy",
    message: `cannot open a store of traces: another process holds ${path}`,
    where: { path },
    hint: "try again",
  });
}
