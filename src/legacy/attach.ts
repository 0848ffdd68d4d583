/**
 * The first system's database beside ours, queried together while both are in use (dual mode). How
 * the two are compared, and how the old one is brought over, is in the files beside this one.
 */
import { resolve } from "@std/path";
import { startOfDay } from "../base/format.ts";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import type { AttachedDatabase } from "../ledger/open_index.ts";

/** Where the first system keeps its database. */
export const LEGACY_PATH = "data/baseline_results.duckdb";

/** The day from which the log is the truth. */
export const CUTOVER = "2026-01-23";

/** The tables that the first system has, and the columns that ours has for them. */
const LEGACY_TABLES = {
  runs_d: ["run_id", "run_type", "created_at_ms", "config", "data_fingerprint"],
  runs_status: [
    "run_id",
    "started_at_ms",
    "completed_at_ms",
    "failed_at_ms",
    "error",
    "summary_json",
  ],
} as const;

/**
 * A database of the first system, for `openIndex` and `query` to attach: adds the views `all_runs` and
 * `all_run_status`. From the cutover day on, the log wins over it.
 */
export function legacyDatabase(
  { world }: { readonly world: World },
  path: string,
  cutover_day = CUTOVER,
): AttachedDatabase {
  const absolute = resolve(world.cwd(), path);
  if (!world.files.facts(absolute)?.is_file) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no database of the first system at ${absolute}`,
      where: { path: absolute },
      hint: `say where it is by its path; usually it is ${LEGACY_PATH}`,
    });
  }
  return {
    path: absolute,
    name: "legacy",
    createViews: (database) => createDualViews(database, cutover_day),
  };
}

/**
 * Views of the legacy tables with our columns, under names of their own. A column or a table that the
 * legacy file does not have is null or empty; one that has no runs at all is an error.
 */
async function createLegacyViews(database: Database): Promise<void> {
  const found = await database.rows<{ table_name: string; column_name: string }>(`
    select table_name, column_name from duckdb_columns()
    where database_name = 'legacy' and schema_name = 'optimizer'`);
  const columns = new Map<string, Set<string>>();
  for (const { table_name, column_name } of found) {
    if (!columns.has(table_name)) columns.set(table_name, new Set());
    columns.get(table_name)!.add(column_name);
  }
  if (!columns.get("runs_d")?.has("run_id")) {
    throw new LedgerError({
      code: "invalid",
      message: "the legacy database has no table optimizer.runs_d with a run_id",
      hint: columns.size === 0
        ? "is it the right file? It has no schema named optimizer"
        : `it has: ${[...columns.keys()].join(", ")}`,
    });
  }
  for (const [table, wanted] of Object.entries(LEGACY_TABLES)) {
    const there = columns.get(table);
    const selected = wanted.map((name) => `${selectedColumn(name, there)} as ${name}`).join(", ");
    const from = there?.has("run_id")
      ? `from legacy.optimizer.${table}`
      : `from (select 1) where false`;
    await database.run(`create temp view legacy_${table} as select ${selected} ${from}`);
  }
}

function selectedColumn(name: string, there: ReadonlySet<string> | undefined): string {
  const type = name.endsWith("_ms") ? "bigint" : "varchar";
  return there?.has(name) ? `cast(${name} as ${type})` : `cast(null as ${type})`;
}

/** Adds the views `all_runs` and `all_run_status`: each run once, and where it is from. */
async function createDualViews(database: Database, cutover_day: string): Promise<void> {
  await createLegacyViews(database);
  const cutover_ms = startOfDay(cutover_day);
  // Before the cutover the legacy database wins, from it on the log; alone, either counts.
  await database.run(`
    create temp view winning_source as
    select run_id,
      if(l.run_id is not null and (d.run_id is null or
        coalesce(l.created_at_ms, d.created_at_ms) < ${cutover_ms}), 'legacy', 'event_log') as source
    from legacy_runs_d l full join runs_d d using (run_id)`);
  await database.run(`
    create temp view all_runs as
    select run_id, run_type, created_at_ms, cast(config as varchar) as config, data_fingerprint,
      source
    from runs_d join winning_source w using (run_id) where w.source = 'event_log'
    union all
    select run_id, run_type, created_at_ms, config, data_fingerprint, source
    from legacy_runs_d join winning_source w using (run_id) where w.source = 'legacy'`);
  await database.run(`
    create temp view all_run_status as
    select run_id, started_at_ms, completed_at_ms, failed_at_ms, error,
      cast(summary_json as varchar) as summary_json, coalesce(w.source, 'event_log') as source
    from runs_status left join winning_source w using (run_id)
    where coalesce(w.source, 'event_log') = 'event_log'
    union all
    select run_id, started_at_ms, completed_at_ms, failed_at_ms, error, summary_json, source
    from legacy_runs_status join winning_source w using (run_id) where w.source = 'legacy'`);
}
