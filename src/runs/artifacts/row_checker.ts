/**
 * Row validation: whether rows are what their artifact type asks for, in kind and in value. Written by
 * hand, since rows of every artifact go through here; a row that is right is handed on as it came.
 */
import { type LedgerError, quoted } from "../../base/error.ts";
import { json } from "../../base/json.ts";
import { timestamp_ms_max, timestamp_ms_plausible_min } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import { BadLine, parseObject } from "../../log/event/validate.ts";
import type { Row } from "../../parquet/mod.ts";
import type { Finding } from "../manifest/manifest.ts";
import {
  inputError,
  type RowBatch,
  type RowContext,
  rowError,
  type RowPlace,
  shown,
} from "./batch.ts";
import { type Check, checksOf } from "./checks.ts";
import {
  type ArtifactColumn,
  type ArtifactDefinition,
  LEVELS,
  type ValueKind,
} from "./definitions.ts";

const EXPECTED: Readonly<Record<ValueKind, string>> = {
  run_id: "the id of this run",
  text: "text without half characters",
  level: `one of ${LEVELS.join(", ")}`,
  object: "a JSON object (of finite numbers, and texts without half characters)",
  whole: "a whole number",
  time: `a whole number of milliseconds from 0 to ${timestamp_ms_max}`,
  number: "a finite number",
  flag: "true or false",
};

/** What a value is stored as; undefined when it is not of its kind. */
export function storedAs(kind: ValueKind, value: unknown): unknown {
  switch (kind) {
    case "run_id":
    case "text":
      return typeof value === "string" && value.isWellFormed() ? value : undefined;
    case "level":
      return (LEVELS as readonly unknown[]).includes(value) ? value : undefined;
    case "whole":
      if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
      return typeof value === "bigint" && isInt64(value) ? value : undefined;
    case "time": {
      const time = typeof value === "bigint" ? Number(value) : value as number;
      return Number.isInteger(time) && time >= 0 && time <= timestamp_ms_max ? time : undefined;
    }
    case "number": {
      // Digits that a text wrote out: the number nearest to them is what JSON means by them.
      const number = typeof value === "bigint" ? Number(value) : value;
      return Number.isFinite(number) ? number : undefined;
    }
    case "flag":
      return typeof value === "boolean" ? value : undefined;
    case "object":
      return objectText(value);
  }
}

/** Whether an int64 can hold it. */
export function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

/** The text of a JSON object, given as one or as its text; undefined when it is none. */
export function objectText(value: unknown): string | undefined {
  if (typeof value === "string") return parseObject(value) instanceof BadLine ? undefined : value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  try {
    const text = JSON.stringify(value, asWritten);
    // A class may write itself as something else, and half a character is written as an escape.
    return text === undefined || parseObject(text) instanceof BadLine ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Throws at what JSON would turn into something else. */
function asWritten(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return json.rawJSON(String(value));
  const is_lost = typeof value === "number"
    ? !Number.isFinite(value)
    : typeof value === "function" || typeof value === "symbol";
  if (is_lost) throw new Error("it cannot be written as JSON");
  return value;
}

/** A check, and the rows that it met so far. */
interface Watched {
  check: Check;
  isBroken: (row: Row) => boolean;
  odd: OddRows;
}

/** Checks the rows of one artifact, in the order in which they are stored. */
export class RowChecker {
  /** How many rows were right so far. */
  count = 0;
  readonly #columns: readonly ArtifactColumn[];
  readonly #names: readonly string[];
  readonly #watched: readonly Watched[];

  constructor(readonly context: RowContext) {
    this.#columns = context.definition.columns;
    this.#names = this.#columns.map(({ name }) => name);
    this.#watched = checksOf(context.definition).map((check) => {
      return { check, isBroken: check.watch(), odd: { check, count: 0 } };
    });
  }

  /** The rows as they are stored. */
  check({ rows, lines }: RowBatch): Row[] {
    return rows.map((row, at) => {
      const place = { row: this.count + 1, line: lines?.[at] };
      if (this.context.definition.is_single_row && this.count === 1) {
        throw this.#wrongCount("more than one", place);
      }
      const checked = this.#checkRow(row, place);
      this.count++;
      return checked;
    });
  }

  /** Throws unless as many rows came as there have to be. */
  end(): void {
    const { is_single_row } = this.context.definition;
    if (is_single_row && this.count === 0) throw this.#wrongCount("none");
  }

  /** What is odd of the rows so far. */
  findings(): Finding[] {
    return oddFindings(this.context.definition, this.#watched.map(({ odd }) => odd));
  }

  #checkRow(row: Row, place: RowPlace): Row {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw rowError(this.context, place, `is ${quoted(row)}; it has to be an object`);
    }
    let changed: Row | undefined;
    let present = 0;
    for (const column of this.#columns) {
      const { name, kind, nullable } = column;
      const value = row[name];
      if (value !== undefined) present++;
      if (value === undefined || value === null) {
        if (kind === "run_id") (changed ??= { ...row })[name] = this.context.run_id;
        else if (!nullable) throw this.#wrong(column, value, row, place);
        continue;
      }
      const stored = storedAs(kind, value);
      if (stored === undefined) throw this.#wrong(column, value, row, place);
      if (kind === "run_id" && value !== this.context.run_id) throw this.#foreign(value, place);
      if (stored !== value) (changed ??= { ...row })[name] = stored;
    }
    // As many fields as columns: then none is left over.
    if (!this.context.definition.is_open && Object.keys(row).length !== present) {
      this.#refuseExtra(row, place);
    }
    const stored = changed ?? row;
    for (const { check, isBroken, odd } of this.#watched) {
      if (!isBroken(stored)) continue;
      if (check.verdict === "impossible") throw impossibleRow(this.context, check, stored, place);
      if (odd.count++ === 0) odd.first = { row: place.row, values: stored };
    }
    return stored;
  }

  #refuseExtra(row: Row, place: RowPlace): void {
    for (const name of Object.keys(row)) {
      if (row[name] === undefined || this.#names.includes(name)) continue;
      throw extraColumn(this.context, name, this.#names.filter((known) => !(known in row)), place);
    }
  }

  #wrong(column: ArtifactColumn, value: unknown, row: Row, place: RowPlace): LedgerError {
    const name = quoted(column.name);
    if (value === undefined) {
      const extra = Object.keys(row).filter((name) => !this.#names.includes(name));
      const meant = nearest(column.name, extra);
      const hint = meant && `is ${quoted(meant)} meant? Name it ${column.name}`;
      return rowError(this.context, place, `lacks column ${name}`, hint);
    }
    const expected = `${EXPECTED[column.kind]}${column.nullable ? ", or null" : ""}`;
    const words = `has ${shown(value)} in column ${name}; it has to be ${expected}`;
    return rowError(this.context, place, words, hintFor(column.kind, value));
  }

  #foreign(value: unknown, place: RowPlace): LedgerError {
    const { run_id } = this.context;
    return rowError(
      this.context,
      place,
      `has ${quoted(value)} in column "run_id"; it is stored for the run ${quoted(run_id)}`,
      "store each run's rows with that run, or leave the column out: then it is filled in",
    );
  }

  #wrongCount(found: string, place?: RowPlace): LedgerError {
    const words = `it has to have exactly one row, and ${found} came`;
    return inputError(this.context, words, "give one row", place?.line);
  }
}

/** The error of a row whose values are impossible. */
export function impossibleRow(
  context: RowContext,
  check: Check,
  values: Row,
  place: RowPlace,
): LedgerError {
  const [column] = check.columns;
  const { kind } = context.definition.columns.find(({ name }) => name === column)!;
  const hint = kind === "time" && check.columns.length === 1 ? timeHint(values[column]) : undefined;
  return rowError(context, place, brokenText(check, values), hint);
}

/** The rows that break a check and are kept. */
export interface OddRows {
  check: Check;
  count: number;
  /** Its place, and the values of the columns that the check is about. */
  first?: { row: number; values: Row };
}

/** What the manifest notes of odd rows. */
export function oddFindings(
  { type }: ArtifactDefinition,
  odd: readonly OddRows[],
): Finding[] {
  return odd.flatMap(({ check, count, first }) => {
    if (!first) return [];
    const others = count > 1 ? ` (${count} such rows)` : "";
    const message = `row ${first.row} ${brokenText(check, first.values)}${others}`;
    return [{ kind: "odd", artifact: type, column: check.columns[0], count, message }];
  });
}

function brokenText({ columns, rule }: Check, values: Row): string {
  const named = columns.map((name) => `${name} ${shown(values[name] ?? null)}`);
  return columns.length === 1
    ? `has ${shown(values[columns[0]])} in column ${quoted(columns[0])}; ${rule}`
    : `has ${named.join(", ")}; ${rule}`;
}

function hintFor(kind: ValueKind, value: unknown): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return "a value that is not known is null, where the column allows it";
  }
  if (kind === "time") return timeHint(value);
  if (kind === "whole" && typeof value === "number" && Number.isInteger(value)) {
    return "past 2^53 a number has lost digits: pass a bigint, or the digits themselves in NDJSON or CSV";
  }
  if (kind === "whole" && typeof value === "bigint") {
    return "64 bits hold whole numbers from -2^63 to 2^63-1";
  }
  if (kind === "level" && typeof value === "string") {
    const meant = nearest(value.toLowerCase(), LEVELS);
    return meant && `is ${quoted(meant)} meant?`;
  }
}

const UNITS_OF_TIME = [["seconds", 1e-3], ["microseconds", 1e3], ["nanoseconds", 1e6]] as const;

/** ISO 8601, also with a blank in the place of the T; without a zone it is taken for UTC. */
const TIME_TEXT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d\S*?))?(Z|[+-]\d\d:\d\d)?$/;

/** What a time may have been meant as that is no milliseconds. */
function timeHint(value: unknown): string | undefined {
  if (typeof value === "string") {
    const [, date, time = "00:00", zone = "Z"] = TIME_TEXT.exec(value) ?? [];
    const time_ms = Date.parse(`${date}T${time}${zone}`);
    return Number.isNaN(time_ms) ? undefined : `in whole milliseconds since 1970 it is ${time_ms}`;
  }
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  for (const [unit, per_ms] of UNITS_OF_TIME) {
    const time_ms = Math.floor(Number(value) / per_ms);
    if (time_ms >= timestamp_ms_plausible_min && time_ms <= timestamp_ms_max) {
      return `these look like ${unit}: in milliseconds it is ${time_ms}`;
    }
  }
}

/** The error of a column that the artifact type does not have. */
export function extraColumn(
  context: RowContext,
  name: string,
  known: readonly string[],
  place?: RowPlace,
): LedgerError {
  const { type } = context.definition;
  const meant = nearest(name, known);
  const hint = meant
    ? `is ${quoted(meant)} meant?`
    : `\`ledger runs schema ${type}\` lists its columns; features and summary take others`;
  const words = `has a column ${quoted(name)}, which is none of ${type}`;
  return place
    ? rowError(context, place, words, hint)
    : inputError(context, `the input ${words}`, hint);
}
