/**
 * Which parts a ledger has, and how far each may be read. Sizes are taken under a shared lock: a writer cuts
 * back a failed write before it releases the lock, so a size never shrinks again.
 */
import { join } from "@std/path";
import { openOwn } from "../../base/files/durable.ts";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import { part_looks_max, read_lock_wait_ms } from "../../base/limits.ts";
import {
  comparePartNames,
  dayFolder,
  dayLockName,
  ledgerPaths,
  parquetName,
  parseDayName,
  parsePartName,
  parseTempName,
  type PartId,
  partLabel,
  type PartName,
  partPath,
  partStem,
  SEALED_NAME,
} from "../format/layout.ts";
import type { Checksum } from "../format/checksum.ts";
import { readSealed, sealedName, type SealedParts } from "../format/seal_manifest.ts";

export interface PartExtent {
  part: PartId;
  path: string;
  label: string;
  /** Of its lines as they were written, also where the file itself is compacted. */
  size_bytes: number;
  /** What the Parquet file is that holds its lines; absent where they stand as they were written. */
  compacted?: Checksum;
  /** Of a compacted part: where its last line begins, that line's hash, and how many events it has. */
  last_line_at?: number;
  last_line_hash?: string;
  events?: number;
}

/** The days of a ledger, in order. Throws when there is no ledger. */
export function listDays(files: Files, root: string): string[] {
  const entries = files.list(ledgerPaths(root).events);
  if (!entries) throw noLedger(root);
  return entries.flatMap(({ name }) => parseDayName(name) ?? []).sort();
}

/** The parts in a day's folder in log order, by their names alone. */
export function partNamesOf(
  files: Files,
  root: string,
  day: string,
  format?: PartName["format"],
): PartName[] {
  return (files.list(dayFolder(root, day)) ?? [])
    .flatMap(({ name }) => parsePartName(name) ?? [])
    .filter((name) => format === undefined || name.format === format)
    .sort(comparePartNames);
}

/** The folders of days on their way out of the log; see `unfinished_days.ts`. */
export function goneFolders(files: Files, root: string): { day: string; path: string }[] {
  const { events } = ledgerPaths(root);
  return (files.list(events) ?? []).flatMap(({ name }) => {
    const day = parseTempName("gone", name);
    return day === undefined ? [] : [{ day, path: join(events, name) }];
  });
}

export function gonePartsOf(files: Files, root: string, of_day: string): PartName[] {
  return goneFolders(files, root)
    .filter(({ day }) => day === of_day)
    .flatMap(({ path }) => files.list(path) ?? [])
    .flatMap(({ name }) => parsePartName(name) ?? []);
}

export function noLedger(root: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `there is no ledger at ${root}`,
    where: { path: root },
    hint:
      "the first `ledger emit` makes one; for one that is elsewhere use --dir DIR or LEDGER_DIR",
  });
}

type OnDamage = (part: PartId, problem: LedgerError) => void;

/**
 * The parts of a day in log order, each with a size that will not shrink again. A compacted part that cannot
 * be opened is an error, unless the caller takes the others and passes `onDamage`.
 */
export async function partsOfDay(
  files: Files,
  root: string,
  day: string,
  onDamage?: OnDamage,
): Promise<PartExtent[]> {
  // A part that is being compacted or restored has its other name when the folder is listed again. What is
  // still missing after many looks was taken away.
  for (let look = 1; look < part_looks_max; look++) {
    const extents = await lookAtParts(files, root, day, "for now");
    if (extents) return extents;
  }
  return (await lookAtParts(files, root, day, "finally", onDamage))!;
}

/** Undefined when a part got another name meanwhile, unless this is the final look. */
async function lookAtParts(
  files: Files,
  root: string,
  day: string,
  how: "for now" | "finally",
  onDamage?: OnDamage,
): Promise<PartExtent[] | undefined> {
  const folder = dayFolder(root, day);
  const names = partNamesOf(files, root, day);
  const with_lines = new Set(
    names.filter(({ format }) => format === "jsonl").map((name) => partStem(name)),
  );
  const extents: PartExtent[] = [];
  const locks = new Map<string, () => void>();
  let sealed: SealedParts | undefined;
  try {
    for (const { number, writer, format } of names) {
      const part: PartId = { day, number, writer };
      if (format === "parquet") {
        // Until the lines are removed, they count.
        if (with_lines.has(partStem(part))) continue;
        try {
          sealed ??= readSealed(files, root, day);
          const extent = compactedExtent(root, part, sealed);
          if (!extent) throw notRecorded(root, part);
          extents.push(extent);
        } catch (error) {
          const problem = asLedgerError(error);
          if (how === "for now" && problem) return undefined;
          if (!problem || !onDamage) throw error;
          onDamage(part, problem);
        }
        continue;
      }
      if (!locks.has(writer)) {
        locks.set(writer, await shareLock(files, join(folder, dayLockName(writer))));
      }
      const path = partPath(root, part);
      const facts = files.facts(path);
      if (!facts && how === "for now") return undefined;
      if (facts?.is_file) {
        extents.push({ part, path, label: partLabel(part), size_bytes: facts.size_bytes });
      }
    }
  } finally {
    for (const release of locks.values()) release();
  }
  return extents;
}

function compactedExtent(root: string, part: PartId, sealed: SealedParts): PartExtent | undefined {
  const path = join(dayFolder(root, part.day), parquetName(part));
  const record = sealed[sealedName(part)];
  if (!record?.compacted) return undefined;
  const { compacted, bytes: size_bytes, last_line_at, last_line_hash, events } = record;
  const label = partLabel(part);
  return { part, path, label, size_bytes, compacted, last_line_at, last_line_hash, events };
}

export function notRecorded(root: string, part: PartId): LedgerError {
  const folder = dayFolder(root, part.day);
  const path = join(folder, parquetName(part));
  return new LedgerError({
    code: "damaged",
    message: `cannot read ${path}: ${SEALED_NAME} beside it does not say what is in it`,
    where: { path: join(folder, SEALED_NAME) },
    hint: "restore that file from a backup of the ledger, or the whole day from its archive",
  });
}

/**
 * Takes a day's lock shared with other readers. A ledger that was copied here has no locks, one on a
 * read-only disk needs none, and a writer that was stopped while it held the lock must not stop readers: in
 * those cases the size is taken without.
 */
async function shareLock(files: Files, path: string): Promise<() => void> {
  const nothing = () => {};
  if (!files.facts(path)) return nothing;
  let lock: OpenFile | undefined;
  try {
    lock = openOwn(files, path);
    const is_held = lock.tryLock(false) || await lock.lock(false, read_lock_wait_ms);
    if (is_held) return lock.close.bind(lock);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
  lock?.close();
  return nothing;
}

/** A part under a wrong name would be lost without a word, since readers go by names. */
export function unrecognizedFiles(files: Files, root: string): string[] {
  const { events } = ledgerPaths(root);
  const unrecognized: string[] = [];
  for (const { name, is_folder } of files.list(events) ?? []) {
    const day = is_folder ? parseDayName(name) : undefined;
    if (day === undefined) {
      if (!/^[._]/.test(name)) unrecognized.push(name);
      continue;
    }
    for (const entry of files.list(dayFolder(root, day)) ?? []) {
      const known = entry.is_file && parsePartName(entry.name) !== undefined;
      // A file in progress has a temporary name; doctor lists those that are stale.
      const is_ours = /^[._]|^part-.*\.tmp$/.test(entry.name);
      if (!known && !is_ours) unrecognized.push(`${name}/${entry.name}`);
    }
  }
  return unrecognized.sort();
}
