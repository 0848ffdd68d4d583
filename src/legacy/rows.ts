/**
 * The rows of a legacy database, the runs of a batch at a time. Values come as the texts that DuckDB
 * writes for them, so that no digit is lost on the way into an event.
 */
import { legacy_batch_rows_max, timestamp_ms_plausible_min } from "../base/limits.ts";
import type { Database } from "../duckdb/connection.ts";
import { identifier } from "../duckdb/sandbox.ts";
import { isTimestamp } from "../log/mod.ts";
import { type Column, legacyName, type LegacySchema, type LegacyTable } from "./tables.ts";

/** A value that is not null. */
export interface Cell {
  column: Column;
  text: string;
  /** Of a time that an event may have. */
  at_ms?: number;
}

/** A row of a table that is understood. */
export interface LegacyRow {
  table: LegacyTable;
  run_id: string | null;
  key: string | null;
  cells: ReadonlyMap<string, Cell>;
  /** Of a run with a summary: when it ended, as far as its tables show. */
  ended_at_ms?: number;
}

/** A few runs, and all rows about them. */
export interface LegacyBatch {
  run_ids: readonly string[];
  rows: readonly LegacyRow[];
}

/** All rows of the tables that are understood, the runs in the order of their ids. */
export async function* legacyBatches(
  database: Database,
  schema: LegacySchema,
  rows_max = legacy_batch_rows_max,
): AsyncGenerator<LegacyBatch> {
  const counts = schema.tables.map(({ name }) =>
    `select cast(run_id as varchar) as run_id, count(*) as rows
     from ${legacyName(`optimizer.${name}`)} group by all`
  );
  const runs = await database.rows<{ run_id: string | null; rows: bigint }>(
    `select run_id, sum(rows)::bigint as rows from (${counts.join(" union all ")})
     group by run_id order by run_id nulls first`,
  );
  let ids: (string | null)[] = [];
  let rows = 0n;
  for (const run of runs) {
    if (ids.length > 0 && rows + run.rows > rows_max) {
      yield await batchOf(database, schema, ids);
      ids = [];
      rows = 0n;
    }
    ids.push(run.run_id);
    rows += run.rows;
  }
  if (ids.length > 0) yield await batchOf(database, schema, ids);
}

async function batchOf(
  database: Database,
  schema: LegacySchema,
  ids: readonly (string | null)[],
): Promise<LegacyBatch> {
  const run_ids = ids.filter((id) => id !== null);
  const rows: LegacyRow[] = [];
  for (const table of schema.tables) {
    const found = await database.rows<Record<string, string | bigint | null>>(
      `${
        selectOf(schema, table)
      } where list_contains(from_json($1, '["varchar"]'), r.run_id::varchar)
         or ($2 and r.run_id is null) order by ${orderOf(table)}`,
      [JSON.stringify(run_ids), run_ids.length < ids.length],
    );
    for (const values of found) rows.push(rowOf(table, values));
  }
  return { run_ids, rows };
}

function selectOf(schema: LegacySchema, table: LegacyTable): string {
  const texts = table.columns.map(({ name }) => `r.${identifier(name)}::varchar as "=${name}"`);
  const times = table.columns.filter(({ time_sql }) => time_sql !== undefined)
    .map(({ name, time_sql }) => `${time_sql} as "@${name}"`);
  const end = table.name === "runs_d" ? [`${endOfRun(schema)} as "@"`] : [];
  const key = `r.${identifier(table.key)}::varchar as "#"`;
  return `select r.run_id::varchar as "run_id", ${[key, ...texts, ...times, ...end].join(", ")}
    from ${legacyName(`optimizer.${table.name}`)} r`;
}

/** Phases as they came; else by key. What is left decides between rows that say the same. */
function orderOf({ columns }: LegacyTable): string {
  const names = columns.map(({ name }) => name);
  const first = ["phase_order", "started_at"].filter((name) => names.includes(name));
  const numbers = first.map((name) => `r.${identifier(name)}`);
  return ['"run_id"', ...numbers, '"#"', ...names.map((name) => identifier(`=${name}`))].join();
}

/** When the run of a row `r` of `runs_d` ended: after its time in all, and after whatever it did last. */
export function endOfRun(schema: LegacySchema): string {
  const latest = (["pipeline_phases_f", "trials_f", "walk_forward_f"] as const)
    .flatMap((name) =>
      (schema.table(name)?.columns ?? []).filter(({ time_sql }) => time_sql)
        .map(({ time_sql }) =>
          `(select max(${time_sql}) from ${legacyName(`optimizer.${name}`)} o
            where o.run_id = r.run_id)`
        )
    );
  const runs = schema.table("runs_d")!.columns;
  const created = runs.find(({ name }) => name === "created_at")?.time_sql ?? "null::bigint";
  const total = runs.some(({ name }) => name === "timing_json")
    ? `coalesce(try_cast(try(timing_json::varchar->>'$.total_ms') as bigint), 0)`
    : "0";
  return `greatest(${[`${created} + ${total}`, created, ...latest].join(", ")})`;
}

function rowOf(table: LegacyTable, values: Record<string, string | bigint | null>): LegacyRow {
  const cells = new Map<string, Cell>();
  for (const column of table.columns) {
    const text = values[`=${column.name}`];
    if (typeof text !== "string" || saysNothing(column, text)) continue;
    cells.set(column.name, { column, text, at_ms: timeOf(values[`@${column.name}`]) });
  }
  const text = (value: string | bigint | null) => typeof value === "string" ? value : null;
  return {
    table,
    run_id: text(values.run_id),
    key: text(values["#"]),
    cells,
    ended_at_ms: timeOf(values["@"]),
  };
}

/** A null that was written as JSON, and a type of run without a letter, are none. */
function saysNothing({ kind, name }: Column, text: string): boolean {
  return kind === "json" ? text.trim() === "null" : name === "run_type" && text === "";
}

/** A time that an event may have. */
function timeOf(value: string | bigint | null | undefined): number | undefined {
  const at_ms = typeof value === "bigint" ? Number(value) : NaN;
  return isTimestamp(at_ms) && at_ms >= timestamp_ms_plausible_min ? at_ms : undefined;
}
