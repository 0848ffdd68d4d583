/**
 * Watermark of the catalog: how the mark of changes stood when the runs were scanned. As long as it stands
 * so, no writer of ours has changed a run since.
 */
import {
  index_copy_rate,
  runs_read_rate,
  runs_scan_rate,
  sync_fixed_ms,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { SnapshotStore } from "../../duckdb/snapshot_swap.ts";
import { type ChangeMark, changesBetween, readChangeMark } from "../manifest/change_mark.ts";
import { listAllRuns } from "../manifest/layout.ts";
import { CATALOG_VERSION } from "./schema.ts";

interface Watermark {
  version: number;
  mark: ChangeMark;
  /** How many runs there were. */
  runs: number;
}

/** What of the runs a catalog lacks. */
interface CatalogLag {
  /** Changes of runs, at most; undefined where only a sync can tell. */
  changes?: number;
  /** About how long it takes to bring it up to date. */
  cost_ms: number;
  /** Why only the operator can decide that it is. */
  reason?: string;
}

/** Notes what a catalog was made from. The mark is one that was read before the runs were. */
export function noteRuns(store: SnapshotStore, mark: ChangeMark, runs: number): void {
  store.writeWatermark(JSON.stringify({ version: CATALOG_VERSION, mark, runs }));
}

/** What the live catalog lacks; undefined where it has every change that left a mark. */
export function lagOfCatalog(world: World, runs_dir: string, path: string): CatalogLag | undefined {
  const store = new SnapshotStore(world, path);
  const before = store.parseWatermark<Watermark>(CATALOG_VERSION);
  if (!before && store.wasChanged()) return { cost_ms: Infinity };
  const mark = readChangeMark(world.files, runs_dir);
  // One mistyped --runs-dir must not turn all runs into missing ones.
  if (before && before.mark.folder !== "" && before.mark.folder !== mark.folder) {
    return { cost_ms: Infinity, reason: `the catalog was not made of the runs in ${runs_dir}` };
  }
  if (before && before.mark.text === mark.text) return undefined;
  const changes = before && changesBetween(before.mark, mark);
  const runs = before ? before.runs + (changes ?? 0) : listAllRuns(world.files, runs_dir).length;
  const { size_bytes: catalog_bytes } = world.files.facts(store.path) ?? {};
  if (runs === 0 && catalog_bytes === undefined) return undefined;
  const cost_ms = sync_fixed_ms + (catalog_bytes ?? 0) / index_copy_rate +
    runs / runs_scan_rate + Math.min(runs, changes ?? runs) / runs_read_rate;
  return { changes: catalog_bytes === undefined ? runs : changes, cost_ms };
}

/** What it costs to bring the live alerts up to date with the catalog; undefined where they are. */
export function lagOfAlerts(world: World, catalog_path: string, path: string): number | undefined {
  const catalog = new SnapshotStore(world, catalog_path);
  const store = new SnapshotStore(world, path);
  const fingerprint = catalog.fingerprint();
  if (fingerprint === "" || store.readWatermark() === fingerprint) return undefined;
  if (store.wasChanged()) return Infinity;
  const { size_bytes = 0 } = world.files.facts(path) ?? {};
  const { runs = Infinity } = catalog.parseWatermark<Watermark>(CATALOG_VERSION) ?? {};
  return sync_fixed_ms + size_bytes / index_copy_rate + runs / runs_read_rate;
}
