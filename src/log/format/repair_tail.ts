/** A torn tail that somebody found who is no writer: taken out of the way under the writers' lock. */
import { lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type PartId, partPath } from "./layout.ts";
import { lockOfWriter } from "./lock.ts";
import { endOfLastLine, moveTornTail } from "./quarantine.ts";

/** Moves it to quarantine; says where it is kept. What looked torn may have been repaired by a writer meanwhile. */
export async function repairTornTail(world: World, root: string, part: PartId): Promise<string> {
  const lock = lockOfWriter(world, root, part, lock_wait_ms, { is_private: part.writer !== "" });
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
