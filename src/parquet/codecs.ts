/** How pages are decompressed: snappy by hyparquet itself, the others by Node's zlib. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { CompressionCodec, Compressors } from "hyparquet";

/** The codecs of files that can be read. */
export const SUPPORTED_CODECS: readonly CompressionCodec[] = [
  "UNCOMPRESSED",
  "SNAPPY",
  "ZSTD",
  "GZIP",
];

/** Unpacks a page. One that turns out larger than its header says is damaged, and not unpacked. */
export function unpackedZstd(bytes: Uint8Array, size_bytes: number): Uint8Array {
  return zstdDecompressSync(bytes, roomFor(size_bytes));
}

/** For hyparquet. */
export const DECOMPRESSORS: Compressors = {
  ZSTD: unpackedZstd,
  GZIP: (bytes, size_bytes) => gunzipSync(bytes, roomFor(size_bytes)),
};

function roomFor(size_bytes: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, size_bytes) };
}
