/** Unpacking: the Parquet file of a compacted part, what it consists of, and its lines as they were written. */
import { copyBytes, grown, viewOf } from "../../base/bytes.ts";
import { digestOf } from "../../base/files/checksum.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { event_bytes_max, read_bytes } from "../../base/limits.ts";
import { damaged } from "../../parquet/footer.ts";
import { type ColumnCursor, type PackedGroup, PackedReader } from "../../parquet/packed_read.ts";
import type { Block } from "../format/line_blocks.ts";
import {
  LineTemplate,
  RESIDUAL,
  RESIDUAL_SEPARATOR,
  TEMPLATE_COLUMNS,
  type TemplateColumn,
  TIMESTAMP,
} from "./line_template.ts";
import type { PackedColumn } from "../../parquet/packed_write.ts";

const NEWLINE = 10, ZERO = 48;

export type ColumnName = TemplateColumn | "log_offset" | "shape" | "is_trial" | "line";

export const COLUMNS: readonly (PackedColumn & { name: ColumnName })[] = [
  { name: "log_offset", type: "int64", nullable: false },
  ...TEMPLATE_COLUMNS.map((name) => ({
    name,
    type: name === "timestamp_ms" ? "int64" as const : "utf8" as const,
    nullable: true,
  })),
  // Which of the file's templates the line has.
  { name: "shape", type: "int32", nullable: true },
  // Whether the columns say all that an index has to know: a trial with all its fields right.
  { name: "is_trial", type: "boolean", nullable: false },
  // The line itself, where it has no template.
  { name: "line", type: "bytes", nullable: true },
];

export const KEYS = {
  shapes: "ledger.shapes",
  groups: "ledger.group_offsets",
  /** Which part it holds, and the checksum that its lines were sealed with. */
  part: "ledger.part",
  part_sha256: "ledger.part_sha256",
  version: "ledger.compacted_version",
} as const;
export const PACKED_VERSION = "1";

export interface UnpackOptions {
  /** The byte of the part to begin at; the start of a line. */
  from?: number;
  /** Leaves out the lines that an index takes from the columns. */
  without_trials?: boolean;
}

/** Which part a packed file holds the lines of, as it says itself. */
export function packedOf(file: OpenFile): { part: string; sha256: string } {
  const { key_values } = new PackedReader(file);
  return { part: key_values[KEYS.part] ?? "nothing", sha256: key_values[KEYS.part_sha256] ?? "" };
}

export function linesDigest(file: OpenFile): string {
  return digestOf(unpackLines(file).map(({ bytes }) => bytes));
}

export function* unpackLines(file: OpenFile, options: UnpackOptions = {}): Generator<Block> {
  const reader = new PackedReader(file);
  const templates = decodedKey<string[]>(file, reader, KEYS.shapes)
    .map((text, number) => new LineTemplate(number, text));
  const group_offsets = decodedKey<number[]>(file, reader, KEYS.groups);
  const out = new LineJoiner(file.path, templates, options);
  let nth = 0;
  for (const group of reader.groups()) {
    if (group_offsets[++nth] <= out.from) continue;
    const rows = new GroupRows(group);
    for (let block = out.join(rows); block; block = out.join(rows)) yield block;
  }
  if (out.filled > 0) yield out.take();
}

/** What the file says of itself, of a version that this program knows. */
function decodedKey<Value>({ path }: OpenFile, { key_values }: PackedReader, key: string): Value {
  const version = key_values[KEYS.version];
  if (version !== PACKED_VERSION) {
    throw damaged(path, `it is no compacted part that this program knows (version ${version})`);
  }
  try {
    return JSON.parse(key_values[key]) as Value;
  } catch (cause) {
    throw damaged(path, `its ${key} do not decode (${(cause as Error).message})`, cause);
  }
}

class GroupRows {
  offset = 0;
  timestamp_ms: number | undefined;
  template: number | undefined;
  is_trial = false;
  has_line = false;
  readonly #offsets: ColumnCursor;
  readonly #times: ColumnCursor;
  readonly #templates: ColumnCursor;
  readonly #trials: ColumnCursor;
  readonly line: ColumnCursor;
  /** By column; that of times is moved on by itself. */
  readonly values: readonly ColumnCursor[];
  #rows_left: number;

  constructor(group: PackedGroup) {
    this.#rows_left = group.rows;
    this.#offsets = group.column("log_offset");
    this.#times = group.column("timestamp_ms");
    this.#templates = group.column("shape");
    this.#trials = group.column("is_trial");
    this.line = group.column("line");
    this.values = TEMPLATE_COLUMNS.map((column) =>
      column === "timestamp_ms" ? this.#times : group.column(column)
    );
  }

  next(): boolean {
    if (this.#rows_left-- === 0) return false;
    this.offset = this.#offsets.nextInt64()!;
    this.timestamp_ms = this.#times.nextInt64();
    this.template = this.#templates.nextInt32();
    this.is_trial = this.#trials.nextBoolean();
    this.has_line = this.line.next();
    for (const cursor of this.values) if (cursor !== this.#times) cursor.next();
    return true;
  }
}

const MILLION = 1_000_000, MILLION_DIGITS = 6, INT32_MAX = 2 ** 31 - 1;

function digitsOf(number: number): number {
  let digits = 1;
  for (let power = 10; power <= number; power *= 10) digits++;
  return digits;
}

class LineJoiner {
  start = 0;
  filled = 0;
  readonly from: number;
  readonly #without_trials: boolean;
  #bytes = new Uint8Array(read_bytes * 2);
  #view = viewOf(this.#bytes);
  /** Whether the present row is still to be added. */
  #waits = false;

  constructor(
    readonly path: string,
    readonly templates: readonly LineTemplate[],
    options: UnpackOptions,
  ) {
    this.from = options.from ?? 0;
    this.#without_trials = options.without_trials ?? false;
  }

  get end(): number {
    return this.start + this.filled;
  }

  /** Goes on in a group until a block is full or a gap follows; undefined at the group's end. */
  join(rows: GroupRows): Block | undefined {
    while (this.#waits || rows.next()) {
      this.#waits = true;
      const is_wanted = rows.offset >= this.from && !(this.#without_trials && rows.is_trial);
      // A line that is too long is a block of its own.
      const is_long = rows.has_line && rows.line.end - rows.line.start > event_bytes_max;
      if (this.filled > 0 && (!is_wanted || is_long || rows.offset !== this.end)) {
        return this.take();
      }
      this.#waits = false;
      if (!is_wanted) continue;
      if (this.filled === 0) this.start = rows.offset;
      this.#add(rows);
      if (is_long || this.filled >= read_bytes) return this.take(is_long);
    }
  }

  #add(rows: GroupRows): void {
    if (rows.has_line) this.#copy(rows.line.bytes, rows.line.start, rows.line.end);
    else this.#addTemplated(rows);
    this.#reserve(1);
    this.#bytes[this.filled++] = NEWLINE;
  }

  /** The block so far; valid until the next line is added. */
  take(is_oversized = false): Block {
    const { start, end, filled } = this;
    this.start = end;
    this.filled = 0;
    const oversized_bytes = is_oversized ? filled - 1 : 0;
    const bytes = this.#bytes.subarray(0, filled);
    return { start, end, bytes, oversized_bytes, torn_bytes: 0 };
  }

  #addTemplated(rows: GroupRows): void {
    const template = rows.template === undefined ? undefined : this.templates[rows.template];
    if (!template) throw damaged(this.path, `the line at byte ${rows.offset} has no template`);
    const { literals, columns } = template;
    let rest_at = -1;
    for (let index = 0; index < columns.length; index++) {
      this.#copy(literals[index], 0, literals[index].byteLength);
      const column = columns[index];
      const cursor = rows.values[column];
      if (column === TIMESTAMP) this.#addNumber(rows.timestamp_ms!);
      else if (column !== RESIDUAL) this.#copy(cursor.bytes, cursor.start, cursor.end);
      else {
        if (rest_at < 0) rest_at = cursor.start;
        let end = rest_at;
        while (end < cursor.end && cursor.bytes.getUint8(end) !== RESIDUAL_SEPARATOR) end++;
        this.#copy(cursor.bytes, rest_at, end);
        rest_at = end + 1;
      }
    }
    const last = literals[columns.length];
    this.#copy(last, 0, last.byteLength);
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

  #copy(from: DataView, start: number, end: number): void {
    this.#reserve(end - start);
    copyBytes(from, start, end, this.#view, this.filled);
    this.filled += end - start;
  }

  #reserve(more: number): void {
    const needed = this.filled + more;
    if (needed <= this.#bytes.length) return;
    this.#bytes = grown(this.#bytes, Math.max(needed, this.#bytes.length * 2));
    this.#view = viewOf(this.#bytes);
  }
}
