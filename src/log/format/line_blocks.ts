/** Line blocks: a part is read in blocks of whole lines; a hash says which line was the last. */
import { grown } from "../../base/bytes.ts";
import { blocksOfFile, readFully } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { event_bytes_max, read_bytes } from "../../base/limits.ts";

/** Identifies a part's last indexed line: its length, and 32 bits of its hash (FNV-1a). */
export function lineHash(line: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of line) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${line.length}-${(hash >>> 0).toString(16)}`;
}

const NEWLINE = 10;

/** A byte range of a part: whole lines, or one line that is too long, or the torn end. */
export interface Block {
  start: number;
  /** Offset after the last newline of this block. */
  end: number;
  bytes: Uint8Array;
  oversized_bytes: number;
  torn_bytes: number;
}

/** Cuts a part into blocks of whole lines, in bounded memory whatever the lines' lengths. */
export function* blocksOfLines(file: OpenFile, start: number, end: number): Generator<Block> {
  let buffer = new Uint8Array(read_bytes);
  let kept = 0;
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
    // The part was cut back meanwhile; the next pass sees what it is now.
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
      buffer = grown(buffer, Math.min(buffer.length * 2, event_bytes_max + read_bytes));
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
  let at = from;
  for (const bytes of blocksOfFile(file, end - from, from)) {
    const newline = bytes.indexOf(NEWLINE);
    if (newline >= 0) return at + newline;
    at += bytes.length;
  }
}
