/** What the catalog takes from a run's files beside its manifest: whether they are there, and the summary. */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { factsIfThere } from "../../base/files/outside.ts";
import type { World } from "../../base/world.ts";
import type { RunManifest } from "../manifest/manifest.ts";
import { isHiding } from "../manifest/scan.ts";
import type { RunLocation } from "./schema.ts";

/** The rows of a run's artifacts; those that are not on the disk say so. */
export function artifactRows(
  world: World,
  runs_dir: string,
  { run_id, artifacts }: RunManifest,
  { run_path, presence }: RunLocation,
): Record<string, unknown>[] {
  return Object.entries(artifacts).map(([artifact_type, { rows, path: below, bytes, sha256 }]) => {
    const path = `${run_path}/${below}`;
    const facts = presence === "present"
      ? factsIfThere(world.files, join(runs_dir, path))
      : undefined;
    return {
      run_id,
      artifact_type,
      rows,
      path,
      bytes: bytes ?? facts?.size_bytes,
      sha256,
      is_missing: !facts?.is_file,
    };
  });
}

/**
 * Puts the summary into a manifest of another program, which lacks it and has a file with it. A file
 * that cannot be read leaves the run without; `runs verify` says what is wrong with it.
 */
export async function withSummary(
  world: World,
  folder: string,
  manifest: RunManifest,
): Promise<RunManifest> {
  const entry = manifest.artifacts.summary;
  if (manifest.summary || !entry) return manifest;
  const path = join(folder, entry.path);
  if (!factsIfThere(world.files, path)?.is_file) return manifest;
  const { readFirstRow } = await import("../artifacts/file.ts");
  try {
    const summary = await readFirstRow(world, path);
    return summary ? { ...manifest, summary } : manifest;
  } catch (error) {
    const problem = asLedgerError(error);
    // What a failing disk hides is not taken for absent: the next sync would not look again.
    if (!problem || isHiding(problem)) throw error;
    return manifest;
  }
}
