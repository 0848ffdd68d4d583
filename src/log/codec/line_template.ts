/**
 * Line template: a line with its values taken out. Lines of one kind share one, so a compacted part keeps it
 * once, and the values by column; together they give the line back, byte for byte.
 */

import {
  line_template_chars_max,
  line_templates_max,
  line_templates_tried_max,
} from "../../base/limits.ts";
import { standsAt, viewOf } from "../../base/bytes.ts";

/** What is cut out of a line: members by these names, and every other value as `rest`. */
export const TEMPLATE_COLUMNS = [
  "event_id",
  "event_type",
  "run_id",
  "correlation_id",
  "causation_id",
  "trial_id",
  "timestamp_ms",
  "params",
  "metrics",
  "rest",
] as const;

export type TemplateColumn = (typeof TEMPLATE_COLUMNS)[number];

export const TIMESTAMP = TEMPLATE_COLUMNS.indexOf("timestamp_ms");
export const RESIDUAL = TEMPLATE_COLUMNS.indexOf("rest");

/**
 * In a template's text, the control character that stands for a value of the first column. Valid JSON holds
 * none of these: not in strings, and not between its words.
 */
const FIRST_MARK = 14;

/** Stands between the values of a line that share the column `rest`. */
export const RESIDUAL_SEPARATOR = 31;

const TAB = 9, NEWLINE = 10, RETURN = 13;
const QUOTE = 34, COMMA = 44, COLON = 58, AT = 64, BACKSLASH = 92;
const OPEN_LIST = 91, CLOSE_LIST = 93, OPEN = 123, CLOSE = 125, ZERO = 48, NINE = 57;
const TIMESTAMP_DIGITS_MAX = 15;
/** Outside of strings: for each byte, 1 when it neither ends a value nor nests nor is white space but a blank. */
const TELLS_NOTHING = new Uint8Array(256).fill(1);
for (const byte of [QUOTE, OPEN, OPEN_LIST, CLOSE, CLOSE_LIST, COMMA, TAB, RETURN]) {
  TELLS_NOTHING[byte] = 0;
}

/** Lines with more values than this are few. */
const VALUES_ROOM = 64;

const encoder = new TextEncoder();
/** A byte order mark is a letter like any other: without it, a key would be another key. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class LineTemplate {
  /** What stands before each value, and after the last. */
  readonly literals: DataView[] = [];
  readonly columns: number[] = [];
  /** For each column the place of its first value among the template's; -1 where it has none. */
  readonly position_of: readonly number[];
  /**
   * For each value the byte that it must not begin with; 0 where it may be any. A residual member such as
   * `"run_id":null` goes to its own column in a line where it is a text.
   */
  readonly refused: readonly number[];
  /** Whether what stands between the values has no escapes, no space but blanks, and no `"@`. */
  readonly is_plain: boolean;

  constructor(readonly number: number, readonly text: string) {
    let literal = "";
    for (const char of text) {
      const column = char.charCodeAt(0) - FIRST_MARK;
      if (column < 0 || column >= TEMPLATE_COLUMNS.length) literal += char;
      else {
        this.columns.push(column);
        this.literals.push(viewOf(encoder.encode(literal)));
        literal = "";
      }
    }
    this.literals.push(viewOf(encoder.encode(literal)));
    this.position_of = TEMPLATE_COLUMNS.map((_, column) => this.columns.indexOf(column));
    this.refused = this.columns.map((column, at) =>
      column === RESIDUAL ? refusedAfter(this.literals[at]) : 0
    );
    this.is_plain = !/[\\\t\r]|"@/.test(text);
  }

  has(column: TemplateColumn): boolean {
    return this.position_of[TEMPLATE_COLUMNS.indexOf(column)] >= 0;
  }
}

/** What a value of the column `rest` must not begin with, by the key that stands before it. */
function refusedAfter(literal: DataView): number {
  const key = /"([a-z_]+)"\s*:\s*$/.exec(decoder.decode(literal))?.[1];
  const column = TEMPLATE_COLUMNS.indexOf(key as TemplateColumn);
  if (column < 0 || column === RESIDUAL) return 0;
  return column < TIMESTAMP ? QUOTE : OPEN;
}

/** Template matcher: takes lines apart. Its fields describe the last line. */
export class TemplateMatcher {
  readonly templates: LineTemplate[] = [];
  template!: LineTemplate;
  /** Where the values of the last line begin and end, in the order of the template's columns. */
  starts = new Int32Array(VALUES_ROOM);
  ends = new Int32Array(VALUES_ROOM);
  end = 0;
  /** Whether the last line has no escapes, no space but blanks, and no `"@`. */
  is_plain = true;
  #recent: LineTemplate[] = [];
  readonly #by_text = new Map<string, LineTemplate>();

  /**
   * Matches the line at `start`, which is known to be an event, and finds its end; false when the line has
   * to be kept as it is. `view` is one on all of the bytes.
   */
  match(bytes: Uint8Array, view: DataView, start: number): boolean {
    for (let at = 0; at < this.#recent.length; at++) {
      const template = this.#recent[at];
      if (!this.#fits(template, bytes, view, start)) continue;
      if (at > 0) this.#recent.unshift(...this.#recent.splice(at, 1));
      this.template = template;
      return true;
    }
    const newline = bytes.indexOf(NEWLINE, start);
    const end = this.end = newline < 0 ? bytes.length : newline;
    const template = this.#templateOf(bytes, start, end);
    if (!template || !this.#fits(template, bytes, view, start)) return false;
    this.#recent.unshift(template);
    this.#recent.length = Math.min(this.#recent.length, line_templates_tried_max);
    this.template = template;
    return true;
  }

  /** Whether a line fits a template. An event has no newline within, so a match ends where its line does. */
  #fits(template: LineTemplate, bytes: Uint8Array, view: DataView, start: number): boolean {
    const { literals, columns, refused } = template;
    const end = bytes.length;
    this.is_plain = template.is_plain;
    let at = start;
    for (let index = 0; index < columns.length; index++) {
      const literal = literals[index];
      if (at + literal.byteLength > end || !standsAt(literal, view, at)) return false;
      at += literal.byteLength;
      this.starts[index] = at;
      if (refused[index] > 0 && beginsWith(refused[index], bytes, at)) return false;
      at = this.#endOfColumn(columns[index], bytes, at, end);
      if (at < 0) return false;
      this.ends[index] = at;
    }
    const last = literals[columns.length];
    if (at + last.byteLength > end || !standsAt(last, view, at)) return false;
    at += last.byteLength;
    if (at < end && bytes[at] !== NEWLINE) return false;
    this.end = at;
    return true;
  }

  /** Where the value of a column ends; negative when what stands there is none of its kind. */
  #endOfColumn(column: number, bytes: Uint8Array, at: number, end: number): number {
    if (column < TIMESTAMP) {
      // The quotes belong to the template.
      if (bytes[at] === AT) this.is_plain = false;
      for (; at < end; at++) {
        if (bytes[at] === QUOTE) return at;
        if (bytes[at] === BACKSLASH) return -1;
      }
      return -1;
    }
    if (column === TIMESTAMP) return endOfTimestamp(bytes, at, end);
    if (column !== RESIDUAL && bytes[at] !== OPEN) return -1;
    return this.#endOfValue(bytes, at, end);
  }

  /** Where a value at the top level of an object ends, space after it included. */
  #endOfValue(bytes: Uint8Array, at: number, end: number): number {
    let depth = 0;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (TELLS_NOTHING[byte] === 1) continue;
      if (byte === QUOTE) {
        at = this.#endOfString(bytes, at + 1, end);
        if (at < 0) return -1;
      } else if (byte === OPEN || byte === OPEN_LIST) depth++;
      else if (byte === CLOSE || byte === CLOSE_LIST) {
        if (depth === 0) return at;
        depth--;
      } else if (byte === COMMA) {
        if (depth === 0) return at;
      } else this.is_plain = false;
    }
    return -1;
  }

  #endOfString(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === AT) this.is_plain = false;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        this.is_plain = false;
        at++;
      }
    }
    return -1;
  }

  /** The template of a new kind of line; undefined when the line should be kept as it is. */
  #templateOf(bytes: Uint8Array, start: number, end: number): LineTemplate | undefined {
    const pieces: string[] = [];
    let copied_to = start;
    let at = bytes.indexOf(OPEN, start) + 1;
    for (;;) {
      const key_at = bytes.indexOf(QUOTE, at);
      // An object without members, or with a key that is written with escapes.
      if (key_at < 0 || key_at >= end) return undefined;
      const key_end = bytes.indexOf(QUOTE, key_at + 1);
      const key = decoder.decode(bytes.subarray(key_at + 1, key_end));
      if (key.includes("\\")) return undefined;
      let value_at = bytes.indexOf(COLON, key_end) + 1;
      while (isSpace(bytes[value_at])) value_at++;
      const value_end = this.#endOfValue(bytes, value_at, end);
      if (value_end < 0) return undefined;
      const cut = cutOf(key, bytes, value_at, value_end);
      if (!cut) return undefined;
      pieces.push(decoder.decode(bytes.subarray(copied_to, cut.start)));
      pieces.push(String.fromCharCode(FIRST_MARK + cut.column));
      copied_to = cut.end;
      if (bytes[value_end] !== COMMA) break;
      at = value_end + 1;
    }
    pieces.push(decoder.decode(bytes.subarray(copied_to, end)));
    return this.#register(pieces.join(""));
  }

  #register(text: string): LineTemplate | undefined {
    const known = this.#by_text.get(text);
    if (known) return known;
    if (this.templates.length >= line_templates_max || text.length > line_template_chars_max) {
      return undefined;
    }
    const template = new LineTemplate(this.templates.length, text);
    this.templates.push(template);
    this.#by_text.set(text, template);
    if (template.columns.length > this.starts.length) {
      this.starts = new Int32Array(template.columns.length);
      this.ends = new Int32Array(template.columns.length);
    }
    return template;
  }
}

/** What of a member is taken out; undefined when its column could not give it back. */
function cutOf(key: string, bytes: Uint8Array, start: number, end: number) {
  const column = TEMPLATE_COLUMNS.indexOf(key as TemplateColumn);
  if (column < 0 || column === RESIDUAL) return { column: RESIDUAL, start, end };
  if (column < TIMESTAMP) {
    if (bytes[start] !== QUOTE) return { column: RESIDUAL, start, end };
    const closes_at = bytes.indexOf(QUOTE, start + 1);
    return bytes.subarray(start, closes_at).includes(BACKSLASH)
      ? undefined
      : { column, start: start + 1, end: closes_at };
  }
  if (column === TIMESTAMP) {
    const digits_end = endOfTimestamp(bytes, start, end);
    return digits_end < 0 || /[.eE]/.test(String.fromCharCode(bytes[digits_end]))
      ? undefined
      : { column, start, end: digits_end };
  }
  return bytes[start] === OPEN ? { column, start, end } : { column: RESIDUAL, start, end };
}

/** Where a time of digits alone ends; negative for any other. */
function endOfTimestamp(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] >= ZERO && bytes[at] <= NINE) at++;
  const digits = at - start;
  if (digits === 0 || digits > TIMESTAMP_DIGITS_MAX) return -1;
  return digits > 1 && bytes[start] === ZERO ? -1 : at;
}

function beginsWith(byte: number, bytes: Uint8Array, at: number): boolean {
  while (isSpace(bytes[at])) at++;
  return bytes[at] === byte;
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === TAB || byte === RETURN || byte === 10;
}
