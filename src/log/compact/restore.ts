/**
 * Restore: Parquet -> the lines of a day, as they were sealed. A Parquet file goes only once its lines
 * stand there durably and are verified against the seal, and the day's manifest says so.
 */
import { join } from "@std/path";
import { beginReplacement, withOpenFile, writeFully } from "../../base/files/durable.ts";
import { LedgerError } from "../../base/error.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { withChainLock } from "../format/chain.ts";
import { dayFolder, parquetName, type PartId, partLabel, partPath } from "../format/layout.ts";
import { removeStaleTempFiles } from "./compact.ts";
import { openPart } from "../read/part_file.ts";
import { listDays, notRecorded, partNamesOf, partsOfDay } from "../read/parts.ts";
import { findChange } from "../format/checksum.ts";
import { readSealed, sealedName, type SealedPart, writeSealed } from "../format/seal_manifest.ts";

export interface RestoredPart {
  part: string;
  bytes: number;
}

export async function restoreDay(world: World, root: string, day: string): Promise<RestoredPart[]> {
  if (!listDays(world.files, root).includes(day)) {
    throw new LedgerError({
      code: "not_found",
      message: `cannot restore ${day}: the log has no such day`,
      where: { path: dayFolder(root, day) },
      hint: "see which days there are: ledger status; one that was archived: ledger archive import",
    });
  }
  return await withChainLock(world, root, async () => {
    const restored: RestoredPart[] = [];
    removeStaleTempFiles(world, root, day);
    for (const { number, writer } of partNamesOf(world.files, root, day, "parquet")) {
      restored.push(await restorePart(world, root, { day, number, writer }));
    }
    return restored;
  });
}

async function restorePart(world: World, root: string, part: PartId): Promise<RestoredPart> {
  const sealed = readSealed(world.files, root, part.day);
  const record = sealed[sealedName(part)];
  const path = partPath(root, part);
  if (!record) throw notRecorded(root, part);
  if (!world.files.facts(path)) await writeLines(world, root, part, record);
  // Lines that were kept beside the Parquet file may have changed since, and then it is all there is.
  else checkKept(world, path, part, record);
  const { compacted: _gone, ...without } = record;
  writeSealed(world, root, part.day, { ...sealed, [sealedName(part)]: without });
  world.files.remove(join(dayFolder(root, part.day), parquetName(part)));
  world.files.syncFolder(dayFolder(root, part.day));
  return { part: partLabel(part), bytes: world.files.facts(path)!.size_bytes };
}

function checkKept(world: World, path: string, part: PartId, record: SealedPart): void {
  const change = withOpenFile(world.files, path, (lines) => findChange(lines, record));
  if (!change) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot restore ${partLabel(part)}: its lines were kept, and are not as they were ` +
      `sealed (${change.reason})`,
    where: { path, offset: change.offset },
    hint: "nothing was changed; move that file away and restore again: the Parquet file has them",
  });
}

async function writeLines(world: World, root: string, part: PartId, record: SealedPart) {
  const extents = await partsOfDay(world.files, root, part.day);
  using source = await openPart(world, extents.find(({ label }) => label === partLabel(part))!);
  const replacement = beginReplacement(world.files, partPath(root, part), uniqueName(world));
  try {
    for (const { bytes } of source.blocks(0)) writeFully(replacement.file, bytes);
    const change = findChange(replacement.file, record);
    if (change) {
      throw new LedgerError({
        code: "damaged",
        message: `cannot restore ${partLabel(part)}: ${change.reason}`,
        hint: "nothing was changed; restore the Parquet file from a backup or an archive",
      });
    }
    replacement.putInFreePlace();
  } catch (error) {
    replacement.abandon();
    throw error;
  }
}
