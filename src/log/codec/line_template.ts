/**
 * A line -> its shape and its values, and back, byte for byte. The shape is the line with its values
 * taken out. Lines of one kind share one, so a compacted part keeps it once, and the values by column.
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

/** A column that values of lines go to. */
export type TemplateColumn = (typeof TEMPLATE_COLUMNS)[number];

const TIMESTAMP = TEMPLATE_COLUMNS.indexOf("timestamp_ms");
const REST = TEMPLATE_COLUMNS.indexOf("rest");

/**
 * In a shape's text, the control character that stands for a value of the first slot. Valid JSON holds
 * none of these: not in strings, and not between its words.
 */
const FIRST_MARK = 14;

/** Stands between the values of a line that share the column `rest`. */
export const REST_SEPARATOR = 31;

const TAB = 9,
  NEWLINE = 10,
  RETURN = 13,
  QUOTE = 34,
  COMMA = 44,
  COLON = 58,
  AT = 64,
  BACKSLASH = 92;
const OPEN_LIST = 91, CLOSE_LIST = 93, OPEN = 123, CLOSE = 125, ZERO = 48, NINE = 57;
const TIMESTAMP_DIGITS_MAX = 15;
/** Outside of strings: for each byte, 1 when neither a value ends there nor anything else follows from it. */
const TELLS_NOTHING = new Uint8Array(256).fill(1);
for (const byte of [QUOTE, OPEN, OPEN_LIST, CLOSE, CLOSE_LIST, COMMA, TAB, RETURN]) {
  TELLS_NOTHING[byte] = 0;
}

/** Lines with more values than this are few. */
const SLOTS_ROOM = 64;

const encoder = new TextEncoder();
/** A byte order mark is a letter like any other: without it, a key would be another key. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What lines of one kind have in common. */
export class LineTemplate {
  /** What stands before each value, and after the last. */
  readonly literals: DataView[] = [];
  /** Which slot each value goes to. */
  readonly slots: number[] = [];
  /** For each slot the place of its first value among the shape's; -1 where it has none. */
  readonly place_of: readonly number[];
  /**
   * For each value the byte that it must not begin with; 0 where it may be any. A member that was
   * among the rest, such as `"run_id":null`, goes to its column in another line, where it is a text.
   */
  readonly refused: readonly number[];
  /** Whether what stands between the values has no escapes, no space but blanks, and no `"@`. */
  readonly is_plain: boolean;

  constructor(readonly number: number, readonly text: string) {
    let literal = "";
    for (const char of text) {
      const slot = char.charCodeAt(0) - FIRST_MARK;
      if (slot < 0 || slot >= TEMPLATE_COLUMNS.length) literal += char;
      else {
        this.slots.push(slot);
        this.literals.push(viewOf(encoder.encode(literal)));
        literal = "";
      }
    }
    this.literals.push(viewOf(encoder.encode(literal)));
    this.place_of = TEMPLATE_COLUMNS.map((_, slot) => this.slots.indexOf(slot));
    this.refused = this.slots.map((slot, at) =>
      slot === REST ? refusedAfter(this.literals[at]) : 0
    );
    this.is_plain = !/[\\\t\r]|"@/.test(text);
  }

  /** Whether values of this slot are taken out. */
  has(slot: TemplateColumn): boolean {
    return this.place_of[TEMPLATE_COLUMNS.indexOf(slot)] >= 0;
  }
}

/** What a value of the column `rest` must not begin with, by the key that stands before it. */
function refusedAfter(literal: DataView): number {
  const key = /"([a-z_]+)"\s*:\s*$/.exec(decoder.decode(literal))?.[1];
  const slot = TEMPLATE_COLUMNS.indexOf(key as TemplateColumn);
  if (slot < 0 || slot === REST) return 0;
  return slot < TIMESTAMP ? QUOTE : OPEN;
}

/** Takes lines apart. What it found of the last line stands in its fields. */
export class TemplateMatcher {
  readonly shapes: LineTemplate[] = [];
  /** The shape of the last line. */
  shape!: LineTemplate;
  /** Where the values of the last line begin and end, in the order of the shape's slots. */
  starts = new Int32Array(SLOTS_ROOM);
  ends = new Int32Array(SLOTS_ROOM);
  /** Where the last line ends, without its newline. */
  end = 0;
  /** Whether the last line has no escapes, no space but blanks, and no `"@`. */
  is_plain = true;
  /** The shapes that came last, the latest first. */
  #recent: LineTemplate[] = [];
  readonly #by_text = new Map<string, LineTemplate>();

  /**
   * Takes the line apart that begins somewhere, which is known to be an event, and finds its end;
   * false when it has to be kept as it is. The view is one on all of the bytes.
   */
  split(bytes: Uint8Array, view: DataView, start: number): boolean {
    for (let at = 0; at < this.#recent.length; at++) {
      const shape = this.#recent[at];
      if (!this.#fits(shape, bytes, view, start)) continue;
      if (at > 0) this.#moveToFront(at);
      this.shape = shape;
      return true;
    }
    const newline = bytes.indexOf(NEWLINE, start);
    const end = this.end = newline < 0 ? bytes.length : newline;
    const shape = this.#shapeOf(bytes, start, end);
    if (!shape || !this.#fits(shape, bytes, view, start)) return false;
    this.#recent.unshift(shape);
    this.#recent.length = Math.min(this.#recent.length, line_templates_tried_max);
    this.shape = shape;
    return true;
  }

  #moveToFront(at: number): void {
    const [shape] = this.#recent.splice(at, 1);
    this.#recent.unshift(shape);
  }

  /** Whether a line has a shape. An event has no newline within, so what fits ends where its line does. */
  #fits(shape: LineTemplate, bytes: Uint8Array, view: DataView, start: number): boolean {
    const { literals, slots, refused } = shape;
    const end = bytes.length;
    this.is_plain = shape.is_plain;
    let at = start;
    for (let index = 0; index < slots.length; index++) {
      const literal = literals[index];
      if (at + literal.byteLength > end || !standsAt(literal, view, at)) return false;
      at += literal.byteLength;
      this.starts[index] = at;
      if (refused[index] > 0 && beginsWith(refused[index], bytes, at)) return false;
      at = this.#endOfSlot(slots[index], bytes, at, end);
      if (at < 0) return false;
      this.ends[index] = at;
    }
    const last = literals[slots.length];
    if (at + last.byteLength > end || !standsAt(last, view, at)) return false;
    at += last.byteLength;
    if (at < end && bytes[at] !== NEWLINE) return false;
    this.end = at;
    return true;
  }

  /** Where the value of a slot ends; negative when what stands there is none of its kind. */
  #endOfSlot(slot: number, bytes: Uint8Array, at: number, end: number): number {
    if (slot < TIMESTAMP) {
      // The quotes belong to the shape.
      if (bytes[at] === AT) this.is_plain = false;
      for (; at < end; at++) {
        if (bytes[at] === QUOTE) return at;
        if (bytes[at] === BACKSLASH) return -1;
      }
      return -1;
    }
    if (slot === TIMESTAMP) return endOfTimestamp(bytes, at, end);
    if (slot !== REST && bytes[at] !== OPEN) return -1;
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

  /** Where a string's closing quote stands. */
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

  /** The shape of a line as nobody has seen it yet; undefined when it should be kept as it is. */
  #shapeOf(bytes: Uint8Array, start: number, end: number): LineTemplate | undefined {
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
      pieces.push(String.fromCharCode(FIRST_MARK + cut.slot));
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
    if (this.shapes.length >= line_templates_max || text.length > line_template_chars_max) {
      return undefined;
    }
    const shape = new LineTemplate(this.shapes.length, text);
    this.shapes.push(shape);
    this.#by_text.set(text, shape);
    if (shape.slots.length > this.starts.length) {
      this.starts = new Int32Array(shape.slots.length);
      this.ends = new Int32Array(shape.slots.length);
    }
    return shape;
  }
}

/** What of a member is taken out; undefined when its column could not say what the line says. */
function cutOf(key: string, bytes: Uint8Array, start: number, end: number) {
  const slot = TEMPLATE_COLUMNS.indexOf(key as TemplateColumn);
  if (slot < 0 || slot === REST) return { slot: REST, start, end };
  if (slot < TIMESTAMP) {
    if (bytes[start] !== QUOTE) return { slot: REST, start, end };
    const closes_at = bytes.indexOf(QUOTE, start + 1);
    return bytes.subarray(start, closes_at).includes(BACKSLASH)
      ? undefined
      : { slot, start: start + 1, end: closes_at };
  }
  if (slot === TIMESTAMP) {
    const digits_end = endOfTimestamp(bytes, start, end);
    return digits_end < 0 || /[.eE]/.test(String.fromCharCode(bytes[digits_end]))
      ? undefined
      : { slot, start, end: digits_end };
  }
  return bytes[start] === OPEN ? { slot, start, end } : { slot: REST, start, end };
}

/** Where a time ends that is written with digits alone; negative for another. */
function endOfTimestamp(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] >= ZERO && bytes[at] <= NINE) at++;
  const digits = at - start;
  if (digits === 0 || digits > TIMESTAMP_DIGITS_MAX) return -1;
  return digits > 1 && bytes[start] === ZERO ? -1 : at;
}

/** Whether a value, after the space before it, begins with a byte. */
function beginsWith(byte: number, bytes: Uint8Array, at: number): boolean {
  while (isSpace(bytes[at])) at++;
  return bytes[at] === byte;
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === TAB || byte === RETURN || byte === 10;
}
