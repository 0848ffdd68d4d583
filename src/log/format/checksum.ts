/** Checksum of a file: its sha256 proves it, and short digests of its blocks tell where it has changed. */
import { createHash } from "node:crypto";
import { digestOf } from "../../base/files/checksum.ts";
import { LedgerError } from "../../base/error.ts";
import { blocksOfFile, readFully } from "../../base/files/durable.ts";
import { checksum_block_bytes } from "../../base/limits.ts";
import type { OpenFile } from "../../base/files/seam.ts";

/** What a file was when it was sealed or compacted. */
export interface Checksum {
  bytes: number;
  sha256: string;
  /** A few bytes of the digest of each 64 KiB, in base64: they tell where a file has changed. */
  blocks: string;
}

const BLOCK_DIGEST_BYTES = 4;

export function checksumOf(file: OpenFile, size_bytes: number): Checksum {
  const whole = createHash("sha256");
  const digests = new Uint8Array(Math.ceil(size_bytes / checksum_block_bytes) * BLOCK_DIGEST_BYTES);
  for (const [at, bytes] of blocksOf(file, size_bytes)) {
    whole.update(bytes);
    digests.set(blockDigest(bytes), at / checksum_block_bytes * BLOCK_DIGEST_BYTES);
  }
  return { bytes: size_bytes, sha256: whole.digest("hex"), blocks: digests.toBase64() };
}

export function matchesChecksum(file: OpenFile, noted: Checksum): boolean {
  const { size_bytes } = file.facts();
  return size_bytes === noted.bytes && digestOf(blocksOfFile(file, size_bytes)) === noted.sha256;
}

/** Where a file is not what it was, and how that shows; undefined when it is what it was. */
export function findChange(
  file: OpenFile,
  noted: Checksum,
): { offset: number; reason: string } | undefined {
  const { size_bytes } = file.facts();
  if (matchesChecksum(file, noted)) return undefined;
  const digests = Uint8Array.fromBase64(noted.blocks);
  // Of a file that was cut short, the last block is not whole: that it is short is what counts.
  const compared_bytes = size_bytes < noted.bytes
    ? size_bytes - size_bytes % checksum_block_bytes
    : noted.bytes;
  for (const [at, bytes] of blocksOf(file, compared_bytes)) {
    const kept_at = at / checksum_block_bytes * BLOCK_DIGEST_BYTES;
    const is_same = blockDigest(bytes).every((byte, index) => byte === digests[kept_at + index]);
    if (is_same) continue;
    const end = at + bytes.length;
    return { offset: at, reason: `changed: between bytes ${at} and ${end} it is not what it was` };
  }
  if (size_bytes < noted.bytes) {
    return { offset: size_bytes, reason: `cut short: ${size_bytes} bytes of ${noted.bytes}` };
  }
  return size_bytes > noted.bytes
    ? { offset: noted.bytes, reason: `longer than it was: ${size_bytes} bytes, not ${noted.bytes}` }
    : { offset: 0, reason: "its digest is not what was noted, nor can the place be told" };
}

/** Throws where the lines of a part that is compacted have changed since they were sealed. */
export function verifyChecksum(lines: OpenFile, label: string, sealed: Checksum): void {
  const change = findChange(lines, sealed);
  if (!change) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot compact ${label}: it is not as it was sealed (${change.reason})`,
    where: { path: lines.path, offset: change.offset },
    hint: "nothing was changed; restore the part from a backup, then compact again",
  });
}

function* blocksOf(file: OpenFile, size_bytes: number): Generator<[number, Uint8Array]> {
  const buffer = new Uint8Array(checksum_block_bytes);
  for (let at = 0; at < size_bytes; at += checksum_block_bytes) {
    const wanted = Math.min(checksum_block_bytes, size_bytes - at);
    yield [at, readFully(file, buffer.subarray(0, wanted), at)];
  }
}

function blockDigest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, BLOCK_DIGEST_BYTES);
}
