/**
 * Retention: takes old months out of the folder of runs, into an archive or for good. Nothing is removed before
 * its archive was read back, and before the month's list says that it was archived: killed at any
 * step, a run is in its folder, or in an archive that the catalog knows of, or in both.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { makeFolderDurably, removeQuietly, writeFully } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { archivedPath, type ArchivedRun, parseArchived } from "../catalog/month_files.ts";
import { entriesBelow } from "./run_files.ts";
import { type Fingerprinted, isMonth, listMonths } from "../manifest/layout.ts";
import { classifyRun, scanMonth } from "../manifest/scan.ts";
import { stateOfOpen } from "../manifest/liveness_lock.ts";
import { TarGz } from "./tar_gz.ts";

const NEWLINE = 10;
/** What is to go. */
export interface PruneRequest {
  /** Months before this one. */
  before: string;
  /** Where the archives go; without it, runs are gone for good. */
  archive?: string;
  stale_after_ms?: number;
}

/** A run that goes, or stays. */
interface PrunedRun {
  run_path: string;
  files: number;
  bytes: number;
  /** Why it stays. */
  kept?: string;
}

/** What goes of a month. */
export interface PrunedMonth {
  month: string;
  runs: PrunedRun[];
  bytes: number;
  /** The archive that holds it. */
  archive?: string;
}

/** Prefix of a folder on its way out: its name is no run's. */
const LEAVING = ".leaving-";

/** What pruning would do; nothing is changed. */
export async function planPrune(
  world: World,
  runs_dir: string,
  request: PruneRequest,
): Promise<PrunedMonth[]> {
  if (!isMonth(request.before)) {
    throw new LedgerError({
      code: "usage",
      message: `cannot prune what is before ${JSON.stringify(request.before)}`,
      hint: "name a month: 2025-06",
    });
  }
  const months: PrunedMonth[] = [];
  for (const month of listMonths(world.files, runs_dir)) {
    if (month >= request.before) continue;
    const runs: PrunedRun[] = [];
    for (const run of scanMonth(world, runs_dir, month)) {
      const { path: run_path } = run;
      const files = filesOf(world, join(runs_dir, run_path));
      const bytes = files.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
      const kept = await whyKept(world, runs_dir, run, request.stale_after_ms);
      runs.push({ run_path, files: files.length, bytes, ...(kept ? { kept } : {}) });
    }
    const bytes = leavingOf(runs).reduce((sum, run) => sum + run.bytes, 0);
    if (runs.length > 0) months.push({ month, runs, bytes });
  }
  return months;
}

/** Those of a month that go. */
export function leavingOf(runs: readonly PrunedRun[]): PrunedRun[] {
  return runs.filter(({ kept }) => kept === undefined);
}

/** Prunes as planned, month after month. What a killed process left half-way is finished too. */
export async function prune(
  world: World,
  runs_dir: string,
  request: PruneRequest,
  onMonth: (month: PrunedMonth) => void = () => {},
): Promise<PrunedMonth[]> {
  const months = await planPrune(world, runs_dir, request);
  for (const month of listMonths(world.files, runs_dir)) removeLeaving(world, runs_dir, month);
  for (const month of months) {
    const leaving = leavingOf(month.runs);
    if (leaving.length === 0) continue;
    if (request.archive !== undefined) {
      month.archive = archiveMonth(world, runs_dir, month.month, leaving, request.archive);
    }
    noteArchived(world, runs_dir, month.month, leaving, month.archive);
    for (const { run_path } of leaving) removeRun(world, runs_dir, run_path);
    onMonth(month);
  }
  return months;
}

async function whyKept(
  world: World,
  runs_dir: string,
  run: Fingerprinted,
  stale_after?: number,
): Promise<string | undefined> {
  const found = classifyRun(world, runs_dir, run);
  // What cannot be read may be of a newer version: the operator looks at it first.
  if (found.kind === "unusable") return found.reason;
  if (found.kind === "ended") return undefined;
  const { state } = await stateOfOpen(world, runs_dir, run.path, found.manifest, stale_after);
  return state === "running" || state === "pending" ? `it is ${state}` : undefined;
}

/** What an archive takes of a run's folder, and how large it is: files, and what links to files lead to. */
function filesOf({ files }: World, folder: string): { path: string; size_bytes: number }[] {
  return entriesBelow(files, folder).flatMap(({ path }) => {
    const facts = files.facts(join(folder, path));
    return facts?.is_file ? [{ path, size_bytes: facts.size_bytes }] : [];
  });
}

function archiveMonth(
  world: World,
  runs_dir: string,
  month: string,
  runs: readonly PrunedRun[],
  folder: string,
): string {
  makeFolderDurably(world.files, folder);
  const path = freeName(world, join(folder, `runs-archive-${month}`));
  const archive = new TarGz(world, path);
  try {
    for (const { run_path } of runs) {
      for (const { path } of filesOf(world, join(runs_dir, run_path))) {
        archive.add(`${run_path}/${path}`, join(runs_dir, run_path, path));
      }
    }
    archive.finish();
  } catch (error) {
    archive.abandon();
    throw error;
  }
  return path;
}

/** A month may be pruned again, with runs that came back or were running; no archive is replaced. */
function freeName(world: World, stem: string): string {
  for (let number = 1;; number++) {
    const path = `${stem}${number === 1 ? "" : `.${number}`}.tar.gz`;
    if (!world.files.linkFacts(path)) return path;
  }
}

function noteArchived(
  world: World,
  runs_dir: string,
  month: string,
  leaving: readonly PrunedRun[],
  archive: string | undefined,
): void {
  const archived_at = new Date(world.now_ms()).toISOString();
  const lines = scanMonth(world, runs_dir, month)
    .filter(({ path }) => leaving.some(({ run_path }) => run_path === path))
    .flatMap((run) => {
      const found = classifyRun(world, runs_dir, run);
      if (found.kind === "open") return [];
      if (found.kind === "unusable") throw cannotRead(run.path, found.reason);
      const { manifest } = found;
      const archived: ArchivedRun = { run_path: run.path, archive, archived_at, manifest };
      return [`${JSON.stringify(archived)}\n`];
    });
  if (lines.length === 0) return;
  const path = join(runs_dir, archivedPath(month));
  const is_new = !world.files.facts(path);
  const file = world.files.open(path, is_new ? "create" : "append");
  try {
    const begin = endTornLine(file, is_new ? new Uint8Array(0) : world.files.readBytes(path));
    writeFully(file, new TextEncoder().encode(`${begin}${lines.join("")}`));
    file.sync();
  } finally {
    file.close();
  }
  if (is_new) world.files.syncFolder(join(runs_dir, month));
}

/**
 * A torn line of a killed process goes: its run is still there. A line that is whole but for its newline
 * stays, and gets that. Returns what the next line begins with.
 */
function endTornLine(file: OpenFile, bytes: Uint8Array): string {
  const whole_bytes = bytes.lastIndexOf(NEWLINE) + 1;
  if (whole_bytes === bytes.length) return "";
  const torn = new TextDecoder().decode(bytes.subarray(whole_bytes));
  if (typeof parseArchived(torn) === "object") return "\n";
  file.truncate(whole_bytes);
  return "";
}

/** It could be read a moment ago, or it would not go. */
function cannotRead(path: string, reason: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `cannot prune ${path}: ${reason}`,
    where: { path },
    hint: "nothing of its month was removed; try again",
  });
}

/** First it loses its name, in one go: a folder half removed must not pass for a run. */
function removeRun(world: World, runs_dir: string, run_path: string): void {
  const [month, name] = run_path.split("/");
  const leaving = join(runs_dir, month, `${LEAVING}${name}`);
  removeQuietly(world.files, leaving);
  world.files.rename(join(runs_dir, run_path), leaving);
  world.files.syncFolder(join(runs_dir, month));
  world.files.remove(leaving);
}

function removeLeaving(world: World, runs_dir: string, month: string): void {
  for (const { name } of world.files.list(join(runs_dir, month)) ?? []) {
    if (name.startsWith(LEAVING)) world.files.remove(join(runs_dir, month, name));
  }
}
