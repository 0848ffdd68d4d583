/** A manifest -> its rows in the catalog. */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { systemCode } from "../../base/files/file_error.ts";
import type { FileFacts } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import type { StagedRun } from "./schema.ts";
import { manifestTime, type RunManifest, TIMED_STEPS } from "../manifest/manifest.ts";

/** Where the run of a row is. */
export interface Whereabouts {
  run_path: string;
  presence: "present" | "archived";
  /** The archive that holds it. */
  archive?: string;
}

/** The row of a run. */
export function runRow(manifest: RunManifest, where: Whereabouts): StagedRun {
  const { dataset, schema_version, owner } = manifest;
  const timing = manifest.timing ?? {};
  return {
    run_id: manifest.run_id,
    run_type: manifest.run_type,
    status: manifest.status,
    created_at_ms: msOf(manifest.created_at),
    started_at_ms: msOf(manifest.started_at),
    completed_at_ms: msOf(manifest.completed_at),
    git_commit: manifest.git_commit,
    git_branch: manifest.git_branch,
    git_dirty: manifest.git_dirty,
    dataset_from: dataset.from,
    dataset_to: dataset.to,
    dataset_interval: dataset.interval,
    calls_count: dataset.calls_count,
    data_fingerprint: manifest.data_fingerprint,
    parameters: manifest.parameters,
    manifest_version: schema_version?.manifest,
    artifacts_version: schema_version?.artifacts,
    ...Object.fromEntries(TIMED_STEPS.map((step) => [`${step}_ms`, timing[`${step}_ms`]])),
    summary: manifest.summary,
    error: manifest.error,
    owner_host: owner?.host,
    owner_pid: owner?.pid,
    run_path: where.run_path,
    presence: where.presence,
    archive: where.archive,
  };
}

/** The rows of a run's artifacts; those that are not on the disk say so. */
export function artifactRows(
  world: World,
  runs_dir: string,
  manifest: RunManifest,
  { run_path, presence }: Whereabouts,
): Record<string, unknown>[] {
  return Object.entries(manifest.artifacts).map(([artifact_type, entry]) => {
    const path = `${run_path}/${entry.path}`;
    const facts = presence === "present" ? factsIfThere(world, join(runs_dir, path)) : undefined;
    return {
      run_id: manifest.run_id,
      artifact_type,
      rows: entry.rows,
      path,
      bytes: entry.bytes ?? facts?.size_bytes,
      sha256: entry.sha256,
      is_missing: !facts?.is_file,
    };
  });
}

/** Paths that lead nowhere: through a file, in a circle, longer than any. */
const LEADS_NOWHERE: ReadonlySet<string | undefined> = new Set([
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "EACCES",
]);

/** A manifest may name any path; only a disk that fails is trouble. */
function factsIfThere(world: World, path: string): FileFacts | undefined {
  try {
    return world.files.facts(path);
  } catch (error) {
    if (LEADS_NOWHERE.has(systemCode(asLedgerError(error)?.cause))) return undefined;
    throw error;
  }
}

/**
 * Puts the summary into a manifest that lacks it and has a file with it: those of other programs.
 * A file that cannot be read leaves the run without; `runs verify` says what is wrong with it.
 */
export async function withSummary(
  world: World,
  folder: string,
  manifest: RunManifest,
): Promise<RunManifest> {
  const entry = manifest.artifacts.summary;
  if (manifest.summary || !entry) return manifest;
  const path = join(folder, entry.path);
  if (!factsIfThere(world, path)?.is_file) return manifest;
  const { readFirstRow } = await import("../artifacts/file.ts");
  try {
    const summary = await readFirstRow(world, path);
    return summary ? { ...manifest, summary } : manifest;
  } catch (error) {
    const problem = asLedgerError(error);
    // What a failing disk hides is not taken for absent: the next sync would not look again.
    if (!problem || problem.code === "io") throw error;
    return manifest;
  }
}

function msOf(time: string | undefined | null): number | undefined {
  return time ? manifestTime(time) : undefined;
}
