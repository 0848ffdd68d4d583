/**
 * What page headers say about themselves, looked at before they are believed: from a header that lost
 * a field, hyparquet takes NaN for a position and never comes to an end.
 */
import type { ColumnMetaData } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { parquet_page_bytes_max } from "../base/limits.ts";

type PageHeader = ReturnType<typeof parquetHeader>;

/** Where a column of a row group lies in its file. */
export function placeOf(column: ColumnMetaData): { start: number; end: number } {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  return { start, end: start + Number(column.total_compressed_size) };
}

/** What is wrong with the pages of a column, or nothing. */
export function pagesProblem(bytes: ArrayBuffer, column: ColumnMetaData): string | undefined {
  const reader = { view: new DataView(bytes), offset: 0 };
  let values = 0;
  while (values < Number(column.num_values)) {
    if (reader.offset >= bytes.byteLength) {
      return `its pages have ${values} values where ${column.num_values} should be`;
    }
    const header = parquetHeader(reader);
    const { compressed_page_size } = header;
    if (!isCount(compressed_page_size, bytes.byteLength - reader.offset)) {
      return "a page does not fit into it";
    }
    if (!isSound(header)) return "a page header is incomplete, or says what cannot be";
    values += (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    reader.offset += compressed_page_size;
  }
  if (values > Number(column.num_values)) {
    return `its pages have ${values} values where ${column.num_values} should be`;
  }
}

const ANY = 0x7fffffff;

function isCount(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isSound(header: PageHeader): boolean {
  const { type, compressed_page_size, uncompressed_page_size } = header;
  // A page of a few bytes may claim to unpack to gigabytes.
  if (!isCount(uncompressed_page_size, parquet_page_bytes_max)) return false;
  if (type === "DICTIONARY_PAGE") return isCount(header.dictionary_page_header?.num_values, ANY);
  if (type === "DATA_PAGE") {
    const data = header.data_page_header;
    return data !== undefined && isCount(data.num_values, ANY) && data.encoding !== undefined;
  }
  const data = header.data_page_header_v2;
  if (data === undefined || data.encoding === undefined || !isCount(data.num_values, ANY)) {
    return false;
  }
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } =
    data;
  const levels_max = Math.min(compressed_page_size, uncompressed_page_size);
  return isCount(data.num_nulls, data.num_values) && isCount(data.num_rows, data.num_values) &&
    isCount(repetition, levels_max) && isCount(definition, levels_max - repetition);
}
