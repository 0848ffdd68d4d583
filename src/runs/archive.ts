/**
 * What is left of runs that were archived and removed: a line each, in the month's folder, with the
 * manifest as it was. So the catalog can be deleted and built anew, and still knows them.
 */
import { join } from "@std/path";
import type { World } from "../base/world.ts";
import { type Glance, glanceAtMonths } from "./layout.ts";
import type { RunManifest } from "./manifest.ts";

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

/** The runs that a month's file tells of; a line that was torn tells of none. */
export function readArchived(world: World, runs_dir: string, path: string): ArchivedRun[] {
  return world.files.readText(join(runs_dir, path)).split("\n").flatMap((line) => {
    try {
      const archived = JSON.parse(line) as ArchivedRun;
      return typeof archived?.manifest?.run_id === "string" ? [archived] : [];
    } catch {
      return [];
    }
  });
}
