/** Bytes and streams into lines, in bounded memory; for the log, for traces and for records alike. */
import { grown } from "../bytes.ts";
import { event_bytes_max, read_bytes } from "../limits.ts";
import type { Input } from "../world.ts";
import { readFully } from "./durable.ts";
import type { OpenFile } from "./seam.ts";

export interface Line {
  /** Byte offset of its first byte, counted from wherever the block's start was said to be. */
  offset: number;
  size_bytes: number;
  /** Undefined when the bytes are not UTF-8. A byte order mark stays visible. */
  text: string | undefined;
}

const NEWLINE = 10;
const fatal_decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The lines of a block that ends in a newline. */
export function* linesOf(bytes: Uint8Array, start: number): Generator<Line> {
  // Decoding a block at once is several times faster than line by line.
  const text = utf8Text(bytes);
  if (text === undefined) {
    // Somewhere in the block is a byte that is no UTF-8: find out in which line.
    for (let at = 0; at < bytes.length;) {
      const line_end = bytes.indexOf(NEWLINE, at);
      const line = bytes.subarray(at, line_end);
      yield { offset: start + at, size_bytes: line.length, text: utf8Text(line) };
      at = line_end + 1;
    }
    return;
  }
  // Where every character is one byte, a place in the text is the same place in the bytes.
  const one_byte_each = text.length === bytes.length;
  let char = 0;
  for (let at = 0; at < bytes.length;) {
    const char_end = text.indexOf("\n", char);
    const line_end = one_byte_each ? char_end : bytes.indexOf(NEWLINE, at);
    yield { offset: start + at, size_bytes: line_end - at, text: text.slice(char, char_end) };
    char = char_end + 1;
    at = line_end + 1;
  }
}

export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return fatal_decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Where the last whole line of a file ends; 0 when it has none. */
export function endOfLastLine(file: OpenFile, size_bytes: number): number {
  const block = new Uint8Array(Math.min(read_bytes, size_bytes));
  for (let end = size_bytes; end > 0;) {
    const start = Math.max(0, end - block.length);
    const bytes = readFully(file, block.subarray(0, end - start), start);
    const newline = bytes.lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

interface BlockOptions {
  /** Ends the stream early. What there is of a line by then says nothing about the whole, and goes. */
  signal?: AbortSignal;
  /** Rejects when there is no point in reading on, while a read waits. */
  failed?: Promise<never>;
  /** Told the length of each line that is far too long to be held; it is in no block. */
  onLongLine: (size_bytes: number) => void;
}

/** Blocks of whole lines, each valid until the next. A last line without a newline counts as one. */
export async function* blocksOf(
  input: Pick<Input, "read">,
  options: BlockOptions,
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(read_bytes);
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      if (filled > event_bytes_max) {
        filled = await passOverLine(input, buffer, filled, options);
        continue;
      }
      buffer = grown(buffer, buffer.length * 2);
    }
    const got = await read(input, buffer.subarray(filled), options);
    if (got === null) break;
    const newline = buffer.lastIndexOf(NEWLINE, filled + got - 1);
    filled += got;
    if (newline < 0) continue;
    yield buffer.subarray(0, newline + 1);
    buffer.copyWithin(0, newline + 1, filled);
    filled -= newline + 1;
  }
  if (filled === 0 || options.signal?.aborted) return;
  // What came after a line that was passed over may be whole lines already.
  if (buffer[filled - 1] === NEWLINE) return yield buffer.subarray(0, filled);
  const last = new Uint8Array(filled + 1);
  last.set(buffer.subarray(0, filled));
  last[filled] = NEWLINE;
  yield last;
}

/** Reads on to the end of a line that is over the limit; returns how much of the next is there. */
async function passOverLine(
  input: Pick<Input, "read">,
  buffer: Uint8Array,
  filled: number,
  options: BlockOptions,
): Promise<number> {
  let length = filled;
  for (;;) {
    const got = await read(input, buffer, options);
    const newline = got === null ? -1 : buffer.subarray(0, got).indexOf(NEWLINE);
    length += got === null ? 0 : newline >= 0 ? newline : got;
    if (got !== null && newline < 0) continue;
    if (got === null && options.signal?.aborted) return 0;
    options.onLongLine(length);
    if (got === null) return 0;
    buffer.copyWithin(0, newline + 1, got);
    return got - newline - 1;
  }
}

/** Reads; null at the end, and when aborted, which a silent input must not delay. */
async function read(
  input: Pick<Input, "read">,
  buffer: Uint8Array,
  { signal, failed }: BlockOptions,
): Promise<number | null> {
  if (signal?.aborted) return null;
  const stopped = Promise.withResolvers<null>();
  const stop = () => stopped.resolve(null);
  signal?.addEventListener("abort", stop);
  try {
    return await Promise.race([input.read(buffer), stopped.promise, ...(failed ? [failed] : [])]);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    if (code < 0x800) length++;
    else {
      length += 2;
      // A pair takes four bytes and counts as two characters.
      if (code >= 0xd800 && code <= 0xdbff) at++;
    }
  }
  return length;
}
