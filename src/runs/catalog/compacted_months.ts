/**
 * What was compacted of a month: one file an artifact type, beside the runs, and a list of which runs
 * are in it with which bytes. A run counts as compacted only while its own artifact still has the
 * digest that went in; so a run that changes, or goes, takes nothing wrong with it.
 */
import { dirname, join } from "@std/path";
import type { World } from "../../base/world.ts";
import { isOfKind } from "../../log/mod.ts";
import { type Glance, glanceAtMonths } from "../manifest/layout.ts";

/** The folder of a month's compacted files. */
export const COMPACTED_FOLDER = "_compacted";
/** The list of what is in them. */
const COMPACTED_LIST = "_list.json";

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
  /** Files of the time before, which somebody may still be reading. */
  previous: string[];
}

/** Where a month's list is, below the folder of runs. */
export function listPath(month: string): string {
  return `${month}/${COMPACTED_FOLDER}/${COMPACTED_LIST}`;
}

/** The lists that are there, as a glance shows them. */
export function scanCompacted({ files }: World, runs_dir: string): Glance[] {
  return glanceAtMonths(files, runs_dir, listPath);
}

/** A month's list; an empty one where there is none that can be read. */
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
    [sha256, ...Object.values(runs)].every(isText) &&
    [rows, bytes].every(Number.isSafeInteger);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
