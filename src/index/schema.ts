/** The tables and views of `runs.duckdb`, and the version that says which they are. */

import { ANALYTICS_SCHEMA } from "./analytics.ts";

/** Rises with every change below; an index of another version is set aside and built anew. */
export const INDEX_VERSION = 3;

/** The tables that hold what the log says. What is in them is a function of the log alone. */
export const CONTENT_TABLES = [
  "other_events",
  "trial_events",
  "runs_d",
  "runs_status",
  "phase_timings",
  "artifacts_catalog",
  "baseline_results",
  "rejected_lines",
  "duplicate_events",
] as const;

/** All of it, for an empty database. */
export const SCHEMA = `
create table index_facts (key varchar not null, value varchar not null);
insert into index_facts values ('version', '${INDEX_VERSION}');

-- How far each part is indexed, and what its last indexed line was.
create table index_parts (
  log_day varchar not null,
  log_part varchar not null,
  indexed_to bigint not null,
  last_line_at bigint not null,
  last_line_hash varchar not null,
  -- Not in the log any more: what is known of it stands only here, and in its archive.
  is_archived boolean not null
);

-- The days that were taken out of the log, and where their archives are; null when there is none. A day
-- that has late events here still has several archives.
create table archived_days (
  log_day varchar not null,
  archived_at_ms bigint not null,
  archive varchar
);

-- Trials are nearly all there is of most logs, so they are held once, in columns of their own.
create table trial_events (
  event_id varchar not null,
  run_id varchar not null,
  timestamp_ms bigint not null,
  correlation_id varchar,
  causation_id varchar,
  log_day varchar not null,
  log_part varchar not null,
  log_offset bigint not null,
  trial_id varchar not null,
  params json not null,
  metrics json not null,
  is_archived boolean not null
);

create table other_events (
  event_id varchar not null,
  event_type varchar not null,
  run_id varchar,
  timestamp_ms bigint not null,
  correlation_id varchar,
  causation_id varchar,
  log_day varchar not null,
  log_part varchar not null,
  log_offset bigint not null,
  -- False for an event of a built-in type whose fields are not of that type: it is in no other table.
  fields_ok boolean not null,
  -- The line as it stands in the log.
  payload json not null,
  is_archived boolean not null
);

create view events as
select event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id, log_day, log_part,
  log_offset, fields_ok, payload, is_archived
from other_events
union all
select event_id, 'trial.recorded', run_id, timestamp_ms, correlation_id, causation_id, log_day,
  log_part, log_offset, true, null, is_archived
from trial_events;

create view trial_results as
select run_id, trial_id, timestamp_ms as recorded_at_ms, params, metrics from trial_events;

create table runs_d (
  run_id varchar not null,
  run_type varchar,
  created_at_ms bigint,
  config json,
  data_fingerprint varchar
);

create table runs_status (
  run_id varchar not null,
  started_at_ms bigint,
  completed_at_ms bigint,
  failed_at_ms bigint,
  error varchar,
  summary_json json
);

create table phase_timings (
  run_id varchar not null,
  phase_name varchar not null,
  phase_order bigint,
  started_at_ms bigint,
  completed_at_ms bigint,
  duration_ms double,
  output_summary_json json
);

create table artifacts_catalog (
  run_id varchar not null,
  artifact_type varchar not null,
  artifact_path varchar not null,
  size_bytes bigint not null,
  created_at_ms bigint not null
);

create table baseline_results (
  run_id varchar not null,
  alerts_total bigint not null,
  alerts_ok bigint not null,
  artifact_path varchar not null,
  completed_at_ms bigint not null
);

create table rejected_lines (part varchar not null, "offset" bigint not null, reason varchar not null);

create table duplicate_events (
  event_id varchar not null,
  log_day varchar not null,
  log_part varchar not null,
  log_offset bigint not null
);

create view latest_runs as
select
  coalesce(d.run_id, s.run_id) as run_id,
  d.run_type,
  case
    when s.completed_at_ms is not null then 'completed'
    when s.failed_at_ms is not null then 'failed'
    when s.started_at_ms is not null then 'running'
    else 'pending'
  end as status,
  d.created_at_ms,
  s.started_at_ms,
  s.completed_at_ms,
  s.failed_at_ms,
  s.error,
  d.config,
  d.data_fingerprint,
  s.summary_json
from runs_d d full join runs_status s on s.run_id = d.run_id
order by coalesce(d.created_at_ms, s.started_at_ms, s.completed_at_ms, s.failed_at_ms) desc, run_id;

create view run_phase_summary as
select
  run_id,
  count(*) as phase_count,
  sum(duration_ms) as total_duration_ms,
  list(phase_name order by phase_order, started_at_ms, completed_at_ms, phase_name) as phase_names,
  list(duration_ms order by phase_order, started_at_ms, completed_at_ms, phase_name)
    as phase_durations_ms
from phase_timings
group by run_id;
${ANALYTICS_SCHEMA}`;
