/**
 * Retention: takes old months out of the folder of runs, into an archive or for good. Nothing is removed before
 * its archive was read back, and before the month's list says that it was archived: killed at any
 * step, a run is in its folder, or in an archive that the catalog knows of, or in both.
 */
import { basename, dirname, join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { makeFolderDurably, removeQuietly, writeFully } from "../../base/files/durable.ts";
import { shellWord } from "../../base/format.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { archivedPath, type ArchivedRun, parseArchived } from "../catalog/month_files.ts";
import { markChange, markComing } from "../manifest/change_mark.ts";
import { entriesBelow, type Fingerprinted, foldersOfRuns, isMonth } from "../manifest/layout.ts";
import { classifyRun, runsByMonth, scanRun } from "../manifest/scan.ts";
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

/** The same, with the ids of runs that are pinned. */
interface PruneOfPinned extends PruneRequest {
  pinned?: ReadonlySet<string>;
}

/** A run that goes, or stays. */
interface PrunedRun {
  run_path: string;
  files: number;
  bytes: number;
  /** Why it stays. */
  kept?: string;
  /** It stays because the disk, or a right that is missing, hides what it is. */
  is_hidden?: boolean;
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
  request: PruneOfPinned,
): Promise<PrunedMonth[]> {
  return await new Prune(world, runs_dir, request).plan();
}

/** The runs of a month that go. */
export function leavingOf(runs: readonly PrunedRun[]): PrunedRun[] {
  return runs.filter(({ kept }) => kept === undefined);
}

/** Prunes as planned, month after month. What a killed process left half-way is finished too. */
export async function prune(
  world: World,
  runs_dir: string,
  request: PruneOfPinned,
  onMonth: (month: PrunedMonth) => void = () => {},
): Promise<PrunedMonth[]> {
  return await new Prune(world, runs_dir, request).run(onMonth);
}

class Prune {
  readonly #files: Files;

  constructor(readonly world: World, readonly runs_dir: string, readonly request: PruneOfPinned) {
    this.#files = world.files;
  }

  async plan(): Promise<PrunedMonth[]> {
    const { world, runs_dir, request: { before } } = this;
    if (!isMonth(before)) {
      throw new LedgerError({
        code: "usage",
        message: `cannot prune what is before ${JSON.stringify(before)}`,
        hint: "name a month: 2025-06",
      });
    }
    const months: PrunedMonth[] = [];
    for (const [month, paths] of runsByMonth(world, runs_dir)) {
      if (month >= before) continue;
      const runs: PrunedRun[] = [];
      for (const run of paths.map((path) => scanRun(world, runs_dir, path))) {
        const kept = await this.#whyKept(run);
        const files = kept.is_hidden ? [] : this.#filesOf(run.path);
        const bytes = files.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
        runs.push({ run_path: run.path, files: files.length, bytes, ...kept });
      }
      const bytes = leavingOf(runs).reduce((sum, run) => sum + run.bytes, 0);
      if (runs.length > 0) months.push({ month, runs, bytes });
    }
    return months;
  }

  async run(onMonth: (month: PrunedMonth) => void): Promise<PrunedMonth[]> {
    const { runs_dir, request: { archive } } = this;
    const months = await this.plan();
    for (const month of foldersOfRuns(this.#files, runs_dir)) this.#removeLeaving(month);
    for (const month of months) {
      const leaving = leavingOf(month.runs);
      if (leaving.length > 0) this.#pruneMonth(month, leaving, archive);
      onMonth(month);
    }
    return months;
  }

  #pruneMonth(month: PrunedMonth, leaving: readonly PrunedRun[], archive?: string): void {
    const { runs_dir } = this;
    markComing(this.#files, runs_dir);
    if (archive !== undefined) month.archive = this.#archive(month.month, leaving, archive);
    this.#noteArchived(month.month, leaving, month.archive);
    for (const { run_path } of leaving) this.#removeRun(run_path);
    markChange(this.#files, runs_dir);
  }

  async #whyKept(run: Fingerprinted): Promise<Pick<PrunedRun, "kept" | "is_hidden">> {
    const { world, runs_dir, request: { stale_after_ms, pinned } } = this;
    const found = classifyRun(world, runs_dir, run);
    // What cannot be read may be of a newer version: the operator looks at it first.
    if (found.kind === "unusable") {
      return { kept: found.reason, ...(found.is_hidden ? { is_hidden: true } : {}) };
    }
    const { run_id } = found.manifest;
    if (pinned?.has(run_id)) {
      return { kept: `it is pinned (ledger runs annotate ${shellWord(run_id)} --unpin)` };
    }
    if (found.kind === "ended") return {};
    const { state } = await stateOfOpen(world, runs_dir, run.path, found.manifest, stale_after_ms);
    return state === "running" || state === "pending" ? { kept: `it is ${state}` } : {};
  }

  /** What an archive takes of a run's folder: files, and the files that links lead to. */
  #filesOf(run_path: string): { path: string; size_bytes: number }[] {
    const folder = join(this.runs_dir, run_path);
    return entriesBelow(this.#files, folder).flatMap(({ path }) => {
      const facts = this.#files.facts(join(folder, path));
      return facts?.is_file ? [{ path, size_bytes: facts.size_bytes }] : [];
    });
  }

  #archive(month: string, leaving: readonly PrunedRun[], folder: string): string {
    makeFolderDurably(this.#files, folder);
    const path = this.#freeName(join(folder, `runs-archive-${month}`));
    const archive = new TarGz(this.world, path);
    try {
      for (const { run_path } of leaving) {
        for (const { path } of this.#filesOf(run_path)) {
          archive.add(`${run_path}/${path}`, join(this.runs_dir, run_path, path));
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
  #freeName(stem: string): string {
    for (let number = 1;; number++) {
      const path = `${stem}${number === 1 ? "" : `.${number}`}.tar.gz`;
      if (!this.#files.linkFacts(path)) return path;
    }
  }

  #noteArchived(month: string, leaving: readonly PrunedRun[], archive: string | undefined): void {
    const { world, runs_dir } = this;
    const archived_at = new Date(world.now_ms()).toISOString();
    const lines = leaving.flatMap(({ run_path }) => {
      const found = classifyRun(world, runs_dir, scanRun(world, runs_dir, run_path));
      if (found.kind === "open") return [];
      if (found.kind === "unusable") throw cannotRead(run_path, found.reason);
      const { manifest } = found;
      const archived: ArchivedRun = { run_path, archive, archived_at, manifest };
      return [`${JSON.stringify(archived)}\n`];
    });
    if (lines.length === 0) return;
    const path = join(runs_dir, archivedPath(month));
    makeFolderDurably(this.#files, dirname(path));
    const is_new = !this.#files.facts(path);
    const file = this.#files.open(path, is_new ? "create" : "append");
    try {
      const begin = is_new ? "" : endTornLine(file, this.#files.readBytes(path));
      writeFully(file, new TextEncoder().encode(`${begin}${lines.join("")}`));
      file.sync();
    } finally {
      file.close();
    }
    if (is_new) this.#files.syncFolder(join(runs_dir, month));
  }

  /** First it loses its name, in one go: a folder half removed must not pass for a run. */
  #removeRun(run_path: string): void {
    const name = basename(run_path);
    const folder = join(this.runs_dir, dirname(run_path));
    const leaving = join(folder, `${LEAVING}${name}`);
    removeQuietly(this.#files, leaving);
    this.#files.rename(join(folder, name), leaving);
    this.#files.syncFolder(folder);
    this.#files.remove(leaving);
  }

  #removeLeaving(month: string): void {
    const folder = join(this.runs_dir, month);
    for (const { name } of this.#files.list(folder) ?? []) {
      if (name.startsWith(LEAVING)) this.#files.remove(join(folder, name));
    }
  }
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
