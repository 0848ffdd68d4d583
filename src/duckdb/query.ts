/**
 * Read-only query: a caller's SQL, over a snapshot of an index or of traces. Four things keep it a query:
 * the guard's allow-list, a check of every statement's kind before the first one runs, a connection that is
 * read-only or in memory, and the sandbox. Results stream, so their size does not matter.
 */
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { LedgerError } from "../base/error.ts";
import type { BoundValue, Database } from "./connection.ts";
import { type FileKind, fileValue, kindOfType } from "./file_values.ts";
import type { DuckDBApi } from "./native.ts";
import { type GuardedQuery, guardQuery } from "./query_guard.ts";

export interface QueryResult {
  /** Each has a name of its own. */
  columns: { name: string; is_number: boolean; kind: FileKind }[];
  /** Rows as texts, for tables and CSV. */
  texts(): AsyncGenerator<(string | null)[]>;
  /** Rows as JSON texts, cell by cell. */
  jsons(): AsyncGenerator<string[]>;
  /** Rows as values of the columns' kinds, for a file of columns; some at a time. */
  values(): AsyncGenerator<unknown[][]>;
}

/** Runs a query. Values stand for `$1`, `$2`, … */
export async function runQuery(
  database: Database,
  asked: string,
  values: BoundValue[] = [],
): Promise<QueryResult> {
  const { sql, kind } = await guardQuery(database, asked);
  try {
    const result = await database.streamChecked(sql, values, kindCheck(database, kind));
    const types = result.columnTypes();
    const names = distinct(result.columnNames());
    const writer = new ValueWriter(database.api);
    type Cell<T> = (value: DuckDBValue, type: DuckDBType) => T;
    const batches = async function* <T>(cell: Cell<T>) {
      try {
        for await (const chunk of result) {
          yield chunk.getRows().map((row) =>
            row.map((value, column) => cell(value, types[column]))
          );
        }
      } catch (error) {
        throw database.problem(error, sql);
      }
    };
    const rows = async function* <T>(cell: Cell<T>) {
      for await (const batch of batches(cell)) yield* batch;
    };
    return {
      columns: names.map((name, column) => ({
        name,
        is_number: isNumeric(types[column]),
        kind: kindOfType(types[column]),
      })),
      texts: () => rows((value, type) => writer.text(value, type)),
      jsons: () => rows((value, type) => writer.json(value, type)),
      values: () => batches((value, type) => fileValue(value, type) ?? writer.text(value, type)),
    };
  } catch (error) {
    throw database.problem(error, sql);
  }
}

/** Names that differ: the second `n` is `n_1`, as DuckDB has it in a table. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let n = 1; seen.has(free) || (free !== name && taken.has(free)); n++) {
      free = `${name}_${n}`;
    }
    seen.add(free);
    return free;
  });
}

/** The same, all at once. Values come as JSON has them; whole numbers past 2^53 as strings. */
export async function rowsOfQuery(
  database: Database,
  sql: string,
  values?: BoundValue[],
): Promise<Record<string, unknown>[]> {
  const result = await runQuery(database, sql, values);
  const rows: Record<string, unknown>[] = [];
  for await (const cells of result.jsons()) {
    rows.push(Object.fromEntries(
      cells.map((cell, column) => [result.columns[column].name, parsedCell(cell)]),
    ));
  }
  return rows;
}

/** A cell as JSON has it. A whole number that a double cannot hold stays the text it is. */
function parsedCell(json: string): unknown {
  const value = JSON.parse(json);
  return typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? json
    : value;
}

/** A second look, at the kind that DuckDB gives a statement once it is bound. */
function kindCheck({ api: { StatementType } }: Database, kind: GuardedQuery["kind"]) {
  const wanted = kind === "explain" ? StatementType.EXPLAIN : StatementType.SELECT;
  return (found: number) => {
    if (found === wanted) return;
    throw new LedgerError({
      code: "invalid",
      message: `cannot run this: ${StatementType[found]} is no query`,
      hint: "queries only read an index: it is derived from the log",
    });
  };
}

/**
 * DuckDB's values as text and as JSON. Nothing is rounded: a bigint and a decimal keep their digits, and a
 * JSON column goes into JSON output as the JSON that it is.
 */
class ValueWriter {
  constructor(readonly api: DuckDBApi) {}

  /** A value for a table, for CSV, for Markdown. */
  text(value: DuckDBValue, type: DuckDBType): string | null {
    if (value === null) return null;
    if (typeof value === "string") return value;
    return this.#isNested(value) ? this.json(value, type) : String(value);
  }

  json(value: DuckDBValue, type: DuckDBType): string {
    if (value === null) return "null";
    switch (typeof value) {
      case "boolean":
      case "bigint":
        return String(value);
      case "number":
        // JSON has no NaN and no infinity; a string says which it was.
        return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
      case "string":
        // Breaks can only stand between the words of JSON; in NDJSON a row is a line.
        return type.alias === "JSON" ? value.replace(/[\r\n]/g, " ") : JSON.stringify(value);
      default:
        return this.#nestedJson(value, type);
    }
  }

  #isNested(value: DuckDBValue): boolean {
    const { api } = this;
    return value instanceof api.DuckDBListValue || value instanceof api.DuckDBArrayValue ||
      value instanceof api.DuckDBStructValue || value instanceof api.DuckDBMapValue;
  }

  #nestedJson(value: DuckDBValue, type: DuckDBType): string {
    const { api } = this;
    if (value instanceof api.DuckDBDecimalValue) return value.toString();
    if (value instanceof api.DuckDBListValue || value instanceof api.DuckDBArrayValue) {
      const of = (type as { valueType?: DuckDBType }).valueType ?? type;
      return `[${value.items.map((item) => this.json(item, of)).join(",")}]`;
    }
    if (value instanceof api.DuckDBStructValue) {
      const struct = type as { entryNames?: readonly string[]; entryTypes?: readonly DuckDBType[] };
      const members = Object.entries(value.entries).map(([name, member]) => {
        const at = struct.entryNames?.indexOf(name) ?? -1;
        return `${JSON.stringify(name)}:${this.json(member, struct.entryTypes?.[at] ?? type)}`;
      });
      return `{${members.join(",")}}`;
    }
    if (value instanceof api.DuckDBMapValue) {
      const of = type as { keyType?: DuckDBType; valueType?: DuckDBType };
      const members = value.entries.map(({ key, value: member }) =>
        `${JSON.stringify(this.text(key, of.keyType ?? type))}:` +
        this.json(member, of.valueType ?? type)
      );
      return `{${members.join(",")}}`;
    }
    if (value instanceof api.DuckDBUnionValue) return this.json(value.value, type);
    return JSON.stringify(String(value));
  }
}

const NUMBERS =
  /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|DOUBLE|DECIMAL|BIGNUM)/;

/** Whether a column holds numbers, which stand to the right in a table. */
function isNumeric(type: DuckDBType): boolean {
  return NUMBERS.test(type.toString());
}

const PRODUCT = /\*\s*interval\b|\binterval\s*('[^']*'|\([^)]*\)|\d+)\s*\w*\s*\*/i;

/** What fits is left to DuckDB: only it knows how months multiply. */
const WIDE = `case when factor between -2147483648 and 2147483647 then multiply(factor, span)
  else to_microseconds(multiply(factor, epoch_us(span))) end`;

/**
 * Lets a query multiply an interval by any whole number. DuckDB takes 32 bits, and a time of today in
 * milliseconds has 41: `TIMESTAMP 'epoch' + alert_ts_ms * INTERVAL '1 millisecond'`, as users of the first
 * system write it.
 */
export async function allowWideIntervals(database: Database, sql: string): Promise<void> {
  if (!PRODUCT.test(sql)) return;
  await database.run(`create or replace temp macro "*"(factor bigint, span interval) as ${WIDE},
    (span interval, factor bigint) as ${WIDE},
    (one, other) as multiply(one, other)`);
}
