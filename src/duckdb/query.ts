/**
 * SQL that somebody typed, over a snapshot of an index. Three things keep it a query: the connection
 * is read-only, DuckDB is shut in, and every statement is looked at for its kind before the first
 * one runs.
 */
import type { DuckDBType } from "@duckdb/node-api";
import { LedgerError } from "../base/error.ts";
import type { BoundValue, Database } from "./door.ts";
import { isNumeric, ValueWriter } from "./values.ts";

/** A column of a result. */
export interface ResultColumn {
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
  sql: string,
  values: BoundValue[] = [],
): Promise<QueryResult> {
  await refuseWhatIsNoQuery(database, sql);
  try {
    const result = await database.stream(sql, values);
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

/** Only SELECT, and EXPLAIN of a SELECT. A read-only connection alone would let COPY write files. */
async function refuseWhatIsNoQuery(database: Database, sql: string): Promise<void> {
  const { StatementType } = database.api;
  // EXPORT makes its folder as soon as it is prepared, so its kind is asked without preparing it.
  if (/\bexport\b/i.test(sql) && !await isAllSelect(database, sql)) {
    throw invalid("EXPORT is no query: an index is derived from the log, and only read");
  }
  const kinds = await statementKinds(database, sql);
  if (kinds.length === 0) throw invalid("there is no statement in it");
  for (const kind of kinds) {
    if (kind === StatementType.SELECT) continue;
    if (kind === StatementType.EXPLAIN && kinds.length === 1) {
      const explained = sql.replace(EXPLAIN, "");
      const inner = explained === sql ? [] : await statementKinds(database, explained);
      if (inner.length === 1 && inner[0] === StatementType.SELECT) continue;
    }
    throw invalid(
      `${StatementType[kind]} is no query: an index is derived from the log, and only read`,
    );
  }
}

/**
 * The head of an EXPLAIN. No comment may stand in it: where a comment ends is DuckDB's to say, and
 * what we take for the explained statement has to be what DuckDB takes for it.
 */
const EXPLAIN = /^\s*explain(\s+analyze\b|\s*\([\w\s,]*\))?/i;

/** Whether a text parses as SELECT statements alone; nothing of it is prepared. */
async function isAllSelect(database: Database, sql: string): Promise<boolean> {
  const error = await database.value<string | null>(
    `select json_serialize_sql(cast($1 as varchar))->>'$.error_type'`,
    [sql],
  );
  // What does not parse is told by the parser itself, with the place.
  return error === null || error === "parser";
}

async function statementKinds(database: Database, sql: string): Promise<number[]> {
  try {
    const extracted = await database.connection.extractStatements(sql);
    const kinds: number[] = [];
    for (let index = 0; index < extracted.count; index++) {
      const prepared = await extracted.prepare(index);
      kinds.push(prepared.statementType);
      prepared.destroySync();
    }
    return kinds;
  } catch (error) {
    throw database.problem(error, sql);
  }
}

function invalid(reason: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot run this: ${reason}`,
    hint: "ledger query without SQL lists the tables, and queries to begin with",
  });
}
