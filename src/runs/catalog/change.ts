/**
 * What a sync of the catalog comes to, from what was known before and what stands on the disk now.
 * Nothing here reads or writes: the same two states always make the same change.
 */
import type { RunManifest } from "../manifest/manifest.ts";
import type { OpenFacts } from "../manifest/liveness_lock.ts";
import type { RunClass } from "../manifest/scan.ts";

/** What a path in the folder of runs was taken for. */
export type KnownKind = RunClass["kind"] | "archived" | "compacted";

/** What is known of a path in the folder of runs. */
export interface Known {
  stamp: string;
  kind: KnownKind;
  run_id?: string;
  reason?: string;
}

/** A run that has not ended, and how it stands. */
export interface OpenRun extends OpenFacts {
  manifest: RunManifest;
  path: string;
}

/** What the live catalog was made from. */
export interface Previous {
  known: ReadonlyMap<string, Known>;
  /** How the unfinished ones stood, by path. */
  open: ReadonlyMap<string, string>;
}

/** A run that is not in the catalog, and why. */
export interface SkippedRun {
  run_path: string;
  reason: string;
}

/** What a sync writes. */
export interface Change {
  known: ReadonlyMap<string, Known>;
  open: readonly OpenRun[];
  /** From which path each run is catalogued. */
  winners: ReadonlyMap<string, string>;
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
  before: ReadonlyMap<string, Known>,
  known: ReadonlyMap<string, Known>,
  open: readonly OpenRun[],
): Change {
  const winners = dedupeRunIds(known);
  const old_winners = dedupeRunIds(before);
  const registered = new Set<string>();
  const updated = new Set<string>();
  for (const [run_id, path] of winners) {
    const old_path = old_winners.get(run_id);
    if (old_path === undefined) registered.add(run_id);
    else if (old_path !== path || before.get(path)?.stamp !== known.get(path)!.stamp) {
      updated.add(run_id);
    }
  }
  const withdrawn = new Set<string>();
  for (const { kind, run_id } of known.values()) {
    if (kind !== "ended" && run_id && !winners.has(run_id)) withdrawn.add(run_id);
  }
  const gone = [...old_winners.keys()]
    .filter((run_id) => !winners.has(run_id) && !withdrawn.has(run_id));
  const skipped = skippedOf(known, open, winners);
  return { known, open, winners, registered, updated, withdrawn, gone, skipped };
}

/** Whether the catalog is already as a change would make it. */
export function isAlreadySo(before: Previous, change: Change): boolean {
  const { known, open, registered, updated, gone } = change;
  if (registered.size + updated.size + gone.length > 0) return false;
  if (before.known.size !== known.size || before.open.size !== open.length) return false;
  for (const [path, { stamp, kind, reason }] of known) {
    const old = before.known.get(path);
    if (old?.stamp !== stamp || old.kind !== kind || old.reason !== reason) return false;
  }
  return open.every(({ path, state, last_written_ms }) =>
    before.open.get(path) === standing(state, last_written_ms)
  );
}

/** What is shown of an unfinished run, as a text that can be compared. */
export function standing(state: string, last_written_ms: number | string): string {
  return `${state} ${last_written_ms}`;
}

/** Which path a run is catalogued from: the first, where several folders say the same id. */
function dedupeRunIds(known: ReadonlyMap<string, Known>): Map<string, string> {
  const winners = new Map<string, string>();
  for (const [path, { kind, run_id }] of known) {
    if (kind !== "ended" || run_id === undefined) continue;
    const other = winners.get(run_id);
    if (other === undefined || path < other) winners.set(run_id, path);
  }
  return winners;
}

function skippedOf(
  known: ReadonlyMap<string, Known>,
  open: readonly OpenRun[],
  winners: ReadonlyMap<string, string>,
): SkippedRun[] {
  const skipped: SkippedRun[] = open.map(({ path, state, reason }) => ({
    run_path: path,
    reason: `${state}: ${reason}`,
  }));
  for (const [run_path, { kind, run_id, reason }] of known) {
    if (kind === "unusable") skipped.push({ run_path, reason: reason! });
    if (kind === "archived" && reason !== undefined) skipped.push({ run_path, reason });
    const winner = run_id === undefined ? undefined : winners.get(run_id);
    if (kind === "ended" && winner !== run_path) {
      skipped.push({ run_path, reason: `it has the run_id of ${winner}, which is catalogued` });
    }
  }
  return skipped.sort((a, b) => a.run_path < b.run_path ? -1 : 1);
}
