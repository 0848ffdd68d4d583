/**
 * Scan of a folder of runs: a fingerprint of each, and whether it belongs in the catalog. The class of
 * a run is a function of its files alone; `liveness_lock.ts` says whether an unfinished one still lives.
 */
import { join } from "@std/path";
import { asLedgerError, type ErrorCode, type LedgerError } from "../../base/error.ts";
import { leadsNowhere, systemCode } from "../../base/files/file_error.ts";
import { type Files, standOf } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import {
  type Fingerprinted,
  idOfPath,
  listAllRuns,
  listMonths,
  listOutside,
  listRuns,
  monthOf,
  RUN_FILES,
} from "./layout.ts";
import { hasEnded, manifestTime, parseManifest, type RunManifest } from "./manifest.ts";

/**
 * Ended: all of its end is there. Open: not so. Unusable: it has no manifest that can be read; hidden
 * where the disk, or a right that is missing, keeps it from us: then what was known of it still holds.
 */
export type RunClass =
  | { kind: "ended" | "open"; manifest: RunManifest }
  | { kind: "unusable"; reason: string; is_hidden?: boolean };

const SUCCESS = " success";
const NO_MANIFEST = "none";
const NO_FILE = "no file";
const UNSEEN = "unseen: ";
const HIDDEN = "hidden: ";

/** All runs of a folder, in order. */
export function scanRuns(world: World, runs_dir: string): Fingerprinted[] {
  return listAllRuns(world.files, runs_dir).map((path) => scanRun(world, runs_dir, path));
}

/** A run as it is now. */
export function scanRun({ files }: World, runs_dir: string, path: string): Fingerprinted {
  return { path, fingerprint: fingerprintOf(files, join(runs_dir, path)) };
}

/**
 * The paths of all runs by their month, in order: that of their folder, or, outside of any, that in
 * which their manifest says that they began.
 */
export function runsByMonth(world: World, runs_dir: string): Map<string, string[]> {
  const { files } = world;
  const by_month = new Map(
    listMonths(files, runs_dir).map((month) => [month, listRuns(files, runs_dir, month)]),
  );
  for (const path of listOutside(files, runs_dir)) {
    const found = classifyRun(world, runs_dir, scanRun(world, runs_dir, path));
    if (found.kind === "unusable") continue;
    const month = monthOf(manifestTime(found.manifest.created_at));
    by_month.getOrInsertComputed(month, () => []).push(path);
  }
  return new Map([...by_month].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Differs whenever the manifest does, or whether there is a mark of success. */
function fingerprintOf(files: Files, folder: string): string {
  try {
    const manifest = files.facts(join(folder, RUN_FILES.manifest));
    const success = files.facts(join(folder, RUN_FILES.success));
    if (!manifest) return NO_MANIFEST;
    return (manifest.is_file ? standOf(manifest) : NO_FILE) + (success ? SUCCESS : "");
  } catch (error) {
    // A run that cannot be looked at does not keep the others out of the catalog.
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return `${isHiding(problem) ? HIDDEN : UNSEEN}${problem.message}`;
  }
}

const HIDING: ReadonlySet<ErrorCode> = new Set(["io", "no_permission", "disk_full"]);

/** Whether an error is of the disk or of rights, and says nothing of what the path holds. */
export function isHiding({ code, cause }: LedgerError): boolean {
  return HIDING.has(code) && !leadsNowhere(systemCode(cause));
}

/** Reads a run's manifest, and classifies it. */
export function classifyRun(
  world: World,
  runs_dir: string,
  { path, fingerprint }: Fingerprinted,
): RunClass {
  const unusable = (reason: string, is_hidden = false): RunClass => {
    return { kind: "unusable", reason, ...(is_hidden ? { is_hidden } : {}) };
  };
  if (fingerprint === NO_MANIFEST) return unusable("it has no run.json");
  if (fingerprint.startsWith(NO_FILE)) return unusable("its run.json is not a file");
  if (fingerprint.startsWith(UNSEEN)) return unusable(fingerprint.slice(UNSEEN.length));
  if (fingerprint.startsWith(HIDDEN)) return unusable(fingerprint.slice(HIDDEN.length), true);
  const manifest_path = join(runs_dir, path, RUN_FILES.manifest);
  try {
    const text = world.files.readText(manifest_path);
    const manifest = parseManifest(text, manifest_path, idOfPath(path));
    const has_ended = hasEnded(manifest.status, () => fingerprint.endsWith(SUCCESS));
    return { kind: has_ended ? "ended" : "open", manifest };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return unusable(String(problem.detail?.reason ?? problem.message), isHiding(problem));
  }
}
