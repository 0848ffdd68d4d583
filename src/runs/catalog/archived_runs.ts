/**
 * What is left of runs that were archived and removed: a line each, in the month's folder, with the
 * manifest as it was. So the catalog can be deleted and built anew, and still knows them.
 */
import { join } from "@std/path";
import type { World } from "../../base/world.ts";
import { type Glance, glanceAtMonths, idOfPath } from "../manifest/layout.ts";
import type { RunManifest } from "../manifest/manifest.ts";

/** The file of a month. */
export const ARCHIVED_NAME = "_archived.ndjson";

/** A run that was archived. */
export interface ArchivedRun {
  run_path: string;
  /** The archive that holds it; absent when it was removed without one. */
  archive?: string;
  archived_at: string;
  manifest: RunManifest;
}

/** The months' files that are there, as a glance shows them. */
export function scanArchived({ files }: World, runs_dir: string): Glance[] {
  return glanceAtMonths(files, runs_dir, (month) => `${month}/${ARCHIVED_NAME}`);
}

/** What a month's file holds. */
export interface ArchivedMonth {
  runs: ArchivedRun[];
  /** Whole lines that tell of no run, counted from 1. */
  damage: { line: number; reason: string }[];
}

/** Reads a month's file. What a killed one tore at its end tells of none: that run is still there. */
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

/** The run of a line, or why it tells of none. */
export function parseArchived(line: string): ArchivedRun | string {
  let archived: unknown;
  try {
    archived = JSON.parse(line);
  } catch (error) {
    return (error as Error).message;
  }
  const { run_path, manifest } = (archived ?? {}) as Partial<ArchivedRun>;
  if (typeof run_path !== "string" || idOfPath(run_path) === undefined) return "it names no run";
  if (typeof manifest?.run_id !== "string") return "it has no manifest";
  return archived as ArchivedRun;
}
