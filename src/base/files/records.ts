/**
 * The record format of write-ahead files: a JSON array or object a line, whose last member is its check.
 *
 * ```
 * [17,"FILL","…","#0000085f3ad901"]
 * {"stamps":17,"received_at":5,"check":"#00001e5f3ad901"}
 * ```
 *
 * After the `#` stand two numbers in hex: how many bytes the line has before the check's comma (six
 * digits; ffffff stands for all that are longer) and their XXH32 (eight). So a line stays what `grep`
 * and `jq` read, and a program that knows no checks reads a record with one member more. By its length
 * a record is found from its end: where the line break between two of them is damaged, both are read.
 *
 * Torn and corrupt are two things. Torn: the file does not end in a newline, because the write was cut
 * off. Corrupt: bytes before the last newline that are no record. What lies after them is read on.
 *
 * A file of which no record has a check comes from before there were any: its lines are read, and said
 * to be unchecked. Where one record has a check, a line without one is corrupt.
 */
import { viewOf } from "../bytes.ts";
import { LedgerError } from "../error.ts";
import { checksum32 } from "./checksum.ts";
import { readFully } from "./durable.ts";
import { linesOf, utf8Text } from "./lines.ts";
import { record_buffer_bytes } from "../limits.ts";
import type { OpenFile } from "./seam.ts";

const ARRAY_CHECK = ',"#', OBJECT_CHECK = ',"check":"#';
const DIGITS = 14;
const NO_DIGITS = "0".repeat(DIGITS);
const ARRAY_END = `${ARRAY_CHECK}${NO_DIGITS}"]\n`, OBJECT_END = `${OBJECT_CHECK}${NO_DIGITS}"}\n`;
/** The quote and the bracket after the digits. */
const CLOSING_BYTES = 2;
const LENGTH_MAX = 0xffffff;
const NEWLINE = 10, QUOTE = 34, CLOSE_BRACKET = 93, CLOSE_BRACE = 125;
const BYTES_A_CHAR_MAX = 3;

const encoder = new TextEncoder();
const CHECK_BYTES_OF: ReadonlyMap<number, Uint8Array> = new Map([
  [CLOSE_BRACKET, encoder.encode(ARRAY_CHECK)],
  [CLOSE_BRACE, encoder.encode(OBJECT_CHECK)],
]);
/** A byte as two hex digits, in the order in which they stand. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return digits.charCodeAt(0) << 8 | digits.charCodeAt(1);
});

export class RecordGroup {
  #text = "";
  #ends: number[] = [];
  /** Used again for each group: making one takes as long as filling it. */
  readonly #buffer = new Uint8Array(record_buffer_bytes);
  readonly #view = viewOf(this.#buffer);

  /** Takes a record: the JSON of an array that is not empty, without its closing bracket. */
  addArray(open_text: string): void {
    this.#ends.push((this.#text += open_text + ARRAY_END).length);
  }

  /** Takes a record: the JSON of an object that is not empty, without its closing brace. */
  addObject(open_text: string): void {
    this.#ends.push((this.#text += open_text + OBJECT_END).length);
  }

  /** All records that were taken, as lines. The bytes hold until the next are asked for. */
  take(): Uint8Array {
    const text = this.#text;
    const ends = this.#ends;
    this.#text = "";
    this.#ends = [];
    const is_large = text.length * BYTES_A_CHAR_MAX > record_buffer_bytes;
    const bytes = is_large
      ? encoder.encode(text)
      : this.#buffer.subarray(0, encoder.encodeInto(text, this.#buffer).written);
    // Looking for the newlines would take as long as the checksums: where every character is one byte,
    // they are where the text has them.
    const found = bytes.length === text.length ? ends : endsOfLines(bytes);
    const view = is_large ? viewOf(bytes) : this.#view;
    let start = 0;
    for (const end of found) {
      fillCheck(view, start, end - 1);
      start = end;
    }
    return bytes;
  }
}

function* endsOfLines(bytes: Uint8Array): Generator<number> {
  for (let end = 0; end < bytes.length;) yield end = bytes.indexOf(NEWLINE, end) + 1;
}

function fillCheck(view: DataView, start: number, newline: number): void {
  const is_array = view.getUint8(newline - 1) === CLOSE_BRACKET;
  const digits = newline - CLOSING_BYTES - DIGITS;
  const end = digits - (is_array ? ARRAY_CHECK.length : OBJECT_CHECK.length);
  const length = Math.min(end - start, LENGTH_MAX);
  const sum = checksum32(view, start, end);
  view.setUint16(digits, HEX[length >>> 16]);
  view.setUint16(digits + 2, HEX[length >>> 8 & 255]);
  view.setUint16(digits + 4, HEX[length & 255]);
  view.setUint16(digits + 6, HEX[sum >>> 24]);
  view.setUint16(digits + 8, HEX[sum >>> 16 & 255]);
  view.setUint16(digits + 10, HEX[sum >>> 8 & 255]);
  view.setUint16(digits + 12, HEX[sum & 255]);
}

export interface ReadRecord {
  kind: "record";
  offset: number;
  size_bytes: number;
  /** Its JSON, as it was given. */
  text: string;
  /** Whether a checksum says that it is what was written. */
  is_checked: boolean;
}

export interface RecordDamage {
  kind: "torn" | "corrupt";
  offset: number;
  bytes: Uint8Array;
  reason: string;
}

/** Bytes in the middle of a write-ahead file that are no record, or not what was written. */
export interface CorruptBytes {
  path: string;
  /** Where they begin. */
  offset: number;
  size_bytes: number;
  reason: string;
}

/** The corrupt bytes of a file. A torn end is none: a process may be writing it, or was killed. */
export function corruptIn(path: string, damage: readonly RecordDamage[]): CorruptBytes[] {
  return damage.filter(({ kind }) => kind === "corrupt")
    .map(({ offset, bytes, reason }) => ({ path, offset, size_bytes: bytes.length, reason }));
}

/** All bytes of a write-ahead file from an offset on, as long as it is now. */
export function bytesOfRecords(file: OpenFile, bytes_max: number, offset = 0): Uint8Array {
  const { size_bytes } = file.facts();
  if (size_bytes > bytes_max) {
    throw new LedgerError({
      code: "damaged",
      message:
        `cannot read the write-ahead file ${file.path}: it has ${size_bytes} bytes, and no ` +
        `program of ours writes more than ${bytes_max}`,
      where: { path: file.path },
      hint: "it was not written like this; move it to another folder, and look at it there",
    });
  }
  return readFully(file, new Uint8Array(Math.max(0, size_bytes - offset)), offset);
}

const WRONG_CHECKSUM = "its checksum is not that of its bytes";
const NO_CHECKSUM = "it has no checksum, as other records of its file have";
const NO_UTF8 = "it is not valid UTF-8";
const NO_LINE_BREAK = "here was a line break";
const CUT_OFF = "the write was cut off";

/** Everything in a write-ahead file, in its order: records, and damage as values. */
export function* readRecords(bytes: Uint8Array): Generator<ReadRecord | RecordDamage> {
  const view = viewOf(bytes);
  const lines_end = bytes.lastIndexOf(NEWLINE) + 1;
  const lines = bytes.subarray(0, lines_end);
  const is_of_checked = hasCheckedRecord(bytes, view);
  for (const { offset, size_bytes, text } of linesOf(lines, 0)) {
    const end = offset + size_bytes;
    const check = checkBefore(bytes, view, offset, end);
    if (check?.start === offset) yield recordAt(offset, size_bytes, text!);
    else if (check || is_of_checked || hasCheck(bytes, end)) {
      yield* fromEnd(bytes, view, offset, end);
    } else if (text === undefined) yield corrupt(bytes, offset, end, NO_UTF8);
    else yield { kind: "record", offset, size_bytes, text, is_checked: false };
  }
  if (lines_end === bytes.length) return;
  // A whole record with one byte after it: that byte was the file's last newline.
  const last = bytes.length - 1;
  if (checkBefore(bytes, view, lines_end, last)) {
    yield* fromEnd(bytes, view, lines_end, last);
    return yield corrupt(bytes, last, bytes.length, NO_LINE_BREAK);
  }
  yield { kind: "torn", offset: lines_end, bytes: bytes.slice(lines_end), reason: CUT_OFF };
}

/** A line that is not one record: the records that its end holds, and what is left of it. */
function* fromEnd(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): Generator<ReadRecord | RecordDamage> {
  const found: { start: number; end: number }[] = [];
  for (let left = end;;) {
    const check = checkBefore(bytes, view, start, left);
    if (!check) break;
    found.unshift({ start: check.start, end: left });
    if (check.start === start) break;
    left = check.start - 1;
  }
  let at = start;
  for (const each of found) {
    if (at < each.start) {
      const is_break = each.start - at === 1;
      yield corrupt(bytes, at, each.start, is_break ? NO_LINE_BREAK : WRONG_CHECKSUM);
    }
    const text = utf8Text(bytes.subarray(each.start, each.end))!;
    yield recordAt(each.start, each.end - each.start, text);
    at = each.end;
  }
  const reason = hasCheck(bytes, end) ? WRONG_CHECKSUM : NO_CHECKSUM;
  if (at < end) yield corrupt(bytes, at, end, reason);
}

function recordAt(offset: number, size_bytes: number, text: string): ReadRecord {
  const bracket = text.at(-1)!;
  const check_chars = bracket === "]" ? ARRAY_CHECK.length : OBJECT_CHECK.length;
  const content = text.slice(0, -(check_chars + DIGITS + CLOSING_BYTES));
  return { kind: "record", offset, size_bytes, text: content + bracket, is_checked: true };
}

function corrupt(bytes: Uint8Array, start: number, end: number, reason: string): RecordDamage {
  return { kind: "corrupt", offset: start, bytes: bytes.slice(start, end), reason };
}

function hasCheckedRecord(bytes: Uint8Array, view: DataView): boolean {
  let start = 0;
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, start);
    // Without its newline the last one may be looked at all the same: nothing is read because of it.
    const end = newline < 0 ? bytes.length : newline;
    if (checkBefore(bytes, view, start, end)) return true;
    if (newline < 0) return false;
    start = newline + 1;
  }
}

/** Whether there is something at the end of a line that looks like a check, right or wrong. */
function hasCheck(bytes: Uint8Array, end: number): boolean {
  return checkMark(bytes, 0, end) !== undefined;
}

/** Where the mark of a check begins that ends a line, and where its digits do. */
function checkMark(bytes: Uint8Array, start: number, end: number) {
  if (bytes[end - CLOSING_BYTES] !== QUOTE) return undefined;
  const mark = CHECK_BYTES_OF.get(bytes[end - 1]);
  const digits = end - CLOSING_BYTES - DIGITS;
  const begins = digits - (mark?.length ?? 0);
  if (!mark || begins <= start) return undefined;
  return mark.every((byte, at) => bytes[begins + at] === byte) ? { begins, digits } : undefined;
}

/** Where the record begins of which a right check ends here; undefined when there is none. */
function checkBefore(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): { start: number } | undefined {
  const mark = checkMark(bytes, start, end);
  if (!mark) return undefined;
  const length = hexBefore(bytes, mark.digits, 6);
  const sum = hexBefore(bytes, mark.digits + 6, 8);
  if (length === undefined || sum === undefined) return undefined;
  const begins = length === LENGTH_MAX ? start : mark.begins - length;
  if (begins < start || begins >= mark.begins) return undefined;
  if (length === LENGTH_MAX && mark.begins - begins < LENGTH_MAX) return undefined;
  return checksum32(view, begins, mark.begins) === sum ? { start: begins } : undefined;
}

/** A number of so many hex digits; undefined where one of them is none. */
function hexBefore(bytes: Uint8Array, at: number, digits: number): number | undefined {
  let value = 0;
  for (const end = at + digits; at < end; at++) {
    const byte = bytes[at];
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
}
