/** What there is to ask of an index. */
import type { Database } from "../duckdb/connection.ts";

/** The tables and views of an index, with their columns. */
export async function describeIndex(
  database: Database,
): Promise<{ name: string; kind: string; columns: string }[]> {
  return await database.rows(`
    select if(table_schema = 'main', '', table_schema || '.') || table_name as name, if(table_type = 'VIEW', 'view', 'table') as kind,
      string_agg(column_name, ', ' order by ordinal_position) as columns
    from information_schema.tables join information_schema.columns using (table_name, table_schema)
    where table_name not in
      ('index_facts', 'index_parts', 'trial_events', 'other_events', 'publications',
       'catalog_files', 'catalog_meta', 'compacted_files', 'alert_files', 'alerts_meta')
    group by all order by kind desc, name`);
}

/** Queries that are worth beginning with, each with what it answers. */
export const EXAMPLE_QUERIES: readonly { sql: string; shows: string }[] = [
  { sql: "select * from latest_runs limit 10", shows: "the latest runs and how they stand" },
  {
    sql: "select * from run_phase_summary where run_id = 'r1'",
    shows: "how long each phase of a run took",
  },
  {
    sql: "select * from phase_timings where run_id = 'r1' order by phase_order",
    shows: "the same, a row a phase",
  },
  {
    sql: "select trial_id, params, metrics from trial_results where run_id = 'r1'",
    shows: "the trials of a run",
  },
  {
    sql: "select event_type, count(*) as events from events group by all order by events desc",
    shows: "what the log is made of",
  },
];
