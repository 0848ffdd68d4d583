/** What somebody who was killed while compacting or restoring left behind. */
import { join } from "@std/path";
import { removeQuietly } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import { dayFolder } from "../format/layout.ts";

/** Removes what has a temporary name. The caller holds the lock of the chain, so nobody is at work on it. */
export function removeStaleTempFiles(world: World, root: string, day: string): void {
  const folder = dayFolder(root, day);
  for (const { name } of world.files.list(folder) ?? []) {
    if (/^(part-.*\.(parquet|jsonl)|_sealed\.json)\..*\.tmp$/.test(name)) {
      removeQuietly(world.files, join(folder, name));
    }
  }
}
