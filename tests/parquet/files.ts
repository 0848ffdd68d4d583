/** What the tests of Parquet files share: writing, reading back, and DuckDB as a second opinion. */
import { dirname } from "@std/path";
import type { OpenFile } from "../../src/base/files/seam.ts";
import { type Database, openDatabase } from "../../src/duckdb/connection.ts";
import {
  type ParquetColumn,
  type ParquetColumnType,
  type ParquetOptions,
  readParquet,
  type Row,
  writeParquet,
} from "../../src/parquet/mod.ts";
import { testWorld } from "../harness.ts";

/** `{price: "double?"}` as columns: a question mark makes one nullable. */
export function columnsOf(types: Record<string, string>): ParquetColumn[] {
  return Object.entries(types).map(([name, type]) => ({
    name,
    type: type.replace("?", "") as ParquetColumnType,
    nullable: type.endsWith("?"),
  }));
}

/** A file that is harmed ten thousand times is quicker in memory. */
export function memoryFile(bytes: Uint8Array): OpenFile {
  return {
    path: "harmed.parquet",
    readAt(buffer: Uint8Array, offset: number) {
      const piece = bytes.subarray(offset, offset + buffer.length);
      buffer.set(piece);
      return piece.length;
    },
    facts: () => ({ size_bytes: bytes.length, is_folder: false }),
  } as unknown as OpenFile;
}

/** Writes rows, all in one batch unless they come in several. */
export function write(
  path: string,
  types: Record<string, string>,
  rows: Row[],
  options?: ParquetOptions,
) {
  return writeParquet(testWorld(), path, columnsOf(types), [rows], options);
}

/** All rows of a file. */
export async function allRows(path: string, world = testWorld()): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of readParquet(world, path).batches()) rows.push(...batch);
  return rows;
}

/** DuckDB that may touch the folder of a file. */
export function duckdbBeside(path: string): Promise<Database> {
  const folder = dirname(path);
  return openDatabase(testWorld(), {
    path: ":memory:",
    access: "write",
    folders: [folder],
    temp_folder: `${folder}/.tmp`,
  });
}

/** The connection keeps the order of rows only on request. */
const IN_ORDER = `select * exclude (file_row_number)
  from read_parquet($1, file_row_number = true) order by file_row_number`;

/** What DuckDB makes of a file's rows, whole numbers in the form that ours have. */
export async function duckdbRows(path: string, sql = IN_ORDER) {
  await using database = await duckdbBeside(path);
  const rows = await database.rows(sql, [path]);
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asOurs(value)]))
  );
}

function asOurs(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Rows as DuckDB's JavaScript side hands them out: it drops a byte order mark, which the file has. */
export function asDuckdbShows(rows: Row[]): Row[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === "string" ? value.replace(/^\uFEFF/, "") : value,
      ]),
    )
  );
}

/** The names in a folder. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
