/**
 * Compaction: few large files in place of many small ones. Abandoned write-ahead files become Parquet, and the
 * files of a day and type become one.
 *
 * The order of steps is what makes it safe to cut off anywhere: the merged file is in place, durably,
 * before the first of its sources goes; and the sources are gone, durably, before a merged file is
 * merged again, so no source can come back when nothing names it any more.
 */
import { basename, join, resolve } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { makeFolderDurably, removeQuietly, syncFile } from "../../base/files/durable.ts";
import type { FileFacts } from "../../base/files/seam.ts";
import { trace_merged_bytes_max, trace_row_group_rows } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { literal } from "../../duckdb/connection.ts";
import { parquetFacts } from "../../parquet/mod.ts";
import { type FlushReport, recoverStores } from "./flush.ts";
import {
  listPartitions,
  listStores,
  newMergedName,
  partitionFolder,
  segmentStem,
  tracePaths,
} from "../event/files.ts";
import { takeStoreLock } from "./liveness_lock.ts";
import { rowsOfTraces, TraceSession } from "./query.ts";
import { TRACE_FILE_VERSION, TRACE_KEYS, TRACED_COLUMNS } from "./parquet_file.ts";
import { countingFiles, isOfOpenSegment, replacedFiles } from "./snapshot.ts";

/** What compacting did. */
export interface CompactTracesReport {
  /** Write-ahead files of programs that have ended. */
  recovered: FlushReport;
  /** Files that were merged, and into how many. */
  merged: number;
  into: number;
  /** Bytes of all files that were merged, and of what they became. */
  bytes_before: number;
  bytes_after: number;
}

/** Compacts all traces. One at a time; readers and writers go on meanwhile. */
export async function compactTraces(world: World, dir: string): Promise<CompactTracesReport> {
  const paths = tracePaths(dir);
  makeFolderDurably(world.files, paths.wal);
  const lock = await takeStoreLock(world, paths.merge_lock, "new");
  if (!lock) {
    throw new LedgerError({
      code: "busy",
      message: `cannot compact the traces in ${dir}: another process does`,
      where: { path: paths.merge_lock },
      hint: "nothing was changed; try again when it is done",
    });
  }
  try {
    const recovered = await recoverStores(world, dir);
    const report = { recovered, merged: 0, into: 0, bytes_before: 0, bytes_after: 0 };
    await mergeAll(world, dir, report);
    return report;
  } finally {
    lock.close();
  }
}

async function mergeAll(world: World, dir: string, report: CompactTracesReport): Promise<void> {
  const candidates = listPartitions(world.files, dir).map((partition) => {
    const folder = partitionFolder(dir, partition);
    removeReplaced(world, folder);
    const names = countingFiles(world, folder, new Set());
    const begun = (world.files.list(folder) ?? []).map(({ name }) => name).filter((name) =>
      name.endsWith(".tmp")
    );
    return { folder, names, begun };
  });
  // In this order: a file that was listed, and has no segment after that, has none for good. That it
  // is gone has to be durable, lest it comes back when its file has become part of another.
  const stores = listStores(world.files, dir);
  world.files.syncFolder(tracePaths(dir).wal);
  const open = new Set([...stores.values()].flat().map(segmentStem));
  using session = new TraceSession(world, dir);
  for (const { folder, names, begun } of candidates) {
    removeStaleTemp(world, folder, begun, open);
    const sources = names.filter((name) => !isOfOpenSegment(name, open))
      .map((name) => join(folder, name))
      .filter((path) => isSmallFile(world.files.facts(path)));
    if (sources.length > 1) await merge(world, session, folder, sources, report);
  }
}

/** What is no file, a link to nowhere say, is left to queries, which report it. */
function isSmallFile(facts: FileFacts | undefined): boolean {
  return facts !== undefined && facts.is_file && facts.size_bytes < trace_merged_bytes_max;
}

/** Removes what a merged file replaces. */
function removeReplaced(world: World, folder: string): void {
  // Nothing goes but what a merged file names: a store may put another in place at any moment.
  for (const name of replacedFiles(world, folder)) world.files.remove(join(folder, name));
  // Also when there was nothing to remove: the process that removed it may have come no further.
  world.files.syncFolder(folder);
}

/** Removes half-written files of attempts that were cut off, and of stores that are gone. */
function removeStaleTemp(
  world: World,
  folder: string,
  begun: readonly string[],
  open: ReadonlySet<string>,
): void {
  for (const name of begun) {
    const parquet = name.slice(0, name.indexOf(".parquet") + ".parquet".length);
    const path = join(folder, name);
    // Its store may have finished it since it was listed.
    if (!isOfOpenSegment(parquet, open) && world.files.facts(path)) world.files.remove(path);
  }
}

async function merge(
  world: World,
  session: TraceSession,
  folder: string,
  sources: readonly string[],
  report: CompactTracesReport,
): Promise<void> {
  const { files } = world;
  const path = join(folder, newMergedName(world));
  const temporary = `${path}.tmp`;
  const rows = sources.reduce((sum, source) => sum + parquetFacts(world, source).rows, 0);
  const bytes_before = sources.reduce((sum, source) => sum + files.facts(source)!.size_bytes, 0);
  try {
    await copySorted(session, sources, temporary);
    const written = parquetFacts(world, temporary).rows;
    if (written !== rows) {
      throw new LedgerError({
        code: "io",
        message: `cannot merge the files in ${folder}: ${rows} events became ${written}`,
        where: { path: folder },
        hint: "nothing was changed",
      });
    }
    syncFile(files, temporary);
    files.rename(temporary, path);
  } catch (error) {
    removeQuietly(files, temporary);
    throw error;
  }
  files.syncFolder(folder);
  report.into++;
  report.merged += sources.length;
  report.bytes_before += bytes_before;
  report.bytes_after += files.facts(path)!.size_bytes;
  removeReplaced(world, folder);
}

async function copySorted(
  session: TraceSession,
  sources: readonly string[],
  target: string,
): Promise<void> {
  const { world } = session;
  const database = await session.database();
  const names = JSON.stringify(sources.map((path) => basename(path)));
  const columns = TRACED_COLUMNS.map(({ name }) => name).join(", ");
  await database.run(
    `copy (select ${columns} from ${rowsOfTraces(world, sources)}
       order by correlation_id, timestamp, sequence_number)
     to ${literal(resolve(world.cwd(), target))}
       (format parquet, compression zstd, row_group_size ${trace_row_group_rows},
       kv_metadata {'${TRACE_KEYS.version}': '${TRACE_FILE_VERSION}',
         '${TRACE_KEYS.sources}': ${literal(names)}})`,
  );
}
