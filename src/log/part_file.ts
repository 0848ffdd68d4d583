/**
 * A part that is open for reading, whether it holds its lines as they are or was compacted. Offsets are
 * those of the lines as they were written, in both.
 */
import { dirname, join } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { fileDigest } from "../base/digest.ts";
import { readFully } from "../base/durable.ts";
import type { World } from "../base/world.ts";
import { parquetName } from "./layout.ts";
import type { PartExtent } from "./parts.ts";
import { type Block, blocksOfLines } from "./part_blocks.ts";
import { endOfLastLine } from "./repair.ts";

/** A part to read from. */
export interface OpenPart {
  /** Its lines from the start of one of them on. */
  blocks(from: number): Generator<Block>;
  /** The same without the lines that an index takes from the columns; those of a compacted part. */
  blocksWithoutTrials(from: number): Generator<Block>;
  /** Bytes from the start of a line on. */
  bytesBetween(from: number, to: number): Uint8Array;
  /** Where the line begins that ends, with its newline, at this offset. */
  startOfLineBefore(end: number): number;
  close(): void;
}

/** Opens a part. One that is compacted, or restored, at this very moment is found under its new name. */
export async function openPart(world: World, extent: PartExtent): Promise<OpenPart> {
  if (extent.compacted) {
    try {
      return await openPacked(world, extent);
    } catch (error) {
      if (asLedgerError(error)?.code !== "not_found") throw error;
      return openSibling(extent, "jsonl", (lines) => openLines(world, lines));
    }
  }
  try {
    return openLines(world, extent);
  } catch (error) {
    if (asLedgerError(error)?.code !== "not_found") throw error;
    return await openSibling(extent, "parquet", (packed) => openPacked(world, packed));
  }
}

async function openSibling(
  extent: PartExtent,
  format: "jsonl" | "parquet",
  open: (extent: PartExtent) => OpenPart | Promise<OpenPart>,
): Promise<OpenPart> {
  try {
    return await open({ ...extent, path: siblingPath(extent, format) });
  } catch (error) {
    throw asLedgerError(error)?.code === "not_found" ? wentMeanwhile(extent.label) : error;
  }
}

/** What is said where a part was there a moment ago: its day was archived or deleted meanwhile. */
export function wentMeanwhile(label: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `${label} went from the log while it was read`,
    hint: "its day was archived or deleted meanwhile; repeat it",
    detail: { went: label },
  });
}

/** Whether that is what happened: then what there is now can be read. */
export function hasGone(error: unknown): boolean {
  return asLedgerError(error)?.detail?.went !== undefined;
}

/** Where the last whole line of a part ends. */
export async function endOfLines(world: World, extent: PartExtent): Promise<number> {
  if (extent.compacted) return extent.size_bytes;
  const part = await openPart(world, extent);
  try {
    return part.startOfLineBefore(extent.size_bytes + 1);
  } finally {
    part.close();
  }
}

function siblingPath({ path, part }: PartExtent, format: "jsonl" | "parquet"): string {
  const name = parquetName(part);
  return join(dirname(path), format === "parquet" ? name : name.replace(/parquet$/, "jsonl"));
}

function openLines(world: World, { path, size_bytes }: PartExtent): OpenPart {
  const file = world.files.open(path, "read");
  const blocks = (from: number) => blocksOfLines(file, from, size_bytes);
  return {
    blocks,
    blocksWithoutTrials: blocks,
    bytesBetween: (from, to) => readFully(file, new Uint8Array(to - from), from),
    startOfLineBefore: (end) => endOfLastLine(file, end - 1),
    close: () => file.close(),
  };
}

async function openPacked(world: World, extent: PartExtent): Promise<OpenPart> {
  const { path, compacted, size_bytes, last_line_at } = extent;
  const file = world.files.open(path, "read");
  try {
    // A page that was changed may well decode, to other lines: nothing is read before this is known.
    if (compacted && fileDigest(world.files, path) !== compacted.sha256) throw changed(path);
    const { unpackLines } = await import("./packing.ts");
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
          start = at + bytes.lastIndexOf(NEWLINE, length - 2) + 1;
        }
        return start;
      },
      close: () => file.close(),
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
    hint: "see where with: ledger verify --deep; then take the file from a copy or an archive",
  });
}
