/** How pages are decompressed: snappy by hyparquet itself, the others by Node's zlib. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { CompressionCodec, Compressors } from "hyparquet";
import { parquet_chunk_bytes_max, parquet_chunk_bytes_min } from "../base/limits.ts";

/** The codecs of files that can be read. */
export const SUPPORTED_CODECS: readonly CompressionCodec[] = [
  "UNCOMPRESSED",
  "SNAPPY",
  "ZSTD",
  "GZIP",
];

/** Unpacks a page. One that turns out larger than its header says is damaged, and not unpacked. */
export function unpackedZstd(bytes: Uint8Array, size_bytes: number): Uint8Array {
  const { buffer, byteOffset, length } = zstdDecompressSync(bytes, roomFor(size_bytes));
  // No Buffer: a view on its bytes takes longer to make.
  return new Uint8Array(buffer, byteOffset, length);
}

/** For hyparquet. */
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
