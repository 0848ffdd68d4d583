/** Whether runs are whole: their manifests, their artifacts, and nothing beside these. */
import { join } from "@std/path";
import type { World } from "../../base/world.ts";
import { readArchived, scanArchived } from "../catalog/month_files.ts";
import { artifactProblem } from "../artifacts/file.ts";
import { entriesBelow, staleTempFiles } from "./run_files.ts";
import { idOfPath, listMonths, RUN_FILES } from "../manifest/layout.ts";
import type { RunManifest } from "../manifest/manifest.ts";
import { classifyRun, type Fingerprint, type RunClass, scanMonth } from "../manifest/scan.ts";

/** Something about a run that is not as it should be. */
export interface RunFinding {
  run_id: string;
  /** Below the folder of runs. */
  path: string;
  problem: string;
}

/** What was looked at, and what was found. */
export interface RunsReport {
  runs: number;
  artifacts: number;
  findings: RunFinding[];
}

/** Looks at all runs, or at one. `deep` reads every byte and compares digests. */
export async function verifyRuns(
  world: World,
  runs_dir: string,
  { only, deep = false }: { only?: string; deep?: boolean } = {},
): Promise<RunsReport> {
  const report: RunsReport = { runs: 0, artifacts: 0, findings: [] };
  const ended = new Map<string, string>();
  for (const month of listMonths(world.files, runs_dir)) {
    for (const glance of scanMonth(world, runs_dir, month)) {
      if (only !== undefined && glance.path !== only) continue;
      report.runs++;
      if (await verifyRun(world, runs_dir, glance, deep, report) !== "ended") continue;
      const run_id = idOfPath(glance.path)!;
      const other = ended.get(run_id);
      if (other === undefined) ended.set(run_id, glance.path);
      else {
        const path = `${glance.path}/${RUN_FILES.manifest}`;
        report.findings.push({ run_id, path, problem: `${other} has the same run_id` });
      }
    }
  }
  if (only === undefined) report.findings.push(...damageOfArchived(world, runs_dir));
  return report;
}

/** Lines about archived runs that tell of none. */
function damageOfArchived(world: World, runs_dir: string): RunFinding[] {
  return scanArchived(world, runs_dir).flatMap(({ path }) =>
    readArchived(world, runs_dir, path).damage.map(({ line, reason }) => ({
      run_id: "",
      path: `${path}:${line}`,
      problem: `a line that tells of no archived run (${reason}): the catalog misses it`,
    }))
  );
}

async function verifyRun(
  world: World,
  runs_dir: string,
  glance: Fingerprint,
  deep: boolean,
  report: RunsReport,
): Promise<RunClass["kind"]> {
  const run_id = idOfPath(glance.path)!;
  const find = (path: string, problem: string) => report.findings.push({ run_id, path, problem });
  const verdict = classifyRun(world, runs_dir, glance);
  const left = await staleTempFiles(world, join(runs_dir, glance.path), verdict.kind);
  for (const path of left) {
    find(`${glance.path}/${path}`, "left half-written by a program that was killed: remove it");
  }
  if (verdict.kind === "unusable") {
    find(`${glance.path}/${RUN_FILES.manifest}`, verdict.reason);
    return verdict.kind;
  }
  const { manifest } = verdict;
  for (const [type, entry] of Object.entries(manifest.artifacts)) {
    report.artifacts++;
    const path = `${glance.path}/${entry.path}`;
    const problem = artifactProblem(world, join(runs_dir, path), type, entry, run_id, deep);
    if (problem) find(path, problem);
  }
  // A run that goes on has files that its manifest does not know yet.
  if (verdict.kind === "open") return verdict.kind;
  for (const orphan of orphansOf(world, join(runs_dir, glance.path), manifest)) {
    if (left.includes(orphan)) continue;
    find(`${glance.path}/${orphan}`, "no manifest knows this file: left behind, or put there");
  }
  return verdict.kind;
}

/** Files in a run's folder that nothing accounts for. */
function orphansOf(world: World, folder: string, manifest: RunManifest): string[] {
  const known = new Set<string>([
    ...Object.values(RUN_FILES),
    ...Object.values(manifest.artifacts).map(({ path }) => path),
    ...Object.values(manifest.logs ?? {}),
  ]);
  const paths = entriesBelow(world.files, folder).map(({ path }) => path);
  return paths.filter((path) => !known.has(path)).sort();
}
