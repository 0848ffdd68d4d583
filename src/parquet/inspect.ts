/**
 * Inspection: whether a file of others is what its footer says, before native code reads it. Counts and
 * sizes are held against limits, and the header of each page against its column.
 */
import { type ColumnMetaData, type CompressionCodec, parquetSchema } from "hyparquet";
import { LedgerError, quoted } from "../base/error.ts";
import type { OpenFile } from "../base/files/seam.ts";
import {
  parquet_column_bytes_max,
  parquet_columns_max,
  parquet_page_header_bytes,
  parquet_row_groups_max,
  parquet_rows_max,
} from "../base/limits.ts";
import {
  bytesOf,
  damaged,
  factsOf,
  type ParquetFacts,
  readMetadata,
  undecodable,
} from "./footer.ts";
import { headersProblem, pageHeaderAt, placeOf } from "./pages.ts";

/** What DuckDB decompresses. */
const CODECS: readonly CompressionCodec[] = [
  "UNCOMPRESSED",
  "SNAPPY",
  "ZSTD",
  "GZIP",
  "BROTLI",
  "LZ4_RAW",
];

/** What a file says of itself, once that is known to fit the file. */
export function inspectParquet(file: OpenFile): ParquetFacts {
  const { path } = file;
  const metadata = readMetadata(file, CODECS);
  const { size_bytes } = file.facts();
  const counts: [count: number, most: number, what: string][] = [
    [Number(metadata.num_rows), parquet_rows_max, "rows"],
    [metadata.schema.length - 1, parquet_columns_max, "columns"],
    [metadata.row_groups.length, parquet_row_groups_max, "row groups"],
  ];
  for (const [count, most, what] of counts) {
    if (count > most) throw damaged(path, `it would have ${count} ${what}, and ${most} are taken`);
  }
  const plain = new Set(
    parquetSchema(metadata).children
      .filter(({ element, children }) =>
        children.length === 0 && element.repetition_type !== "REPEATED"
      )
      .map(({ element }) => element.name),
  );
  for (const { columns, num_rows } of metadata.row_groups) {
    for (const { meta_data } of columns) {
      // Where a table is empty, some writers begin a row group that has no pages.
      if (num_rows === 0n && meta_data!.num_values === 0n) continue;
      const [name] = meta_data!.path_in_schema;
      const rows = plain.has(name) ? num_rows : undefined;
      const problem = columnProblem(file, meta_data!, size_bytes, rows);
      if (problem) throw damaged(path, `column ${quoted(name)}: ${problem}`);
    }
  }
  return factsOf(metadata);
}

function columnProblem(
  file: OpenFile,
  column: ColumnMetaData,
  size_bytes: number,
  rows: bigint | undefined,
): string | undefined {
  const { start, end } = placeOf(column);
  if (!(start >= 4 && end <= size_bytes)) return "it lies outside of the file";
  if (end - start > parquet_column_bytes_max) return `it would have ${end - start} bytes`;
  if (rows !== undefined && column.num_values !== rows) {
    return `it has ${column.num_values} values where ${rows} rows are`;
  }
  const headerAt = (offset: number) => {
    const from = start + offset;
    const until = Math.min(end, from + parquet_page_header_bytes);
    let page;
    try {
      page = pageHeaderAt(bytesOf(file, from, until).buffer, 0);
    } catch (cause) {
      if (until === end || cause instanceof LedgerError) throw cause;
      // Its statistics may quote long texts.
      page = pageHeaderAt(bytesOf(file, from, end).buffer, 0);
    }
    return { header: page.header, start: offset + page.start };
  };
  try {
    return headersProblem(end - start, headerAt, column);
  } catch (cause) {
    throw undecodable(file.path, "a page header", cause);
  }
}
