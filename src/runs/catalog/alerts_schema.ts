/** The tables of `alerts.duckdb`, and the statements that fill them. */
import { rowsOfFiles } from "./artifact_views.ts";

/** Alerts of another version are taken in anew. */
export const ALERTS_VERSION = 1;

export const ALERTS_SCHEMA = `
  create table alerts_meta (version integer);
  insert into alerts_meta values (${ALERTS_VERSION});
  create table alert_files (run_id varchar, path varchar, stamp varchar, problem varchar);
  create table alert_uses (
    call_id varchar, mint varchar, caller_name varchar, chain varchar, alert_ts_ms bigint,
    created_at varchar, run_id varchar);
  create view alerts as
    select call_id, first(mint order by run_id) as mint,
      first(caller_name order by run_id) as caller_name, first(chain order by run_id) as chain,
      first(alert_ts_ms order by run_id) as alert_ts_ms,
      first(created_at order by run_id) as created_at,
      count(distinct run_id) as run_count, list(distinct run_id order by run_id) as run_ids
    from alert_uses group by call_id;
`;

export const VERSION = `select version from alerts_meta`;
export const ALL_FILES = `select run_id, path, stamp from alert_files`;

/** The files of alerts that the catalog knows; a stamp is another one where the file is. */
export const CATALOGUED_FILES = `
  select a.run_id, a.path, concat_ws(' ', a.path, a.bytes, a.sha256, a.rows) as stamp
  from backtest_artifacts_catalog a
  join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
  where a.artifact_type = 'alerts' and not a.is_missing order by a.run_id`;

/** Forgets runs, whose ids are one JSON array. */
export const FORGET_RUNS = ["alert_uses", "alert_files"].map((table) =>
  `delete from ${table} where run_id in (select unnest(cast($1::json as varchar[])))`
);

export const ADD_FILE = `insert into alert_files values ($1, $2, $3, $4)`;

/** Takes files of alerts in. */
export function takeAlerts(paths: readonly string[]): string {
  return `insert into alert_uses by name
    select call_id, mint, caller_name, chain, alert_ts_ms, created_at, run_id
    from ${rowsOfFiles("alerts", paths)}`;
}
