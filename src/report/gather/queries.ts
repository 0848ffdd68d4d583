/**
 * What a report asks. `$1` is the runs that a question is about, where it is about runs: a JSON array of
 * their ids, or null for all of them.
 */
import { report_curve_points_max } from "../../base/limits.ts";
import { literal } from "../../duckdb/connection.ts";

/** Ids that came as JSON. */
const IDS = (value: string) => `select unnest(cast(cast(${value} as json) as varchar[]))`;

const WANTED = `($1::varchar is null or run_id in (${IDS("$1")}))`;

/** Sums in one order: in any other, their last digits would differ from report to report. */
const ordered = (aggregate: string, column: string) => `${aggregate}(${column} order by ${column})`;

/** All runs that the log tells of. Statuses are those of `latest_runs`. */
export const RUNS = `
  select run_id, run_type, status, started_at_ms,
    coalesce(created_at_ms, started_at_ms, completed_at_ms, failed_at_ms) as at_ms,
    case status when 'completed' then completed_at_ms when 'failed' then failed_at_ms end
      as ended_at_ms
  from latest_runs`;

/** All runs that the catalog knows, ended or not. */
export const CATALOGUED_RUNS = `
  select run_id, run_type, status, epoch_ms(started_at) as started_at_ms,
    epoch_ms(created_at) as at_ms, epoch_ms(completed_at) as ended_at_ms, error
  from backtest_runs_catalog
  union all by name
  select run_id, run_type, state as status, epoch_ms(created_at) as at_ms
  from runs_in_progress where run_id is not null`;

/** What is told of runs that are listed one by one. */
export const RUN_DETAILS = `
  select w.run_id, s.error, coalesce(p.phases, 0) as phases, coalesce(t.trials, 0) as trials
  from (${IDS("$1")} as run_id) w
  left join runs_status s on s.run_id = w.run_id
  left join (select run_id, count(*) as phases from phase_timings group by all) p
    on p.run_id = w.run_id
  left join (select run_id, count(*) as trials from trial_results group by all) t
    on t.run_id = w.run_id`;

export const RUNS_WITH_PHASES = `select distinct run_id from phase_timings where ${WANTED}`;

/** The first phases of some runs; `$2` is how many. */
export const PHASES = `
  select run_id, phase_name, started_at_ms, completed_at_ms, duration_ms,
    count(*) over (partition by run_id) as phases_total
  from phase_timings where ${WANTED}
  window in_order as (partition by run_id
    order by phase_order nulls last, started_at_ms, completed_at_ms, phase_name)
  qualify row_number() over in_order <= $2
  order by run_id, row_number() over in_order`;

/** Phases over all runs, those first that took most; `$2` is how many. */
export const PHASE_TOTALS = `
  select phase_name, count(distinct run_id) as runs, count(*) as times,
    median(duration_ms) as median_ms, ${ordered("avg", "duration_ms")} as mean_ms,
    max(duration_ms) as max_ms, ${
  ordered("sum", "duration_ms")
} as total_ms, count(*) over () as names_total
  from phase_timings where ${WANTED}
  group by phase_name order by total_ms desc nulls last, phase_name limit $2`;

/** How far each part of the log is indexed. */
export const INDEXED_PARTS = `select log_day, log_part, indexed_to from index_parts`;

/** The correlations that the log links with runs. */
export const CORRELATIONS = `
  select distinct run_id, correlation_id from events
  where correlation_id is not null and run_id is not null and ${WANTED}
  order by run_id, correlation_id`;

/** The trades of the report, read once. */
export const MAKE_TRADES = `
  create or replace temp table report_trades (run_id varchar, policy_id varchar, call_id varchar,
    entry_ts_ms bigint, exit_ts_ms bigint, exit_reason varchar, realized_return_bps double,
    stop_out boolean, max_adverse_excursion_bps double, time_exposed_ms double,
    is_beside boolean)`;

/** Takes trades in; `from` is a view of them, or files. */
export function takeTrades(from: string, is_beside: boolean): string {
  return `
    insert into report_trades
    select run_id, policy_id, call_id, entry_ts_ms, exit_ts_ms, exit_reason, realized_return_bps,
      stop_out, max_adverse_excursion_bps, time_exposed_ms, ${is_beside}
    from ${from} where ${WANTED}`;
}

export const TRADING_RUNS = `
  select distinct run_id from report_trades`;

/** Trades without a return count nowhere else. */
export const TRADE_COUNTS = `
  select count(*) filter (isfinite(realized_return_bps)) as trades_total,
    count(*) filter (not coalesce(isfinite(realized_return_bps), false)) as without_return,
    count(*) filter (isfinite(realized_return_bps) and realized_return_bps < 0) as losses_total,
    count(distinct run_id) filter (isfinite(realized_return_bps)) as runs_total,
    count(distinct run_id) filter (is_beside) as runs_beside,
    count(distinct coalesce('=' || policy_id, '')) filter (isfinite(realized_return_bps))
      as policies_total
  from report_trades`;

const RETURNS = `from report_trades where isfinite(realized_return_bps)`;

const FIGURES = `count(*) as trades,
    count(*) filter (realized_return_bps > 0) as wins,
    count(*) filter (stop_out) as stop_outs,
    ${ordered("avg", "realized_return_bps")} as mean_bps,
    quantile_cont(realized_return_bps, 0.05) as p05_bps,
    quantile_cont(realized_return_bps, 0.25) as p25_bps,
    quantile_cont(realized_return_bps, 0.5) as median_bps,
    quantile_cont(realized_return_bps, 0.75) as p75_bps,
    quantile_cont(realized_return_bps, 0.95) as p95_bps,
    min(realized_return_bps) as worst_bps,
    max(realized_return_bps) as best_bps,
    ${ordered("sum", "realized_return_bps")} as sum_bps`;

/** The sum of a run's returns after each of its trades, in the order in which they were closed. */
const SUMS = `
  select run_id, exit_ts_ms as at_ms, sum(realized_return_bps) over closed as sum_bps,
    row_number() over closed as n, count(*) over (partition by run_id) as trades
  ${RETURNS} and ${WANTED}
  window closed as (partition by run_id order by exit_ts_ms, entry_ts_ms, call_id
    rows between unbounded preceding and current row)`;

/** What the trades of some runs came to. */
export const RUN_RETURNS = `
  with sums as (${SUMS}),
    peaks as (
      select run_id, sum_bps, max(sum_bps) over (partition by run_id order by n
        rows between unbounded preceding and current row) as peak_bps
      from sums),
    drawdowns as (
      select run_id, max(greatest(peak_bps, 0) - sum_bps) as drawdown_bps from peaks group by all),
    figures as (select run_id, ${FIGURES} ${RETURNS} and ${WANTED} group by run_id)
  select figures.*, greatest(drawdown_bps, 0) as drawdown_bps
  from figures join drawdowns using (run_id)`;

/** Where nearly all returns of some runs lie. */
export const RETURN_RANGE = `
  select quantile_cont(realized_return_bps, 0.01) as p01_bps,
    quantile_cont(realized_return_bps, 0.99) as p99_bps
  ${RETURNS} and ${WANTED}`;

/** How many returns fall into each of `$4` periods, the first from `$2`, each `$3` wide. */
export const RETURN_BINS = `
  select run_id, count(*) as trades,
    least(greatest(floor((realized_return_bps - $2::double) / $3::double), 0), $4 - 1)::integer
      as bin
  ${RETURNS} and ${WANTED} group by run_id, bin`;

/** How many periods a curve has: three points of each are kept. */
export const CURVE_BINS = Math.floor(report_curve_points_max / 3);

/** Of `$2` periods of the sums: the lowest, the highest, and the last of each. */
export const CURVES = `
  with sums as (${SUMS}), periods as (select *, (n - 1) * $2 // trades as period from sums)
  select run_id, at_ms, sum_bps from periods
  qualify trades <= $2
    or row_number() over (partition by run_id, period order by sum_bps, n) = 1
    or row_number() over (partition by run_id, period order by sum_bps desc, n) = 1
    or row_number() over (partition by run_id, period order by n desc) = 1
  order by run_id, n`;

/** Policies over all runs, those with most trades first; `$1` is how many. */
export const POLICIES = `
  select policy_id, count(distinct run_id) as runs, ${FIGURES},
    ${ordered("avg", "max_adverse_excursion_bps")} as mean_excursion_bps,
    ${ordered("avg", "time_exposed_ms")} as mean_exposed_ms
  ${RETURNS} group by policy_id
  order by trades desc, policy_id nulls last limit $1`;

/** The trades that lost most; `$1` is how many. */
export const LOSSES = `
  select run_id, policy_id, call_id, entry_ts_ms, exit_ts_ms, exit_reason, realized_return_bps,
    max_adverse_excursion_bps
  ${RETURNS} and realized_return_bps < 0
  order by realized_return_bps, run_id, call_id, entry_ts_ms limit $1`;

// What a reader asks to see the same numbers: one line each, without bound values, since it is typed.

/** The condition for the runs that a report is about. */
function ofRuns(selected: readonly string[] | undefined, before = "where"): string {
  return selected === undefined ? "" : ` ${before} run_id in (${selected.map(literal).join(", ")})`;
}

/** How many runs stand how. */
export function askStatuses(selected?: readonly string[]): string {
  return `select status, count(*) as runs from latest_runs${
    ofRuns(selected)
  } group by all order by all`;
}

/** All runs. */
export function askRuns(selected?: readonly string[]): string {
  return `select * from latest_runs${ofRuns(selected)}`;
}

/** The phases of a run. */
export function askPhasesOf(run_id: string): string {
  return `select phase_name, started_at_ms, completed_at_ms, duration_ms from phase_timings ` +
    `where run_id = ${literal(run_id)} order by phase_order, started_at_ms`;
}

/** Phases over all runs. */
export function askPhaseTotals(selected?: readonly string[]): string {
  return `select phase_name, count(distinct run_id) as runs, count(*) as times, ` +
    `median(duration_ms) as median_ms, avg(duration_ms) as mean_ms, max(duration_ms) as max_ms, ` +
    `sum(duration_ms) as total_ms from phase_timings${ofRuns(selected)} ` +
    `group by phase_name order by total_ms desc nulls last, phase_name`;
}

const ASKED_FIGURES = `count(*) as trades, avg(realized_return_bps) as mean_bps, ` +
  `median(realized_return_bps) as median_bps, avg((realized_return_bps > 0)::int) as win_rate, ` +
  `avg(stop_out::int) as stop_out_rate, sum(realized_return_bps) as sum_bps, ` +
  `min(realized_return_bps) as worst_bps, max(realized_return_bps) as best_bps`;

/** Where trades are: in the runs' folders, or in the files of `artifacts put`. */
export type TradesPlace = "trades" | `read_parquet('${string}')`;

/** What runs' trades came to. */
export function askReturns(place: TradesPlace, selected?: readonly string[]): string {
  return `select run_id, ${ASKED_FIGURES} from ${place}${
    ofRuns(selected)
  } group by run_id order by run_id`;
}

/** What policies' trades came to. */
export function askPolicies(place: TradesPlace, selected?: readonly string[]): string {
  return `select policy_id, count(distinct run_id) as runs, ${ASKED_FIGURES}, ` +
    `avg(max_adverse_excursion_bps) as mean_excursion_bps, avg(time_exposed_ms) as mean_exposed_ms ` +
    `from ${place}${
      ofRuns(selected)
    } group by policy_id order by trades desc, policy_id nulls last`;
}

/** The trades that lost most. */
export function askLosses(place: TradesPlace, limit: number, selected?: readonly string[]): string {
  return `select run_id, policy_id, call_id, realized_return_bps from ${place} ` +
    `where realized_return_bps < 0${ofRuns(selected, "and")} ` +
    `order by realized_return_bps, run_id, call_id limit ${limit}`;
}
