/**
 * Layout of a folder of runs: `YYYY-MM/run_id=ID/`, and the names in it. A run may also lie outside of
 * any month, as `run_id=ID/`: it is found there, and no program here puts one there.
 */
import { join } from "@std/path";
import { LedgerError, quoted } from "../../base/error.ts";
import { firstNames } from "../../base/format.ts";
import type { Files } from "../../base/files/seam.ts";
import { nearest } from "../../base/nearest.ts";
import { isOfKind } from "../../log/mod.ts";

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;
const FOLDER_PREFIX = "run_id=";
/** Stands for a month where there is none. */
const OUTSIDE = "";

/** The folder of the evidence of a run's code, which is written before the run begins. */
export const EVIDENCE_FOLDER = "provenance";

/** The well-known files of a run's folder. */
export const RUN_FILES = {
  manifest: "run.json",
  success: "_SUCCESS",
  /** Held by the process that owns the run, for as long as it lives. */
  owner_lock: ".lock",
  /** Held while the manifest is changed. */
  manifest_lock: ".manifest.lock",
  stdout: "logs/stdout.txt",
  stderr: "logs/stderr.txt",
  /** Changes of the code that were not committed; for its owner alone. */
  patch: `${EVIDENCE_FOLDER}/diff.patch`,
  changed_files: `${EVIDENCE_FOLDER}/files.ndjson`,
} as const;

/** The folder of the files that are attached to a run. */
export const FILES_FOLDER = "files";

const LOCKS: ReadonlySet<string> = new Set([RUN_FILES.owner_lock, RUN_FILES.manifest_lock]);

/** Whether a file's name says that it holds no data: it is a lock, or half-written. */
export function isReservedName(name: string): boolean {
  return LOCKS.has(name) || name.endsWith(".tmp");
}

/** A file, or a link, below a folder. */
interface EntryBelow {
  /** Below the folder: `results/summary.parquet`. */
  path: string;
  name: string;
  /** Links are none, wherever they lead. */
  is_file: boolean;
}

/** All that is below a folder, in the order of names; nothing where there is no such folder. */
export function entriesBelow(files: Files, folder: string, below = ""): EntryBelow[] {
  return (files.list(join(folder, below)) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, is_file, is_folder }) => {
      const path = below === "" ? name : `${below}/${name}`;
      return is_folder ? entriesBelow(files, folder, path) : [{ path, name, is_file }];
    });
}

/** The month of a run: that of its creation, in UTC. */
export function monthOf(created_ms: number): string {
  return new Date(created_ms).toISOString().slice(0, 7);
}

/** Whether a folder's name is a month's. */
export function isMonth(name: string): boolean {
  return MONTH.test(name);
}

/** A run's folder below the folder of runs: `2026-01/run_id=ID`. */
export function runPath(month: string, run_id: string): string {
  return pathIn(month, `${FOLDER_PREFIX}${run_id}`);
}

function pathIn(month: string, name: string): string {
  return month === OUTSIDE ? name : `${month}/${name}`;
}

/** Whether a run lies outside of any month. */
export function isOutside(run_path: string): boolean {
  return !run_path.includes("/");
}

/** The run id in a path below the folder of runs; undefined when it is no run's. */
export function idOfPath(path: string): string | undefined {
  const name = path.slice(path.indexOf("/") + 1);
  const run_id = name.slice(FOLDER_PREFIX.length);
  return name.startsWith(FOLDER_PREFIX) && isOfKind("run_id", run_id) ? run_id : undefined;
}

/** Throws unless a run id can name a folder. */
export function checkRunId(run_id: string): void {
  if (isOfKind("run_id", run_id)) return;
  throw new LedgerError({
    code: "invalid",
    message: `${quoted(run_id)} is no run id`,
    hint:
      "a run id names a folder: up to 200 characters, no slash, backslash, control character, " +
      "and not . or ..",
  });
}

/** The months of a folder of runs, in order. */
export function listMonths(files: Files, runs_dir: string): string[] {
  return (files.list(runs_dir) ?? []).filter(({ name, is_folder }) => is_folder && isMonth(name))
    .map(({ name }) => name).sort();
}

/** The paths of all runs, below the folder of runs: those of months in order, then the others. */
export function listAllRuns(files: Files, runs_dir: string): string[] {
  return foldersOfRuns(files, runs_dir).flatMap((month) => listRuns(files, runs_dir, month));
}

/** The paths of the runs that lie outside of any month. */
export function listOutside(files: Files, runs_dir: string): string[] {
  return listRuns(files, runs_dir, OUTSIDE);
}

/** Where runs may lie: in months, and outside of them. */
export function foldersOfRuns(files: Files, runs_dir: string): string[] {
  return [...listMonths(files, runs_dir), OUTSIDE];
}

/** A path below the folder of runs; its fingerprint differs whenever its content does. */
export interface Fingerprinted {
  path: string;
  fingerprint: string;
}

/** The paths of all runs of a month, below the folder of runs, in order. */
export function listRuns(files: Files, runs_dir: string, month: string): string[] {
  return (files.list(join(runs_dir, month)) ?? [])
    .filter(({ name, is_folder }) => is_folder && idOfPath(name) !== undefined)
    .map(({ name }) => pathIn(month, name)).sort();
}

/** The path of a run that has a folder, by its whole id. */
export function pathOfRun(files: Files, runs_dir: string, run_id: string): string | undefined {
  checkRunId(run_id);
  const paths = foldersOfRuns(files, runs_dir).map((month) => runPath(month, run_id))
    .filter((path) => files.facts(join(runs_dir, path))?.is_folder);
  // A process killed while it makes a run leaves an empty folder, perhaps in another month.
  return paths.find((path) => files.facts(join(runs_dir, path, RUN_FILES.manifest))) ?? paths[0];
}

/** A run that is known, and need not have a folder; its name, where people gave it one. */
export interface NamedRun {
  run_id: string;
  name?: string | null;
}

/** The id of the run that has this id, else of the only one with this name, or whose id begins so. */
export function wholeRunId(
  files: Files,
  runs_dir: string,
  beginning: string,
  others: readonly NamedRun[] = [],
): string {
  checkRunId(beginning);
  const in_folders = listAllRuns(files, runs_dir).map((path) => idOfPath(path)!);
  const all = [...new Set([...in_folders, ...others.map(({ run_id }) => run_id)])];
  if (all.includes(beginning)) return beginning;
  const named = others.filter(({ name }) => name === beginning).map(({ run_id }) => run_id);
  const begun = all.filter((run_id) => run_id.startsWith(beginning));
  const ids = (named.length > 0 ? named : begun).sort();
  if (ids.length === 1) return ids[0];
  const near = nearest(beginning, [...all, ...others.flatMap(({ name }) => name ?? [])]);
  throw new LedgerError({
    code: "not_found",
    message: ids.length > 1
      ? named.length > 0
        ? `${ids.length} runs have the name ${quoted(beginning)}`
        : `${ids.length} runs have ids that begin with ${quoted(beginning)}`
      : `there is no run ${quoted(beginning)} in ${runs_dir}, and the index knows none`,
    where: { path: runs_dir },
    hint: ids.length > 1
      ? `give ${named.length > 0 ? "an id" : "more of it"}: ${firstNames(ids)}`
      : near
      ? `did you mean ${near}?`
      : "what there is: ledger runs query; or name another folder of runs: --runs-dir",
  });
}
