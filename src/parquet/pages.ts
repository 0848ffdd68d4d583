/**
 * Pages: their headers are checked before they are believed, and how they are decompressed (snappy by
 * hyparquet itself, the others by Node's zlib). From a header that lost a field, hyparquet takes NaN for a
 * position and never comes to an end.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { ColumnMetaData, CompressionCodec, Compressors } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import {
  parquet_chunk_bytes_max,
  parquet_chunk_bytes_min,
  parquet_page_bytes_max,
} from "../base/limits.ts";

export const SUPPORTED_CODECS: readonly CompressionCodec[] = [
  "UNCOMPRESSED",
  "SNAPPY",
  "ZSTD",
  "GZIP",
];

/** Decompresses a page. One that turns out larger than its header says is damaged, and throws. */
export function unpackedZstd(bytes: Uint8Array, size_bytes: number): Uint8Array {
  const { buffer, byteOffset, length } = zstdDecompressSync(bytes, roomFor(size_bytes));
  // No Buffer: a view on its bytes takes longer to make.
  return new Uint8Array(buffer, byteOffset, length);
}

export const DECOMPRESSORS: Compressors = {
  ZSTD: unpackedZstd,
  GZIP: (bytes, size_bytes) => gunzipSync(bytes, roomFor(size_bytes)),
};

/** In one piece: zlib's own are 16 kB, and each of them costs more than what it holds. */
function roomFor(size_bytes: number): { maxOutputLength: number; chunkSize: number } {
  return {
    maxOutputLength: Math.max(1, size_bytes),
    chunkSize: Math.max(parquet_chunk_bytes_min, Math.min(size_bytes, parquet_chunk_bytes_max)),
  };
}

type PageHeader = ReturnType<typeof parquetHeader>;

/** A page's header, and where its values begin. */
interface PageStart {
  header: PageHeader;
  start: number;
}

/** The header of the page at an offset. */
export function pageHeaderAt(bytes: ArrayBuffer, offset: number): PageStart {
  const reader = { view: new DataView(bytes), offset };
  return { header: parquetHeader(reader), start: reader.offset };
}

export function placeOf(column: ColumnMetaData): { start: number; end: number } {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  return { start, end: start + Number(column.total_compressed_size) };
}

export function pagesProblem(bytes: ArrayBuffer, column: ColumnMetaData): string | undefined {
  return headersProblem(bytes.byteLength, (offset) => pageHeaderAt(bytes, offset), column);
}

/** What is wrong with the pages of a column of so many bytes, by their headers alone. */
export function headersProblem(
  size_bytes: number,
  headerAt: (offset: number) => PageStart,
  column: ColumnMetaData,
): string | undefined {
  const expected = Number(column.num_values);
  let values = 0;
  for (let offset = 0; values < expected && offset < size_bytes;) {
    const { header, start } = headerAt(offset);
    if (!isCount(header.compressed_page_size, size_bytes - start)) {
      return "a page does not fit into it";
    }
    if (!isSound(header)) return "a page header is incomplete, or says what cannot be";
    values += (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    offset = start + header.compressed_page_size;
  }
  if (values === expected) return undefined;
  return `its pages have ${values} values where ${column.num_values} should be`;
}

const ANY = 0x7fffffff;

function isCount(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isSound(header: PageHeader): boolean {
  const { type, compressed_page_size, uncompressed_page_size } = header;
  // A page of a few bytes may claim to unpack to gigabytes.
  if (!isCount(uncompressed_page_size, parquet_page_bytes_max)) return false;
  if (type === "DICTIONARY_PAGE") {
    return isCount(header.dictionary_page_header?.num_values, uncompressed_page_size);
  }
  const data = type === "DATA_PAGE" ? header.data_page_header : header.data_page_header_v2;
  if (data?.encoding === undefined || !isCount(data.num_values, ANY)) return false;
  if (!("num_nulls" in data)) return true;
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } =
    data;
  const levels_max = Math.min(compressed_page_size, uncompressed_page_size);
  return isCount(data.num_nulls, data.num_values) && isCount(data.num_rows, data.num_values) &&
    isCount(repetition, levels_max) && isCount(definition, levels_max - repetition);
}
