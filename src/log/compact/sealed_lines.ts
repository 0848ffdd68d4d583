/** The lines of a sealed part before they are packed or removed: still what was sealed, and packable? */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { removeQuietly } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { notesDigest } from "../format/chain_digest.ts";
import { type Checksum, findChange } from "../format/checksum.ts";
import { dayFolder, type PartId, partLabel } from "../format/layout.ts";
import type { SealedPart } from "../format/seal_manifest.ts";
import { LogCursor } from "../read/cursor.ts";
import { partsOfDay } from "../read/parts.ts";

/** Throws where the lines of a part have changed since they were sealed. */
export function verifyChecksum(lines: OpenFile, label: string, sealed: Checksum): void {
  const change = findChange(lines, sealed);
  if (!change) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot compact ${label}: it is not as it was sealed (${change.reason})`,
    where: { path: lines.path, offset: change.offset },
    hint: "nothing was changed; restore the part from a backup, then compact again",
  });
}

/** The corrupt lines of a part: where each begins -> how long it is. Read anew if not all were noted. */
export async function corruptLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<ReadonlyMap<number, number>> {
  // A record that was edited since may call a line an event that is none.
  if (record.flaws && notesDigest(record) === record.notes_sha256) {
    const corrupt = record.flaws.filter(({ kind }) => kind === "corrupt");
    return new Map(corrupt.map(({ offset, size_bytes }) => [offset, size_bytes]));
  }
  const offsets = new Map<number, number>();
  for (const extent of await partsOfDay(world.files, root, part.day)) {
    if (extent.label !== partLabel(part)) continue;
    for await (const batch of new LogCursor(world, root).batchesOfPart(extent)) {
      for (const { kind, offset, size_bytes } of batch) {
        if (kind === "corrupt") offsets.set(offset, size_bytes);
      }
    }
  }
  return offsets;
}

/**
 * Removes what a process left that was killed while it compacted or restored. The caller holds the lock
 * of the chain, so no process is at work on it.
 */
export function removeStaleTempFiles(world: World, root: string, day: string): void {
  const folder = dayFolder(root, day);
  for (const { name } of world.files.list(folder) ?? []) {
    const is_stale = /^(part-.*\.(parquet|jsonl)|_sealed\.json)\..*\.tmp$/.test(name);
    if (is_stale) removeQuietly(world.files, join(folder, name));
  }
}
