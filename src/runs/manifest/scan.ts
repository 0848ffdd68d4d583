/**
 * What stands in a folder of runs, and what of it belongs in the catalog. What a run is taken for is
 * a function of its files alone; only whether an unfinished one still lives is asked of the moment.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { stale_after_ms } from "../../base/limits.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { idOfPath, listMonths, listRuns, RUN_FILES } from "./layout.ts";
import { hasEnded, manifestTime, parseManifest, type RunManifest } from "./manifest.ts";
import { ownershipOf } from "./liveness_lock.ts";

/** A run's folder, as a glance shows it. */
export interface RunStamp {
  /** Below the folder of runs. */
  path: string;
  /** Other than before, whenever the manifest or the mark of success is another. */
  stamp: string;
}

/** Whether a run belongs in the catalog. */
export type Verdict =
  /** It has ended, and says how. */
  | { kind: "ended"; manifest: RunManifest }
  /** It has not ended, or not all of its end is there. */
  | { kind: "open"; manifest: RunManifest }
  /** Nothing can be made of it. */
  | { kind: "unusable"; reason: string };

/** How an unfinished run stands. */
export type OpenState = "pending" | "running" | "crashed" | "stale" | "unfinished";

const SUCCESS_STAMP = " success";
const NO_MANIFEST = "none";
const NO_FILE = "no file";
const UNSEEN = "unseen: ";

/** All runs of a folder, in order. */
export function scanRuns(world: World, runs_dir: string): RunStamp[] {
  return listMonths(world.files, runs_dir).flatMap((month) => scanMonth(world, runs_dir, month));
}

/** All runs of a month, in order. */
export function scanMonth({ files }: World, runs_dir: string, month: string): RunStamp[] {
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
export function judgeRun(world: World, runs_dir: string, { path, stamp }: RunStamp): Verdict {
  const unusable = (reason: string): Verdict => ({ kind: "unusable", reason });
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

/** How an unfinished run stands, and by what that is told. */
export interface OpenFacts {
  state: OpenState;
  last_written_ms: number;
  reason: string;
}

/** How an unfinished run stands right now. */
export async function stateOfOpen(
  world: World,
  runs_dir: string,
  path: string,
  manifest: RunManifest,
  stale_after = stale_after_ms,
): Promise<OpenFacts> {
  const folder = join(runs_dir, path);
  const last_written_ms = lastWritten(world, folder, manifest);
  const facts = (state: OpenState, reason: string) => ({ state, last_written_ms, reason });
  if (manifest.status === "completed") {
    return facts(
      "unfinished",
      "run.json says completed, but there is no _SUCCESS: finish it again",
    );
  }
  if (world.files.facts(join(folder, RUN_FILES.success))) {
    return facts("unfinished", `there is a _SUCCESS, but run.json says ${manifest.status}`);
  }
  const ownership = await ownershipOf(world, folder);
  if (ownership === "free") return facts("crashed", "the program that owned it is gone");
  if (ownership === "never" && world.now_ms() - last_written_ms >= stale_after) {
    const since = new Date(last_written_ms).toISOString().slice(0, 16).replace("T", " ");
    return facts("stale", `nobody owns it, and nothing was written to it since ${since} UTC`);
  }
  return manifest.status === "pending"
    ? facts("pending", "it has not begun")
    : facts("running", "it has not ended");
}

/**
 * When a run was last written to. For the manifest, what it says itself: a copy of it is as new as
 * the copying, and a run that was copied here does not run.
 */
function lastWritten(world: World, folder: string, manifest: RunManifest): number {
  const { created_at, started_at, completed_at } = manifest;
  const told_ms = [created_at, started_at, completed_at]
    .map((time) => time ? manifestTime(time) : 0);
  return Math.round(Math.max(...told_ms, newestFile(world, folder)));
}

const NOT_RESULTS: ReadonlySet<string> = new Set([
  RUN_FILES.manifest,
  RUN_FILES.owner_lock,
  RUN_FILES.manifest_lock,
]);

function newestFile(world: World, folder: string): number {
  let newest_ms = 0;
  for (const { name, is_folder } of world.files.list(folder) ?? []) {
    if (NOT_RESULTS.has(name)) continue;
    const path = join(folder, name);
    const written_ms = is_folder
      ? newestFile(world, path)
      // A link may lead nowhere, or in a circle.
      : world.files.linkFacts(path)?.modified_ms ?? 0;
    newest_ms = Math.max(newest_ms, written_ms);
  }
  return newest_ms;
}
