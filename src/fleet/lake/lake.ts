/** The tables of a fleet: their columns, and the SQL that makes their rows from what is spooled of segments. */
import { timestamp_us_max, timestamp_us_plausible_min } from "../../base/limits.ts";
import type { Source } from "../segment.ts";
import type { LakeTable, LakeType } from "./table.ts";

/** A table of the fleet. */
export interface FleetTable extends LakeTable {
  /** The chain of each box that its rows come from; absent for a table that is made of others. */
  source?: Source;
}

/** The types of columns as DuckDB has them; a day is the text that it is in a path. */
export const DUCKDB_TYPES: Readonly<Record<LakeType, string>> = {
  long: "bigint",
  double: "double",
  boolean: "boolean",
  string: "varchar",
  date: "varchar",
};

function columns(text: string): LakeTable["columns"] {
  return text.trim().split(/\s+/).map((each) => {
    const [, name, type, optional] = /^(\w+):(\w+)(\?)?$/.exec(each)!;
    return { name, type: type as LakeType, nullable: optional === "?" };
  });
}

const OF_LOG = { source: "log", order: "box, log_part, log_offset" } as const;

/** All tables, in the order in which a fold job lifts them. */
export const LAKE_TABLES: readonly FleetTable[] = [
  {
    name: "events",
    ...OF_LOG,
    columns: columns(`box:string event_id:string event_type:string run_id:string? timestamp_ms:long
      correlation_id:string? causation_id:string? log_part:string log_offset:long fields_ok:boolean
      payload:string? log_day:date`),
  },
  {
    name: "trials",
    ...OF_LOG,
    columns: columns(`box:string run_id:string trial_id:string recorded_at_ms:long params:string
      metrics:string event_id:string log_part:string log_offset:long log_day:date`),
  },
  {
    name: "runs",
    source: "artifacts",
    order: "box, run_id",
    columns: columns(`box:string run_id:string run_type:string status:string created_at_ms:long
      started_at_ms:long? completed_at_ms:long? git_commit:string? git_branch:string?
      git_dirty:boolean? group:string? dataset:string dataset_from:string? dataset_to:string?
      dataset_interval:string? calls_count:long? data_fingerprint:string? parameters:string
      manifest_version:string? artifacts_version:string? timing:string? plan_ms:double?
      coverage_ms:double? slice_ms:double? execution_ms:double? optimization_ms:double?
      total_ms:double? summary:string? findings:long error:string? owner_host:string?
      owner_pid:long? run_path:string presence:string archive:string? log_day:date`),
  },
  {
    name: "artifacts",
    source: "artifacts",
    order: "box, run_id, artifact_type",
    columns: columns(`box:string run_id:string artifact_type:string rows:long path:string
      bytes:long? sha256:string? is_missing:boolean log_day:date`),
  },
  {
    name: "alerts",
    source: "artifacts",
    order: "box, run_id, call_id",
    columns: columns(`box:string run_id:string call_id:string? mint:string? caller_name:string?
      chain:string? alert_ts_ms:long? created_at:string? log_day:date`),
  },
  {
    name: "traces",
    source: "traces",
    order: "box, correlation_id, timestamp, sequence_number, event_id",
    columns: columns(`box:string event_id:string event_type:string timestamp:long
      correlation_id:string causation_id:string source_container:string destination:string
      created_at:long? emitted_at:long? received_at:long? processed_at:long? data:string
      version:string sequence_number:long partition_key:string log_day:date`),
  },
  {
    // Copies of an event, and the one that counts; `log_day` is that of the copy.
    name: "duplicates",
    order: "event_id, box, log_part, log_offset",
    columns: columns(`event_id:string box:string log_part:string log_offset:long
      counts_box:string counts_log_day:date counts_log_part:string counts_log_offset:long
      log_day:date`),
  },
];

/** A table by its name. */
export function lakeTable(name: string): FleetTable {
  const table = LAKE_TABLES.find((each) => each.name === name);
  if (!table) throw new Error(`there is no table ${name}`);
  return table;
}

/** The rows of a table of what is spooled of its source, where they are not its rows as they are. */
export const ROWS_OF: Readonly<Record<string, string>> = {
  events: `select box, event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id,
    log_part, log_offset, fields_ok, payload, log_day from spooled`,
  trials: `select box, run_id, trial_id, timestamp_ms as recorded_at_ms, params, metrics, event_id,
    log_part, log_offset, log_day from spooled where trial_id is not null`,
  // The day on which a program handled it: what it traces may be of any year.
  traces: `select * exclude (file), strftime(make_timestamp(if(
      created_at between ${timestamp_us_plausible_min} and ${timestamp_us_max}, created_at,
      timestamp)), '%Y-%m-%d') as log_day from spooled`,
};
