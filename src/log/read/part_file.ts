/** A part open for reading, plain or compacted: in both, offsets are those of the lines as written. */
import { dirname } from "@std/path";
import { endOfLastLine } from "../../base/files/lines.ts";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { openOwn, readFully } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import { part_looks_max } from "../../base/limits.ts";
import { type PartExtent, partsOfDay } from "./parts.ts";
import { type Block, blocksOfLines } from "../format/line_blocks.ts";
import type { Checksum } from "../format/checksum.ts";

export interface OpenPart extends Disposable {
  /** The Parquet file, where it is one that was opened. */
  packed_path: string | undefined;
  blocks(from: number): Generator<Block>;
  /** The same without the lines that an index takes from the columns; those of a compacted part. */
  blocksWithoutTrials(from: number): Generator<Block>;
  bytesBetween(from: number, to: number): Uint8Array;
  /** Where the line begins that ends, with its newline, at this offset. */
  startOfLineBefore(end: number): number;
}

/** Opens a part. One that is being compacted or restored is found under its new name. */
export async function openPart(world: World, extent: PartExtent): Promise<OpenPart> {
  for (let now = extent, look = 1;; look++) {
    try {
      return now.compacted ? await openPacked(world, now, now.compacted) : openLines(world, now);
    } catch (error) {
      const problem = asLedgerError(error);
      const moved = look < part_looks_max ? await movedTo(world, now, problem) : undefined;
      if (moved) now = moved;
      else if (problem?.code === "not_found") throw concurrentlyRemoved(extent.label);
      else throw error;
    }
  }
}

/** Where a part is by now; undefined when it did not move. */
async function movedTo(
  world: World,
  { path, part, label, compacted }: PartExtent,
  problem: LedgerError | undefined,
): Promise<PartExtent | undefined> {
  if (problem?.code !== "not_found" && problem?.code !== "damaged") return undefined;
  const root = dirname(dirname(dirname(path)));
  const extents = await partsOfDay(world.files, root, part.day);
  const found = extents.find((extent) => extent.label === label);
  const is_same = found?.path === path && found.compacted?.sha256 === compacted?.sha256;
  return is_same ? undefined : found;
}

/** For a part that was there a moment ago: its day was archived or deleted meanwhile. */
export function concurrentlyRemoved(label: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `${label} went from the log while it was read`,
    hint: "its day was archived or deleted meanwhile; repeat it",
    detail: { went: label },
  });
}

/** Whether that is what happened: then what there is now can be read. */
export function wasConcurrentlyRemoved(error: unknown): boolean {
  return asLedgerError(error)?.detail?.went !== undefined;
}

export async function endOfLines(world: World, extent: PartExtent): Promise<number> {
  if (extent.compacted) return extent.size_bytes;
  using part = await openPart(world, extent);
  return part.startOfLineBefore(extent.size_bytes + 1);
}

function openLines(world: World, { path, size_bytes }: PartExtent): OpenPart {
  const file = openOwn(world.files, path);
  const blocks = (from: number) => blocksOfLines(file, from, size_bytes);
  return {
    packed_path: undefined,
    blocks,
    blocksWithoutTrials: blocks,
    bytesBetween: (from, to) => readFully(file, new Uint8Array(to - from), from),
    startOfLineBefore: (end) => endOfLastLine(file, end - 1),
    [Symbol.dispose]: () => file.close(),
  };
}

async function openPacked(world: World, extent: PartExtent, checksum: Checksum): Promise<OpenPart> {
  const { path, size_bytes, last_line_at } = extent;
  const file = openOwn(world.files, path);
  try {
    // A changed page may well decode, to other lines: the file is proven before it is read.
    const { matchesChecksum } = await import("../format/checksum.ts");
    if (!matchesChecksum(file, checksum)) throw changed(path);
    const { unpackLines } = await import("../codec/unpacking.ts");
    const bytesBetween = (from: number, to: number) => {
      const bytes = new Uint8Array(to - from);
      let filled = 0;
      for (const block of unpackLines(file, { from })) {
        const taken = block.bytes.subarray(0, bytes.length - filled);
        bytes.set(taken, filled);
        filled += taken.length;
        if (filled === bytes.length) break;
      }
      return bytes.subarray(0, filled);
    };
    return {
      packed_path: path,
      blocks: (from) => unpackLines(file, { from }),
      blocksWithoutTrials: (from) => unpackLines(file, { from, without_trials: true }),
      bytesBetween,
      startOfLineBefore(end) {
        // Behind the last line nothing begins any more: a compacted part has no torn end.
        if (end > size_bytes) return size_bytes;
        if (end === size_bytes && last_line_at !== undefined) return last_line_at;
        let start = 0;
        for (const { bytes, start: at } of unpackLines(file)) {
          const length = Math.min(bytes.length, end - at);
          if (length <= 0) break;
          // What ends at `end` is a newline: the line begins after the one before it.
          start = at + bytes.subarray(0, length - 1).lastIndexOf(NEWLINE) + 1;
        }
        return start;
      },
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

const NEWLINE = 10;

function changed(path: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read ${path}: it is not what was written when the part was compacted`,
    where: { path },
    hint: "see where with: ledger verify --deep; then restore the file from a backup or an archive",
  });
}
