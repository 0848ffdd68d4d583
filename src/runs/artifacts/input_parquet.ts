/**
 * Parquet of other programs as an input. Its footer and the headers of its pages are inspected first;
 * then DuckDB reads its rows: by columns where a type has only plain ones, else row by row. What a
 * library keeps for itself in a file (an index of pandas, its metadata) is left out, with a note.
 */
import type { DuckDBValue } from "@duckdb/node-api";
import { LedgerError, quoted } from "../../base/error.ts";
import { openRegular } from "../../base/files/outside.ts";
import type { FileFacts } from "../../base/files/seam.ts";
import { json } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import type { World } from "../../base/world.ts";
import { type Database, literal } from "../../duckdb/connection.ts";
import { identifier, patternOf } from "../../duckdb/sandbox.ts";
import { inspectParquet, type ParquetFacts, type Row } from "../../parquet/mod.ts";
import { inputError, type RowBatch, type RowContext, rowError } from "./batch.ts";
import {
  castOf,
  familyOfType,
  type GivenColumn,
  isParsed,
  kindOfFamily,
  textOfColumn,
} from "./casts.ts";
import { type InputTable, mayLack, type PlannedColumn, refuseIfChanged } from "./columnar.ts";
import type { ValueKind } from "./definitions.ts";
import { FeatureColumns } from "./features.ts";
import { TYPED } from "./input_csv.ts";
import { keepDigits } from "./input_json.ts";
import { extraColumn, RowChecker } from "./row_checker.ts";

/** An inspected file that DuckDB has open, and what it is called in errors. */
export class ParquetInput {
  readonly notes: string[] = [];
  readonly #columns: GivenColumn[] = [];
  readonly #before: FileFacts;
  #sql = "";

  private constructor(
    readonly world: World,
    readonly context: RowContext,
    readonly path: string,
    readonly facts: ParquetFacts,
  ) {
    this.#before = world.files.facts(path)!;
  }

  /** Looks at a file before DuckDB does. */
  static inspect(world: World, context: RowContext, path: string): ParquetInput {
    using file = openRegular(world.files, path);
    try {
      return new ParquetInput(world, context, path, inspectParquet(file));
    } catch (error) {
      if (!(error instanceof LedgerError) || !["invalid", "damaged"].includes(error.code)) {
        throw error;
      }
      // What came through a pipe lies under a name that means nothing to the caller.
      const words = error.message.replace(path, () => context.source ?? "the input");
      throw inputError(context, words, error.code === "damaged" ? WRITE_ANEW : error.hint!);
    }
  }

  /** Its columns, as DuckDB names and types them; those that only concern pandas are left out. */
  async columns(database: Database): Promise<void> {
    const from = `read_parquet(${literal(patternOf(this.path))}, hive_partitioning = false)`;
    const described = await this.#reading(() =>
      database.rows<{ column_name: string; column_type: string }>(
        `select column_name, column_type from (describe select * from ${from})`,
      )
    );
    const known = new Map(this.context.definition.columns.map(({ name, kind }) => [name, kind]));
    const selected: string[] = [];
    const left_out: string[] = [];
    for (const [at, { column_name, column_type }] of described.entries()) {
      // DuckDB gives another name to one that differs only in its case.
      const { name } = this.facts.columns[at];
      if (PANDAS_INDEX.test(name) && !known.has(name)) {
        left_out.push(name);
        continue;
      }
      if (familyOfType(column_type) === "other" && !NESTED.test(column_type)) {
        throw this.#ofNoUse(name, column_type);
      }
      const kind = known.get(name);
      if (kind && isParsed(kind) && familyOfType(column_type) === "text") {
        this.notes.push(`column ${quoted(name)} has texts: each was read for what it says`);
      }
      selected.push(`${identifier(column_name)} as c${at}`);
      this.#columns.push({ name, type: column_type, sql: `c${at}` });
    }
    this.#sql = `(select ${selected.join(", ")} from ${from})`;
    const what = left_out.map((name) => `column ${quoted(name)}`);
    if (this.facts.key_values.pandas !== undefined) what.push("metadata");
    if (what.length > 0) this.notes.push(`of pandas' own, left out: ${what.join(", ")}`);
  }

  get table(): InputTable {
    return { sql: this.#sql, columns: this.#columns };
  }

  /** Whether rows have to be looked at one by one: where objects are, or exactly one row has to be. */
  get is_for_rows(): boolean {
    const { is_single_row, columns, takes_objects } = this.context.definition;
    const given = new Map(this.#columns.map(({ name, type }) => [name, type]));
    return is_single_row ||
      columns.some(({ name, kind }) => kind === "object" && given.has(name)) ||
      (takes_objects && this.#columns.some(({ type }) => NESTED.test(type)));
  }

  /** The columns that are stored. Throws where one is lacking, or is none of the type. */
  planned(): PlannedColumn[] {
    const { context } = this;
    const { columns, is_open, is_sparse } = context.definition;
    const given = new Map(this.#columns.map((column) => [column.name, column]));
    const fixed = columns.map(({ name, kind, nullable }): PlannedColumn => {
      const column = given.get(name);
      given.delete(name);
      return { name, kind, nullable, given: column };
    });
    const lacking = fixed.find((column) => !column.given && !mayLack(column));
    if (lacking) {
      const meant = nearest(lacking.name, [...given.keys()]);
      const hint = meant
        ? `is ${quoted(meant)} meant? Name it ${lacking.name}`
        : `\`ledger runs schema ${context.definition.type}\` lists the columns`;
      throw inputError(context, `${this.#name} lacks the column ${quoted(lacking.name)}`, hint);
    }
    const [extra] = given.keys();
    if (extra !== undefined && !is_open) {
      const free = fixed.filter((column) => !column.given).map(({ name }) => name);
      throw extraColumn(context, extra, free);
    }
    const stored = is_sparse
      ? fixed.filter(({ kind, given }) => given || kind === "run_id")
      : fixed;
    return [...stored, ...[...given.values()].map((column) => this.#open(column))];
  }

  #open(given: GivenColumn): PlannedColumn {
    const { name, type } = given;
    const kind = kindOfFamily(familyOfType(type));
    if (kind) return { name, kind, nullable: true, given };
    throw this.#ofNoUse(name, type);
  }

  #ofNoUse(name: string, type: string): LedgerError {
    const words = `${this.#name} has a column ${quoted(name)} of type ${type}`;
    const hint = "a column holds numbers, texts, or true and false: convert it, or leave it out";
    return inputError(this.context, words, hint);
  }

  /** Its rows as values of JavaScript, for the checks of rows. Throws where one would lose something. */
  async *rows(database: Database): AsyncGenerator<RowBatch> {
    const { columns } = this.context.definition;
    const plain = this.#columns.flatMap((given): PlannedColumn[] => {
      const { name, type } = given;
      const { kind = kindOfFamily(familyOfType(type)), nullable = true } = columns.find((column) =>
        column.name === name
      ) ?? {};
      return kind === undefined || kind === "object" ? [] : [{ name, kind, nullable, given }];
    });
    await this.#refuseAny(database, plain);
    let count = 0;
    for await (const batch of this.#rowsOf(database, `from ${this.#sql}`)) {
      count += batch.rows.length;
      yield batch;
    }
    this.checkCount(count);
    refuseIfChanged(this.world, this.path, this.#before, this.context);
  }

  async *#rowsOf(database: Database, from: string): AsyncGenerator<RowBatch> {
    const values = this.#columns.map((column) => textOrValue(column));
    const sql = `select ${values.join(", ")} ${from}`;
    const kinds = new Map(this.context.definition.columns.map(({ name, kind }) => [name, kind]));
    const readers = this.#columns.map(({ name, type }) => readerOf(type, kinds.get(name)));
    const result = await this.#reading(() => database.stream(sql));
    try {
      for await (const chunk of result) {
        const rows = chunk.getRows().map((values) => {
          const row: Row = {};
          for (const [at, { name }] of this.#columns.entries()) {
            row[name] = values[at] === null ? null : readers[at](values[at]);
          }
          return row;
        });
        yield { rows };
      }
    } catch (error) {
      throw this.#damage(database.problem(error, sql));
    }
  }

  /** Throws the error of the first row that cannot be stored; where there is none, what failed. */
  async refuse(
    database: Database,
    planned: readonly PlannedColumn[],
    cause: unknown,
  ): Promise<never> {
    await this.#refuseAny(database, planned);
    throw cause;
  }

  /** Throws the error of the first row that cannot be stored. */
  async #refuseAny(database: Database, planned: readonly PlannedColumn[]): Promise<void> {
    if (planned.length === 0) return;
    const { run_id } = this.context;
    const refused = planned.map((column) => refusedSql(column, run_id));
    const numbered = `(select row_number() over () as place, * from ${this.#sql})`;
    const condition = `from ${numbered} where ${refused.join(" or ")} order by place limit 1`;
    const [found] = await this.#reading(() =>
      database.rows<Record<string, DuckDBValue>>(
        `select place, ${refused.map((sql, at) => `${sql} as r${at}`).join(", ")} ${condition}`,
      )
    );
    if (!found) return;
    const place = { row: Number(found.place) };
    for await (const { rows: [row] } of this.#rowsOf(database, condition)) {
      const checker = new RowChecker(this.context);
      checker.count = place.row - 1;
      const is_nan = planned.some(({ name, given }, at) =>
        found[`r${at}`] && row[name] === null && given && familyOfType(given.type) === "real"
      );
      const [checked] = withHint(
        is_nan ? "a NaN counts as null: fill it in, or leave the row out" : undefined,
        () => checker.check({ rows: [row] }),
      );
      if (this.context.definition.is_open) new FeatureColumns(this.context).look(checked, place);
      // What a row's check takes: the number nearest to digits, and any text.
      const { name, given } = planned.find((_, at) => found[`r${at}`])!;
      const { type } = given!;
      const [value] = await database.rows<{ text: string }>(
        `select ${given!.sql}::varchar as text ${condition}`,
      );
      const is_time = ["time", "date"].includes(familyOfType(type));
      const [why, hint] = is_time
        ? ["it is no time of the years 1 to 9999", "write null for a time that is not known"]
        : ["stored as a number it would lose digits", "round it first, or store it as text"];
      const said = is_time ? quoted(value.text) : value.text;
      const words = `has ${said} in column ${quoted(name)}, of type ${type}; ${why}`;
      throw rowError(this.context, place, words, hint);
    }
  }

  /** Throws unless DuckDB read as many rows as the file says. */
  checkCount(rows: number): void {
    if (rows === this.facts.rows) return;
    throw this.#damage(
      new LedgerError({
        code: "damaged",
        message: `it says ${this.facts.rows} rows, and has ${rows}`,
      }),
    );
  }

  /** What fails while DuckDB reads: the file was inspected, so its pages do not decode. */
  async #reading<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw this.#damage(error);
    }
  }

  #damage(error: unknown): unknown {
    if (!(error instanceof LedgerError) || !["invalid", "io", "damaged"].includes(error.code)) {
      return error;
    }
    const [first_line] = error.message.split("\n");
    return inputError(
      this.context,
      `${this.#name} cannot be read (${first_line})`,
      WRITE_ANEW,
    ).with({ cause: error });
  }

  get #name(): string {
    return this.context.source ?? "the input";
  }
}

const WRITE_ANEW = "it is damaged, or was not written to its end: write it again";

/** Does something whose error gets another hint. */
function withHint<T>(hint: string | undefined, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw hint && error instanceof LedgerError ? error.with({ hint }) : error;
  }
}

/** How pandas names the index of a table where it keeps one. */
const PANDAS_INDEX = /^__index_level_\d+__$/;
const NESTED = /^(STRUCT|MAP)\(|\]$/;

/** SQL that is true of a row whose value in this column cannot be stored. */
function refusedSql({ kind, nullable, given }: PlannedColumn, run_id: string): string {
  if (given === undefined) return "false";
  const { given: value_given, value, fits } = castOf(given, kind, run_id);
  const is_left_out = mayLack({ kind, nullable }) ? `${value_given} is null` : "false";
  return `(not (${is_left_out} or coalesce(${fits(`(${value})`)}, false)))`;
}

/** What `readerOf` makes a value of. */
function textOrValue(column: GivenColumn): string {
  const { type, sql } = column;
  switch (familyOfType(type)) {
    case "whole":
    case "flag":
      return sql;
    case "real":
      return castOf(column, "number", "").given;
    case "decimal":
      return `${sql}::varchar`;
    case "text":
      return textOfColumn(column);
    case "time":
    case "date":
      // One that is no time here is refused, as what it is.
      return `coalesce(${textOfColumn(column)}, ${sql}::varchar)`;
    default:
      return `to_json(${sql})::varchar`;
  }
}

function readerOf(type: string, kind: ValueKind = "text"): (value: DuckDBValue) => unknown {
  const is_time = kind === "time";
  switch (familyOfType(type)) {
    case "text":
      return (value) => TYPED[kind](String(value));
    case "time":
    case "date":
      return (value) => is_time && WHOLE_MS.test(String(value)) ? Date.parse(String(value)) : value;
    case "other":
      return (value) => json.parse(String(value), keepDigits);
    case "decimal":
      return (value) => {
        const [whole, fraction = ""] = String(value).split(".");
        return /[1-9]/.test(fraction) ? Number(value) : numberOrBigint(BigInt(whole));
      };
    default:
      return (value) => typeof value === "bigint" ? numberOrBigint(value) : value;
  }
}

function numberOrBigint(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const WHOLE_MS = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z)?$/;
