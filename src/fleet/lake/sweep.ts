/**
 * Sweep of a table's folder: files that it has no more or that no commit took, and commits below an old checkpoint.
 * All by the store's clock, and after a time in which readers end and jobs commit what they put. A job that
 * comes later than that does not commit (see `DeltaTable.commitWhile`).
 */
import { lake_kept_ms } from "../../base/limits.ts";
import { type CheckpointPlace, checkpointVersion, hintedVersion } from "./checkpoint.ts";
import { commitVersion, type TableSnapshot } from "./table.ts";

/** Sweeps a table that was just read. Returns how many objects went. */
export async function sweepTable(
  place: CheckpointPlace,
  snapshot: TableSnapshot,
): Promise<number> {
  return await sweepFiles(place, snapshot) + await sweepCommits(place);
}

async function sweepFiles(
  { store, table_folder }: CheckpointPlace,
  { files, removed }: TableSnapshot,
): Promise<number> {
  let count = 0;
  for await (const { key, modified_ms } of store.list(`${table_folder}log_day=`)) {
    const path = key.slice(table_folder.length);
    if (files.has(path)) continue;
    // A file that was removed lately is still read by who opened the table before.
    const gone_ms = Math.max(modified_ms, removed.get(path)?.removed_ms ?? 0);
    if (gone_ms + lake_kept_ms > store.now_ms()) continue;
    await store.remove(key);
    count++;
  }
  return count;
}

/** The checkpoint that the hint names stays, and every commit after the newest one that is old. */
async function sweepCommits(place: CheckpointPlace): Promise<number> {
  const { store, table_folder } = place;
  const listed = await Array.fromAsync(store.list(`${table_folder}_delta_log/`));
  const hinted = await hintedVersion(place) ?? -1;
  const kept = Math.max(
    -1,
    ...listed.flatMap(({ key, modified_ms }) => {
      const version = checkpointVersion(key);
      const is_old = modified_ms + lake_kept_ms <= store.now_ms();
      return version !== undefined && version <= hinted && is_old ? [version] : [];
    }),
  );
  let count = 0;
  for (const { key } of listed) {
    const version = commitVersion(key) ?? checkpointVersion(key);
    if (version === undefined || version >= kept) continue;
    await store.remove(key);
    count++;
  }
  return count;
}
