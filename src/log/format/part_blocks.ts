/** A part cut into stretches of whole lines, in bounded memory whatever the lines' lengths. */
import { readFully } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { event_bytes_max, read_bytes } from "../../base/limits.ts";

const NEWLINE = 10;

/** A stretch of a part: whole lines, or one line that is too long, or the torn end. */
export interface Block {
  start: number;
  /** Offset after the last newline of this block. */
  end: number;
  bytes: Uint8Array;
  oversized_bytes: number;
  torn_bytes: number;
}

/** Cuts a part into stretches of whole lines, in bounded memory whatever the lines' lengths. */
export function* blocksOfLines(file: OpenFile, start: number, end: number): Generator<Block> {
  let buffer = new Uint8Array(read_bytes);
  let kept = 0;
  /** Offset in the part of the buffer's first byte. */
  let base = start;
  const block = (facts: Partial<Block>): Block => ({
    start: base,
    end: base,
    bytes: buffer.subarray(0, 0),
    oversized_bytes: 0,
    torn_bytes: 0,
    ...facts,
  });
  while (base + kept < end) {
    const want = Math.min(buffer.length - kept, end - base - kept);
    const got = readFully(file, buffer.subarray(kept, kept + want), base + kept).length;
    // The part got shorter while it was read; the next look will tell what became of it.
    if (got === 0) return;
    const filled = kept + got;
    const newline = buffer.lastIndexOf(NEWLINE, filled - 1);
    if (newline >= 0) {
      const lines_end = base + newline + 1;
      yield block({ end: lines_end, bytes: buffer.subarray(0, newline + 1) });
      buffer.copyWithin(0, newline + 1, filled);
      kept = filled - newline - 1;
      base = lines_end;
    } else if (filled < buffer.length) {
      kept = filled;
    } else if (buffer.length <= event_bytes_max) {
      const larger = new Uint8Array(Math.min(buffer.length * 2, event_bytes_max + read_bytes));
      larger.set(buffer);
      buffer = larger;
      kept = filled;
    } else {
      const line_end = findNewline(file, base + filled, end);
      if (line_end === undefined) return yield block({ torn_bytes: end - base });
      yield block({ end: line_end + 1, oversized_bytes: line_end - base });
      base = line_end + 1;
      kept = 0;
    }
  }
  if (kept > 0) yield block({ torn_bytes: kept });
}

function findNewline(file: OpenFile, from: number, end: number): number | undefined {
  const buffer = new Uint8Array(read_bytes);
  for (let at = from; at < end;) {
    const bytes = readFully(file, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (bytes.length === 0) return undefined;
    const newline = bytes.indexOf(NEWLINE);
    if (newline >= 0) return at + newline;
    at += bytes.length;
  }
  return undefined;
}
