/**
 * Sealed lines -> Parquet. A part's lines go only once its Parquet file has been read back and
 * gave every byte of them, and stands there durably, and the day's record says so. Cut off anywhere,
 * the lines or the file are whole, readers take what is whole, and doing it again ends it.
 */
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { beginReplacement } from "../base/durable.ts";
import { LedgerError } from "../base/error.ts";
import type { OpenFile } from "../base/files.ts";
import { uniqueName, type World } from "../base/world.ts";
import { withChainLock } from "./chain.ts";
import {
  comparePartNames,
  dayFolder,
  parquetName,
  parsePartName,
  type PartId,
  partLabel,
  partPath,
} from "./layout.ts";
import { listDays, partsOfDay } from "./parts.ts";
import { removeLeftovers } from "./leftovers.ts";
import { changeIn, isAsProven, proofOf } from "./proof.ts";
import { LogCursor } from "./read.ts";
import { type NewlySealed, sealDueParts } from "./seal.ts";
import { notesDigest, readSealed, sealedName, type SealedPart, writeSealed } from "./sealed.ts";

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
  const { before_day } = options;
  const report: CompactReport = { sealed: [], compacted: [], left: [] };
  report.sealed = await sealDueParts(world, root, options);
  for (const day of listDays(world.files, root)) {
    if (day >= before_day) continue;
    const sealed = readSealed(world.files, root, day);
    removeLeftovers(world, root, day);
    for (const { number, writer } of partsWithLines(world, root, day)) {
      const part: PartId = { day, number, writer };
      const record = sealed[sealedName(part)];
      const reason = record
        ? await whyNotPacked(world, root, part, record)
        : whyNotSealed(world, root, part);
      if (reason) report.left.push({ part: partLabel(part), reason });
      if (!record || reason) continue;
      const done = await compactPart(world, root, part, record, options.keep_jsonl ?? false);
      if (!done) continue;
      report.compacted.push(done);
      options.onPart?.(done);
    }
  }
  return report;
}

function partsWithLines(world: World, root: string, day: string) {
  return (world.files.list(dayFolder(root, day)) ?? [])
    .map(({ name }) => parsePartName(name))
    .filter((name) => name?.format === "jsonl")
    .map((name) => name!)
    .sort(comparePartNames);
}

/** Why a part has no seal; undefined for one that holds nothing. */
function whyNotSealed(world: World, root: string, part: PartId): string | undefined {
  const is_empty = world.files.facts(partPath(root, part))?.size_bytes === 0;
  return is_empty ? undefined : "not sealed: its day is not over, or somebody wrote to it just now";
}

/** Why a sealed part keeps its lines; undefined for one that may go. */
async function whyNotPacked(world: World, root: string, part: PartId, record: SealedPart) {
  const { packed_line_bytes_max } = await import("./packing.ts");
  for (const [offset, size_bytes] of await corruptLines(world, root, part, record)) {
    if (size_bytes <= packed_line_bytes_max) continue;
    return `the line at byte ${offset} is ${size_bytes} bytes long, and no event`;
  }
}

/** Compacts one part; undefined when there is nothing left to do. */
async function compactPart(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  keep_jsonl: boolean,
): Promise<CompactedPart | undefined> {
  const path = join(dayFolder(root, part.day), parquetName(part));
  let { compacted } = record;
  const is_there = compacted && isWhole(world, path, compacted);
  if (is_there && keep_jsonl) return undefined;
  if (!is_there) {
    compacted = await writePacked(world, root, part, record, path);
    const sealed = readSealed(world.files, root, part.day);
    sealed[sealedName(part)] = { ...record, compacted };
    writeSealed(world, root, part.day, sealed);
  }
  if (!keep_jsonl) {
    checkLines(world, root, part, record, is_there ? "every byte" : "length");
    world.files.remove(partPath(root, part));
    world.files.syncFolder(dayFolder(root, part.day));
  }
  const { events, bytes } = record;
  return { part: partLabel(part), events, bytes, compacted_bytes: compacted!.bytes };
}

/** Nothing is removed that is not proven to be in the Parquet file, whoever wrote to it. */
function checkLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  what: "every byte" | "length",
): void {
  const lines = world.files.open(partPath(root, part), "read");
  try {
    // Right after it was packed, only what came to it since can be missing in the Parquet file.
    if (what === "length" && lines.facts().size_bytes === record.bytes) return;
    checkIsAsSealed(lines, part, record);
  } finally {
    lines.close();
  }
}

function isWhole(world: World, path: string, proof: NonNullable<SealedPart["compacted"]>): boolean {
  if (!world.files.facts(path)) return false;
  const file = world.files.open(path, "read");
  try {
    return isAsProven(file, proof);
  } finally {
    file.close();
  }
}

/** Writes the Parquet file of a part, and reads it back before it gets its name. */
async function writePacked(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  path: string,
) {
  const { packLines } = await import("./packing.ts");
  const corrupt = await corruptLines(world, root, part, record);
  const source = world.files.open(partPath(root, part), "read");
  try {
    if (source.facts().size_bytes !== record.bytes) checkIsAsSealed(source, part, record);
    const replacement = beginReplacement(world.files, path, uniqueName(world));
    try {
      const { source_sha256 } = packLines(
        source,
        record.bytes,
        (offset) => corrupt.has(offset),
        replacement.file,
        { label: partLabel(part), sha256: record.sha256 },
      );
      if (source_sha256 !== record.sha256) checkIsAsSealed(source, part, record);
      await checkGivesBack(replacement.file, part, record);
      const proof = proofOf(replacement.file, replacement.file.facts().size_bytes);
      replacement.putInPlace();
      return proof;
    } catch (error) {
      replacement.abandon();
      // Lines that were changed may not even be lines any more.
      checkIsAsSealed(source, part, record);
      throw error;
    }
  } finally {
    source.close();
  }
}

function checkIsAsSealed(source: OpenFile, part: PartId, record: SealedPart): void {
  const change = changeIn(source, record);
  if (!change) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot compact ${partLabel(part)}: it is not as it was sealed (${change.reason})`,
    where: { path: source.path, offset: change.offset },
    hint: "nothing was changed; take the part from a copy, then compact again",
  });
}

async function checkGivesBack(file: OpenFile, part: PartId, record: SealedPart): Promise<void> {
  const { unpackLines } = await import("./packing.ts");
  const hash = createHash("sha256");
  for (const { bytes } of unpackLines(file)) hash.update(bytes);
  if (hash.digest("hex") === record.sha256) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot compact ${partLabel(part)}: read back, it did not give the same bytes`,
    hint: "the part has its lines still, as they were; please report this",
  });
}

/** Where the lines are that are no events, and how long. When too many to note, they are looked for. */
async function corruptLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<Map<number, number>> {
  // What was edited there since may call a line an event that is none.
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
