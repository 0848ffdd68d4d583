/** Verification of runs: their manifests, artifacts and attached files, and nothing beside these. */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { readArchived, scanArchived } from "../catalog/month_files.ts";
import { disagreements } from "../artifacts/agreement.ts";
import { lookAtArtifact } from "../artifacts/file.ts";
import { type ArtifactTypes, BUILT_IN_TYPES } from "../artifacts/types.ts";
import { attachedFiles, differenceOf } from "../manifest/attached.ts";
import type { InputReading } from "../evidence/inputs.ts";
import { staleTempFiles } from "./run_files.ts";
import { codeOf, evidenceFiles } from "../manifest/code_facts.ts";
import {
  entriesBelow,
  type Fingerprinted,
  idOfPath,
  isOutside,
  monthOf,
  RUN_FILES,
} from "../manifest/layout.ts";
import { type InputOfRun, inputsOf, manifestTime, type RunManifest } from "../manifest/manifest.ts";
import { soundMetrics } from "../metrics/read.ts";
import { METRICS_PATHS } from "../metrics/segments.ts";
import { classifyRun, type RunClass, scanRuns } from "../manifest/scan.ts";
import { waitingFiles } from "../manifest/waiting.ts";
import { verifyInputs } from "./verify_inputs.ts";

/** Something about a run that is not as it should be. */
interface RunFinding {
  run_id: string;
  /** Below the folder of runs; an input's from the root on. */
  path: string;
  problem: string;
}

/** What was looked at, and what was found. */
export interface RunsReport {
  runs: number;
  artifacts: number;
  /** That were attached. */
  files: number;
  /** Those that were compared with their files. */
  inputs?: number;
  findings: RunFinding[];
  /** What is unusual, and loses nothing. */
  notes: { run_id: string; path: string; note: string }[];
}

/** What is verified of which runs. */
interface VerifyRunsOptions {
  /** The path of one run, below the folder of runs. */
  only?: string;
  deep?: boolean;
  types?: ArtifactTypes;
  /** Whether inputs are compared with their files, and how these are read. */
  inputs?: InputReading;
}

/** Verifies all runs, or one. `deep` reads every byte and compares digests. */
export async function verifyRuns(
  world: World,
  runs_dir: string,
  { only, deep = false, types = BUILT_IN_TYPES, inputs }: VerifyRunsOptions = {},
): Promise<RunsReport> {
  const report: RunsReport = { runs: 0, artifacts: 0, files: 0, findings: [], notes: [] };
  const read: InputOfRun[] = [];
  const ended = new Map<string, string>();
  for (const run of scanRuns(world, runs_dir)) {
    // Digests of large files are taken in one go: a signal is heard between two runs.
    await world.turn();
    if (only !== undefined && run.path !== only) continue;
    report.runs++;
    const found = await verifyRun(world, runs_dir, run, { deep, types }, report);
    if (inputs && found.kind !== "unusable") {
      const { host } = codeOf(found.manifest);
      read.push(...inputsOf(found.manifest).map((input) => ({ ...input, host })));
    }
    if (found.kind !== "ended") continue;
    const run_id = idOfPath(run.path)!;
    const other = ended.get(run_id);
    if (other === undefined) ended.set(run_id, run.path);
    else {
      const path = `${run.path}/${RUN_FILES.manifest}`;
      report.findings.push({ run_id, path, problem: `${other} has the same run_id` });
    }
  }
  if (only === undefined) report.findings.push(...damageOfArchived(world, runs_dir));
  if (inputs) {
    report.inputs = read.length;
    const { findings, notes } = await verifyInputs(world, read, inputs);
    report.findings.push(...findings);
    report.notes.push(...notes);
  }
  return report;
}

/** Lines of the lists of archived runs that tell of none. */
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
  { path: run_path, fingerprint }: Fingerprinted,
  { deep, types }: Required<Pick<VerifyRunsOptions, "deep" | "types">>,
  report: RunsReport,
): Promise<RunClass> {
  const folder = join(runs_dir, run_path);
  const run_id = idOfPath(run_path)!;
  const find = (path: string, problem: string) =>
    report.findings.push({ run_id, path: `${run_path}/${path}`, problem });
  const run = classifyRun(world, runs_dir, { path: run_path, fingerprint });
  const stale = await staleTempFiles(world, folder, run);
  for (const path of stale) find(path, "left half-written by a program that was killed: remove it");
  if (run.kind === "unusable") {
    find(RUN_FILES.manifest, run.reason);
    return run;
  }
  if (isOutside(run_path)) {
    const month = monthOf(manifestTime(run.manifest.created_at));
    const note = `it lies outside of a month's folder, and is read there; its place is ${month}/`;
    report.notes.push({ run_id, path: run_path, note });
  }
  for (const [type, entry] of Object.entries(run.manifest.artifacts)) {
    report.artifacts++;
    const file = join(folder, entry.path);
    const { problem, notes } = await lookAtArtifact(
      world,
      file,
      types.find(type, run.manifest.run_type),
      entry,
      run_id,
      deep,
    );
    if (problem) find(entry.path, problem);
    for (const note of notes) {
      report.notes.push({ run_id, path: `${run_path}/${entry.path}`, note });
    }
  }
  for (const { path, ...entry } of attachedFiles(run.manifest)) {
    report.files++;
    const problem = differenceOf(world.files, join(folder, path), entry, deep);
    if (problem) find(path, problem);
  }
  for (const { path, ...entry } of evidenceFiles(run.manifest)) {
    try {
      const problem = differenceOf(world.files, join(folder, path), entry, deep);
      if (problem) find(path, problem);
    } catch (error) {
      if (asLedgerError(error)?.code !== "no_permission") throw error;
      const note = "only its owner can read it: its bytes were not compared";
      report.notes.push({ run_id, path: `${run_path}/${path}`, note });
    }
  }
  // A run that goes on has files that its manifest does not know yet.
  if (run.kind === "open") {
    const { damage } = await soundMetrics(world, folder);
    for (const { path, problem } of damage) find(path.slice(folder.length + 1), problem);
    return run;
  }
  const { status, artifacts } = run.manifest;
  const disagreeing = deep && status === "completed"
    ? await disagreements(world, folder, run.manifest)
    : [];
  for (const { artifact, message } of disagreeing) {
    find(artifacts[artifact]?.path ?? RUN_FILES.manifest, message);
  }
  for (const orphan of orphansOf(world, folder, run.manifest)) {
    if (stale.includes(orphan)) continue;
    const is_of_metrics = orphan.startsWith(`${METRICS_PATHS.damaged}/`);
    find(
      orphan,
      is_of_metrics
        ? "bytes of a write-ahead file of metrics that were no record: what they held is missing"
        : "no manifest knows this file: left behind, or put there",
    );
  }
  return run;
}

/** Files in a run's folder that nothing accounts for. */
function orphansOf(world: World, folder: string, manifest: RunManifest): string[] {
  const known = new Set<string>([
    ...Object.values(RUN_FILES),
    ...Object.values(manifest.artifacts).map(({ path }) => path),
    ...Object.values(manifest.logs ?? {}),
    ...attachedFiles(manifest).map(({ path }) => path),
    ...waitingFiles(manifest).map(({ target }) => target),
  ]);
  return entriesBelow(world.files, folder).map(({ path }) => path)
    .filter((path) => !known.has(path)).sort();
}
