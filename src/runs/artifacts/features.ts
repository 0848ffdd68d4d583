/**
 * Two-pass schema inference for open columns, whose types follow from their values. The first pass looks
 * at every value and keeps the rows, in memory as far as they are few and in a scratch file beyond that;
 * the second hands them out.
 *
 * The rules. Null, or nothing at all, says nothing. Whole numbers alone are INT64; with any fraction
 * among them all are DOUBLE (the nearest to whole numbers past 2^53); true and false are BOOLEAN, text is
 * UTF8, and so is a column that only has nulls, or JSON objects, which are stored as their text. Numbers,
 * texts, flags and objects do not mix. In a column of whole numbers, one that has lost its digits or that
 * 64 bits do not hold is refused.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { readFully, removeQuietly, writeFully } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { feature_name_chars_max, feature_values_in_memory_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { ParquetColumn, ParquetColumnType, Row } from "../../parquet/mod.ts";
import { type RowContext, rowError, type RowPlace, shown } from "./batch.ts";
import { isInt64, objectText } from "./row_checker.ts";

type Family = "numbers" | "texts" | "flags" | "objects";

/** What was seen of a column so far. */
interface Seen {
  family: Family;
  since_row: number;
  has_fraction: boolean;
  /** Whole numbers past 2^53, digit by digit: a column of doubles takes the nearest. */
  has_bigint: boolean;
  /** The first whole number that an INT64 cannot hold exactly. */
  inexact?: { place: RowPlace; value: number | bigint };
}

// deno-lint-ignore no-control-regex
const FEATURE_NAME = /^[^\u0000-\u001f\u007f\uFEFF]+$/;

/** The first pass: infers the columns. */
export class FeatureColumns {
  readonly #seen = new Map<string, Seen | undefined>();

  constructor(readonly context: RowContext) {
    const { columns, is_sparse } = context.definition;
    for (const { name, kind } of columns) {
      if (!is_sparse || kind === "run_id") this.#seen.set(name, undefined);
    }
  }

  /** Looks at a row whose fixed columns have been checked; returns it as it is stored. */
  look(row: Row, place: RowPlace): Row {
    let changed: Row | undefined;
    for (const name of Object.keys(row)) {
      const value = row[name];
      if (!this.#seen.has(name)) this.#admit(name, place);
      if (value === null || value === undefined) continue;
      const stored = this.#stored(value);
      this.#lookAt(name, value, stored, place);
      if (stored !== value) (changed ??= { ...row })[name] = stored;
    }
    return changed ?? row;
  }

  #stored(value: unknown): unknown {
    const is_object = typeof value === "object" && this.context.definition.takes_objects;
    return is_object ? objectText(value) : value;
  }

  /** The columns, now that all rows were seen. */
  columns(): ParquetColumn[] {
    const { columns: fixed } = this.context.definition;
    const names = new Set(fixed.map(({ name }) => name));
    const open = [...this.#seen.keys()].filter((name) => !names.has(name));
    return [
      ...fixed.filter(({ name }) => this.#seen.has(name))
        .map(({ name, type, nullable }) => ({ name, type, nullable })),
      ...open.map((name) => ({ name, type: this.#typeOf(name), nullable: true })),
    ];
  }

  /** The columns of doubles that bigints stand in. */
  get rounded_names(): string[] {
    return [...this.#seen].filter(([, seen]) => seen?.has_bigint && seen.has_fraction)
      .map(([name]) => name);
  }

  #admit(name: string, place: RowPlace): void {
    if (!FEATURE_NAME.test(name) || !name.isWellFormed() || name.length > feature_name_chars_max) {
      throw rowError(
        this.context,
        place,
        `has a column ${quoted(name)}, which cannot be a column's name`,
        `give it a name of 1 to ${feature_name_chars_max} characters, control characters not among them`,
      );
    }
    this.#seen.set(name, undefined);
  }

  #lookAt(name: string, value: unknown, stored: unknown, place: RowPlace): void {
    const wrong = (words: string, hint?: string) =>
      rowError(this.context, place, `has ${shown(value)} in column ${quoted(name)}${words}`, hint);
    const family = stored === value
      ? familyOf(value)
      : typeof stored === "string"
      ? "objects"
      : undefined;
    if (family === undefined) {
      const object = this.context.definition.takes_objects ? ", a JSON object" : "";
      throw wrong(`; it has to be a finite number, text, true or false${object}, or null`);
    }
    let seen = this.#seen.get(name);
    if (seen === undefined) {
      seen = { family, since_row: place.row, has_fraction: false, has_bigint: false };
      this.#seen.set(name, seen);
    }
    if (seen.family !== family) {
      const words = `, which holds ${seen.family} since row ${seen.since_row}`;
      throw wrong(words, "keep a column to one kind; write null for no value");
    }
    if (family === "numbers") lookAtNumber(seen, value as number | bigint, place);
  }

  #typeOf(name: string): ParquetColumnType {
    const seen = this.#seen.get(name);
    if (seen === undefined || seen.family === "texts" || seen.family === "objects") return "utf8";
    if (seen.family === "flags") return "boolean";
    if (seen.has_fraction) return "double";
    if (!seen.inexact) return "int64";
    const { place, value } = seen.inexact;
    throw rowError(
      this.context,
      place,
      `has ${shown(value)} in column ${quoted(name)}, a column of whole numbers: ` +
        (typeof value === "bigint" ? "64 bits do not hold it" : "past 2^53 it has lost digits"),
      "pass a bigint or the digits themselves, as far as 64 bits go; or text",
    );
  }
}

function familyOf(value: unknown): Family | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? "numbers" : undefined;
    case "bigint":
      return "numbers";
    case "boolean":
      return "flags";
    case "string":
      return value.isWellFormed() ? "texts" : undefined;
  }
}

function lookAtNumber(seen: Seen, value: number | bigint, place: RowPlace): void {
  if (typeof value === "bigint") {
    seen.has_bigint = true;
    if (!isInt64(value)) seen.inexact ??= { place, value };
  } else if (!Number.isInteger(value)) seen.has_fraction = true;
  else if (!Number.isSafeInteger(value)) seen.inexact ??= { place, value };
}

/** What JSON does not keep stands in a scratch file as a list of its text; other values are scalars. */
function scratchValue(value: unknown): unknown {
  if (typeof value === "bigint") return [String(value)];
  return Object.is(value, -0) ? ["-0"] : value;
}

function valueOfScratch(kept: unknown): unknown {
  if (!Array.isArray(kept)) return kept;
  return kept[0] === "-0" ? -0 : BigInt(kept[0]);
}

function scratchText(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const values = rows.map((row) =>
    names.map((name) => Object.hasOwn(row, name) ? scratchValue(row[name]) : null)
  );
  return JSON.stringify({ names, values });
}

function rowsOfScratch(text: string): Row[] {
  const { names, values } = JSON.parse(text) as { names: string[]; values: unknown[][] };
  return values.map((kept) =>
    Object.fromEntries(names.map((name, at) => [name, valueOfScratch(kept[at])]))
  );
}

/** Rows that wait for the second pass. */
export class KeptRows {
  #kept: Row[][] = [];
  #kept_values = 0;
  #scratch?: OpenFile;
  /** The lengths of the scratch file's blocks. */
  readonly #block_bytes: number[] = [];

  /** The scratch file is made only when it is needed. */
  constructor(readonly world: World, readonly scratch_path: string) {}

  add(rows: Row[]): void {
    this.#kept.push(rows);
    this.#kept_values += rows.reduce((sum, row) => sum + Object.keys(row).length, 0);
    if (this.#kept_values > feature_values_in_memory_max) this.#spill();
  }

  /** The rows in the order in which they came. */
  *batches(): Generator<Row[]> {
    let at = 0;
    for (const size_bytes of this.#block_bytes) {
      yield rowsOfScratch(new TextDecoder().decode(this.#read(at, size_bytes)));
      at += size_bytes;
    }
    yield* this.#kept;
  }

  /** Forgets the rows, and removes the scratch file. */
  dispose(): void {
    this.#kept = [];
    if (this.#scratch === undefined) return;
    this.#scratch.close();
    removeQuietly(this.world.files, this.scratch_path);
  }

  #spill(): void {
    this.#scratch ??= this.world.files.open(this.scratch_path, "create");
    for (const rows of this.#kept) {
      const block = new TextEncoder().encode(scratchText(rows));
      writeFully(this.#scratch, block);
      this.#block_bytes.push(block.length);
    }
    this.#kept = [];
    this.#kept_values = 0;
  }

  #read(offset: number, size_bytes: number): Uint8Array {
    const bytes = readFully(this.#scratch!, new Uint8Array(size_bytes), offset);
    if (bytes.length === size_bytes) return bytes;
    throw new LedgerError({
      code: "io",
      message: `cannot read ${this.scratch_path}: it became shorter while it was in use`,
      where: { path: this.scratch_path },
      hint: "nothing was stored; repeat it",
    });
  }
}

/** Rows with the bigints of some columns made the nearest doubles. */
export function rounded(rows: Row[], names: readonly string[]): Row[] {
  if (names.length === 0) return rows;
  return rows.map((row) => {
    const changed = { ...row };
    for (const name of names) {
      if (typeof changed[name] === "bigint") changed[name] = Number(changed[name]);
    }
    return changed;
  });
}
