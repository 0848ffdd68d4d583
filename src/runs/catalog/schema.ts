/** Schema of `catalog.duckdb`: its tables, the rows that a manifest gives, and the statements that load them. */
import { catalog_row_bytes_max } from "../../base/limits.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";
import { findingsOf, manifestTime, type RunManifest, TIMED_STEPS } from "../manifest/manifest.ts";

/** A catalog of another version is built anew. */
export const CATALOG_VERSION = 3;

/** Where the run of a row is. */
export interface RunLocation {
  run_path: string;
  presence: "present" | "archived";
  /** The archive that holds it. */
  archive?: string;
}

type RunColumn = [type: string, value: (manifest: RunManifest, where: RunLocation) => unknown];

const msOf = (time: string | null | undefined) => time ? manifestTime(time) : undefined;

/** The columns of a run as they are loaded: times in ms since 1970, and JSON as text. */
const RUN_COLUMNS: Readonly<Record<string, RunColumn>> = {
  run_id: ["varchar", ({ run_id }) => run_id],
  run_type: ["varchar", ({ run_type }) => run_type],
  status: ["varchar", ({ status }) => status],
  created_at_ms: ["bigint", ({ created_at }) => msOf(created_at)],
  started_at_ms: ["bigint", ({ started_at }) => msOf(started_at)],
  completed_at_ms: ["bigint", ({ completed_at }) => msOf(completed_at)],
  git_commit: ["varchar", ({ git_commit }) => git_commit],
  git_branch: ["varchar", ({ git_branch }) => git_branch],
  git_dirty: ["boolean", ({ git_dirty }) => git_dirty],
  group: ["varchar", ({ group }) => group],
  dataset: ["json", ({ dataset }) => dataset],
  dataset_from: ["varchar", ({ dataset }) => dataset.from],
  dataset_to: ["varchar", ({ dataset }) => dataset.to],
  dataset_interval: ["varchar", ({ dataset }) => dataset.interval],
  calls_count: ["bigint", ({ dataset }) => dataset.calls_count],
  data_fingerprint: ["varchar", ({ data_fingerprint }) => data_fingerprint],
  parameters: ["json", ({ parameters }) => parameters],
  manifest_version: ["varchar", ({ schema_version }) => schema_version?.manifest],
  artifacts_version: ["varchar", ({ schema_version }) => schema_version?.artifacts],
  timing: ["json", ({ timing }) => timing],
  ...Object.fromEntries(TIMED_STEPS.map((step): [string, RunColumn] => {
    const name = `${step}_ms`;
    return [name, ["double", ({ timing }) => timing?.[name]]];
  })),
  summary: ["json", ({ summary }) => summary],
  findings: ["bigint", (manifest) => findingsOf(manifest).length],
  error: ["varchar", ({ error }) => error],
  owner_host: ["varchar", ({ owner }) => owner?.host],
  owner_pid: ["bigint", ({ owner }) => owner?.pid],
  run_path: ["varchar", (_, { run_path }) => run_path],
  presence: ["varchar", (_, { presence }) => presence],
  archive: ["varchar", (_, { archive }) => archive],
};

/** The row of a run. */
export function runRow(manifest: RunManifest, where: RunLocation): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(RUN_COLUMNS).map(([name, [, valueOf]]) => [name, valueOf(manifest, where)]),
  );
}

type Columns = Readonly<Record<string, string>>;

const RUN_TYPES: Columns = Object.fromEntries(
  Object.entries(RUN_COLUMNS).map(([name, [type]]) => [name, type]),
);

/** Of a run that has not ended: how it stood when it was looked at. */
const OPEN_TYPES: Columns = {
  ...RUN_TYPES,
  artifacts: "json",
  state: "varchar",
  last_written_at_ms: "bigint",
  reason: "varchar",
};

const ARTIFACT_TYPES: Columns = {
  run_id: "varchar",
  artifact_type: "varchar",
  rows: "bigint",
  path: "varchar",
  bytes: "bigint",
  sha256: "varchar",
  is_missing: "boolean",
};

/** A file that a run reads. */
const INPUT_TYPES: Columns = {
  run_id: "varchar",
  path: "varchar",
  bytes: "bigint",
  sha256: "varchar",
  rows: "bigint",
  from_ms: "bigint",
  to_ms: "bigint",
};

const texts = (...names: string[]): Columns =>
  Object.fromEntries(names.map((name) => [name, "varchar"]));

const isTime = (column: string) => column.endsWith("_at_ms");

function ddl(columns: Columns): string {
  return Object.entries(columns).map(([name, type]) =>
    isTime(name) ? `${name.slice(0, -"_ms".length)} timestamp` : `"${name}" ${type}`
  ).join(",\n    ");
}

/** The metrics of a summary that runs are compared by. */
export const SUMMARY_METRICS: readonly string[] = artifactDefinition("summary").columns
  .map(({ name }) => name).filter((name) => name !== "run_id");

const METRIC_COLUMNS = SUMMARY_METRICS
  .map((name) => `try_cast(summary->>'$.${name}' as double) as ${name}`).join(",\n      ");

export const CATALOG_SCHEMA = `
  create table catalog_meta (version integer);
  insert into catalog_meta values (${CATALOG_VERSION});
  create table catalog_files (
    run_path varchar, stamp varchar, kind varchar, run_id varchar, reason varchar);
  create table backtest_runs_catalog (
    ${ddl(RUN_TYPES)});
  create table backtest_artifacts_catalog (
    ${ddl(ARTIFACT_TYPES)});
  create table run_inputs (
    ${ddl(INPUT_TYPES)});
  create table runs_in_progress (
    ${ddl(OPEN_TYPES)});
  create table runs_skipped (run_path varchar, reason varchar);
  create table compacted_files (artifact_type varchar, path varchar, run_id varchar);
  create view run_summaries as
    select run_id, run_type, status, created_at, git_commit, git_branch, parameters,
      ${METRIC_COLUMNS}, summary, run_path
    from backtest_runs_catalog where summary is not null;
`;

export const VERSION = `select version from catalog_meta`;
export const ALL_FILES = `
  select run_path, stamp as fingerprint, kind, run_id, reason from catalog_files`;
export const ALL_OPEN = `
  select run_path, state, epoch_ms(last_written_at) as last_written_ms from runs_in_progress`;

/** The rows of a file of newline-delimited JSON. */
function rowsOfJson(columns: Columns): string {
  const types = Object.entries(columns).map(([name, type]) => `"${name}": '${type}'`).join(", ");
  return `read_json($1, format = 'newline_delimited',
    maximum_object_size = ${catalog_row_bytes_max}, columns = {${types}})`;
}

function load(table: string, columns: Columns): string {
  const names = Object.keys(columns)
    .map((name) => isTime(name) ? `make_timestamp_ms(${name})` : `"${name}"`);
  return `insert into ${table} select ${names.join(", ")} from ${rowsOfJson(columns)}`;
}

export const LOAD_RUNS = load("backtest_runs_catalog", RUN_TYPES);
export const LOAD_OPEN = load("runs_in_progress", OPEN_TYPES);
export const LOAD_ARTIFACTS = load("backtest_artifacts_catalog", ARTIFACT_TYPES);
export const LOAD_INPUTS = load("run_inputs", INPUT_TYPES);
export const LOAD_FILES = load(
  "catalog_files",
  texts("run_path", "fingerprint", "kind", "run_id", "reason"),
);
/** What is in a compacted file counts as long as the run's own artifact is the one that went in. */
export const LOAD_COMPACTED = `
  insert into compacted_files
  select c.artifact_type, c.path, c.run_id
  from ${rowsOfJson(texts("artifact_type", "path", "run_id", "sha256"))} c
  join backtest_artifacts_catalog a using (run_id, artifact_type)
  join backtest_runs_catalog r using (run_id)
  where r.presence = 'present' and not a.is_missing
    and (a.sha256 is null or a.sha256 = c.sha256)`;

const THESE = `where run_id in (select unnest(cast($1::json as varchar[])))`;
/** Statements about runs, whose ids are one JSON array. */
export const FORGET_RUNS = [
  `delete from backtest_runs_catalog ${THESE}`,
  `delete from backtest_artifacts_catalog ${THESE}`,
  `delete from run_inputs ${THESE}`,
];
export const MARK_MISSING = [
  `update backtest_runs_catalog set presence = 'missing' ${THESE}`,
  `update backtest_artifacts_catalog set is_missing = true ${THESE}`,
];
export const FORGET_ARCHIVED = `
  delete from backtest_artifacts_catalog where run_id in
    (select run_id from backtest_runs_catalog where presence = 'archived');
  delete from run_inputs where run_id in
    (select run_id from backtest_runs_catalog where presence = 'archived');
  delete from backtest_runs_catalog where presence = 'archived'`;
/** Inputs of runs that have not ended: each sync writes them anew. */
const OF_OPEN = "where run_id not in (select run_id from backtest_runs_catalog)";
export const FORGET_OPEN_INPUTS = `delete from run_inputs ${OF_OPEN}`;
export const LOAD_OPEN_INPUTS = `${LOAD_INPUTS} ${OF_OPEN}`;
export const ADD_SKIPPED = `insert into runs_skipped values ($1, $2)`;
