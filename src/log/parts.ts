/**
 * Which parts a ledger has, and how far each may be read. Sizes are taken under a shared lock: a
 * writer cuts back a failed write before it lets go, so what is seen here is never taken back.
 */
import { join } from "@std/path";
import { LedgerError } from "../base/error.ts";
import type { Files, OpenFile } from "../base/files.ts";
import { read_lock_wait_ms } from "../base/limits.ts";
import {
  comparePartNames,
  dayFolder,
  dayLockName,
  ledgerPaths,
  parseDayName,
  parsePartName,
  type PartId,
  partLabel,
  partPath,
} from "./layout.ts";

/** A part and how much of it there is. */
export interface PartExtent {
  part: PartId;
  path: string;
  label: string;
  size_bytes: number;
}

/** The days of a ledger, in order. Throws when there is no ledger. */
export function listDays(files: Files, root: string): string[] {
  const entries = files.list(ledgerPaths(root).events);
  if (!entries) throw noLedger(root);
  return entries
    .map((entry) => parseDayName(entry.name))
    .filter((day) => day !== undefined)
    .sort();
}

/** What is said where a ledger was expected and nothing is. */
export function noLedger(root: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `there is no ledger at ${root}`,
    where: { path: root },
    hint:
      "the first `ledger emit` makes one; for one that is elsewhere use --dir DIR or LEDGER_DIR",
  });
}

/** The parts of a day in log order, each with a size that will not shrink again. */
export async function partsOfDay(files: Files, root: string, day: string): Promise<PartExtent[]> {
  const folder = dayFolder(root, day);
  const parts = (files.list(folder) ?? [])
    .map((entry) => parsePartName(entry.name))
    .filter((name) => name?.format === "jsonl")
    .map((name) => name!)
    .sort(comparePartNames)
    .map(({ number, writer }): PartId => ({ day, number, writer }));
  const extents: PartExtent[] = [];
  const locks = new Map<string, () => void>();
  try {
    for (const part of parts) {
      if (!locks.has(part.writer)) {
        locks.set(part.writer, await shareLock(files, join(folder, dayLockName(part.writer))));
      }
      const path = partPath(root, part);
      const facts = files.facts(path);
      if (!facts?.is_file) continue;
      extents.push({ part, path, label: partLabel(part), size_bytes: facts.size_bytes });
    }
  } finally {
    for (const release of locks.values()) release();
  }
  return extents;
}

/**
 * Takes a day's lock together with other readers, for a moment. A ledger that was only copied here
 * has no locks, one on a read-only disk needs none, and a writer that was stopped while it held the
 * lock must not stop readers too: in those cases the size is taken without.
 */
async function shareLock(files: Files, path: string): Promise<() => void> {
  const nothing = () => {};
  if (!files.facts(path)) return nothing;
  let lock: OpenFile | undefined;
  try {
    lock = files.open(path, "read");
    const is_held = lock.tryLock(false) || await lock.lock(false, read_lock_wait_ms);
    return is_held ? lock.close.bind(lock) : nothing;
  } catch (error) {
    lock?.close();
    if (!(error instanceof LedgerError)) throw error;
    return nothing;
  }
}
