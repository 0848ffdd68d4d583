/**
 * Sealed lines -> Parquet. A part's lines go only once its Parquet file has been read back and
 * gave every byte of them, and stands there durably, and the day's record says so. Cut off anywhere,
 * the lines or the file are whole, readers take what is whole, and doing it again ends it.
 */
import { join } from "@std/path";
import { moveToFreeName, removeQuietly, withOpenFile } from "../../base/files/durable.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { packed_line_bytes_max } from "../../base/limits.ts";
import { partsAway, withChainLock } from "../format/chain.ts";
import { dayFolder, parquetName, type PartId, partLabel, partPath } from "../format/layout.ts";
import { verifyChecksum } from "./verify_checksum.ts";
import { removeStaleTempFiles } from "./stale_temp_files.ts";
import { packAll } from "./pack_pool.ts";
import type { PackRequest } from "./pack_part.ts";
import { listDays, partNamesOf, partsOfDay } from "../read/parts.ts";
import { type Checksum, matchesChecksum } from "../format/checksum.ts";
import { LogCursor } from "../read/cursor.ts";
import { type NewlySealed, sealDueParts } from "../seal/seal.ts";
import {
  readSealed,
  sealedName,
  type SealedPart,
  type SealedParts,
  writeSealed,
} from "../format/seal_manifest.ts";
import { notesDigest } from "../format/chain_digest.ts";

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
interface CompactedPart {
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
  /** Parts of those days that still have their lines, or that are gone, and why. */
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
async function compactDueParts(
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
  const unfinished = new Set<string>();
  const jobs = jobsOf(world, root, days, options, report);
  try {
    for await (const { part, record, request, proof } of packAll(world, noted(jobs, unfinished))) {
      putInPlace(world, root, part, request.temporary, proof);
      unfinished.delete(request.temporary);
      if (!options.keep_jsonl) {
        checkLines(world, root, part, record, "length");
        removeLines(world, root, part);
      }
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

/** Passes jobs on, and notes which files come of them. */
async function* noted(jobs: AsyncIterable<Job>, temporaries: Set<string>): AsyncGenerator<Job> {
  for await (const job of jobs) {
    temporaries.add(job.request.temporary);
    yield job;
  }
}

/** The parts that are to be packed. What is done already, or cannot be done, goes to the report. */
async function* jobsOf(
  world: World,
  root: string,
  days: readonly string[],
  options: Pick<CompactOptions, "keep_jsonl">,
  report: Omit<CompactReport, "sealed">,
): AsyncGenerator<Job> {
  for (const day of days) {
    const sealed = readSealed(world.files, root, day);
    removeStaleTempFiles(world, root, day);
    for (const { number, writer } of partNamesOf(world.files, root, day, "jsonl")) {
      const part: PartId = { day, number, writer };
      const record = sealed[sealedName(part)];
      const corrupt = record && await corruptLines(world, root, part, record);
      const reason = corrupt ? whyNotPacked(corrupt) : whyNotSealed(world, root, part);
      if (reason) report.left.push({ part: partLabel(part), reason });
      if (!corrupt || reason) continue;
      if (!isPacked(world, root, part, record)) {
        yield jobFor(world, root, part, record, corrupt);
      } else if (!options.keep_jsonl) {
        // Whoever packed it was killed before its lines went, or wanted them kept.
        checkLines(world, root, part, record, "every byte");
        removeLines(world, root, part);
        report.compacted.push(compactedPart(part, record, record.compacted!));
      }
    }
    report.left.push(...lostParts(world, root, day, sealed));
  }
}

/** Parts of a day that were sealed, have not left the log, and are in no file. */
function lostParts(
  world: World,
  root: string,
  day: string,
  sealed: SealedParts,
): CompactReport["left"] {
  const there = new Set(partNamesOf(world.files, root, day).map(sealedName));
  const lost = Object.keys(sealed).filter((name) => !there.has(name));
  if (lost.length === 0) return [];
  const away = partsAway(world, root);
  return lost.map((name) => `day=${day}/${name}`)
    .filter((part) => !away.has(part))
    .map((part) => ({ part, reason: "it was sealed, and is gone: ledger verify" }));
}

/** A part that is to be packed. */
interface Job {
  part: PartId;
  record: SealedPart;
  request: PackRequest;
}

function jobFor(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  corrupt: CorruptLines,
): Job {
  const name = `${parquetName(part)}.${uniqueName(world)}.tmp`;
  const { bytes, sha256, blocks } = record;
  const request: PackRequest = {
    label: partLabel(part),
    path: partPath(root, part),
    sealed: { bytes, sha256, blocks },
    corrupt: [...corrupt.keys()],
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
  compacted: Checksum,
): void {
  const path = join(dayFolder(root, part.day), parquetName(part));
  // No record vouches for one that stands there, and the lines that both were made of are here still.
  if (world.files.linkFacts(path)) world.files.remove(path);
  moveToFreeName(world.files, temporary, path);
  const sealed = readSealed(world.files, root, part.day);
  const name = sealedName(part);
  writeSealed(world, root, part.day, { ...sealed, [name]: { ...sealed[name], compacted } });
}

function removeLines(world: World, root: string, part: PartId): void {
  world.files.remove(partPath(root, part));
  world.files.syncFolder(dayFolder(root, part.day));
}

function compactedPart(part: PartId, record: SealedPart, proof: Checksum): CompactedPart {
  const { events, bytes } = record;
  return { part: partLabel(part), events, bytes, compacted_bytes: proof.bytes };
}

/** Why a part has no seal; undefined for one that holds nothing. */
function whyNotSealed(world: World, root: string, part: PartId): string | undefined {
  const is_empty = world.files.facts(partPath(root, part))?.size_bytes === 0;
  return is_empty ? undefined : "not sealed: its day is not over, or somebody wrote to it just now";
}

/** Why a sealed part keeps its lines; undefined for one that may go. */
function whyNotPacked(corrupt: CorruptLines): string | undefined {
  for (const [offset, size_bytes] of corrupt) {
    if (size_bytes <= packed_line_bytes_max) continue;
    return `the line at byte ${offset} is ${size_bytes} bytes long, and no event`;
  }
}

/** Nothing is removed that is not proven to be in the Parquet file, whoever wrote to it. */
function checkLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  what: "every byte" | "length",
): void {
  withOpenFile(world.files, partPath(root, part), (lines) => {
    // Right after it was packed, only what came to it since can be missing in the Parquet file.
    if (what === "length" && lines.facts().size_bytes === record.bytes) return;
    verifyChecksum(lines, partLabel(part), record);
  });
}

function isWhole(world: World, path: string, proof: Checksum): boolean {
  if (!world.files.facts(path)) return false;
  return withOpenFile(world.files, path, (file) => matchesChecksum(file, proof));
}

/** Lines that are no events: where each begins -> how long it is. */
type CorruptLines = ReadonlyMap<number, number>;

/** The lines of a part that are no events. When there were too many to note, they are looked for again. */
async function corruptLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<CorruptLines> {
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
