/** Checksums: sha256, which proves that bytes are what they were, and XXH32, which finds damage fast. */
import { createHash } from "node:crypto";
import { blocksOfFile, withOpenFile } from "./durable.ts";
import type { Files } from "./seam.ts";

export function digestOf(blocks: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const bytes of blocks) hash.update(bytes);
  return hash.digest("hex");
}

export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function fileDigest(files: Files, path: string): string {
  return withOpenFile(files, path, (file) => digestOf(blocksOfFile(file)));
}

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;
const STRIPE_BYTES = 16, WORD_BYTES = 4;

/**
 * XXH32 of a piece of bytes, with seed 0. A change within four bytes that lie at a multiple of four is
 * always found, and so is every single flipped bit; any other is missed once in 2^32. It takes a third
 * of the time of CRC-32C here.
 */
export function checksum32(view: DataView, start: number, end: number): number {
  let at = start;
  let sum = PRIME_5;
  if (end - start >= STRIPE_BYTES) {
    let lane_1 = (PRIME_1 + PRIME_2) | 0, lane_2 = PRIME_2, lane_3 = 0, lane_4 = -PRIME_1 | 0;
    for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
      lane_1 = (lane_1 + Math.imul(view.getInt32(at, true), PRIME_2)) | 0;
      lane_2 = (lane_2 + Math.imul(view.getInt32(at + 4, true), PRIME_2)) | 0;
      lane_3 = (lane_3 + Math.imul(view.getInt32(at + 8, true), PRIME_2)) | 0;
      lane_4 = (lane_4 + Math.imul(view.getInt32(at + 12, true), PRIME_2)) | 0;
      lane_1 = Math.imul((lane_1 << 13) | (lane_1 >>> 19), PRIME_1);
      lane_2 = Math.imul((lane_2 << 13) | (lane_2 >>> 19), PRIME_1);
      lane_3 = Math.imul((lane_3 << 13) | (lane_3 >>> 19), PRIME_1);
      lane_4 = Math.imul((lane_4 << 13) | (lane_4 >>> 19), PRIME_1);
    }
    sum = ((lane_1 << 1) | (lane_1 >>> 31)) + ((lane_2 << 7) | (lane_2 >>> 25)) +
      ((lane_3 << 12) | (lane_3 >>> 20)) + ((lane_4 << 18) | (lane_4 >>> 14));
  }
  sum = (sum + end - start) | 0;
  for (; at + WORD_BYTES <= end; at += WORD_BYTES) {
    sum = (sum + Math.imul(view.getInt32(at, true), PRIME_3)) | 0;
    sum = Math.imul((sum << 17) | (sum >>> 15), PRIME_4);
  }
  for (; at < end; at++) {
    sum = (sum + Math.imul(view.getUint8(at), PRIME_5)) | 0;
    sum = Math.imul((sum << 11) | (sum >>> 21), PRIME_1);
  }
  sum = Math.imul(sum ^ (sum >>> 15), PRIME_2);
  sum = Math.imul(sum ^ (sum >>> 13), PRIME_3);
  return (sum ^ (sum >>> 16)) >>> 0;
}
