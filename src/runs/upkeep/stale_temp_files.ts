/** What programs that were killed have left half-written in a run's folder: files that no one will rename. */
import { join } from "@std/path";
import { stale_temp_after_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { entriesBelow } from "./files_below.ts";
import { ownershipOf } from "../manifest/liveness_lock.ts";
import type { Verdict } from "../manifest/scan.ts";

/** Their paths below the run's folder. One that may be written at this moment is none. */
export async function staleTempFiles(
  world: World,
  folder: string,
  kind: Verdict["kind"],
): Promise<string[]> {
  const found = entriesBelow(world.files, folder).map(({ path }) => path)
    .filter((path) => path.endsWith(".tmp"));
  if (found.length === 0 || kind !== "open") return found;
  if (await ownershipOf(world, folder) === "held") return [];
  return found.filter((path) => {
    const facts = world.files.linkFacts(join(folder, path));
    return facts && world.now_ms() - facts.modified_ms >= stale_temp_after_ms;
  });
}
