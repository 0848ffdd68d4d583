/**
 * Data files of a table: rows of DuckDB -> one Parquet file a day, with the statistics that the log of the table
 * holds of it. `numRecords` is exact; ranges are there for numbers, and for texts that are short.
 */
import { basename, join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { writeNewFile } from "../../base/files/durable.ts";
import { json } from "../../base/json.ts";
import type { Database } from "../../duckdb/connection.ts";
import { identifier, literal } from "../../duckdb/sandbox.ts";
import { lake_text_chars_max } from "../../base/limits.ts";
import {
  type DataFile,
  type DeltaTable,
  type LakeTable,
  lateAfter,
  PARTITION,
  tableFolder,
  type TableSnapshot,
} from "./table.ts";
import type { ObjectStore } from "../store.ts";

/** Writes the rows of a relation, a file a day, and puts the files. Nothing of a table is changed by it. */
export async function putDataFiles(
  store: ObjectStore,
  database: Database,
  table: LakeTable,
  relation: string,
  folder: string,
  prefix = "",
): Promise<DataFile[]> {
  const { world } = store;
  const days = await database.rows<{ log_day: string }>(
    `select distinct log_day from ${relation} order by log_day`,
  );
  const files: DataFile[] = [];
  for (const { log_day } of days) {
    const name = `${prefix}${world.random_uuid()}.parquet`;
    const local = join(folder, name);
    const rows = `(select ${columnsOf(table)} from ${relation}
      where log_day = ${literal(log_day)} order by ${table.order})`;
    // The writer says what is in it: to ask the rows again would read, and sort, them again.
    const [written] = await database.rows<WrittenFile>(
      `copy ${rows} to ${literal(local)} (format parquet, compression zstd, return_stats)`,
    );
    const bytes = world.files.readBytes(local) as Uint8Array<ArrayBuffer>;
    world.files.remove(local);
    const path = `log_day=${log_day}/${name}`;
    // Before it is put: a sweep counts from when it was there, however late the answer comes.
    const modified_ms = store.now_ms();
    await store.put(`${tableFolder(table.name)}${path}`, bytes, {
      create_only: true,
      is_recognizable: true,
      content_type: "application/vnd.apache.parquet",
    });
    const stats = statsOf(table, written);
    files.push({ path, log_day, size_bytes: bytes.length, modified_ms, stats });
  }
  return files;
}

/**
 * Fetches files of a table into a folder. Returns a relation of their rows; undefined where one of the files is no
 * part of the table any more.
 */
export async function fetchDataFiles(
  table: DeltaTable,
  snapshot: TableSnapshot,
  files: readonly DataFile[],
  folder: string,
): Promise<string | undefined> {
  const { store, table: { name } } = table;
  const relations: string[] = [];
  for (const [log_day, of_day] of Map.groupBy(files, (file) => file.log_day)) {
    const paths: string[] = [];
    for (const { path } of of_day) {
      const bytes = await store.get(`${tableFolder(name)}${path}`);
      if (!bytes) {
        const { files } = await table.refresh(snapshot);
        if (!files.has(path) || store.now_ms() >= lateAfter(snapshot)) return undefined;
        throw new LedgerError({
          code: "damaged",
          message: `${tableFolder(name)}${path} is gone from the bucket, and is part of a table`,
          hint: "restore it from a version or a backup of the bucket",
        });
      }
      const local = join(folder, basename(path));
      writeNewFile(store.world.files, local, bytes);
      paths.push(literal(local));
    }
    relations.push(
      `select *, ${literal(log_day)} as log_day
       from read_parquet([${paths}], hive_partitioning = false)`,
    );
  }
  return `(${relations.join(" union all ")})`;
}

/** How many rows a file has, as the log says. */
export function rowsIn({ stats }: DataFile): number {
  return Number(JSON.parse(stats).numRecords);
}

/** All columns but the one that parts the files: a reader takes that from the log of the table. */
function columnsOf({ columns }: LakeTable): string {
  return columns.filter(({ name }) => name !== PARTITION).map(({ name }) => identifier(name))
    .join();
}

/** What DuckDB says of a file that it has written, with values as texts. */
interface WrittenFile {
  count: bigint;
  column_statistics: {
    entries: { key: string; value: { entries: { key: string; value: string }[] } }[];
  };
}

/** Whole numbers of 64 bits do not survive JavaScript: the texts of DuckDB are taken as they are. */
function statsOf({ columns }: LakeTable, { count, column_statistics }: WrittenFile): string {
  const written = new Map(column_statistics.entries.map(({ key, value }) => {
    return [key, new Map(value.entries.map((each) => [each.key, each.value]))];
  }));
  const stats = { minValues: {}, maxValues: {}, nullCount: {} } as Record<string, Members>;
  for (const { name, type } of columns) {
    if (name === PARTITION || type === "boolean") continue;
    const said = written.get(identifier(name))!;
    stats.nullCount[name] = Number(said.get("null_count"));
    const [min, max] = ["min", "max"].map((which) => said.get(which));
    const is_kept = type === "string"
      ? [min, max].every((text) => text !== undefined && text.length <= lake_text_chars_max)
      : [min, max].every((text) => Number.isFinite(Number(text ?? NaN))) &&
        said.get("has_nan") !== "true";
    if (!is_kept) continue;
    const value = (text: string) => type === "string" ? text : json.rawJSON(text);
    stats.minValues[name] = value(min!);
    stats.maxValues[name] = value(max!);
  }
  return JSON.stringify({ numRecords: Number(count), ...stats });
}

type Members = Record<string, unknown>;
