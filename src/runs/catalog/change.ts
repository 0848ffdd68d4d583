/**
 * The change that a sync of the catalog makes, computed from the snapshot that the catalog was made of and
 * what stands on the disk now. Pure: the same two states always make the same change.
 */
import type { OpenFacts } from "../manifest/liveness_lock.ts";
import type { RunManifest } from "../manifest/manifest.ts";
import type { RunClass } from "../manifest/scan.ts";

/** What a path in the folder of runs was taken for. */
export interface CatalogEntry {
  fingerprint: string;
  kind: RunClass["kind"] | "archived" | "compacted";
  run_id?: string;
  reason?: string;
}

/** Entries by their path. */
export type CatalogEntries = ReadonlyMap<string, CatalogEntry>;

/** What the live catalog was made from. */
export interface CatalogSnapshot {
  entries: CatalogEntries;
  /** The status of each unfinished run, by path. */
  open: ReadonlyMap<string, string>;
}

/** A run that has not ended. */
export interface OpenRun extends OpenFacts {
  manifest: RunManifest;
  path: string;
}

/** A run that is not in the catalog, and why. */
export interface SkippedRun {
  run_path: string;
  reason: string;
}

/** What a sync writes. */
export interface Change {
  entries: CatalogEntries;
  open: readonly OpenRun[];
  /** From which path each run is catalogued. */
  path_of: ReadonlyMap<string, string>;
  /** Runs whose rows are new, and those whose rows are others now. */
  registered: ReadonlySet<string>;
  updated: ReadonlySet<string>;
  /** Runs that are there, and do not belong in the catalog, or no longer. */
  withdrawn: ReadonlySet<string>;
  /** Runs whose folders are gone. */
  gone: readonly string[];
  skipped: readonly SkippedRun[];
}

/** What has changed since the catalog was synced the last time. */
export function changeOf(
  before: CatalogEntries,
  entries: CatalogEntries,
  open: readonly OpenRun[],
): Change {
  const path_of = dedupeRunIds(entries);
  const old_path_of = dedupeRunIds(before);
  const registered = new Set<string>();
  const updated = new Set<string>();
  for (const [run_id, path] of path_of) {
    const old_path = old_path_of.get(run_id);
    const is_same = before.get(path)?.fingerprint === entries.get(path)!.fingerprint;
    if (old_path === undefined) registered.add(run_id);
    else if (old_path !== path || !is_same) updated.add(run_id);
  }
  const withdrawn = new Set<string>();
  for (const { kind, run_id } of entries.values()) {
    if (kind !== "ended" && run_id && !path_of.has(run_id)) withdrawn.add(run_id);
  }
  const gone = [...old_path_of.keys()].filter((id) => !path_of.has(id) && !withdrawn.has(id));
  const skipped = skippedOf(entries, open, path_of);
  return { entries, open, path_of, registered, updated, withdrawn, gone, skipped };
}

/** Whether the catalog is already as a change would make it. */
export function isAlreadySo(before: CatalogSnapshot, change: Change): boolean {
  const { entries, open, registered, updated, gone } = change;
  if (registered.size + updated.size + gone.length > 0) return false;
  if (before.entries.size !== entries.size || before.open.size !== open.length) return false;
  for (const [path, { fingerprint, kind, reason }] of entries) {
    const old = before.entries.get(path);
    if (old?.fingerprint !== fingerprint || old.kind !== kind || old.reason !== reason) {
      return false;
    }
  }
  return open.every(({ path, state, last_written_ms }) =>
    before.open.get(path) === openStatus(state, last_written_ms)
  );
}

/** What the catalog shows of an unfinished run, as a text that can be compared. */
export function openStatus(state: string, last_written_ms: number | string): string {
  return `${state} ${last_written_ms}`;
}

/** The path that each run is catalogued from: the first, where several folders say the same id. */
function dedupeRunIds(entries: CatalogEntries): Map<string, string> {
  const path_of = new Map<string, string>();
  for (const [path, { kind, run_id }] of entries) {
    if (kind !== "ended" || run_id === undefined) continue;
    const other = path_of.get(run_id);
    if (other === undefined || path < other) path_of.set(run_id, path);
  }
  return path_of;
}

function skippedOf(
  entries: CatalogEntries,
  open: readonly OpenRun[],
  path_of: ReadonlyMap<string, string>,
): SkippedRun[] {
  const skipped = open.map(({ path, state, reason }): SkippedRun => {
    return { run_path: path, reason: `${state}: ${reason}` };
  });
  for (const [run_path, { kind, run_id, reason }] of entries) {
    if ((kind === "unusable" || kind === "archived") && reason !== undefined) {
      skipped.push({ run_path, reason });
    }
    const catalogued = run_id === undefined ? undefined : path_of.get(run_id);
    if (kind === "ended" && catalogued !== run_path) {
      skipped.push({ run_path, reason: `it has the run_id of ${catalogued}, which is catalogued` });
    }
  }
  return skipped.sort((a, b) => a.run_path < b.run_path ? -1 : 1);
}
