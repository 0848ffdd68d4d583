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

/** For hyparquet. A page that turns out larger than its header says is damaged, and not unpacked. */
export const DECOMPRESSORS: Compressors = {
  ZSTD: (bytes, size_bytes) => zstdDecompressSync(bytes, roomFor(size_bytes)),
  GZIP: (bytes, size_bytes) => gunzipSync(bytes, roomFor(size_bytes)),
};

function roomFor(size_bytes: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, size_bytes) };
}
