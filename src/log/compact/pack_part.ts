/** One part -> its Parquet file under a temporary name, read back and durable. */
import { openOwn, removeQuietly } from "../../base/files/durable.ts";
import { LedgerError } from "../../base/error.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { type Checksum, checksumOf, verifyChecksum } from "../format/checksum.ts";
import { type PackingColumns, packLines } from "../codec/packing.ts";
import { linesDigest } from "../codec/unpacking.ts";

export interface PackRequest {
  /** `day=2026-01-23/part-000001.jsonl` */
  label: string;
  path: string;
  sealed: Checksum;
  /** Where lines begin that are no events. */
  corrupt: number[];
  temporary: string;
}

/** Packs a part. When it cannot, nothing is left of it. */
export function packPart(world: World, request: PackRequest, columns: PackingColumns): Checksum {
  const { label, path, sealed, temporary } = request;
  const corrupt = new Set(request.corrupt);
  using source = openOwn(world.files, path);
  let target: OpenFile | undefined;
  try {
    if (source.facts().size_bytes !== sealed.bytes) verifyChecksum(source, label, sealed);
    target = world.files.open(temporary, "create");
    const isCorrupt = (offset: number) => corrupt.has(offset);
    packLines(source, sealed.bytes, isCorrupt, target, { label, sha256: sealed.sha256, columns });
    if (linesDigest(target) !== sealed.sha256) {
      throw new LedgerError({
        code: "damaged",
        message: `cannot compact ${label}: read back, it did not give the bytes that were sealed`,
        hint: "the part has its lines still, as they were",
      });
    }
    const proof = checksumOf(target, target.facts().size_bytes);
    target.sync();
    return proof;
  } catch (error) {
    if (target) removeQuietly(world.files, temporary);
    // Lines that were changed may not even be lines any more: then that is the error.
    verifyChecksum(source, label, sealed);
    throw error;
  } finally {
    target?.close();
  }
}
