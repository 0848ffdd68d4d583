/** The tables of `catalog.duckdb`, and the statements that fill them. */
import { TIMED_STEPS } from "../manifest/manifest.ts";
import { catalog_row_bytes_max } from "../../base/limits.ts";

/** A catalog of another version is built anew. */
export const CATALOG_VERSION = 1;

const TIMINGS = TIMED_STEPS.map((step) => `${step}_ms`);

/** Columns of a run as they are staged: times in ms since 1970, and JSON as text. */
const STAGED_RUN: Readonly<Record<string, string>> = {
  run_id: "VARCHAR",
  run_type: "VARCHAR",
  status: "VARCHAR",
  created_at_ms: "BIGINT",
  started_at_ms: "BIGINT",
  completed_at_ms: "BIGINT",
  git_commit: "VARCHAR",
  git_branch: "VARCHAR",
  git_dirty: "BOOLEAN",
  dataset_from: "VARCHAR",
  dataset_to: "VARCHAR",
  dataset_interval: "VARCHAR",
  calls_count: "BIGINT",
  data_fingerprint: "VARCHAR",
  parameters: "JSON",
  manifest_version: "VARCHAR",
  artifacts_version: "VARCHAR",
  ...Object.fromEntries(TIMINGS.map((column) => [column, "DOUBLE"])),
  summary: "JSON",
  error: "VARCHAR",
  owner_host: "VARCHAR",
  owner_pid: "BIGINT",
  run_path: "VARCHAR",
  presence: "VARCHAR",
  archive: "VARCHAR",
};

const STAGED_ARTIFACT: Readonly<Record<string, string>> = {
  run_id: "VARCHAR",
  artifact_type: "VARCHAR",
  rows: "BIGINT",
  path: "VARCHAR",
  bytes: "BIGINT",
  sha256: "VARCHAR",
  is_missing: "BOOLEAN",
};

const isTime = (column: string) => column.endsWith("_at_ms");

function ddl(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns).map(([name, type]) =>
    isTime(name) ? `${name.slice(0, -"_ms".length)} timestamp` : `${name} ${type.toLowerCase()}`
  ).join(",\n    ");
}

/** The metrics of a summary that everybody compares runs by. */
export const SUMMARY_METRICS = [
  "calls_processed",
  "calls_excluded",
  "trades_count",
  "avg_return_bps",
  "median_return_bps",
  "stop_out_rate",
  "avg_max_adverse_excursion_bps",
  "avg_time_exposed_ms",
  "avg_tail_capture",
  "median_tail_capture",
] as const;

const METRIC_COLUMNS = SUMMARY_METRICS
  .map((name) => `try_cast(summary->>'$.${name}' as double) as ${name}`).join(",\n      ");

export const CATALOG_SCHEMA = `
  create table catalog_meta (version integer);
  insert into catalog_meta values (${CATALOG_VERSION});
  create table catalog_files (
    run_path varchar, stamp varchar, kind varchar, run_id varchar, reason varchar);
  create table backtest_runs_catalog (
    ${ddl(STAGED_RUN)});
  create table backtest_artifacts_catalog (
    ${ddl(STAGED_ARTIFACT)});
  create table runs_in_progress (
    run_id varchar, run_type varchar, status varchar, state varchar, created_at timestamp,
    last_written_at timestamp, reason varchar, run_path varchar);
  create table runs_skipped (run_path varchar, reason varchar);
  create table compacted_files (artifact_type varchar, path varchar, run_id varchar);
  create view run_summaries as
    select run_id, run_type, status, created_at, git_commit, git_branch, parameters,
      ${METRIC_COLUMNS}, summary, run_path
    from backtest_runs_catalog where summary is not null;
`;

export const VERSION = `select version from catalog_meta`;
export const ALL_FILES = `select run_path, stamp, kind, run_id, reason from catalog_files`;
export const ALL_OPEN = `
  select run_path, state, epoch_ms(last_written_at) as last_written_ms from runs_in_progress`;

function selected(columns: Readonly<Record<string, string>>): string {
  return Object.keys(columns).map((name) => isTime(name) ? `make_timestamp_ms(${name})` : name)
    .join(", ");
}

function structOf(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns).map(([name, type]) => `${name}: '${type}'`).join(", ");
}

/** Reads a file of staged rows into a table. */
function take(table: string, columns: Readonly<Record<string, string>>): string {
  return `insert into ${table} select ${selected(columns)} from read_json($1,
    format = 'newline_delimited', maximum_object_size = ${catalog_row_bytes_max},
    columns = {${structOf(columns)}})`;
}

const STAGED_FILE = {
  run_path: "VARCHAR",
  stamp: "VARCHAR",
  kind: "VARCHAR",
  run_id: "VARCHAR",
  reason: "VARCHAR",
};

export const TAKE_RUNS = take("backtest_runs_catalog", STAGED_RUN);
export const TAKE_ARTIFACTS = take("backtest_artifacts_catalog", STAGED_ARTIFACT);
export const TAKE_FILES = take("catalog_files", STAGED_FILE);
export const FORGET_FILES = `delete from catalog_files`;
/** The ids of runs whose rows are written anew, or marked. */
export const TOUCH_NONE = `create or replace temp table touched (run_id varchar)`;
export const TAKE_TOUCHED = `insert into touched select unnest(cast($1::json as varchar[]))`;
export const FORGET_TOUCHED = [
  `delete from backtest_runs_catalog where run_id in (select run_id from touched)`,
  `delete from backtest_artifacts_catalog where run_id in (select run_id from touched)`,
];
export const MARK_MISSING = [
  `update backtest_runs_catalog set presence = 'missing'
   where run_id in (select run_id from touched)`,
  `update backtest_artifacts_catalog set is_missing = true
   where run_id in (select run_id from touched)`,
];
export const FORGET_ARCHIVED = `
  delete from backtest_artifacts_catalog where run_id in
    (select run_id from backtest_runs_catalog where presence = 'archived');
  delete from backtest_runs_catalog where presence = 'archived'`;
export const FORGET_COMPACTED = `delete from compacted_files`;
const STAGED_COMPACTED = {
  artifact_type: "VARCHAR",
  path: "VARCHAR",
  run_id: "VARCHAR",
  sha256: "VARCHAR",
};
/** What is in a compacted file counts as long as the run's own artifact is the one that went in. */
export const TAKE_COMPACTED = `
  insert into compacted_files
  select c.artifact_type, c.path, c.run_id from read_json($1, format = 'newline_delimited',
    columns = {${structOf(STAGED_COMPACTED)}}) c
  join backtest_artifacts_catalog a using (run_id, artifact_type)
  join backtest_runs_catalog r using (run_id)
  where r.presence = 'present' and not a.is_missing
    and (a.sha256 is null or a.sha256 = c.sha256)`;
export const FORGET_OPEN = `delete from runs_in_progress`;
export const ADD_OPEN = `
  insert into runs_in_progress values
    ($1, $2, $3, $4, make_timestamp_ms($5::bigint), make_timestamp_ms($6::bigint), $7, $8)`;
export const FORGET_SKIPPED = `delete from runs_skipped`;
export const ADD_SKIPPED = `insert into runs_skipped values ($1, $2)`;

/** The rows of one run as they are staged. */
export type StagedRun = Record<keyof typeof STAGED_RUN, unknown>;
