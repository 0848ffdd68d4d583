/**
 * Packing: the lines of a part -> a Parquet file that holds them by column; `unpacking.ts` is the way back.
 * What a line says stands in its columns, what it looks like in its template; a line that fits no template
 * is kept as it is.
 */
import { viewOf } from "../../base/bytes.ts";
import { readFully } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import {
  packed_line_bytes_max,
  row_group_bytes_max,
  row_group_rows_max,
  run_id_chars_max,
  spool_line_chars_max,
} from "../../base/limits.ts";
import { damaged } from "../../parquet/footer.ts";
import {
  type ColumnBuffer,
  type ColumnBuffers,
  columnBuffers,
  PackedWriter,
} from "../../parquet/packed_write.ts";
import type { LedgerEvent } from "../event/event.ts";
import { type ColumnName, COLUMNS, KEYS, PACKED_VERSION } from "./unpacking.ts";
import {
  LineTemplate,
  RESIDUAL,
  RESIDUAL_SEPARATOR,
  TEMPLATE_COLUMNS,
  type TemplateColumn,
  TemplateMatcher,
  TIMESTAMP,
} from "./line_template.ts";
import { type Block, blocksOfLines } from "../format/line_blocks.ts";

const NEWLINE = 10, ZERO = 48;
/** So many digits are a whole number of 32 bits in any case. */
const SMALL_DIGITS = 9, SMALL_LIMIT = 1e9;
const EVENT_TYPE = TEMPLATE_COLUMNS.indexOf("event_type");
const RUN_ID = TEMPLATE_COLUMNS.indexOf("run_id");
const TRIAL = new TextEncoder().encode("trial.recorded");
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Buffers that one part after another is packed in: tens of megabytes, allocated once. */
export type PackingColumns = ColumnBuffers<ColumnName>;

export function packingColumns(): PackingColumns {
  return columnBuffers(COLUMNS);
}

/** What a packed file says of itself, and the buffers that it is packed in. */
interface PackedAs {
  label: string;
  sha256: string;
  columns: PackingColumns;
  /** Where the lines begin in the part. Default: with it. */
  from?: number;
  key_values?: Readonly<Record<string, string>>;
}

/** Packs the lines of a part up to an offset, where one has to end. Syncs nothing. */
export function packLines(
  source: OpenFile,
  to: number,
  isCorrupt: (offset: number) => boolean,
  target: OpenFile,
  { label, sha256, columns, from = 0, key_values }: PackedAs,
): void {
  const writer = new PackedWriter<ColumnName>(target, columns);
  const lines = new LinePacker(writer);
  const group_offsets: number[] = [];
  for (const block of blocksOfLines(source, from, to)) {
    const { start } = block;
    if (block.torn_bytes > 0) throw damaged(source.path, `byte ${start} begins a line without end`);
    const bytes = block.oversized_bytes > 0 ? longLine(source, block) : block.bytes;
    if (lines.waiting_rows === 0) group_offsets.push(start);
    lines.pack(bytes, start, isCorrupt);
    if (lines.waiting_rows >= row_group_rows_max || writer.waiting_bytes >= row_group_bytes_max) {
      writer.writeGroup();
    }
  }
  const templates = JSON.stringify(lines.templates.map(({ text }) => text));
  writer.finish({
    [KEYS.part]: label,
    [KEYS.part_sha256]: sha256,
    [KEYS.version]: PACKED_VERSION,
    [KEYS.shapes]: templates,
    [KEYS.groups]: JSON.stringify(group_offsets),
    ...key_values,
  });
}

/** A line that is too long for an event, and for a block; with its newline. */
function longLine(source: OpenFile, { start, oversized_bytes }: Block): Uint8Array {
  if (oversized_bytes > packed_line_bytes_max) {
    throw damaged(source.path, `byte ${start} begins a line of ${oversized_bytes} bytes`);
  }
  return readFully(source, new Uint8Array(oversized_bytes + 1), start);
}

class LinePacker {
  readonly #matcher = new TemplateMatcher();
  readonly #trial_templates = new Map<LineTemplate, boolean>();

  readonly #buffers: readonly ColumnBuffer[];

  constructor(readonly writer: PackedWriter<ColumnName>) {
    this.#buffers = TEMPLATE_COLUMNS.map((column) => writer.columns[column]);
  }

  get templates(): readonly LineTemplate[] {
    return this.#matcher.templates;
  }

  get waiting_rows(): number {
    return this.writer.columns.log_offset.rows;
  }

  pack(bytes: Uint8Array, offset: number, isCorrupt: (offset: number) => boolean): void {
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length;) {
      const end = isCorrupt(offset + at)
        ? this.#keep(bytes, view, at, offset + at)
        : this.#pack(bytes, view, at, offset + at);
      at = end + 1;
    }
  }

  /** Keeps a line that is no event as its bytes. Returns where it ends, like the others. */
  #keep(bytes: Uint8Array, view: DataView, start: number, offset: number): number {
    const { columns } = this.writer;
    const end = bytes.indexOf(NEWLINE, start);
    columns.log_offset.addNumber(offset);
    for (const column of TEMPLATE_COLUMNS) columns[column].addNull();
    columns.shape.addNull();
    columns.is_trial.addBoolean(false);
    columns.line.addBytes(view, start, end);
    return end;
  }

  #pack(bytes: Uint8Array, view: DataView, start: number, offset: number): number {
    const matcher = this.#matcher;
    if (!matcher.match(bytes, view, start)) {
      return this.#packWhole(bytes, view, start, matcher.end, offset);
    }
    const { columns } = this.writer;
    const { template, starts, ends, end } = matcher;
    columns.log_offset.addNumber(offset);
    columns.shape.addNumber(template.number);
    columns.line.addNull();
    columns.is_trial.addBoolean(end - start <= spool_line_chars_max && this.#isTrial(bytes));
    const { position_of } = template;
    for (let at = 0; at < RESIDUAL; at++) {
      const place = position_of[at];
      const column = this.#buffers[at];
      if (place < 0) column.addNull();
      else if (at === TIMESTAMP) column.addNumber(numberIn(bytes, starts[place], ends[place]));
      else column.addBytes(view, starts[place], ends[place]);
    }
    this.#addResidual(bytes, view);
    return end;
  }

  /** An event whose line fits no template: its columns hold what they can. */
  #packWhole(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    offset: number,
  ): number {
    const { columns } = this.writer;
    const event = JSON.parse(decoder.decode(bytes.subarray(start, end))) as LedgerEvent;
    columns.log_offset.addNumber(offset);
    columns.shape.addNull();
    columns.is_trial.addBoolean(false);
    columns.line.addBytes(view, start, end);
    for (const column of TEMPLATE_COLUMNS) {
      const value = Object.hasOwn(event, column) ? event[column] : undefined;
      if (column === "timestamp_ms") columns[column].addNumber(event.timestamp_ms);
      else if (TEXTS.has(column) && typeof value === "string") {
        const text = encoder.encode(value);
        columns[column].addBytes(viewOf(text), 0, text.length);
      } else columns[column].addNull();
    }
    return end;
  }

  #addResidual(bytes: Uint8Array, view: DataView): void {
    const { template: { columns, position_of }, starts, ends } = this.#matcher;
    const { rest } = this.writer.columns;
    const first = position_of[RESIDUAL];
    if (first < 0) return rest.addNull();
    if (columns.indexOf(RESIDUAL, first + 1) < 0) {
      return rest.addBytes(view, starts[first], ends[first]);
    }
    const pieces: number[] = [];
    for (let index = first; index < columns.length; index++) {
      if (columns[index] !== RESIDUAL) continue;
      if (index > first) pieces.push(RESIDUAL_SEPARATOR);
      for (let at = starts[index]; at < ends[index]; at++) pieces.push(bytes[at]);
    }
    rest.addBytes(viewOf(Uint8Array.from(pieces)), 0, pieces.length);
  }

  /** Whether the last line is a trial that an index may load from its columns. */
  #isTrial(bytes: Uint8Array): boolean {
    const { template, is_plain, starts, ends } = this.#matcher;
    let may_be = this.#trial_templates.get(template);
    if (may_be === undefined) {
      this.#trial_templates.set(template, may_be = isTrialTemplate(template));
    }
    if (!may_be || !is_plain) return false;
    const { position_of } = template;
    for (let column = 0; column < TIMESTAMP; column++) {
      const place = position_of[column];
      if (place >= 0 && starts[place] === ends[place]) return false;
    }
    const type = position_of[EVENT_TYPE], run = position_of[RUN_ID];
    return isTrialType(bytes, starts[type], ends[type]) &&
      isPlainRunId(bytes, starts[run], ends[run]);
  }
}

const TEXTS: ReadonlySet<TemplateColumn> = new Set(TEMPLATE_COLUMNS.slice(0, TIMESTAMP));
const TRIAL_NEEDS = [
  "event_id",
  "event_type",
  "run_id",
  "trial_id",
  "params",
  "metrics",
  "timestamp_ms",
] as const;

/** Whether all that is known of a trial stands in the columns, and nothing of it among the rest. */
function isTrialTemplate(template: LineTemplate): boolean {
  return TRIAL_NEEDS.every((column) => template.has(column)) &&
    TEMPLATE_COLUMNS.every((column) =>
      template.has(column) || !template.text.includes(`"${column}"`)
    ) &&
    template.text.startsWith("{");
}

function isTrialType(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== TRIAL.length) return false;
  for (let at = 0; at < TRIAL.length; at++) if (bytes[start + at] !== TRIAL[at]) return false;
  return true;
}

/** Stricter than the contract: an index reads the other lines themselves. */
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

/** In two parts: whole numbers of 32 bits are several times as fast. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  const middle = Math.max(start, end - SMALL_DIGITS);
  const low = smallNumberIn(bytes, middle, end);
  return middle === start ? low : smallNumberIn(bytes, start, middle) * SMALL_LIMIT + low;
}

function smallNumberIn(bytes: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) number = Math.imul(number, 10) + bytes[at] - ZERO | 0;
  return number;
}
