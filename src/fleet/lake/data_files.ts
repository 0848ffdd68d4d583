/**
 * Data files of a table: rows of DuckDB -> one Parquet file a day, with the statistics that the log of the table
 * holds of it. `numRecords` is exact; ranges are there for numbers, and for texts that are short.
 */
import { basename, join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { writeFully } from "../../base/files/durable.ts";
import type { Database } from "../../duckdb/connection.ts";
import { identifier, literal } from "../../duckdb/sandbox.ts";
import { lake_text_chars_max } from "../../base/limits.ts";
import {
  type DataFile,
  type DeltaTable,
  type LakeTable,
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
    await database.run(`copy ${rows} to ${literal(local)} (format parquet, compression zstd)`);
    // Of the file: to ask the rows again would sort them again.
    const stats = await statsOf(database, table, `read_parquet(${literal(local)})`);
    const bytes = world.files.readBytes(local) as Uint8Array<ArrayBuffer>;
    world.files.remove(local);
    const path = `log_day=${log_day}/${name}`;
    await store.put(`${tableFolder(table.name)}${path}`, bytes, {
      create_only: true,
      is_recognizable: true,
      content_type: "application/vnd.apache.parquet",
    });
    const modified_ms = store.now_ms();
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
        if (!(await table.refresh(snapshot)).files.has(path)) return undefined;
        throw new LedgerError({
          code: "damaged",
          message: `${tableFolder(name)}${path} is gone from the bucket, and is part of a table`,
          hint: "restore it from a version or a backup of the bucket",
        });
      }
      const local = join(folder, basename(path));
      using file = store.world.files.open(local, "create");
      writeFully(file, bytes);
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

/** Whole numbers of 64 bits do not survive JavaScript, and texts are compared by bytes: DuckDB says them. */
async function statsOf(database: Database, { columns }: LakeTable, rows: string): Promise<string> {
  const listed = columns.filter(({ name, type }) => name !== PARTITION && type !== "boolean");
  const range = (which: "min" | "max") =>
    listed.map(({ name, type }) => {
      const column = identifier(name);
      const value = `${which}(${column})`;
      const is_kept = type === "string"
        ? `max(length(${column})) <= ${lake_text_chars_max}`
        : type === "double"
        ? `not bool_or(isnan(${column}) or isinf(${column}))`
        : "true";
      return `${literal(name)}: if(${is_kept}, ${value}, null)`;
    });
  const nulls = listed.map(({ name }) => `${literal(name)}: count(*) - count(${identifier(name)})`);
  return await database.value<string>(
    `select to_json({'numRecords': count(*), 'minValues': {${range("min")}},
       'maxValues': {${range("max")}}, 'nullCount': {${nulls}}})::varchar from ${rows}`,
  );
}
