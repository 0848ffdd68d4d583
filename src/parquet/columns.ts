/** Column types: what a value that is written has to be, and what stands in the file's schema. */
import type { SchemaElement } from "hyparquet";
import { LedgerError, quoted } from "../base/error.ts";

export type ParquetColumnType = "int64" | "double" | "boolean" | "utf8";

export interface ParquetColumn {
  name: string;
  type: ParquetColumnType;
  /** Whether null, or nothing at all, may stand there. */
  nullable: boolean;
}

/** Days since 1970; microseconds since then, of no zone or of UTC. Answers have them. */
type TimeType = "date" | "timestamp" | "timestamp_utc";

/** A column of rows, or of an answer. */
export type AnyColumn = Omit<ParquetColumn, "type"> & { type: ParquetColumnType | TimeType };

/** A row: column name -> value. A field that is missing counts as null. */
export type Row = Record<string, unknown>;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

function int64(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== "bigint") return undefined;
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** A value as it is stored, or undefined when the column cannot hold it exactly. */
const STORED: Readonly<Record<AnyColumn["type"], (value: unknown) => unknown>> = {
  int64,
  timestamp: int64,
  timestamp_utc: int64,
  date: (value) => Number.isInteger(value) && (value as number | 0) === value ? value : undefined,
  double: (value) => typeof value === "number" ? value : undefined,
  boolean: (value) => typeof value === "boolean" ? value : undefined,
  utf8: (value) => typeof value === "string" && value.isWellFormed() ? value : undefined,
};

const WANTED: Readonly<Record<AnyColumn["type"], string>> = {
  int64: "a whole number of 64 bits (past 2^53 as a bigint)",
  double: "a number",
  boolean: "true or false",
  date: "a whole number of days",
  timestamp: "a whole number of microseconds",
  timestamp_utc: "a whole number of microseconds",
  utf8: "text without half characters",
};

function timestampType(is_utc: boolean) {
  return { type: "TIMESTAMP", isAdjustedToUTC: is_utc, unit: "MICROS" } as const;
}

/** What a type is in a file. Packed files have two more than those of rows. */
export const PHYSICAL = {
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  date: { type: "INT32", converted_type: "DATE" },
  timestamp: { type: "INT64", logical_type: timestampType(false) },
  timestamp_utc: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: timestampType(true),
  },
  utf8: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  bytes: { type: "BYTE_ARRAY" },
} as const satisfies Readonly<Record<string, Partial<SchemaElement>>>;

type SchemaColumn = { name: string; type: keyof typeof PHYSICAL; nullable: boolean };

export function schemaOf(columns: readonly SchemaColumn[]): SchemaElement[] {
  return [
    { name: "root", num_children: columns.length },
    ...columns.map(({ name, type, nullable }): SchemaElement => ({
      name,
      repetition_type: nullable ? "OPTIONAL" : "REQUIRED",
      ...PHYSICAL[type],
    })),
  ];
}

/** Throws unless a file can have these columns; the library takes two of one name without a word. */
export function checkColumns(path: string, columns: readonly AnyColumn[]): void {
  if (columns.length === 0) throw unwritable(path, "it would have no columns");
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (name === "" || !name.isWellFormed()) {
      throw unwritable(path, `${quoted(name)} cannot be the name of a column`);
    }
    if (seen.has(name)) throw unwritable(path, `two columns are named ${quoted(name)}`);
    seen.add(name);
  }
}

function unwritable(path: string, problem: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot write ${path}: ${problem}`,
    where: { path },
    hint: "nothing was written",
  });
}

export class ColumnValues {
  values: unknown[] = [];
  /** About how much memory texts take; everything else is eight bytes. */
  text_bytes = 0;
  readonly #stored: (value: unknown) => unknown;
  /** A row inherits such a name from every object's prototype, so it has to be its own. */
  readonly #is_inherited: boolean;

  constructor(readonly path: string, readonly column: AnyColumn) {
    this.#stored = STORED[column.type];
    this.#is_inherited = column.name in Object.prototype;
  }

  /** Takes the column's values of some rows; `rows_before` of the file came earlier. */
  add(rows: readonly Row[], start: number, end: number, rows_before: number): void {
    const { name, nullable, type } = this.column;
    const stored = this.#stored;
    for (let at = start; at < end; at++) {
      const row = rows[at];
      const given = this.#is_inherited && !Object.hasOwn(row, name) ? undefined : row[name];
      if (nullable && (given === null || given === undefined)) {
        this.values.push(null);
        continue;
      }
      const value = stored(given);
      if (value === undefined) throw this.#wrong(given, rows_before + at - start + 1);
      if (type === "utf8") this.text_bytes += (value as string).length;
      this.values.push(value);
    }
  }

  clear(): void {
    this.values = [];
    this.text_bytes = 0;
  }

  #wrong(value: unknown, row_number: number): LedgerError {
    const { path, column: { name, type, nullable } } = this;
    const shown = value === undefined ? "missing" : quoted(value);
    const wanted = `${WANTED[type]}${nullable ? ", or null" : ""}`;
    const found = `column ${quoted(name)} of row ${row_number} is ${shown}`;
    return unwritable(path, `${found}; it has to be ${wanted}`);
  }
}
