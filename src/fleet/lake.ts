/** The tables of a fleet: their columns, and the SQL that makes their rows from spooled events. */
import type { LakeTable, LakeType } from "./table.ts";

/** A table that is made of the segments of logs. */
export interface LogTable extends LakeTable {
  /** Its rows, of the spooled events. */
  select: string;
}

/** The columns that a spool file holds, in the order of the index's rows. */
export const SPOOLED_COLUMNS = {
  box: "varchar",
  log_day: "varchar",
  log_part: "varchar",
  log_offset: "bigint",
  event_id: "varchar",
  event_type: "varchar",
  run_id: "varchar",
  timestamp_ms: "bigint",
  correlation_id: "varchar",
  causation_id: "varchar",
  fields_ok: "boolean",
  payload: "varchar",
  trial_id: "varchar",
  params: "varchar",
  metrics: "varchar",
} as const;

function columns(text: string): LakeTable["columns"] {
  return text.trim().split(/\s+/).map((each) => {
    const [, name, type, optional] = /^(\w+):(\w+)(\?)?$/.exec(each)!;
    return { name, type: type as LakeType, nullable: optional === "?" };
  });
}

/** The tables that segments become, in the order in which a fold job lifts them. */
export const LOG_TABLES: readonly LogTable[] = [
  {
    name: "events",
    columns: columns(`box:string event_id:string event_type:string run_id:string? timestamp_ms:long
      correlation_id:string? causation_id:string? log_part:string log_offset:long fields_ok:boolean
      payload:string? log_day:date`),
    select: `select box, event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id,
      log_part, log_offset, fields_ok, payload, log_day from spooled`,
  },
  {
    name: "trials",
    columns: columns(`box:string run_id:string trial_id:string recorded_at_ms:long params:string
      metrics:string event_id:string log_part:string log_offset:long log_day:date`),
    select:
      `select box, run_id, trial_id, timestamp_ms as recorded_at_ms, params, metrics, event_id,
      log_part, log_offset, log_day from spooled where trial_id is not null`,
  },
];

/** How a file's rows stand in it: what is asked together lies together. */
export const ROW_ORDER = "box, log_part, log_offset";
