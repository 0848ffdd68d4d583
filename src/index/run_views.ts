/**
 * Views, and the queries over them: what a reader of an index asks. `backtest_analytics` is the schema
 * that users of the first system know: one row a traced run, and one a type of its events with how long
 * these took. It reads `trace.published` events; the last one of a correlation counts.
 */
import type { Database } from "../duckdb/connection.ts";
import { boxColumn, type IndexScope, LATEST_FIRST, LOG_ORDER } from "./tables.ts";

const METRIC_COLUMNS = ["total_return", "sharpe_ratio", "max_drawdown", "total_trades"]
  .map((name) => `try_cast(payload->>'$.metrics.${name}' as double) as ${name}`);

/** Creates the views of a database; in that of a fleet, each row begins with its box. */
export function viewsOf(scope: IndexScope): string {
  const box = boxColumn(scope);
  return `
create view events as
select ${box}event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id, log_day, log_part,
  log_offset, fields_ok, payload, is_archived
from other_events
union all
select ${box}event_id, 'trial.recorded', run_id, timestamp_ms, correlation_id, causation_id, log_day,
  log_part, log_offset, true, null, is_archived
from trial_events;

create view trial_results as
select ${box}run_id, trial_id, timestamp_ms as recorded_at_ms, params, metrics from trial_events;

create view latest_runs as
select
  ${box}run_id,
  d.run_type,
  case
    when s.completed_at_ms is not null then 'completed'
    when s.failed_at_ms is not null then 'failed'
    when s.started_at_ms is not null then 'running'
    else 'pending'
  end as status,
  d.created_at_ms, s.started_at_ms, s.completed_at_ms, s.failed_at_ms, s.error, d.config,
  d.data_fingerprint, s.summary_json
from runs_d d full join runs_status s using (${box}run_id)
order by coalesce(d.created_at_ms, s.started_at_ms, s.completed_at_ms, s.failed_at_ms) desc, ${box}run_id;

create view run_phase_summary as
select ${box}run_id, count(*) as phase_count, sum(duration_ms) as total_duration_ms,
  list(phase_name order by phase_order, started_at_ms, completed_at_ms, phase_name) as phase_names,
  list(duration_ms order by phase_order, started_at_ms, completed_at_ms, phase_name)
    as phase_durations_ms
from phase_timings
group by ${box}run_id;

-- What runs and groups of runs are to show, with where in the log it was said.
create view run_claims as
select ${box}run_id, payload->>'$.group' as "group", payload->>'$.hypothesis' as hypothesis,
  payload->>'$.metric' as metric, payload->>'$.direction' as direction,
  cast(cast(payload->>'$.trials_planned' as double) as bigint) as trials_planned,
  payload->>'$.holdout' as holdout, payload->>'$.falsified_if' as falsified_if,
  timestamp_ms as claimed_at_ms, log_day, log_part, log_offset
from other_events
where event_type = 'run.claimed' and fields_ok;

create schema backtest_analytics;

create view backtest_analytics.publications as
select ${box}correlation_id, coalesce(run_id, correlation_id) as run_id, timestamp_ms, payload,
  min(timestamp_ms) over (partition by ${box}correlation_id) as first_timestamp_ms
from main.other_events
where event_type = 'trace.published' and fields_ok
qualify row_number() over (partition by ${box}correlation_id order by ${LATEST_FIRST}) = 1;

create view backtest_analytics.backtest_runs as
select ${box}run_id, correlation_id, make_timestamp_ms(first_timestamp_ms) as created_at,
  payload->>'$.config_file' as config_file, payload->>'$.strategy_type' as strategy_type,
  ${METRIC_COLUMNS.join(", ")},
  payload->'$.metrics' as metrics,
  try_cast(payload->>'$.event_count' as bigint) as event_count,
  payload->>'$.event_storage_path' as event_storage_path,
  coalesce(payload->>'$.status', 'completed') as status,
  make_timestamp_ms(try_cast(payload->>'$.completed_at_ms' as bigint)) as completed_at
from backtest_analytics.publications;

create view backtest_analytics.event_latencies as
select ${box}run_id, correlation_id, latency->>'$.event_type' as event_type,
  try_cast(latency->>'$.mean_latency_ms' as double) as mean_latency_ms,
  try_cast(latency->>'$.p95_latency_ms' as double) as p95_latency_ms,
  try_cast(latency->>'$.max_latency_ms' as double) as max_latency_ms,
  try_cast(latency->>'$.event_count' as bigint) as event_count,
  make_timestamp_ms(timestamp_ms) as measured_at
from (
  select ${box}run_id, correlation_id, timestamp_ms,
    unnest(cast(payload->'$.latencies' as json[])) as latency
  from backtest_analytics.publications
  where json_type(payload, '$.latencies') = 'ARRAY'
);
`;
}

export const GROUP_OF_RUN = `select "group" from run_states where run_id = $1`;

export const PINNED_RUNS = `select run_id from run_annotations where pin`;

/** The claims about a run, which is $1, and about a group, which is $2, in the order of the log. */
export const CLAIMS = `
select * from run_claims where run_id = $1 or "group" = $2 order by ${LOG_ORDER}`;

/**
 * The parts with trials of a run, which is $1, and of the runs of a group, which is $2: where in each
 * the first stands. The end of a run is a trial too: it brings results.
 */
export const PARTS_WITH_TRIALS = `
with covered as (
  select $1 as run_id union select run_id from run_states where "group" = $2),
trials as (
  select run_id, log_day, log_part, log_offset from trial_events
  union all
  select run_id, log_day, log_part, log_offset from other_events
  where event_type in ('run.completed', 'run.failed') and fields_ok)
select log_day, log_part, min(log_offset) as log_offset
from trials where run_id in (select run_id from covered)
group by log_day, log_part order by ${LOG_ORDER}`;

/** The runs that run, and the days in which they were created or started. */
export const RUNNING_RUNS = `
select distinct run_id, log_day from other_events
where event_type in ('run.created', 'run.started') and fields_ok
  and run_id in (select run_id from latest_runs where status = 'running')
order by all`;

export const LATEST_RUNS = `select * from latest_runs limit $1`;
export const PHASES_OF_RUN = `
select * from phase_timings where run_id = $1 order by phase_order, started_at_ms`;
export const TRIALS_OF_RUN = `
select * from trial_results where run_id = $1 order by recorded_at_ms, trial_id`;

/** The runs that name a correlation, with what they left. */
export const RUNS_OF_CORRELATION = `
select e.run_id, any_value(l.status) as status,
  list(distinct struct_pack(artifact_type := a.artifact_type, artifact_path := a.artifact_path))
    filter (a.run_id is not null) as artifacts
from (select distinct run_id from events where correlation_id = $1 and run_id is not null) e
left join latest_runs l on l.run_id = e.run_id
left join artifacts_catalog a on a.run_id = e.run_id
group by e.run_id order by e.run_id`;

export const EVENT_BY_ID = `
select event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id
from events where event_id = $1`;

export async function describeIndex(
  database: Database,
): Promise<{ name: string; kind: string; columns: string }[]> {
  return await database.rows(`
    select if(table_schema = 'main', '', table_schema || '.') || table_name as name, if(table_type = 'VIEW', 'view', 'table') as kind,
      string_agg(column_name, ', ' order by ordinal_position) as columns
    from information_schema.tables join information_schema.columns
      using (table_catalog, table_schema, table_name)
    where table_catalog in (current_database(), 'temp') and table_name not in
      ('index_facts', 'index_parts', 'index_segments', 'trial_events', 'other_events', 'publications',
       'catalog_files', 'catalog_meta', 'compacted_files', 'alert_files', 'alerts_meta',
       'waiting_trace_events', 'open_runs_now')
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

/** Whether the log's index is among the databases that are open. */
export const HAS_LOG_INDEX = `select bool_or(database_name = 'runs') from duckdb_databases()`;
