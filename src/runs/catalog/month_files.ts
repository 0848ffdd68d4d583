/**
 * The two files that a month's folder holds beside its runs.
 *
 * `_archived.ndjson`, append-only: a line for each run that was archived and removed, with its manifest
 * as it was. So the catalog can be deleted and built anew, and still knows those runs.
 *
 * `_compacted/_list.json`: what was compacted of the month, one Parquet file an artifact type, and which
 * runs are in it with which digests. A run counts as compacted only while its own artifact still has the
 * digest that went in; so a run that changes, or goes, takes nothing wrong with it.
 */
import { dirname, join } from "@std/path";
import { asLedgerError, quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import type { World } from "../../base/world.ts";
import { isOfKind } from "../../log/mod.ts";
import { type Fingerprinted, idOfPath, listMonths } from "../manifest/layout.ts";
import { ManifestFile, parseManifest, type RunManifest } from "../manifest/manifest.ts";

/** The files of that kind that are there. Each is replaced, or only grows. */
function scanMonthFiles(
  { files }: World,
  runs_dir: string,
  pathOf: (month: string) => string,
): Fingerprinted[] {
  return listMonths(files, runs_dir).map(pathOf).flatMap((path) => {
    const facts = files.facts(join(runs_dir, path));
    return facts ? [{ path, fingerprint: `${facts.identity} ${facts.size_bytes}` }] : [];
  });
}

/** A run that was archived. */
export interface ArchivedRun {
  run_path: string;
  /** The archive that holds it; absent when it was removed without one. */
  archive?: string;
  archived_at: string;
  manifest: RunManifest;
}

/** Where a month's list of archived runs is, below the folder of runs. */
export function archivedPath(month: string): string {
  return `${month}/_archived.ndjson`;
}

/** The lists of archived runs that are there. */
export function scanArchived(world: World, runs_dir: string): Fingerprinted[] {
  return scanMonthFiles(world, runs_dir, archivedPath);
}

/** The archived runs of a month. */
interface ArchivedMonth {
  runs: ArchivedRun[];
  /** Whole lines that tell of no run, counted from 1. */
  damage: { line: number; reason: string }[];
}

/** Reads a list of archived runs. A torn end tells of none: that run is still there. */
export function readArchived(world: World, runs_dir: string, path: string): ArchivedMonth {
  const month: ArchivedMonth = { runs: [], damage: [] };
  const lines = world.files.readText(join(runs_dir, path)).split("\n");
  for (const [index, line] of lines.entries()) {
    const archived = parseArchived(line);
    if (typeof archived === "object") month.runs.push(archived);
    else if (index < lines.length - 1) month.damage.push({ line: index + 1, reason: archived });
  }
  return month;
}

/** A run as the catalog has it. */
interface CataloguedRun {
  run_id: string;
  run_path: string | null;
  presence: string | null;
}

/** The manifest of a run in its folder, or of an archived one in its month's list, if it can be read. */
export function manifestOfRun(
  world: World,
  runs_dir: string,
  { run_id, run_path, presence }: CataloguedRun,
  onNotice: (message: string) => void = () => {},
): RunManifest | undefined {
  if (run_path === null) return undefined;
  try {
    if (presence === "present") {
      return new ManifestFile(world, join(runs_dir, run_path), run_id).read();
    }
    const path = join(runs_dir, archivedPath(dirname(run_path)));
    if (presence !== "archived" || !world.files.facts(path)?.is_file) return undefined;
    const said = JSON.stringify(run_path);
    const lines = world.files.readText(path).split("\n").filter((line) => line.includes(said));
    // It may have come back, and gone again: the last line is of how it was then.
    const archived = lines.map(parseArchived)
      .findLast((run) => typeof run === "object" && run.run_path === run_path);
    if (typeof archived !== "object") return undefined;
    return parseManifest(JSON.stringify(archived.manifest), path, run_id);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    onNotice(`what the manifest of run ${quoted(run_id)} says is left out: ${problem.message}`);
    return undefined;
  }
}

/** The run of a line, or why it tells of none. */
export function parseArchived(line: string): ArchivedRun | string {
  let archived: Partial<ArchivedRun> | null;
  try {
    archived = parseKeepingDigits(line) as Partial<ArchivedRun>;
  } catch (error) {
    return (error as Error).message;
  }
  const { run_path, manifest } = archived ?? {};
  if (typeof run_path !== "string" || idOfPath(run_path) === undefined) return "it names no run";
  if (typeof manifest?.run_id !== "string") return "it has no manifest";
  return archived as ArchivedRun;
}

/** The folder of a month's compacted files. */
export const COMPACTED_FOLDER = "_compacted";

/** A compacted file. */
export interface CompactedFile {
  /** Below the folder of runs. */
  path: string;
  rows: number;
  bytes: number;
  sha256: string;
  /** Digest of the artifact that went in, by run. */
  runs: Record<string, string>;
}

/** What was compacted of a month, by artifact type. */
export interface CompactedMonth {
  files: Record<string, CompactedFile>;
  /** Files of the time before, which a query may still be reading. */
  previous: string[];
}

/** Where a month's list of compacted files is, below the folder of runs. */
export function listPath(month: string): string {
  return `${month}/${COMPACTED_FOLDER}/_list.json`;
}

/** The lists of compacted files that are there. */
export function scanCompacted(world: World, runs_dir: string): Fingerprinted[] {
  return scanMonthFiles(world, runs_dir, listPath);
}

/** A month's compacted files; none where there is no list that can be read. */
export function readCompacted(world: World, runs_dir: string, month: string): CompactedMonth {
  const path = join(runs_dir, listPath(month));
  const nothing = { files: {}, previous: [] };
  if (!world.files.facts(path)) return nothing;
  try {
    const { files, previous = [] } = JSON.parse(world.files.readText(path)) as CompactedMonth;
    const is_right = Object.values(files).every((file) => isFileOf(month, file)) &&
      previous.every(isText);
    return is_right ? { files, previous } : nothing;
  } catch {
    // It is derived: compacting again makes it anew.
    return nothing;
  }
}

/** Whether it names a file of this month's folder, and no other: a list may come from anywhere. */
function isFileOf(month: string, { path, rows, bytes, sha256, runs }: CompactedFile): boolean {
  return dirname(path) === dirname(listPath(month)) && isOfKind("object", runs) &&
    [sha256, ...Object.values(runs)].every(isText) && [rows, bytes].every(Number.isSafeInteger);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
