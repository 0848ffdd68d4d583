/** A torn tail that somebody found who is no writer: taken out of the way under the writers' lock. */
import { join } from "@std/path";
import { lock_wait_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { dayFolder, dayLockName, type PartId, partPath } from "./layout.ts";
import { DayLock } from "./lock.ts";
import { endOfLastLine, moveTornTail } from "./repair.ts";

/** Moves it to quarantine; says where it is kept. What looked torn may have been repaired by a writer meanwhile. */
export async function repairTornTail(world: World, root: string, part: PartId): Promise<string> {
  const path = join(dayFolder(root, part.day), dayLockName(part.writer));
  const lock = new DayLock(world, path, part.writer !== "", lock_wait_ms);
  await lock.take();
  try {
    const file = world.files.open(partPath(root, part), "append");
    try {
      const { size_bytes } = file.facts();
      if (endOfLastLine(file, size_bytes) === size_bytes) return "repaired by a writer meanwhile";
      return moveTornTail(world, root, part, file, size_bytes).quarantined_as;
    } finally {
      file.close();
    }
  } finally {
    lock.close();
  }
}
