/**
 * The lines of a part <-> a Parquet file that holds them by column. What a line says stands in its
 * columns; the shape puts it together again byte for byte. A line that no shape fits is kept as it is.
 */
import { readFully } from "../base/durable.ts";
import type { OpenFile } from "../base/files.ts";
import {
  event_bytes_max,
  read_bytes,
  row_group_bytes_max,
  row_group_rows_max,
  run_id_chars_max,
  staged_line_chars_max,
} from "../base/limits.ts";
import { damaged } from "../parquet/facts.ts";
import {
  type ColumnBuffer,
  copyBytes,
  type PackedColumn,
  PackedWriter,
} from "../parquet/packed.ts";
import { type ColumnCursor, type PackedGroup, PackedReader } from "../parquet/packed_read.ts";
import type { LedgerEvent } from "./event.ts";
import { type Block, blocksOfLines } from "./part_blocks.ts";
import { LineSplitter, REST_SEPARATOR, Shape, type Slot, SLOTS } from "./shape.ts";

type ColumnName = Slot | "log_offset" | "shape" | "is_trial" | "line";

/** The columns of a compacted part. */
const COLUMNS: readonly (PackedColumn & { name: ColumnName })[] = [
  { name: "log_offset", type: "int64", nullable: false },
  ...SLOTS.map((name) => ({
    name,
    type: name === "timestamp_ms" ? "int64" as const : "utf8" as const,
    nullable: true,
  })),
  // Which of the file's shapes the line has.
  { name: "shape", type: "int32", nullable: true },
  // Whether the columns say all that an index has to know: a trial with all its fields right.
  { name: "is_trial", type: "boolean", nullable: false },
  // The line itself, where it has no shape.
  { name: "line", type: "bytes", nullable: true },
];

const SHAPES_KEY = "ledger.shapes";
/** Where in the part each row group begins. */
const GROUPS_KEY = "ledger.group_offsets";
/** Which part it holds, and what its lines were sealed as. */
const PART_KEY = "ledger.part";
const PART_SHA256_KEY = "ledger.part_sha256";
const VERSION_KEY = "ledger.compacted_version";
const VERSION = "1";

/** A longer line, which is no event, has to be in memory whole several times: it is not packed. */
export const packed_line_bytes_max = row_group_bytes_max;

const NEWLINE = 10, ZERO = 48;
const EVENT_TYPE = SLOTS.indexOf("event_type");
const RUN_ID = SLOTS.indexOf("run_id");
const TIMESTAMP = SLOTS.indexOf("timestamp_ms");
const REST = SLOTS.indexOf("rest");
const TRIAL = new TextEncoder().encode("trial.recorded");
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What packing made of a part. */
export interface Packed {
  rows: number;
  bytes: number;
  sha256: string;
}

/** Packs the lines of a part, which has to end in a newline. Syncs nothing. */
export function packLines(
  source: OpenFile,
  size_bytes: number,
  is_corrupt: (offset: number) => boolean,
  target: OpenFile,
  { label, sha256 }: { label: string; sha256: string },
): Packed {
  const writer = new PackedWriter<ColumnName>(target, COLUMNS);
  const lines = new LinePacker(writer);
  const group_offsets: number[] = [];
  let rows = 0;
  for (const block of blocksOfLines(source, 0, size_bytes)) {
    const { start } = block;
    if (block.torn_bytes > 0) throw damaged(source.path, `byte ${start} begins a line without end`);
    const bytes = block.oversized_bytes > 0 ? longLine(source, block) : block.bytes;
    if (lines.waiting_rows === 0) group_offsets.push(start);
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at);
      if (is_corrupt(start + at)) lines.keep(bytes, at, end, start + at);
      else lines.pack(bytes, at, end, start + at);
      rows++;
      at = end + 1;
    }
    if (lines.waiting_rows >= row_group_rows_max || writer.waiting_bytes >= row_group_bytes_max) {
      writer.writeGroup();
    }
  }
  const shapes = JSON.stringify(lines.shapes.map(({ text }) => text));
  const written = writer.finish({
    [PART_KEY]: label,
    [PART_SHA256_KEY]: sha256,
    [VERSION_KEY]: VERSION,
    [SHAPES_KEY]: shapes,
    [GROUPS_KEY]: JSON.stringify(group_offsets),
  });
  return { rows, ...written };
}

/** A line that is too long for an event, and too long to be read by the way; with its newline. */
function longLine(source: OpenFile, { start, oversized_bytes }: Block): Uint8Array {
  if (oversized_bytes > packed_line_bytes_max) {
    throw damaged(source.path, `byte ${start} begins a line of ${oversized_bytes} bytes`);
  }
  return readFully(source, new Uint8Array(oversized_bytes + 1), start);
}

/** Puts lines into columns. */
class LinePacker {
  readonly #splitter = new LineSplitter();
  readonly #trial_shapes = new Map<Shape, boolean>();

  readonly #by_slot: readonly ColumnBuffer[];

  constructor(readonly writer: PackedWriter<ColumnName>) {
    this.#by_slot = SLOTS.map((slot) => writer.columns[slot]);
  }

  get shapes(): readonly Shape[] {
    return this.#splitter.shapes;
  }

  get waiting_rows(): number {
    return this.writer.columns.log_offset.rows;
  }

  /** A line that is no event: nothing is known of it but its bytes. */
  keep(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const { columns } = this.writer;
    columns.log_offset.addNumber(offset);
    for (const slot of SLOTS) columns[slot].addNull();
    columns.shape.addNull();
    columns.is_trial.addBoolean(false);
    columns.line.addBytes(bytes, start, end);
  }

  pack(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const splitter = this.#splitter;
    if (!splitter.split(bytes, start, end)) return this.#packWhole(bytes, start, end, offset);
    const { columns } = this.writer;
    const { shape, starts, ends } = splitter;
    columns.log_offset.addNumber(offset);
    columns.shape.addNumber(shape.number);
    columns.line.addNull();
    columns.is_trial.addBoolean(end - start <= staged_line_chars_max && this.#isTrial(bytes));
    const { place_of } = shape;
    for (let slot = 0; slot < REST; slot++) {
      const place = place_of[slot];
      const column = this.#by_slot[slot];
      if (place < 0) column.addNull();
      else if (slot === TIMESTAMP) column.addNumber(numberIn(bytes, starts[place], ends[place]));
      else column.addBytes(bytes, starts[place], ends[place]);
    }
    this.#addRest(bytes);
  }

  /** An event whose line no shape fits: its columns say what they can. */
  #packWhole(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const { columns } = this.writer;
    const event = JSON.parse(decoder.decode(bytes.subarray(start, end))) as LedgerEvent;
    columns.log_offset.addNumber(offset);
    columns.shape.addNull();
    columns.is_trial.addBoolean(false);
    columns.line.addBytes(bytes, start, end);
    for (const slot of SLOTS) {
      const value = Object.hasOwn(event, slot) ? event[slot] : undefined;
      if (slot === "timestamp_ms") columns[slot].addNumber(event.timestamp_ms);
      else if (TEXTS.has(slot) && typeof value === "string") {
        const text = encoder.encode(value);
        columns[slot].addBytes(text, 0, text.length);
      } else columns[slot].addNull();
    }
  }

  #addRest(bytes: Uint8Array): void {
    const { shape: { slots, place_of }, starts, ends } = this.#splitter;
    const { rest } = this.writer.columns;
    const first = place_of[REST];
    if (first < 0) return rest.addNull();
    if (slots.indexOf(REST, first + 1) < 0) return rest.addBytes(bytes, starts[first], ends[first]);
    const pieces: number[] = [];
    for (let index = first; index < slots.length; index++) {
      if (slots[index] !== REST) continue;
      if (index > first) pieces.push(REST_SEPARATOR);
      for (let at = starts[index]; at < ends[index]; at++) pieces.push(bytes[at]);
    }
    rest.addBytes(Uint8Array.from(pieces), 0, pieces.length);
  }

  /** Whether the last line is a trial that an index may take from its columns. */
  #isTrial(bytes: Uint8Array): boolean {
    const { shape, is_plain, starts, ends } = this.#splitter;
    let may_be = this.#trial_shapes.get(shape);
    if (may_be === undefined) this.#trial_shapes.set(shape, may_be = isTrialShape(shape));
    if (!may_be || !is_plain) return false;
    const { place_of } = shape;
    for (let slot = 0; slot < TIMESTAMP; slot++) {
      const place = place_of[slot];
      if (place >= 0 && starts[place] === ends[place]) return false;
    }
    const type = place_of[EVENT_TYPE], run = place_of[RUN_ID];
    return isTrialType(bytes, starts[type], ends[type]) &&
      isPlainRunId(bytes, starts[run], ends[run]);
  }
}

const TEXTS: ReadonlySet<Slot> = new Set(
  SLOTS.slice(0, SLOTS.indexOf("timestamp_ms")),
);
const TRIAL_NEEDS: readonly Slot[] = ["event_id", "event_type", "run_id", "trial_id"];

/** Whether all that is known of a trial stands in the columns, and nothing of it among the rest. */
function isTrialShape(shape: Shape): boolean {
  const needed: readonly Slot[] = [...TRIAL_NEEDS, "params", "metrics", "timestamp_ms"];
  return needed.every((slot) => shape.has(slot)) &&
    SLOTS.every((slot) => shape.has(slot) || !shape.text.includes(`"${slot}"`)) &&
    shape.text.startsWith("{");
}

function isTrialType(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== TRIAL.length) return false;
  for (let at = 0; at < TRIAL.length; at++) if (bytes[start + at] !== TRIAL[at]) return false;
  return true;
}

/** Stricter than the contract: the others go the long way. */
function isPlainRunId(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > run_id_chars_max) return false;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    const is_letter = (byte | 32) >= 97 && (byte | 32) <= 122;
    if (byte === 46) dots++;
    else if (!is_letter && !(byte >= 48 && byte <= 57) && byte !== 45 && byte !== 95) return false;
  }
  return dots < end - start;
}

function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) number = number * 10 + bytes[at] - ZERO;
  return number;
}

/** How packed lines are read. */
export interface UnpackOptions {
  /** The byte of the part to begin at; the start of a line. */
  from?: number;
  /** Leaves out the lines that an index takes from the columns. */
  without_trials?: boolean;
}

/** Which part a packed file holds the lines of, as it says itself. */
export function packedOf(file: OpenFile): { part: string; sha256: string } {
  const { key_values } = new PackedReader(file);
  return { part: key_values[PART_KEY] ?? "nothing", sha256: key_values[PART_SHA256_KEY] ?? "" };
}

/** The lines of a packed part, in stretches that lie together. */
export function* unpackLines(file: OpenFile, options: UnpackOptions = {}): Generator<Block> {
  const reader = new PackedReader(file);
  const shapes = decodedKey<string[]>(file, reader, SHAPES_KEY)
    .map((text, number) => new Shape(number, text));
  const group_offsets = decodedKey<number[]>(file, reader, GROUPS_KEY);
  const out = new LineJoiner(file.path, shapes);
  const from = options.from ?? 0;
  let nth = 0;
  for (const group of reader.groups()) {
    if (group_offsets[++nth] <= from) continue;
    const rows = new GroupRows(group);
    for (let row = 0; row < group.rows; row++) {
      rows.next();
      const is_wanted = rows.offset >= from && !(options.without_trials && rows.is_trial);
      if (!is_wanted || rows.offset !== out.end) {
        if (out.filled > 0) yield out.take();
        out.start = rows.offset;
      }
      if (!is_wanted) continue;
      const is_long = rows.has_line && rows.line.end - rows.line.start > event_bytes_max;
      // A line that is too long is a stretch of its own: what came before it has its own verdict.
      if (is_long && out.filled > 0) yield out.take();
      out.add(rows);
      if (is_long || out.filled >= read_bytes) yield out.take(is_long);
    }
  }
  if (out.filled > 0) yield out.take();
}

/** What the file says of itself, of a version that this program knows. */
function decodedKey<Value>({ path }: OpenFile, { key_values }: PackedReader, key: string): Value {
  const version = key_values[VERSION_KEY];
  if (version !== VERSION) {
    throw damaged(path, `it is no compacted part that this program knows (version ${version})`);
  }
  try {
    return JSON.parse(key_values[key]) as Value;
  } catch (cause) {
    throw damaged(path, `its ${key} do not decode (${(cause as Error).message})`, cause);
  }
}

/** The rows of a group, one after another. */
class GroupRows {
  offset = 0;
  timestamp_ms: number | undefined;
  shape: number | undefined;
  is_trial = false;
  has_line = false;
  readonly #offsets: ColumnCursor;
  readonly #times: ColumnCursor;
  readonly #shapes: ColumnCursor;
  readonly #trials: ColumnCursor;
  readonly line: ColumnCursor;
  /** By slot; there is none for times. */
  readonly values: readonly ColumnCursor[];

  constructor(group: PackedGroup) {
    this.#offsets = group.column("log_offset");
    this.#times = group.column("timestamp_ms");
    this.#shapes = group.column("shape");
    this.#trials = group.column("is_trial");
    this.line = group.column("line");
    this.values = SLOTS.map((slot) => slot === "timestamp_ms" ? this.#times : group.column(slot));
  }

  next(): void {
    this.offset = this.#offsets.nextInt64()!;
    this.timestamp_ms = this.#times.nextInt64();
    this.shape = this.#shapes.nextInt32();
    this.is_trial = this.#trials.nextBoolean();
    this.has_line = this.line.next();
    for (const cursor of this.values) if (cursor !== this.#times) cursor.next();
  }
}

const MILLION = 1_000_000, MILLION_DIGITS = 6, INT32_MAX = 2 ** 31 - 1;

function digitsOf(number: number): number {
  let digits = 1;
  for (let power = 10; power <= number; power *= 10) digits++;
  return digits;
}

/** Puts lines together, one after another. */
class LineJoiner {
  /** Where in the part the first of them stands. */
  start = 0;
  filled = 0;
  #bytes = new Uint8Array(read_bytes * 2);

  constructor(readonly path: string, readonly shapes: readonly Shape[]) {}

  /** Where in the part the next line would stand. */
  get end(): number {
    return this.start + this.filled;
  }

  /** Adds the line of a row. */
  add(rows: GroupRows): void {
    if (rows.has_line) this.#copy(rows.line.bytes, rows.line.start, rows.line.end);
    else this.#join(rows);
    this.#reserve(1);
    this.#bytes[this.filled++] = NEWLINE;
  }

  /** What has come together; valid until the next line is added. */
  take(is_oversized = false): Block {
    const { start, end, filled } = this;
    this.start = end;
    this.filled = 0;
    const oversized_bytes = is_oversized ? filled - 1 : 0;
    const bytes = this.#bytes.subarray(0, filled);
    return { start, end, bytes, oversized_bytes, torn_bytes: 0 };
  }

  #join(rows: GroupRows): void {
    const shape = rows.shape === undefined ? undefined : this.shapes[rows.shape];
    if (!shape) throw damaged(this.path, `the line at byte ${rows.offset} has no shape`);
    const { literals, slots } = shape;
    let rest_at = -1;
    for (let index = 0; index < slots.length; index++) {
      this.#copy(literals[index], 0, literals[index].length);
      const slot = slots[index];
      const cursor = rows.values[slot];
      if (slot === TIMESTAMP) this.#addNumber(rows.timestamp_ms!);
      else if (slot !== REST) this.#copy(cursor.bytes, cursor.start, cursor.end);
      else {
        if (rest_at < 0) rest_at = cursor.start;
        let end = rest_at;
        while (end < cursor.end && cursor.bytes[end] !== REST_SEPARATOR) end++;
        this.#copy(cursor.bytes, rest_at, end);
        rest_at = end + 1;
      }
    }
    const last = literals[slots.length];
    this.#copy(last, 0, last.length);
  }

  /** Digits from the right; in two halves, since whole numbers of 32 bits divide much faster. */
  #addNumber(number: number): void {
    const high = Math.floor(number / MILLION);
    const low = number - high * MILLION;
    if (high > 0) {
      this.#addDigits(high, digitsOf(high));
      this.#addDigits(low, MILLION_DIGITS);
    } else this.#addDigits(low, digitsOf(low));
  }

  #addDigits(number: number, digits: number): void {
    this.#reserve(digits);
    this.filled += digits;
    if (number > INT32_MAX) {
      const text = String(number);
      for (let at = 0; at < digits; at++) {
        this.#bytes[this.filled - digits + at] = text.charCodeAt(at);
      }
      return;
    }
    for (let rest = number | 0, at = this.filled - 1, left = digits; left > 0; left--, at--) {
      const tens = rest / 10 | 0;
      this.#bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    copyBytes(from, start, end, this.#bytes, this.filled);
    this.filled += end - start;
  }

  #reserve(more: number): void {
    const needed = this.filled + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.filled));
    this.#bytes = larger;
  }
}
