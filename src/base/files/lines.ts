/** Bytes -> lines, for the log, for streams and for records alike. */

/** A line of a block. */
export interface Line {
  /** Byte offset of its first byte, counted from wherever the block's start was said to be. */
  offset: number;
  /** Without its newline. */
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

/** Bytes as text; undefined when they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return fatal_decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
