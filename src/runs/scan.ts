/**
 * What stands in a folder of runs, and what of it belongs in the catalog. What a run is taken for is
 * a function of its files alone; only whether an unfinished one still lives is asked of the moment.
 */
import { join } from "@std/path";
import { asLedgerError } from "../base/error.ts";
import { stale_after_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { idOfPath, listMonths, listRuns, RUN_FILES } from "./layout.ts";
import { parseManifest, type RunManifest } from "./manifest.ts";
import { ownershipOf } from "./ownership.ts";

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
  /** It has not ended. */
  | { kind: "open"; manifest: RunManifest; reason: string }
  /** Nothing can be made of it. */
  | { kind: "unusable"; reason: string };

/** How an unfinished run stands. */
export type OpenState = "pending" | "running" | "crashed" | "stale" | "unfinished";

/** All runs of a folder, in order. */
export function scanRuns(world: World, runs_dir: string): RunStamp[] {
  const { files } = world;
  return listMonths(files, runs_dir)
    .flatMap((month) => listRuns(files, runs_dir, month))
    .map((path) => {
      const folder = join(runs_dir, path);
      const manifest = files.facts(join(folder, RUN_FILES.manifest));
      const success = files.facts(join(folder, RUN_FILES.success));
      const stamp = manifest
        ? `${manifest.identity} ${manifest.size_bytes} ${manifest.modified_ms}`
        : "none";
      return { path, stamp: success ? `${stamp} success` : stamp };
    });
}

/** Reads a run's manifest and says what it is. */
export function judgeRun(world: World, runs_dir: string, { path, stamp }: RunStamp): Verdict {
  if (stamp.startsWith("none")) return { kind: "unusable", reason: "it has no run.json" };
  const manifest_path = join(runs_dir, path, RUN_FILES.manifest);
  const folder_id = idOfPath(path);
  let manifest: RunManifest;
  try {
    manifest = parseManifest(world.files.readText(manifest_path), manifest_path, folder_id);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return { kind: "unusable", reason: String(problem.detail?.reason ?? problem.message) };
  }
  const has_success = stamp.endsWith(" success");
  if (manifest.status === "failed") return { kind: "ended", manifest };
  if (manifest.status === "completed") {
    if (has_success) return { kind: "ended", manifest };
    const reason = "run.json says completed, but _SUCCESS is not there: runs finish it again";
    return { kind: "open", manifest, reason };
  }
  const reason = has_success
    ? `_SUCCESS is there, but run.json says ${manifest.status}`
    : `run.json says ${manifest.status}`;
  return { kind: "open", manifest, reason };
}

/** How an unfinished run stands right now. */
export async function stateOfOpen(
  world: World,
  runs_dir: string,
  path: string,
  manifest: RunManifest,
  stale_after = stale_after_ms,
): Promise<{ state: OpenState; last_written_ms: number }> {
  const folder = join(runs_dir, path);
  const last_written_ms = lastWritten(world, folder);
  const state = await (async (): Promise<OpenState> => {
    if (manifest.status === "completed") return "unfinished";
    const ownership = await ownershipOf(world, folder);
    if (ownership === "free") return "crashed";
    const is_old = world.now_ms() - last_written_ms > stale_after;
    if (ownership === "never" && is_old) return "stale";
    return manifest.status === "pending" ? "pending" : "running";
  })();
  return { state, last_written_ms };
}

/** When anything in a folder was last written to. */
function lastWritten(world: World, folder: string): number {
  let latest_ms = world.files.facts(folder)?.modified_ms ?? 0;
  for (const { name, is_folder } of world.files.list(folder) ?? []) {
    const path = join(folder, name);
    const written_ms = is_folder
      ? lastWritten(world, path)
      : world.files.facts(path)?.modified_ms ?? 0;
    latest_ms = Math.max(latest_ms, written_ms);
  }
  return latest_ms;
}
