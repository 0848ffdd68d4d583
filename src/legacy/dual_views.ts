/** Union views: the runs of the first system and of the log, each once, while both systems are in use. */
import type { Database } from "../duckdb/connection.ts";
import { endOfRun } from "./rows.ts";
import { legacyName, readLegacySchema } from "./tables.ts";

/** Adds the views `all_runs` and `all_run_status`: each run once, and where it is from. */
export async function createDualViews(database: Database, cutover_ms: number): Promise<void> {
  const schema = await readLegacySchema(database);
  const columns = schema.table("runs_d")!.columns;
  const text = (name: string) =>
    columns.some((column) => column.name === name) ? `cast(r.${name} as varchar)` : "null::varchar";
  const [run_type, config, fingerprint] = ["run_type", "config_json", "data_fingerprint"].map(text);
  const summary = `nullif(${text("summary_json")}, 'null')`;
  const created = columns.find(({ name }) => name === "created_at")?.time_sql ?? "null::bigint";
  await database.run(`
    create temp view legacy_runs as
    select distinct on (run_id) cast(r.run_id as varchar) as run_id, ${run_type} as run_type,
      ${created} as created_at_ms, ${config} as config, ${fingerprint} as data_fingerprint,
      ${summary} as summary_json,
      if(${summary} is null, null, ${endOfRun(schema)}) as completed_at_ms
    from ${legacyName("optimizer.runs_d")} r where r.run_id is not null
    order by run_id, created_at_ms`);
  // Before the cutover the legacy database wins, from it on the log; alone, either counts.
  await database.run(`
    create temp view winning_source as
    select run_id,
      if(l.run_id is not null and (d.run_id is null or
        coalesce(l.created_at_ms, d.created_at_ms) < ${cutover_ms}), 'legacy', 'event_log') as source
    from legacy_runs l full join runs_d d using (run_id)`);
  await database.run(`
    create temp view all_runs as
    select run_id, run_type, created_at_ms, cast(config as varchar) as config, data_fingerprint,
      source
    from runs_d join winning_source w using (run_id) where w.source = 'event_log'
    union all
    select run_id, run_type, created_at_ms, config, data_fingerprint, source
    from legacy_runs join winning_source w using (run_id) where w.source = 'legacy'`);
  await database.run(`
    create temp view all_run_status as
    select run_id, started_at_ms, completed_at_ms, failed_at_ms, error,
      cast(summary_json as varchar) as summary_json, coalesce(w.source, 'event_log') as source
    from runs_status left join winning_source w using (run_id)
    where coalesce(w.source, 'event_log') = 'event_log'
    union all
    select run_id, null, completed_at_ms, null, null, summary_json, source
    from legacy_runs join winning_source w using (run_id) where w.source = 'legacy'`);
}
