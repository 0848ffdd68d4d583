/**
 * Compaction: the artifacts of a month become one file a type, so that a query over thousands of runs
 * does not open thousands of files. The runs' own files stay as they are.
 */
import { basename, join, relative, resolve } from "@std/path";
import { fileDigest } from "../../base/files/checksum.ts";
import { LedgerError, quoted } from "../../base/error.ts";
import {
  makeFolderDurably,
  removeQuietly,
  replaceFile,
  syncFile,
} from "../../base/files/durable.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { type Database, literal, openDatabase } from "../../duckdb/connection.ts";
import { type ArtifactDefinition, VERSION_KEY } from "../artifacts/definitions.ts";
import { misfitText } from "../artifacts/stored_type.ts";
import { BUILT_IN_TYPES } from "../artifacts/types.ts";
import { typedRows } from "../catalog/typed_rows.ts";
import type { SkippedRun } from "../catalog/change.ts";
import {
  COMPACTED_FOLDER,
  type CompactedFile,
  type CompactedMonth,
  listPath,
  readCompacted,
} from "../catalog/month_files.ts";
import { isMonth } from "../manifest/layout.ts";
import { classifyRun, runsByMonth, scanRun } from "../manifest/scan.ts";

/** What compacting a month did. */
export interface CompactReport {
  month: string;
  files: { artifact_type: string; path: string; runs: number; rows: number; bytes: number }[];
  /** Runs that the disk, or a right that is missing, hides: a query reads their own files. */
  unread: SkippedRun[];
  /** Files that stay by themselves: their values are not all of their columns' types. */
  left_out: { path: string; reason: string }[];
}

interface Source {
  run_id: string;
  path: string;
  sha256: string;
}

/** Compacts a month. What is there from the time before stays until the next time. */
export async function compactMonth(
  world: World,
  runs_dir: string,
  month: string,
  types = BUILT_IN_TYPES,
): Promise<CompactReport> {
  if (!isMonth(month)) {
    throw new LedgerError({
      code: "usage",
      message: `cannot compact ${quoted(month)}: that is not a month`,
      hint: "name a month: 2026-01",
    });
  }
  const months = runsByMonth(world, runs_dir);
  const runs = months.get(month);
  if (!runs) {
    throw new LedgerError({
      code: "not_found",
      message: `there are no runs of ${month} in ${runs_dir}`,
      where: { path: join(runs_dir, month) },
      hint: `months with runs: ${[...months.keys()].join(", ") || "none"}`,
    });
  }
  const unread: SkippedRun[] = [];
  const sources = sourcesOf(world, runs_dir, runs, unread);
  const before = readCompacted(world, runs_dir, month);
  const folder = join(runs_dir, month, COMPACTED_FOLDER);
  makeFolderDurably(world.files, folder);
  const files: Record<string, CompactedFile> = {};
  const list: CompactedMonth = {
    files,
    previous: Object.values(before.files).map(({ path }) => path),
  };
  const left_out: CompactReport["left_out"] = [];
  await using database = await openDatabase(world, {
    path: ":memory:",
    access: "write",
    folders: [resolve(world.cwd(), runs_dir)],
    temp_folder: resolve(world.cwd(), folder, ".spill"),
  });
  try {
    for (const definition of types.all()) {
      const { type } = definition;
      const of_type = sources.get(type) ?? [];
      const fit = await typedSources(world, database, definition, of_type, ({ path }, reason) => {
        left_out.push({ path: relative(runs_dir, path), reason });
      });
      if (fit) files[type] = await compactType(world, database, runs_dir, month, definition, fit);
    }
    world.files.syncFolder(folder);
    const bytes = new TextEncoder().encode(`${JSON.stringify(list)}\n`);
    replaceFile(world.files, join(runs_dir, listPath(month)), bytes, uniqueName(world));
  } catch (error) {
    for (const { path } of Object.values(files)) removeQuietly(world.files, join(runs_dir, path));
    throw error;
  } finally {
    removeQuietly(world.files, join(folder, ".spill"));
  }
  removeForgotten(world, folder, list);
  return {
    month,
    unread,
    left_out,
    files: Object.entries(files).map(([artifact_type, { path, rows, bytes, runs }]) => {
      return { artifact_type, path, runs: Object.keys(runs).length, rows, bytes };
    }),
  };
}

/** The artifacts of runs that have ended, by type, as far as they are there. */
function sourcesOf(
  world: World,
  runs_dir: string,
  runs: readonly string[],
  unread: SkippedRun[],
): Map<string, Source[]> {
  const sources = new Map<string, Source[]>();
  for (const run_path of runs) {
    const found = classifyRun(world, runs_dir, scanRun(world, runs_dir, run_path));
    if (found.kind === "unusable" && found.is_hidden) {
      unread.push({ run_path, reason: found.reason });
    }
    if (found.kind !== "ended") continue;
    const { run_id, artifacts } = found.manifest;
    for (const [type, { path: below, sha256 }] of Object.entries(artifacts)) {
      const path = join(runs_dir, run_path, below);
      if (!world.files.facts(path)?.is_file) continue;
      // Other programs leave no digest in their manifests.
      const source = { run_id, path, sha256: sha256 ?? fileDigest(world.files, path) };
      sources.getOrInsertComputed(type, () => []).push(source);
    }
  }
  return sources;
}

/** Sources, and all their rows as something to select from. */
interface TypedSources {
  sources: readonly Source[];
  sql: string;
}

/** What a compacted file would lose stays where it is: `onOther` gets the source, and the reason. */
async function typedSources(
  world: World,
  database: Database,
  definition: ArtifactDefinition,
  sources: readonly Source[],
  onOther: (source: Source, reason: string) => void,
): Promise<TypedSources | undefined> {
  if (sources.length === 0) return undefined;
  const absolute = new Map(sources.map((each) => [resolve(world.cwd(), each.path), each]));
  const { sql, misfits } = await typedRows(database, definition, [...absolute.keys()]);
  if (misfits.length === 0) return { sources, sql };
  const other = Map.groupBy(misfits, ({ path }) => absolute.get(path)!);
  for (const [source, found] of other) onOther(source, found.map(misfitText).join("; "));
  const fit = sources.filter((source) => !other.has(source));
  return await typedSources(world, database, definition, fit, onOther);
}

async function compactType(
  world: World,
  database: Database,
  runs_dir: string,
  month: string,
  definition: ArtifactDefinition,
  { sources, sql }: TypedSources,
): Promise<CompactedFile> {
  // Always a new name: DuckDB may answer a file that is rewritten in place from a stale cache.
  const path = `${month}/${COMPACTED_FOLDER}/${definition.type}-${uniqueName(world)}.parquet`;
  const target = resolve(world.cwd(), runs_dir, path);
  try {
    await database.run(
      `copy (select * from ${sql} order by run_id)
       to ${literal(target)} (format parquet, compression zstd,
         kv_metadata {${literal(VERSION_KEY)}: ${literal(String(definition.version))}})`,
    );
    const { size_bytes: bytes } = syncFile(world.files, target);
    const counted = `select count(*) as rows from read_parquet($1)`;
    const rows = await database.value<bigint>(counted, [target]);
    const runs = Object.fromEntries(sources.map(({ run_id, sha256 }) => [run_id, sha256]));
    return { path, rows: Number(rows), bytes, sha256: fileDigest(world.files, target), runs };
  } catch (error) {
    removeQuietly(world.files, target);
    throw error;
  }
}

/** Removes files that neither the list nor the one before it names: no query reads those any more. */
function removeForgotten(world: World, folder: string, list: CompactedMonth): void {
  const { files, previous } = list;
  const named = new Set([...Object.values(files).map(({ path }) => path), ...previous]
    .map((path) => basename(path)));
  for (const { name, is_file } of world.files.list(folder) ?? []) {
    if (is_file && name.endsWith(".parquet") && !named.has(name)) {
      removeQuietly(world.files, join(folder, name));
    }
  }
}
