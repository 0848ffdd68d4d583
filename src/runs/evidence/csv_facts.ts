/**
 * Streaming scan of a CSV file that is hashed: how many rows it has, and from when to when they are. It
 * looks at each byte once. What it is not sure of it does not tell.
 */
import { msPerUnit, spanOf, timeColumn, timeOfText, type TimeSpan } from "./time_column.ts";

const TAB = 9, NEWLINE = 10, RETURN = 13, SPACE = 32, QUOTE = 34, COMMA = 44, SEMICOLON = 59;
const ZERO = 48, NINE = 57;

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
    // An empty line is no row.
    if (end - start < 2 && (end === start || bytes[start] === RETURN)) return;
    this.#rows++;
    if (this.#column < 0) return;
    this.#times!.add(bytes, from, to);
    if (this.#times!.is_unclear) this.#column = -1;
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

/** Values that say that there is none. */
const EMPTY = new Set(["", "null", "NULL", "NaN", "nan", "NaT", "NA", "None"]);
/** A day, and the time of the day if there is one, up to the zone: so digits order as times do. */
const TEXT_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.]\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?$/;
const DAY_CHARS = 10;

/** The least and the greatest time of a column. */
class TimeRange {
  /** Of numbers, as they stand there. */
  #least = Infinity;
  #greatest = -Infinity;
  #unit_ms?: number;
  /** Of texts that are like no other, in ms. */
  #from_ms = Infinity;
  #to_ms = -Infinity;
  /** Of texts like the first: their days and what stands behind these, as numbers. */
  #like?: Uint8Array;
  #digits_end = 0;
  #first_day = Infinity;
  #first_rest = Infinity;
  #last_day = -Infinity;
  #last_rest = -Infinity;
  /** Whether a value is no time: then nothing can be said of the column. */
  is_unclear = false;

  constructor(readonly name: string) {}

  add(bytes: Uint8Array, from: number, to: number): void {
    while (to > from && isFrame(bytes[to - 1])) to--;
    while (from < to && isFrame(bytes[from])) from++;
    if (this.#like && this.#addLike(this.#like, bytes, from, to)) return;
    let value = 0;
    let at = from;
    for (; at < to; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at < to || at === from) this.#addText(decoder.decode(bytes.subarray(from, to)));
    else if (this.#unit_ms !== undefined) this.#addNumber(value);
    else this.#addFirstNumber(value, decoder.decode(bytes.subarray(from, to)));
  }

  #addNumber(value: number): void {
    if (value < this.#least) this.#least = value;
    if (value > this.#greatest) this.#greatest = value;
  }

  #addFirstNumber(value: number, text: string): void {
    const has_unit = msPerUnit(this.name, 0) !== undefined;
    const day_ms = has_unit ? NaN : timeOfText(text);
    if (text.length === 8 && day_ms >= 0) return this.#addTime(day_ms);
    this.#unit_ms = msPerUnit(this.name, value);
    if (this.#unit_ms === undefined) this.is_unclear = true;
    else this.#addNumber(value);
  }

  #addTime(time_ms: number): void {
    if (Number.isNaN(time_ms)) this.is_unclear = true;
    this.#from_ms = Math.min(this.#from_ms, time_ms);
    this.#to_ms = Math.max(this.#to_ms, time_ms);
  }

  #addText(text: string): void {
    if (EMPTY.has(text)) return;
    if (/^-?\d+[.]\d+$/.test(text)) {
      this.#unit_ms ??= msPerUnit(this.name, Number(text));
      if (this.#unit_ms === undefined) this.is_unclear = true;
      return this.#addNumber(Number(text));
    }
    this.#addTime(timeOfText(text));
    const [, zone = ""] = TEXT_TIME.exec(text) ?? [];
    if (this.#like || this.is_unclear || !TEXT_TIME.test(text)) return;
    this.#like = new TextEncoder().encode(text);
    this.#digits_end = text.length - zone.length;
  }

  /** Whether the text differs from the first in its digits alone; then it is counted. */
  #addLike(like: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from !== like.length) return false;
    let day = 0, rest = 0;
    for (let at = 0; at < like.length; at++) {
      const byte = bytes[from + at], other = like[at];
      if (at >= this.#digits_end || other < ZERO || other > NINE) {
        if (byte !== other) return false;
      } else if (byte < ZERO || byte > NINE) return false;
      else if (at < DAY_CHARS) day = day * 10 + byte - ZERO;
      else rest = rest * 10 + byte - ZERO;
    }
    if (day < this.#first_day || (day === this.#first_day && rest < this.#first_rest)) {
      this.#first_day = day;
      this.#first_rest = rest;
    }
    if (day > this.#last_day || (day === this.#last_day && rest > this.#last_rest)) {
      this.#last_day = day;
      this.#last_rest = rest;
    }
    return true;
  }

  /** A text like the first, with these digits, as a time. */
  #timeLike(day: number, rest: number): number {
    const like = decoder.decode(this.#like);
    const digits = like.slice(0, this.#digits_end).replace(/\D/g, "").length;
    const filled = [...`${day}`.padStart(8, "0"), ...`${rest}`.padStart(digits - 8, "0")];
    let at = 0;
    const text = like.slice(0, this.#digits_end).replace(/\d/g, () => filled[at++]);
    return timeOfText(text + like.slice(this.#digits_end));
  }

  /** Undefined where no value is a time, or one is something else. */
  span(): TimeSpan | undefined {
    if (this.is_unclear) return undefined;
    const ends: number[] = [];
    if (this.#unit_ms !== undefined) {
      ends.push(this.#least * this.#unit_ms, this.#greatest * this.#unit_ms);
    }
    if (this.#from_ms <= this.#to_ms) ends.push(this.#from_ms, this.#to_ms);
    if (this.#first_day <= this.#last_day) {
      ends.push(this.#timeLike(this.#first_day, this.#first_rest));
      ends.push(this.#timeLike(this.#last_day, this.#last_rest));
    }
    return ends.length === 0 ? undefined : spanOf(Math.min(...ends), Math.max(...ends));
  }
}

/** What may stand around a value. */
function isFrame(byte: number): boolean {
  return byte === QUOTE || byte === SPACE || byte === RETURN;
}
