/**
 * The least that DuckDB can do to make the same five tables out of the same files: no verdict on a
 * line, no position, no duplicates, nothing checked. Run as a process of its own: DATABASE FILES….
 */
import { DuckDBInstance } from "@duckdb/node-api";

const [database, ...files] = Deno.args;
const list = `[${files.map((file) => `'${file}'`).join(", ")}]`;
const form = `format = 'newline_delimited'`;
const header = `event_id: 'VARCHAR', event_type: 'VARCHAR', run_id: 'VARCHAR',
  timestamp_ms: 'BIGINT', correlation_id: 'VARCHAR', causation_id: 'VARCHAR'`;

const instance = await DuckDBInstance.create(database, { threads: "2" });
const connection = await instance.connect();
await connection.run(`
create table events as select * from read_json(${list}, ${form}, columns = {${header}});
create table trial_results as
  select run_id, trial_id, timestamp_ms as recorded_at_ms, params, metrics
  from read_json(${list}, ${form}, columns = {event_type: 'VARCHAR', run_id: 'VARCHAR',
    timestamp_ms: 'BIGINT', trial_id: 'VARCHAR', params: 'JSON', metrics: 'JSON'})
  where event_type = 'trial.recorded';
create temp table others as
  select * from read_json(${list}, ${form}, columns = {${header}, run_type: 'VARCHAR',
    config: 'JSON', data_fingerprint: 'VARCHAR', summary: 'JSON', phase_name: 'VARCHAR',
    phase_order: 'BIGINT', duration_ms: 'DOUBLE', output_summary: 'JSON',
    artifact_type: 'VARCHAR', artifact_path: 'VARCHAR', size_bytes: 'BIGINT'})
  where event_type <> 'trial.recorded';
create table runs_d as
  select run_id, run_type, timestamp_ms as created_at_ms, config, data_fingerprint
  from others where event_type = 'run.created';
create table runs_status as
  select run_id, min(timestamp_ms) filter (event_type = 'run.started') as started_at_ms,
    max(timestamp_ms) filter (event_type = 'run.completed') as completed_at_ms,
    any_value(summary) as summary_json
  from others group by run_id;
create table phase_timings as
  select s.run_id, s.phase_name, s.phase_order, s.timestamp_ms as started_at_ms,
    e.timestamp_ms as completed_at_ms, e.duration_ms, e.output_summary
  from (from others where event_type = 'phase.started') s
  left join (from others where event_type = 'phase.completed') e using (run_id, phase_name);
create table artifacts_catalog as
  select run_id, artifact_type, artifact_path, size_bytes, timestamp_ms as created_at_ms
  from others where event_type = 'artifact.created';
checkpoint`);
connection.closeSync();
instance.closeSync();
