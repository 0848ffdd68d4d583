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
import { TRACED_FIELD_NAMES } from "../event/event.ts";
import { Flush, type FlushReport } from "./flush.ts";
import {
  isMerged,
  listPartitions,
  listSegments,
  newMergedName,
  partitionFolder,
  segmentStem,
  tracePaths,
} from "../event/files.ts";
import { takeStoreLock } from "./liveness_lock.ts";
import { rowsOfTraces, TraceSession } from "./query.ts";
import { compactionSources, TRACE_FILE_VERSION, TRACE_KEYS } from "./parquet_file.ts";
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
    const flush = new Flush(world, dir);
    await flush.recover();
    using compaction = new Compaction(world, dir, flush.report);
    await compaction.mergeAll();
    return compaction.report;
  } finally {
    lock.close();
  }
}

class Compaction implements Disposable {
  readonly report: CompactTracesReport;
  readonly #session: TraceSession;

  constructor(readonly world: World, readonly dir: string, recovered: FlushReport) {
    this.report = { recovered, merged: 0, into: 0, bytes_before: 0, bytes_after: 0 };
    this.#session = new TraceSession(world, dir);
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  async mergeAll(): Promise<void> {
    const { world, dir } = this;
    const { files } = world;
    const candidates = listPartitions(files, dir).map((partition) => {
      const folder = partitionFolder(dir, partition);
      this.#removeReplaced(folder);
      const names = countingFiles(world, folder, new Set());
      const temps = (files.list(folder) ?? []).filter(({ name }) => name.endsWith(".tmp"));
      return { folder, names, temps };
    });
    // In this order: a file that was listed, and has no segment after that, has none for good. That it
    // is gone has to be durable, lest it comes back when its file has become part of another.
    const segments = listSegments(files, dir);
    files.syncFolder(tracePaths(dir).wal);
    const open = new Set(segments.map(segmentStem));
    for (const { folder, names, temps } of candidates) {
      for (const { name } of temps) {
        // Left by an attempt that was cut off, unless its store has finished it since it was listed.
        const parquet = name.slice(0, name.indexOf(".parquet") + ".parquet".length);
        const path = join(folder, name);
        if (!isOfOpenSegment(parquet, open) && files.facts(path)) files.remove(path);
      }
      const sources = names.filter((name) => !isOfOpenSegment(name, open))
        .map((name) => join(folder, name))
        .filter((path) => isSmallFile(files.facts(path)));
      if (sources.length > 1) await this.#merge(folder, sources);
    }
  }

  /** Removes what a merged file replaces. */
  #removeReplaced(folder: string): void {
    const { world } = this;
    // Nothing goes but what a merged file names: a store may put another in place at any moment.
    for (const name of replacedFiles(world, folder)) world.files.remove(join(folder, name));
    // Also when there was nothing to remove: the process that removed it may have come no further.
    world.files.syncFolder(folder);
  }

  async #merge(folder: string, sources: readonly string[]): Promise<void> {
    const { world, report } = this;
    const { files } = world;
    const path = join(folder, newMergedName(world));
    const temporary = `${path}.tmp`;
    const rows = sources.reduce((sum, source) => sum + parquetFacts(world, source).rows, 0);
    const bytes_before = sources.reduce((sum, source) => sum + files.facts(source)!.size_bytes, 0);
    try {
      await this.#copySorted(sources, temporary);
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
    this.#removeReplaced(folder);
  }

  async #copySorted(sources: readonly string[], target: string): Promise<void> {
    // Those of merged ones too: by them it is known of which stores each file has the events.
    const names = JSON.stringify(sources.flatMap((path) => {
      const name = basename(path);
      return isMerged(name) ? [name, ...compactionSources(this.world, path)] : [name];
    }));
    const database = await this.#session.database();
    await database.run(
      `copy (select ${TRACED_FIELD_NAMES.join(", ")} from ${rowsOfTraces(this.world, sources)}
         order by correlation_id, timestamp, sequence_number)
       to ${literal(resolve(this.world.cwd(), target))}
         (format parquet, compression zstd, row_group_size ${trace_row_group_rows},
         kv_metadata {'${TRACE_KEYS.version}': '${TRACE_FILE_VERSION}',
           '${TRACE_KEYS.sources}': ${literal(names)}})`,
    );
  }
}

/** What is no file, a link to nowhere say, is left to queries, which report it. */
function isSmallFile(facts: FileFacts | undefined): boolean {
  return facts !== undefined && facts.is_file && facts.size_bytes < trace_merged_bytes_max;
}
