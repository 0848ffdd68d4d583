/**
 * Merge by day: the small files of a table's day -> few large ones, with their rows in order. Rows move from file
 * to file and none changes, so the commit is no change of data. It is dropped where another job, or
 * `fleet retain`, took one of its files meanwhile.
 */
import {
  lake_day_files_max,
  lake_file_bytes_max,
  lake_file_bytes_min,
  lake_quiet_ms,
  lake_remerge_share,
} from "../../base/limits.ts";
import { dayOf } from "../../log/format/layout.ts";
import { fetchDataFiles, putDataFiles, rowsIn } from "./data_files.ts";
import type { JobFolder } from "./job_folder.ts";
import type { DataFile, DeltaTable, TableSnapshot } from "./table.ts";

/** The files of a day that are due, and what each group of them becomes: one file. */
interface DayMerge {
  log_day: string;
  groups: DataFile[][];
}

const MERGED = "merged-";

/** Whether a file is one that a merge made. */
export function isMerged({ path }: DataFile): boolean {
  return path.includes(`/${MERGED}`);
}

/** The merges that are due. With `all`, also those of days that go on, and of files that just came. */
export function dueMerges(
  files: Iterable<DataFile>,
  now_ms: number,
  { all = false }: { all?: boolean } = {},
): DayMerge[] {
  const today = dayOf(now_ms);
  const is_due = (log_day: string, fresh: readonly DataFile[]) =>
    all || fresh.length >= lake_day_files_max ||
    log_day < today && fresh.every(({ modified_ms }) => modified_ms + lake_quiet_ms <= now_ms);
  return [...Map.groupBy(files, ({ log_day }) => log_day)].flatMap(([log_day, of_day]) => {
    const fresh = of_day.filter((file) => !isMerged(file));
    if (fresh.length === 0 || !is_due(log_day, fresh)) return [];
    return [{ log_day, groups: groupsOf([...fresh, ...worthIt(fresh, of_day)]) }];
  });
}

/** Merged files that are small beside what comes: to write a large one anew for each late line is waste. */
function worthIt(fresh: readonly DataFile[], of_day: readonly DataFile[]): DataFile[] {
  const small = of_day
    .filter((file) => isMerged(file) && file.size_bytes < lake_file_bytes_min)
    .sort((one, other) => one.size_bytes - other.size_bytes);
  let bytes = sizeOf(fresh);
  const end = small.findIndex(({ size_bytes }) => {
    if (size_bytes * lake_remerge_share > bytes) return true;
    bytes += size_bytes;
    return false;
  });
  return end < 0 ? small : small.slice(0, end);
}

/** Files in the order in which they came, as many together as make one of the right size. */
function groupsOf(files: readonly DataFile[]): DataFile[][] {
  const groups: DataFile[][] = [];
  let bytes = Infinity;
  for (
    const file of [...files].sort((one, other) =>
      one.modified_ms - other.modified_ms || (one.path < other.path ? -1 : 1)
    )
  ) {
    if (bytes >= lake_file_bytes_min || bytes + file.size_bytes > lake_file_bytes_max) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(file);
    bytes += file.size_bytes;
  }
  return groups;
}

function sizeOf(files: readonly DataFile[]): number {
  return files.reduce((bytes, { size_bytes }) => bytes + size_bytes, 0);
}

/** Merges one group of files of a day; false where another job had one of them first. */
export async function mergeFiles(
  job: JobFolder,
  table: DeltaTable,
  snapshot: TableSnapshot,
  group: readonly DataFile[],
): Promise<boolean> {
  const holds = () => group.every(({ path }) => snapshot.files.has(path));
  return await job.withDatabase(async (database, folder) => {
    const relation = await fetchDataFiles(table, snapshot, group, folder);
    // What another job has merged meanwhile need not be put again.
    await table.refresh(snapshot);
    if (relation === undefined || !holds()) return false;
    const add = await putDataFiles(table.store, database, table.table, relation, folder, MERGED);
    const [before, after] = [group, add].map((files) =>
      files.reduce((sum, file) => sum + rowsIn(file), 0)
    );
    if (before !== after) throw new Error(`a merge of ${before} rows has ${after}`);
    const change = { add, remove: group, is_data_change: false, operation: "OPTIMIZE" };
    return await table.commitWhile(snapshot, change, holds);
  });
}
