/**
 * Quarantine: a torn tail is moved to `_quarantine/`; a corrupt line is copied there and left where it is,
 * because offsets never move. No byte of either is lost.
 */
import { join } from "@std/path";
import { endOfLastLine } from "../../base/files/lines.ts";
import { makeFolderDurably, readFully, replaceFile } from "../../base/files/durable.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { ledgerPaths, type PartId, partPath, quarantineName } from "./layout.ts";
import { lockOfWriter } from "./lock.ts";

/**
 * Moves what follows the last newline of a part to quarantine: copied and durable there first, cut
 * off here after. The caller holds the day's lock. Returns where the part ends now.
 */
export function moveTornTail(
  world: World,
  root: string,
  part: PartId,
  file: OpenFile,
  size_bytes: number,
): { end: number; quarantined_as: string } {
  const end = endOfLastLine(file, size_bytes);
  const tail = readFully(file, new Uint8Array(size_bytes - end), end);
  const quarantined_as = quarantine(world, root, part, end, "torn", tail);
  file.truncate(end);
  file.sync();
  return { end, quarantined_as };
}

/** Puts bytes into quarantine under a name that says where they came from. Idempotent. */
export function quarantine(
  world: World,
  root: string,
  part: PartId,
  offset: number,
  kind: "torn" | "corrupt",
  bytes: Uint8Array,
): string {
  const { files } = world;
  const folder = ledgerPaths(root).quarantine;
  for (const path of pathsInQuarantine(root, part, offset, kind)) {
    if (!files.facts(path)) {
      makeFolderDurably(files, folder);
      replaceFile(files, path, bytes, uniqueName(world));
    } else if (!holdsExactly(files, path, bytes)) {
      // Other bytes were torn off at the very same place before: both are kept.
      continue;
    } else {
      // The process that put them there may have failed before the name was durable.
      files.syncFolder(folder);
    }
    return path;
  }
  throw new Error("names in quarantine do not end");
}

export function isInQuarantine(
  files: Files,
  root: string,
  part: PartId,
  offset: number,
  bytes: Uint8Array,
): boolean {
  for (const path of pathsInQuarantine(root, part, offset, "corrupt")) {
    if (!files.facts(path)) return false;
    if (holdsExactly(files, path, bytes)) return true;
  }
  return false;
}

function* pathsInQuarantine(root: string, ...piece: Parameters<typeof quarantineName>) {
  const path = join(ledgerPaths(root).quarantine, quarantineName(...piece));
  yield path;
  for (let copy = 2;; copy++) yield `${path}.${copy}`;
}

function holdsExactly(files: Files, path: string, bytes: Uint8Array): boolean {
  if (files.facts(path)?.size_bytes !== bytes.length) return false;
  const there = files.readBytes(path);
  return there.length === bytes.length && there.every((byte, index) => byte === bytes[index]);
}

/** Moves a torn tail under the writers' lock; says where it is kept. A writer may have repaired it meanwhile. */
export async function repairTornTail(world: World, root: string, part: PartId): Promise<string> {
  using lock = lockOfWriter(world, root, part, lock_wait_ms, { is_private: part.writer !== "" });
  await lock.take();
  using file = world.files.open(partPath(root, part), "append");
  const { size_bytes } = file.facts();
  if (endOfLastLine(file, size_bytes) === size_bytes) return "repaired by a writer meanwhile";
  return moveTornTail(world, root, part, file, size_bytes).quarantined_as;
}
