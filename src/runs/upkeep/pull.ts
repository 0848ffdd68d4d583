/**
 * Replication of another box's runs, under the same paths. A run is built under another name, synced,
 * compared with its manifest, and only then gets its own: killed at any step, a run is whole or not
 * there. Only runs that have ended are taken.
 */
import { basename, dirname, join } from "@std/path";
import {
  appendLineDurably,
  makeFolderDurably,
  PRIVATE_MODE,
  removeQuietly,
} from "../../base/files/durable.ts";
import { escaped } from "../../base/format.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { atSource, atSourceNow, findingOf, type PullFinding } from "../../log/pull/source.ts";
import { readArchived, scanArchived } from "../catalog/month_files.ts";
import { lookAtArtifact } from "../artifacts/file.ts";
import { type ArtifactTypes, BUILT_IN_TYPES } from "../artifacts/types.ts";
import { markChange, markComing } from "../manifest/change_mark.ts";
import { attachedFiles, differenceOf } from "../manifest/attached.ts";
import { evidenceFiles } from "../manifest/code_facts.ts";
import { type Fingerprinted, foldersOfRuns, idOfPath, RUN_FILES } from "../manifest/layout.ts";
import { manifestTime, type RunManifest } from "../manifest/manifest.ts";
import { copyInto, filesToCopy, type FileToCopy } from "./run_files.ts";
import { classifyRun, scanRuns } from "../manifest/scan.ts";
import { stateOfOpen } from "../manifest/liveness_lock.ts";

/** A run that was taken. */
interface PulledRun {
  run_path: string;
  files: number;
  bytes: number;
  /** Whether an older state of it gave way. */
  replaced: boolean;
}

/** What pulling runs did. */
export interface RunsPullReport {
  taken: PulledRun[];
  /** Runs that are here already, or were and are archived. */
  same: number;
  /** Runs that have not ended there. */
  left: { run_path: string; reason: string }[];
  /** What is unusual about runs that were taken, and loses nothing. */
  notes: { path: string; note: string }[];
}

/** How to pull runs. */
interface RunsPullOptions {
  dry_run?: boolean;
  types?: ArtifactTypes;
  onFinding: (finding: PullFinding) => void;
}

/** The runs of a folder that were pulled: a path a line. What no line names is of this box. */
const PULLED = ".pulled";

/** The paths of the runs that another box's folder gave. */
export function readPulledRuns(files: Files, runs_dir: string): ReadonlySet<string> {
  const path = join(runs_dir, PULLED);
  return new Set(files.facts(path) ? files.readText(path).split("\n").filter(Boolean) : []);
}

/** Notes a run before it is there, durably. */
function notePulled(files: Files, runs_dir: string, run_path: string): void {
  appendLineDurably(files, join(runs_dir, PULLED), run_path);
}

/** Prefixes of folders that are no runs: one that comes, one that gives way to another. */
const COMING = ".pulling-";
const GIVING_WAY = ".replaced-";

/** Pulls the runs of another folder of runs. The caller holds the lock of pulls. */
export async function pullRuns(
  world: World,
  theirs: World,
  runs_dir: string,
  from: string,
  options: RunsPullOptions,
): Promise<RunsPullReport> {
  return await new RunsPull(world, theirs, runs_dir, from, options).run();
}

/** What stands at a run's path here. */
type There = "nothing" | "the same" | "an older one" | { finding: string };

class RunsPull {
  readonly #report: RunsPullReport = { taken: [], same: 0, left: [], notes: [] };
  /** What is here, by path; and by id, for one that has another path here. */
  readonly #own: ReadonlyMap<string, Fingerprinted>;
  readonly #archived: ReadonlySet<string>;
  readonly #same_folders = new Set<string>();

  constructor(
    readonly world: World,
    /** The surroundings in which the other box's runs are read. */
    readonly theirs: World,
    readonly runs_dir: string,
    readonly from: string,
    readonly options: RunsPullOptions,
  ) {
    if (!options.dry_run) this.#tidyUp();
    this.#own = new Map(
      scanRuns(world, runs_dir).flatMap((run) => [[run.path, run], [idOfPath(run.path)!, run]]),
    );
    this.#archived = new Set(
      scanArchived(world, runs_dir).flatMap(({ path }) => readArchived(world, runs_dir, path).runs)
        .map(({ run_path }) => run_path),
    );
  }

  async run(): Promise<RunsPullReport> {
    const { world, theirs, from } = this;
    for (const run of await atSource(() => scanRuns(theirs, from))) {
      try {
        await this.#pullRun(run);
      } catch (error) {
        this.options.onFinding(findingOf(error, run.path));
      }
      await world.turn();
    }
    // The process that put a run there may have failed before its name was durable.
    if (!this.options.dry_run) {
      for (const folder of this.#same_folders) world.files.syncFolder(join(this.runs_dir, folder));
    }
    return this.#report;
  }

  async #pullRun(run: Fingerprinted): Promise<void> {
    const { theirs, from } = this;
    const run_path = run.path;
    const found = classifyRun(theirs, from, run);
    if (found.kind === "unusable") return this.#find(run_path, found.reason);
    const { kind, manifest } = found;
    if (kind === "open") {
      const { reason } = await atSource(() => stateOfOpen(theirs, from, run_path, manifest));
      this.#report.left.push({ run_path, reason });
      return;
    }
    const there = await this.#whatIsThere(run_path, manifest);
    if (typeof there === "object") return this.#find(run_path, there.finding);
    if (there === "the same") {
      this.#report.same++;
      this.#same_folders.add(dirname(run_path));
    } else await this.#take(run_path, manifest, there === "an older one");
  }

  async #whatIsThere(run_path: string, theirs: RunManifest): Promise<There> {
    const { world, runs_dir } = this;
    const own = this.#own.get(run_path) ?? this.#own.get(idOfPath(run_path)!);
    if (!own) return this.#archived.has(run_path) ? "the same" : "nothing";
    if (own.path !== run_path) {
      return { finding: `there is a run with this id here as ${own.path}` };
    }
    const found = classifyRun(world, runs_dir, own);
    if (found.kind === "unusable") {
      const has_manifest = world.files.facts(join(runs_dir, run_path, RUN_FILES.manifest));
      return has_manifest ? { finding: `the one that is here: ${found.reason}` } : "an older one";
    }
    const { kind, manifest } = found;
    if (kind === "open") {
      const { state, reason } = await stateOfOpen(world, runs_dir, run_path, manifest);
      if (state === "running") return { finding: `it has ended there, and here: ${reason}` };
    } else {
      const difference = await this.#difference(run_path);
      if (!difference) return "the same";
      if (latestTime(theirs) <= latestTime(manifest)) {
        return { finding: `${difference}, and theirs is no later than the one that is here` };
      }
    }
    return manifest.created_at === theirs.created_at
      ? "an older one"
      : { finding: `another run with this id is here, created ${manifest.created_at}` };
  }

  /** How the run that is here differs; by its files and their sizes, and by its manifest's bytes. */
  async #difference(run_path: string): Promise<string | undefined> {
    const { world, theirs: { files }, runs_dir, from } = this;
    const [here, there] = [join(runs_dir, run_path), join(from, run_path)];
    const own = new Map(
      filesToCopy(world.files, here).map(({ path, size_bytes }) => [path, size_bytes]),
    );
    const theirs = await atSource(() => filesToCopy(files, there));
    const other = theirs.find(({ path, size_bytes }) => own.get(path) !== size_bytes);
    if (other) return `its ${other.path} is another here`;
    if (own.size > theirs.length) return "it has files here that it has not there";
    const manifests = [
      world.files.readText(join(here, RUN_FILES.manifest)),
      await atSource(() => files.readText(join(there, RUN_FILES.manifest))),
    ];
    return manifests[0] === manifests[1] ? undefined : "its manifest is another here";
  }

  async #take(run_path: string, manifest: RunManifest, replaced: boolean): Promise<void> {
    const { world, theirs, runs_dir, from, options } = this;
    const source = join(from, run_path);
    const coming = join(runs_dir, dirname(run_path), `${COMING}${basename(run_path)}`);
    const files = atSourceNow(() =>
      filesToCopy(theirs.files, source, "", (path, reason) => {
        this.#find(`${run_path}/${path}`, reason);
      })
    );
    try {
      if (!options.dry_run) this.#copy(source, files, coming);
      const { problem, notes } = options.dry_run
        ? await atSource(() => lookAtRun(theirs, source, manifest, options.types))
        : await lookAtRun(world, coming, manifest, options.types);
      for (const { path, note } of notes) {
        this.#report.notes.push({ path: escaped(`${run_path}/${path}`), note: escaped(note) });
      }
      if (problem) return this.#find(run_path, `${problem}: it was not taken`);
      if (!options.dry_run) this.#putInPlace(coming, run_path);
    } finally {
      if (!options.dry_run) removeQuietly(world.files, coming);
    }
    const bytes = files.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    this.#report.taken.push({ run_path, files: files.length, bytes, replaced });
  }

  #copy(source: string, files: readonly FileToCopy[], target: string): void {
    const { world } = this;
    makeFolderDurably(world.files, target);
    const folders = new Set([target]);
    for (const { path } of files) {
      const folder = dirname(join(target, path));
      if (!folders.has(folder)) makeFolderDurably(world.files, folder);
      folders.add(folder);
      const file = world.files.open(join(target, path), "create");
      try {
        if (path === RUN_FILES.patch) world.files.setMode(file.path, PRIVATE_MODE);
        copyInto(this.theirs, join(source, path), file);
        file.sync();
      } finally {
        file.close();
      }
    }
    for (const folder of folders) world.files.syncFolder(folder);
  }

  #putInPlace(coming: string, run_path: string): void {
    const { world: { files }, runs_dir } = this;
    const target = join(runs_dir, run_path);
    const folder = dirname(target);
    const giving_way = join(folder, `${GIVING_WAY}${basename(target)}`);
    markComing(files, runs_dir);
    if (files.linkFacts(target)) files.rename(target, giving_way);
    else notePulled(files, runs_dir, run_path);
    try {
      files.rename(coming, target);
    } catch (error) {
      if (files.linkFacts(giving_way)) files.rename(giving_way, target);
      throw error;
    }
    markChange(files, runs_dir);
    files.syncFolder(folder);
    removeQuietly(files, giving_way);
  }

  /** What a pull that was killed has left: a run half-way here, or one that had given way. */
  #tidyUp(): void {
    const { world: { files }, runs_dir } = this;
    for (const month of foldersOfRuns(files, runs_dir)) {
      const folder = join(runs_dir, month);
      for (const { name } of files.list(folder) ?? []) {
        if (name.startsWith(COMING)) files.remove(join(folder, name));
        if (!name.startsWith(GIVING_WAY)) continue;
        const run = join(folder, name.slice(GIVING_WAY.length));
        if (files.linkFacts(run)) files.remove(join(folder, name));
        else files.rename(join(folder, name), run);
        files.syncFolder(folder);
      }
    }
  }

  #find(what: string, reason: string): void {
    this.options.onFinding({ what: escaped(what), reason: escaped(reason) });
  }
}

/** When a run last changed, as its manifest says. */
function latestTime(manifest: RunManifest): number {
  const { created_at, started_at, completed_at, updated_at } = manifest;
  const times = [created_at, started_at, completed_at, updated_at]
    .map((time) => typeof time === "string" ? manifestTime(time) : 0);
  return Math.max(...times.filter((time) => !Number.isNaN(time)));
}

/** Compares a run's artifacts, attached files and evidence with its manifest. */
async function lookAtRun(
  world: World,
  folder: string,
  manifest: RunManifest,
  types = BUILT_IN_TYPES,
): Promise<{ problem?: string; notes: RunsPullReport["notes"] }> {
  const notes: RunsPullReport["notes"] = [];
  for (const [type, entry] of Object.entries(manifest.artifacts)) {
    const path = join(folder, entry.path);
    const definition = types.find(type, manifest.run_type);
    const look = await lookAtArtifact(world, path, definition, entry, manifest.run_id, true);
    const { problem } = look;
    if (problem) {
      return { problem: `${entry.path}: ${problem.replaceAll(`${folder}/`, "")}`, notes };
    }
    notes.push(...look.notes.map((note) => ({ path: entry.path, note })));
  }
  for (const { path, ...entry } of [...attachedFiles(manifest), ...evidenceFiles(manifest)]) {
    const problem = differenceOf(world.files, join(folder, path), entry, true);
    if (problem) return { problem: `${path}: ${problem}`, notes };
  }
  return { notes };
}
