/**
 * Sealed lines -> Parquet, and back. A part's lines go only once its Parquet file has been read back and
 * gave every byte of them, and stands there durably, and the day's record says so. Cut off anywhere,
 * the lines or the file are whole, readers take what is whole, and doing it again ends it.
 */
import { join } from "@std/path";
import { beginReplacement, removeQuietly, writeFully } from "../base/durable.ts";
import { LedgerError } from "../base/error.ts";
import { uniqueName, type World } from "../base/world.ts";
import { withChainLock } from "./chain.ts";
import {
  dayFolder,
  parquetName,
  parsePartName,
  type PartId,
  partLabel,
  partPath,
} from "./layout.ts";
import { listDays, partsOfDay } from "./parts.ts";
import { openPart } from "./part_file.ts";
import { packAll } from "./pack_beside.ts";
import type { PackRequest } from "./pack_part.ts";
import { changeIn } from "./proof.ts";
import { LogCursor } from "./read.ts";
import { type NewlySealed, sealDueParts } from "./seal.ts";
import { type FileProof, readSealed, sealedName, type SealedPart, writeSealed } from "./sealed.ts";

/** What to compact. */
export interface CompactOptions {
  /** Only days before this one. */
  before_day: string;
  /** Leaves the lines where they are, beside the Parquet file. */
  keep_jsonl?: boolean;
  grace_ms?: number;
  lock_wait_ms?: number;
  /** Told after each part. */
  onPart?: (part: CompactedPart) => void;
  onNotice?: (message: string) => void;
}

/** A part that was compacted. */
export interface CompactedPart {
  part: string;
  events: number;
  /** Of its lines. */
  bytes: number;
  /** Of the Parquet file. */
  compacted_bytes: number;
}

/** What compacting did. */
export interface CompactReport {
  sealed: NewlySealed[];
  compacted: CompactedPart[];
  /** Parts of those days that still have their lines, and why. */
  left: { part: string; reason: string }[];
}

/** Compacts all sealed parts of days before one; seals first what is due. */
export async function compactParts(
  world: World,
  root: string,
  options: CompactOptions,
): Promise<CompactReport> {
  listDays(world.files, root);
  return await withChainLock(
    world,
    root,
    () => compactDueParts(world, root, options),
    options.lock_wait_ms,
  );
}

/** The same for those who hold the lock of the chain already. */
export async function compactDueParts(
  world: World,
  root: string,
  options: CompactOptions,
): Promise<CompactReport> {
  const sealed = await sealDueParts(world, root, options);
  const days = listDays(world.files, root).filter((day) => day < options.before_day);
  return { sealed, ...await compactDays(world, root, days, options) };
}

/** Compacts what is sealed of some days. The caller holds the lock of the chain. */
export async function compactDays(
  world: World,
  root: string,
  days: readonly string[],
  options: Pick<CompactOptions, "keep_jsonl" | "onPart"> = {},
): Promise<Omit<CompactReport, "sealed">> {
  const report: Omit<CompactReport, "sealed"> = { compacted: [], left: [] };
  const jobs: Job[] = [];
  for (const day of days) {
    const sealed = readSealed(world.files, root, day);
    removeLeftovers(world, root, day);
    for (const { number, writer } of partsWithLines(world, root, day)) {
      const part: PartId = { day, number, writer };
      const record = sealed[sealedName(part)];
      if (!record) {
        report.left.push({ part: partLabel(part), reason: "not sealed: its day is not over" });
      } else if (!isPacked(world, root, part, record)) {
        jobs.push(await jobFor(world, root, part, record));
      } else if (!options.keep_jsonl) {
        // Whoever packed it was killed before its lines went, or wanted them kept.
        removeLines(world, root, part);
        report.compacted.push(compactedPart(part, record, record.compacted!));
      }
    }
  }
  const unfinished = new Set(jobs.map(({ request }) => request.temporary));
  try {
    for await (const { part, record, request, proof } of packAll(world, jobs)) {
      putInPlace(world, root, part, request.temporary, proof);
      unfinished.delete(request.temporary);
      if (!options.keep_jsonl) removeLines(world, root, part);
      const done = compactedPart(part, record, proof);
      report.compacted.push(done);
      options.onPart?.(done);
    }
  } finally {
    for (const temporary of unfinished) removeQuietly(world.files, temporary);
  }
  report.compacted.sort((a, b) => a.part < b.part ? -1 : 1);
  return report;
}

/** A part that is to be packed. */
interface Job {
  part: PartId;
  record: SealedPart;
  request: PackRequest;
}

async function jobFor(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<Job> {
  const name = `${parquetName(part)}.${uniqueName(world)}.tmp`;
  const { bytes, sha256, blocks } = record;
  const request: PackRequest = {
    label: partLabel(part),
    path: partPath(root, part),
    sealed: { bytes, sha256, blocks },
    corrupt: await corruptLines(world, root, part, record),
    temporary: join(dayFolder(root, part.day), name),
  };
  return { part, record, request };
}

function isPacked(world: World, root: string, part: PartId, { compacted }: SealedPart): boolean {
  const path = join(dayFolder(root, part.day), parquetName(part));
  return compacted !== undefined && isWhole(world, path, compacted);
}

function putInPlace(
  world: World,
  root: string,
  part: PartId,
  temporary: string,
  compacted: FileProof,
): void {
  const folder = dayFolder(root, part.day);
  world.files.rename(temporary, join(folder, parquetName(part)));
  world.files.syncFolder(folder);
  const sealed = readSealed(world.files, root, part.day);
  const name = sealedName(part);
  writeSealed(world, root, part.day, { ...sealed, [name]: { ...sealed[name], compacted } });
}

function removeLines(world: World, root: string, part: PartId): void {
  world.files.remove(partPath(root, part));
  world.files.syncFolder(dayFolder(root, part.day));
}

function compactedPart(part: PartId, record: SealedPart, proof: FileProof): CompactedPart {
  const { events, bytes } = record;
  return { part: partLabel(part), events, bytes, compacted_bytes: proof.bytes };
}

function partsWithLines(world: World, root: string, day: string) {
  return (world.files.list(dayFolder(root, day)) ?? [])
    .map(({ name }) => parsePartName(name))
    .filter((name) => name?.format === "jsonl")
    .map((name) => name!)
    .sort((a, b) => a.number - b.number || (a.writer < b.writer ? -1 : 1));
}

/** What somebody who was killed here left under a temporary name. */
function removeLeftovers(world: World, root: string, day: string): void {
  const folder = dayFolder(root, day);
  for (const { name } of world.files.list(folder) ?? []) {
    if (/^part-.*\.(parquet|jsonl)\..*\.tmp$/.test(name)) {
      removeQuietly(world.files, join(folder, name));
    }
  }
}

function isWhole(world: World, path: string, proof: FileProof): boolean {
  if (!world.files.facts(path)) return false;
  const file = world.files.open(path, "read");
  try {
    return changeIn(file, proof) === undefined;
  } finally {
    file.close();
  }
}

/** The lines that are no events. When there were too many to note, they are looked for again. */
async function corruptLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<number[]> {
  if (record.flaws) {
    return record.flaws.filter(({ kind }) => kind === "corrupt").map(({ offset }) => offset);
  }
  const offsets: number[] = [];
  for (const extent of await partsOfDay(world.files, root, part.day)) {
    if (extent.label !== partLabel(part)) continue;
    for await (const batch of new LogCursor(world, root).batchesOfPart(extent)) {
      for (const each of batch) if (each.kind === "corrupt") offsets.push(each.offset);
    }
  }
  return offsets;
}

/** A part that has its lines again. */
export interface RestoredPart {
  part: string;
  bytes: number;
}

/** Gives the parts of a day their lines back. */
export async function restoreDay(
  world: World,
  root: string,
  day: string,
  lock_wait_ms?: number,
): Promise<RestoredPart[]> {
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
    removeLeftovers(world, root, day);
    const names = (world.files.list(dayFolder(root, day)) ?? [])
      .map(({ name }) => parsePartName(name))
      .filter((name) => name?.format === "parquet");
    for (const { number, writer } of names.map((name) => name!)) {
      restored.push(await restorePart(world, root, { day, number, writer }));
    }
    return restored;
  }, lock_wait_ms);
}

async function restorePart(world: World, root: string, part: PartId): Promise<RestoredPart> {
  const sealed = readSealed(world.files, root, part.day);
  const record = sealed[sealedName(part)];
  const path = partPath(root, part);
  if (!world.files.facts(path)) await writeLines(world, root, part, record);
  if (record) {
    const { compacted: _gone, ...without } = record;
    writeSealed(world, root, part.day, { ...sealed, [sealedName(part)]: without });
  }
  world.files.remove(join(dayFolder(root, part.day), parquetName(part)));
  world.files.syncFolder(dayFolder(root, part.day));
  return { part: partLabel(part), bytes: world.files.facts(path)!.size_bytes };
}

async function writeLines(world: World, root: string, part: PartId, record: SealedPart) {
  const extents = await partsOfDay(world.files, root, part.day);
  const source = await openPart(world, extents.find(({ label }) => label === partLabel(part))!);
  const replacement = beginReplacement(world.files, partPath(root, part), uniqueName(world));
  try {
    for (const { bytes } of source.blocks(0)) writeFully(replacement.file, bytes);
    const change = changeIn(replacement.file, record);
    if (change) {
      throw new LedgerError({
        code: "damaged",
        message: `cannot restore ${partLabel(part)}: ${change.reason}`,
        hint: "nothing was changed; take the Parquet file from a copy or an archive",
      });
    }
    replacement.putInPlace();
  } catch (error) {
    replacement.abandon();
    throw error;
  } finally {
    source.close();
  }
}
