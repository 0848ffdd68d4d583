/**
 * Streaming scan of a CSV file that is hashed: how many rows it has, and from when to when they are. It
 * looks at each byte once. What it is not sure of it does not tell.
 */
import { viewOf } from "../../base/bytes.ts";
import { timeColumn, timeOfText, type TimeSpan } from "./time_column.ts";
import { TimeRange } from "./time_range.ts";

const TAB = 9, NEWLINE = 10, RETURN = 13, QUOTE = 34, COMMA = 44, ZERO = 48, SEMICOLON = 59;
const WORD = 4;
/** So many digits are a small integer. */
const SMALL_DIGITS = 9, SMALL_MAX = 1e9;

const decoder = new TextDecoder();

interface CsvFacts extends Partial<TimeSpan> {
  rows: number;
}

/** The rows of one file, which come in pieces. */
export class CsvScan {
  #rows = 0;
  #delimiter = COMMA;
  #times?: TimeRange;
  /** The column with the times; -1 where there is none. */
  #column = -1;
  #has_begun = false;
  /** Whether this is no CSV, or none that can be counted. */
  #is_lost = false;

  /** Takes the whole rows at the front; returns where the first begins that is not whole. */
  take(bytes: Uint8Array, is_end: boolean): number {
    if (this.#is_lost) return bytes.length;
    const start = this.#has_begun ? 0 : this.#begin(bytes, is_end);
    this.#has_begun = true;
    if (this.#is_lost) return bytes.length;
    const end = this.#scan(bytes, start, is_end);
    // A row that fills the buffer, or a quote that nothing ends: its rows cannot be told.
    if (end === start && !is_end) this.#is_lost = true;
    return end;
  }

  /** What was seen, once all was taken. */
  facts(): CsvFacts | undefined {
    if (this.#is_lost) return undefined;
    return { rows: this.#rows, ...this.#times?.span() };
  }

  #scan(bytes: Uint8Array, start: number, is_end: boolean): number {
    const end = this.#scanPlain(bytes, start, bytes.lastIndexOf(NEWLINE) + 1);
    const is_over = bytes.indexOf(NEWLINE, end) < 0 && !is_end;
    return is_over || end === bytes.length ? end : this.#scanQuoted(bytes, end, is_end);
  }

  /**
   * Takes whole rows up to the first that has a quote, and returns where that begins. Most bytes are
   * not looked at one by one; the times are small integers for as long as they can be, which take a
   * third of the time of doubles.
   */
  #scanPlain(bytes: Uint8Array, start: number, end: number): number {
    const delimiter = this.#delimiter;
    const view = viewOf(bytes);
    const words_end = end - WORD;
    let least = Infinity, greatest = -Infinity;
    let row = start;
    scan: while (row < end) {
      let at = row;
      for (let column = this.#column; column > 0 && bytes[at] !== NEWLINE; at++) {
        if (bytes[at] === QUOTE) break scan;
        if (bytes[at] === delimiter) column--;
      }
      if (this.#column >= 0) {
        const from = at;
        let high = 0, low = 0, scale = 1;
        let digit = bytes[at] - ZERO;
        while (digit >= 0 && digit <= 9 && at < from + SMALL_DIGITS) {
          high = (high * 10 + digit) | 0;
          digit = bytes[++at] - ZERO;
        }
        while (digit >= 0 && digit <= 9 && scale < SMALL_MAX) {
          low = (low * 10 + digit) | 0;
          scale *= 10;
          digit = bytes[++at] - ZERO;
        }
        const is_number = at > from && (bytes[at] === delimiter || bytes[at] === NEWLINE);
        if (is_number && this.#times!.has_unit) {
          const value = high * scale + low;
          if (value < least) least = value;
          if (value > greatest) greatest = value;
        } else {
          while (bytes[at] !== delimiter && bytes[at] !== NEWLINE) {
            if (bytes[at++] === QUOTE) break scan;
          }
          this.#addTime(bytes, from, at);
        }
      }
      while (at <= words_end && !hasStop(view.getInt32(at, true))) at += WORD;
      while (bytes[at] !== NEWLINE && bytes[at] !== QUOTE) at++;
      if (bytes[at] === QUOTE) break;
      if (!isBlank(bytes, row, at)) this.#rows++;
      row = at + 1;
    }
    if (least <= greatest) {
      this.#times!.addNumber(least);
      this.#times!.addNumber(greatest);
    }
    return row;
  }

  #addTime(bytes: Uint8Array, from: number, to: number): void {
    this.#times!.add(bytes, from, to);
    if (this.#times!.is_unclear) this.#column = -1;
  }

  /** Row by row, byte by byte: a quote may hide what ends a field, or a row. */
  #scanQuoted(bytes: Uint8Array, start: number, is_end: boolean): number {
    const delimiter = this.#delimiter;
    const highest = Math.max(delimiter, QUOTE);
    const wanted = this.#column;
    const { length } = bytes;
    let row = start, field = start, column = 0, from = start, to = -1;
    let is_quoted = false;
    for (let at = start; at < length; at++) {
      const byte = bytes[at];
      if (byte > highest) continue;
      if (byte === QUOTE) {
        if (!is_quoted) is_quoted = at === field;
        else if (bytes[at + 1] === QUOTE) at++;
        else is_quoted = false;
      } else if (is_quoted) continue;
      else if (byte === delimiter) {
        if (column === wanted) to = at;
        field = at + 1;
        if (++column === wanted) from = field;
      } else if (byte === NEWLINE) {
        this.#row(bytes, row, at, column < wanted ? at : from, to < 0 ? at : to);
        row = field = from = at + 1;
        column = 0;
        to = -1;
      }
    }
    if (!is_end) return row;
    if (is_quoted) this.#is_lost = true;
    if (row < length) {
      this.#row(bytes, row, length, column < wanted ? length : from, to < 0 ? length : to);
    }
    return length;
  }

  #row(bytes: Uint8Array, start: number, end: number, from: number, to: number): void {
    if (isBlank(bytes, start, end)) return;
    this.#rows++;
    if (this.#column >= 0) this.#addTime(bytes, from, to);
  }

  /** Finds the delimiter and the header; returns where the rows begin. */
  #begin(bytes: Uint8Array, is_end: boolean): number {
    const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    const first = lineAt(bytes, start, is_end);
    // UTF-16, and whatever else has no text in it.
    if (first?.line.includes("\0") || !first && bytes.length > 0) this.#is_lost = true;
    if (!first || this.#is_lost) return start;
    const counts = [COMMA, SEMICOLON, TAB].map((byte) => {
      return { byte, count: first.line.split(String.fromCharCode(byte)).length };
    });
    this.#delimiter = counts.reduce((a, b) => b.count > a.count ? b : a).byte;
    const second = lineAt(bytes, first.next, is_end);
    const names = this.#fields(first.line);
    if (!isHeader(names, second ? this.#fields(second.line) : [])) return start;
    this.#column = timeColumn(names);
    if (this.#column >= 0) this.#times = new TimeRange(names[this.#column]);
    return first.next;
  }

  #fields(line: string): string[] {
    return line.split(String.fromCharCode(this.#delimiter))
      .map((field) => field.trim().replace(/^"(.*)"$/, "$1"));
  }
}

/** An empty line is no row. */
function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  return end === start || (end === start + 1 && bytes[start] === RETURN);
}

/** Whether one of four bytes is a line break or a quote: a difference of zero, which a borrow tells. */
function hasStop(word: number): boolean {
  const to_newline = word ^ 0x0a0a0a0a, to_quote = word ^ 0x22222222;
  const borrows = ((to_newline - 0x01010101) & ~to_newline) | ((to_quote - 0x01010101) & ~to_quote);
  return (borrows & 0x80808080) !== 0;
}

/** A line of text, and where the next begins. */
function lineAt(bytes: Uint8Array, start: number, is_end: boolean) {
  const newline = bytes.indexOf(NEWLINE, start);
  if (newline < 0 && (!is_end || start >= bytes.length)) return undefined;
  const end = newline < 0 ? bytes.length : newline;
  return {
    line: decoder.decode(bytes.subarray(start, end)),
    next: Math.min(end + 1, bytes.length),
  };
}

/** Names stand where the rows have numbers or times; where none do, no first field is one either. */
function isHeader(first: readonly string[], second: readonly string[]): boolean {
  const isValue = (text: string) =>
    text !== "" && (Number.isFinite(Number(text)) || !Number.isNaN(timeOfText(text)));
  const values = second.map((text, at) => isValue(text) && first[at] !== undefined ? at : -1)
    .filter((at) => at >= 0);
  return values.some((at) => !isValue(first[at])) || !first.some(isValue);
}
