/**
 * A caller's SQL, over a snapshot of an index. Four things keep it a query: the guard lets pass only
 * what is on its list, every statement is looked at for its kind before the first one runs, the
 * connection is read-only, and DuckDB is shut in.
 */
import type { DuckDBType } from "@duckdb/node-api";
import { LedgerError } from "../base/error.ts";
import type { BoundValue, Database } from "./connection.ts";
import { type GuardedQuery, guardQuery } from "./sandbox.ts";
import { isNumeric, ValueWriter } from "./values.ts";

/** A column of a result. */
interface ResultColumn {
  name: string;
  type: string;
  is_number: boolean;
}

/** A result that comes in pieces, so that its size does not matter. */
export interface QueryResult {
  columns: ResultColumn[];
  /** Rows as texts, for tables and CSV. */
  texts(): AsyncGenerator<string[]>;
  /** Rows as JSON texts, cell by cell. */
  jsons(): AsyncGenerator<string[]>;
}

/**
 * Runs statements that only ask; the result is that of the last one. Values stand for `$1`, `$2`, …
 */
export async function runQuery(
  database: Database,
  asked: string,
  values: BoundValue[] = [],
): Promise<QueryResult> {
  const { sql, kind } = await guardQuery(database, asked);
  try {
    const result = await database.streamChecked(sql, values, kindCheck(database, kind));
    const types = result.columnTypes();
    const names = result.deduplicatedColumnNames();
    const writer = new ValueWriter(database.api);
    const rows = async function* (cell: (value: never, type: DuckDBType) => string) {
      try {
        for await (const chunk of result) {
          for (const row of chunk.getRows()) {
            yield row.map((value, column) => cell(value as never, types[column]));
          }
        }
      } catch (error) {
        throw database.problem(error, sql);
      }
    };
    return {
      columns: names.map((name, column) => ({
        name,
        type: types[column].toString(),
        is_number: isNumeric(types[column]),
      })),
      texts: () => rows((value, type) => writer.text(value, type)),
      jsons: () => rows((value, type) => writer.json(value, type)),
    };
  } catch (error) {
    throw database.problem(error, sql);
  }
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
    const members = cells.map((cell, column) => [result.columns[column].name, parsedCell(cell)]);
    rows.push(Object.fromEntries(members));
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
      hint: "an index is derived from the log, and only read",
    });
  };
}
