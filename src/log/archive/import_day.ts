/**
 * Import: a day comes back from its archive. Every byte of the archive is verified, against its own
 * digests and against this ledger's chain, before anything is changed. Then the manifest of the day is
 * put in place, then its files, then the chain says that they are back. Cut off anywhere, the chain
 * still says that they are away, and doing it again ends it.
 */
import { dirname, join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import {
  giveFreeName,
  makeFolderDurably,
  nameIsTaken,
  removeQuietly,
  withOpenFile,
} from "../../base/files/durable.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { type Chain, chainPath, readChain, sealedEntry, withChainLock } from "../format/chain.ts";
import { addToChain } from "../seal/chain_recovery.ts";
import { copyOut, type DayArchive, readDayArchive } from "./archive_file.ts";
import {
  dayFolder,
  ledgerPaths,
  parquetName,
  parsePartName,
  SEALED_NAME,
  tempName,
} from "../format/layout.ts";
import { listDays } from "../read/parts.ts";
import { type Checksum, findChange } from "../format/checksum.ts";
import {
  readSealed,
  type SealedParts,
  writeSealed,
  writeSealedAt,
} from "../format/seal_manifest.ts";
import { checkChain } from "./archive_day.ts";
import { finishDays } from "../seal/unfinished_days.ts";

export interface ImportedDay {
  day: string;
  archive: string;
  parts: { part: string; events: number; bytes: number }[];
  was_here: boolean;
}

export async function importDay(world: World, root: string, path: string): Promise<ImportedDay> {
  listDays(world.files, root);
  const archive = readDayArchive(world, path);
  const { day } = archive;
  const was_here = await withChainLock(world, root, async () => {
    const chain = readChain(world, root);
    checkChain(root, chain);
    checkIsOurs(root, archive, chain);
    // A day whose archiving was cut off has to be out before it can come back.
    await finishDays(world, root);
    const names = Object.keys(archive.parts);
    const missing = names.filter((name) => !standsWhole(world, root, archive, name));
    if (missing.length > 0) await putInPlace(world, root, archive, missing);
    const back = names.filter((name) => chain.away.has(`day=${day}/${name}`));
    if (back.length > 0) {
      const at_ms = world.now_ms();
      await addToChain(world, root, [{ kind: "returned", day, parts: back, at_ms }]);
    }
    return missing.length === 0 && back.length === 0;
  });
  const parts = Object.entries(archive.parts)
    .map(([name, { events, bytes }]) => ({ part: `day=${day}/${name}`, events, bytes }));
  return { day, archive: path, parts, was_here };
}

/** A seal is in the chain of the ledger that it was made in, and in no other. */
function checkIsOurs(root: string, { path, day, parts }: DayArchive, chain: Chain): void {
  const steps = new Map(chain.seals.map((step) => [step.part, step]));
  for (const [name, record] of Object.entries(parts)) {
    const label = `day=${day}/${name}`;
    const step = steps.get(label);
    if (step && JSON.stringify(step) === JSON.stringify(sealedEntry(label, record))) continue;
    throw new LedgerError({
      code: "invalid",
      message: `cannot import ${path}: it is an archive of another ledger: here, ${label} ` +
        (step ? "was sealed as another" : "was never sealed"),
      where: { path },
      hint: `nothing was changed; import it where it was archived, or see ${chainPath(root)}`,
    });
  }
}

/** Whether a part is in the log as it was sealed. One that is here, and is not, is not touched. */
function standsWhole(world: World, root: string, archive: DayArchive, name: string): boolean {
  const { day, parts, path } = archive;
  const lines = join(dayFolder(root, day), name);
  if (world.files.facts(lines)) {
    const change = changeOf(world, lines, parts[name]);
    if (!change) return true;
    throw new LedgerError({
      code: "damaged",
      message:
        `cannot import ${path}: day=${day}/${name} is here, and not as it was sealed: ${change}`,
      where: { path: lines },
      hint: "nothing was changed; move that file out of the log, then import again",
    });
  }
  const packed = join(dayFolder(root, day), parquetName(parsePartName(name)!));
  const { compacted } = readSealed(world.files, root, day)[name] ?? {};
  if (!world.files.facts(packed) || !compacted) return false;
  return changeOf(world, packed, compacted) === undefined;
}

function changeOf(world: World, path: string, proof: Checksum): string | undefined {
  return withOpenFile(world.files, path, (file) => findChange(file, proof)?.reason);
}

async function putInPlace(
  world: World,
  root: string,
  archive: DayArchive,
  names: readonly string[],
): Promise<void> {
  const { files } = world;
  const { day, parts } = archive;
  const begun = join(ledgerPaths(root).events, tempName("back", day, uniqueName(world)));
  const fileOf = (name: string) => parquetName(parsePartName(name)!);
  try {
    makeFolderDurably(files, begun);
    for (const name of names) await copyChecked(world, archive, name, join(begun, fileOf(name)));
    const folder = dayFolder(root, day);
    const records = Object.fromEntries(names.map((name) => [name, parts[name]]));
    if (giveWhole(world, { begun, folder }, records)) return;
    // Late events have made the day anew: its parts come back one by one. A file without its record could
    // not be read; a record without its file says nothing.
    makeFolderDurably(files, folder);
    writeSealed(world, root, day, { ...readSealed(files, root, day), ...records });
    for (const name of names) {
      const path = join(folder, fileOf(name));
      // What stands there is not what was sealed, and what was sealed is here in full.
      if (files.linkFacts(path)) files.remove(path);
      if (!giveFreeName(files, join(begun, fileOf(name)), path)) throw nameIsTaken(path);
    }
    files.syncFolder(folder);
  } finally {
    removeQuietly(files, begun);
  }
}

/**
 * Gives a day's folder its name with all that is in it, so that a reader finds the day whole or not at all;
 * false where the day has a folder already.
 */
function giveWhole(
  world: World,
  { begun, folder }: { begun: string; folder: string },
  records: SealedParts,
): boolean {
  const { files } = world;
  if (files.linkFacts(folder)) return false;
  const manifest = join(begun, SEALED_NAME);
  writeSealedAt(world, manifest, records);
  files.syncFolder(begun);
  try {
    files.rename(begun, folder);
  } catch (error) {
    if (!asLedgerError(error) || !files.linkFacts(folder)) throw error;
    files.remove(manifest);
    return false;
  }
  files.syncFolder(dirname(folder));
  return true;
}

/** Copies a part's file out, and has it give back the lines that the chain knows. */
async function copyChecked(
  world: World,
  archive: DayArchive,
  name: string,
  target: string,
): Promise<void> {
  const { linesDigest } = await import("../codec/unpacking.ts");
  using file = world.files.open(target, "create");
  copyOut(world, archive, name, file);
  if (linesDigest(file) === archive.parts[name].sha256) return file.sync();
  throw new LedgerError({
    code: "damaged",
    message: `cannot import ${archive.path}: ${name} does not give the lines that were sealed`,
    where: { path: archive.path },
    hint: "nothing was changed; restore the archive from a backup",
  });
}
