/**
 * What stands in a folder of runs, and what of it belongs in the catalog. What a run is taken for is
 * a function of its files alone; only whether an unfinished one still lives is asked of the moment.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { idOfPath, listMonths, listRuns, RUN_FILES } from "./layout.ts";
import { hasEnded, parseManifest, type RunManifest } from "./manifest.ts";

/** A run's folder, as a glance shows it. */
export interface Fingerprint {
  /** Below the folder of runs. */
  path: string;
  /** Other than before, whenever the manifest or the mark of success is another. */
  stamp: string;
}

/** Whether a run belongs in the catalog. */
export type RunClass =
  /** It has ended, and says how. */
  | { kind: "ended"; manifest: RunManifest }
  /** It has not ended, or not all of its end is there. */
  | { kind: "open"; manifest: RunManifest }
  /** Nothing can be made of it. */
  | { kind: "unusable"; reason: string };

const SUCCESS_STAMP = " success";
const NO_MANIFEST = "none";
const NO_FILE = "no file";
const UNSEEN = "unseen: ";

/** All runs of a folder, in order. */
export function scanRuns(world: World, runs_dir: string): Fingerprint[] {
  return listMonths(world.files, runs_dir).flatMap((month) => scanMonth(world, runs_dir, month));
}

/** All runs of a month, in order. */
export function scanMonth({ files }: World, runs_dir: string, month: string): Fingerprint[] {
  return listRuns(files, runs_dir, month).map((path) => {
    return { path, stamp: stampOf(files, join(runs_dir, path)) };
  });
}

function stampOf(files: Files, folder: string): string {
  try {
    const manifest = files.facts(join(folder, RUN_FILES.manifest));
    const success = files.facts(join(folder, RUN_FILES.success));
    if (!manifest) return NO_MANIFEST;
    const { is_file, identity, size_bytes, modified_ms } = manifest;
    const stamp = is_file ? `${identity} ${size_bytes} ${modified_ms}` : NO_FILE;
    return success ? `${stamp}${SUCCESS_STAMP}` : stamp;
  } catch (error) {
    // One run that cannot be looked at does not keep the others out of the catalog.
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return `${UNSEEN}${problem.message}`;
  }
}

/** Reads a run's manifest and says what it is. */
export function classifyRun(
  world: World,
  runs_dir: string,
  { path, stamp }: Fingerprint,
): RunClass {
  const unusable = (reason: string): RunClass => ({ kind: "unusable", reason });
  if (stamp === NO_MANIFEST) return unusable("it has no run.json");
  if (stamp.startsWith(NO_FILE)) return unusable("its run.json is not a file");
  if (stamp.startsWith(UNSEEN)) return unusable(stamp.slice(UNSEEN.length));
  const manifest_path = join(runs_dir, path, RUN_FILES.manifest);
  const folder_id = idOfPath(path);
  let manifest: RunManifest;
  try {
    manifest = parseManifest(world.files.readText(manifest_path), manifest_path, folder_id);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return unusable(String(problem.detail?.reason ?? problem.message));
  }
  const has_ended = hasEnded(manifest.status, () => stamp.endsWith(SUCCESS_STAMP));
  return { kind: has_ended ? "ended" : "open", manifest };
}
