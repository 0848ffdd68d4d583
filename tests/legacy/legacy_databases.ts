/** Databases as the first system made them, and as they may have become. */
import { literal } from "../../src/duckdb/connection.ts";

export const BEFORE_MS = Date.UTC(2026, 0, 10);
export const AFTER_MS = Date.UTC(2026, 0, 25);

/** Makes a database with the DuckDB package alone, as the first system would. */
export async function database(path: string, ...statements: string[]): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

/** The tables of the first system. */
export const TABLES = [
  "create schema optimizer",
  `create table optimizer.runs_d (run_id varchar, run_type varchar, created_at_ms bigint,
     config json, data_fingerprint varchar)`,
  `create table optimizer.runs_status (run_id varchar, started_at_ms bigint,
     completed_at_ms bigint, summary_json json)`,
];

/** A run with a row in both tables. */
export function run(run_id: string, at: number): string[] {
  return [
    `insert into optimizer.runs_d values ('${run_id}', 'baseline', ${at}, '{"b":1,"10":2}', 'fp')`,
    `insert into optimizer.runs_status values ('${run_id}', ${at + 1}, ${at + 2}, '{"pnl":1.50}')`,
  ];
}

/** The first system's tables as loosely as they can be: nothing is promised of any column. */
export const LOOSE_TABLES = [
  "create schema optimizer",
  `create table optimizer.runs_d (run_id varchar, run_type varchar, created_at_ms bigint,
     config varchar, data_fingerprint varchar)`,
  `create table optimizer.runs_status (run_id varchar, started_at_ms bigint,
     completed_at_ms bigint, failed_at_ms bigint, error varchar, summary_json varchar)`,
];

/** What a row may hold. */
export type Value = string | number | null | undefined;

/** Puts rows into one of the loose tables; what a row does not name is null. */
export function insert(
  table: "runs_d" | "runs_status",
  ...rows: Record<string, Value>[]
): string[] {
  const written = (value: Value) =>
    typeof value === "string" ? literal(value) : String(value ?? null);
  return rows.map((row) =>
    `insert into optimizer.${table} (${Object.keys(row)})
     values (${Object.values(row).map(written)})`
  );
}
