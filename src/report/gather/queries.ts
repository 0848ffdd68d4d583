/**
 * What a report asks, and what a reader types to see the same numbers. `$1` is the runs that a question is
 * about, where it is about runs: a JSON array of their ids, or null for all of them; what is typed has the
 * ids themselves.
 */
import { report_curve_points_max } from "../../base/limits.ts";
import { literal } from "../../duckdb/connection.ts";

/** Ids that came as JSON. */
const IDS = (value: string) => `select unnest(cast(cast(${value} as json) as varchar[]))`;

const WANTED = `($1::varchar is null or run_id in (${IDS("$1")}))`;

/** The condition for the runs that a report is about, as it is typed. */
function ofRuns(selected: readonly string[] | undefined): string {
  return selected === undefined ? "true" : `run_id in (${selected.map(literal).join(", ")})`;
}

/** Sums in one order: in any other, their last digits would differ from report to report. */
const ordered = (aggregate: string, column: string) => `${aggregate}(${column} order by ${column})`;

/** All runs, the latest first. A run that died ended with its last sign of life. */
export const RUNS = `
  select run_id, name, "group", run_type, status, epoch_ms(started_at) as started_at_ms,
    epoch_ms(coalesce(created_at, started_at, completed_at)) as at_ms,
    epoch_ms(case when status = 'completed' then completed_at
      when status not in ('running', 'pending') then greatest(completed_at, last_sign_at) end)
      as ended_at_ms, total_ms
  from run_states order by at_ms desc nulls last, run_id`;

/** What the page says of runs that it shows one by one. */
export const RUN_DETAILS = `
  select run_id, error, to_json(tags) as tags, pin, params, summary, git_commit, git_branch, git_dirty
  from run_states where run_id in (${IDS("$1")})`;

/** Where those lie that have a folder. */
export const RUN_PATHS = `
  select run_id, run_path from run_states where run_path is not null and run_id in (${IDS("$1")})`;

/** What the log counts of them. */
export const RUN_COUNTS = `
  select w.run_id, (select count(*) from phase_timings p where p.run_id = w.run_id) as phases,
    (select count(*) from trial_results t where t.run_id = w.run_id) as trials
  from (${IDS("$1")} as run_id) w`;

/** How many runs stand how. */
export function askStatuses(selected?: readonly string[]): string {
  return `select status, count(*) as runs from run_states where ${ofRuns(selected)}
    group by all order by all`;
}

/** Groups of runs, the largest first. */
export function askGroups(selected?: readonly string[]): string {
  return `select "group", count(*) as runs from run_states
    where "group" is not null and ${ofRuns(selected)} group by all order by runs desc, "group"`;
}

/** All runs. */
export function askRuns(selected?: readonly string[]): string {
  return `select run_id, name, "group", tags, run_type, status, started_at, completed_at,
    last_sign_at, total_ms, params, summary, git_commit from run_states where ${
    ofRuns(selected)
  } order by created_at desc`;
}

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

/** The phases of a run. */
export function askPhasesOf(run_id: string): string {
  return `select phase_name, started_at_ms, completed_at_ms, duration_ms from phase_timings
    where run_id = ${literal(run_id)} order by phase_order, started_at_ms`;
}

/** Phases over all runs, those first that took most. What has no duration is in no figure. */
const phaseTotals = (wanted: string) => `
  select phase_name, count(distinct run_id) as runs, count(duration_ms) as times,
    count(*) - count(duration_ms) as not_ended, median(duration_ms) as median_ms,
    ${ordered("avg", "duration_ms")} as mean_ms, max(duration_ms) as max_ms,
    ${ordered("sum", "duration_ms")} as total_ms
  from phase_timings where ${wanted}
  group by phase_name order by total_ms desc nulls last, phase_name`;

/** The first of them; `$2` is how many. */
export const PHASE_TOTALS = `
  select *, count(*) over () as names_total from (${phaseTotals(WANTED)}) limit $2`;
export const askPhaseTotals = (selected?: readonly string[]) => phaseTotals(ofRuns(selected));

/** The correlations that the log links with runs. */
export const CORRELATIONS = `
  select distinct run_id, correlation_id from events
  where correlation_id is not null and run_id is not null and ${WANTED}
  order by run_id, correlation_id`;

const TRADE_COLUMNS = `run_id, policy_id, call_id, entry_ts_ms, exit_ts_ms, exit_reason,
  realized_return_bps, stop_out, max_adverse_excursion_bps, time_exposed_ms`;

/** The trades of the report, read once. */
export const MAKE_TRADES = `
  create or replace temp table report_trades (run_id varchar, policy_id varchar, call_id varchar,
    entry_ts_ms bigint, exit_ts_ms bigint, exit_reason varchar, realized_return_bps double,
    stop_out boolean, max_adverse_excursion_bps double, time_exposed_ms double,
    is_beside boolean)`;

/** Takes trades in; `from` is a view of them, or files. */
export function takeTrades(from: string, is_beside: boolean): string {
  return `insert into report_trades
    select ${TRADE_COLUMNS}, ${is_beside} from ${from} where ${WANTED}`;
}

export const TAKEN_RUNS = `select distinct run_id from report_trades`;

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

/** Where trades are: the report's own, in the runs' folders, or in the files of `artifacts put`. */
export type TradesPlace = "report_trades" | "trades" | `read_parquet('${string}')`;

const FINITE = `isfinite(realized_return_bps)`;

const FIGURES = `count(*) as trades, ${ordered("avg", "realized_return_bps")} as mean_bps,
    median(realized_return_bps) as median_bps,
    avg((realized_return_bps > 0)::int) as win_rate, avg(stop_out::int) as stop_out_rate,
    ${ordered("sum", "realized_return_bps")} as sum_bps, min(realized_return_bps) as worst_bps,
    max(realized_return_bps) as best_bps, quantile_cont(realized_return_bps, 0.05) as p05_bps,
    quantile_cont(realized_return_bps, 0.25) as p25_bps,
    quantile_cont(realized_return_bps, 0.75) as p75_bps,
    quantile_cont(realized_return_bps, 0.95) as p95_bps`;

/** What runs' trades came to, the best sum first. */
const returns = (place: TradesPlace, wanted: string) => `
  select run_id, ${FIGURES} from ${place} where ${FINITE} and ${wanted}
  group by run_id order by sum_bps desc, run_id`;
export const askReturns = (place: TradesPlace, selected?: readonly string[]) =>
  returns(place, ofRuns(selected));

/** Policies over all runs, the highest mean first. */
const policies = (place: TradesPlace, wanted: string) => `
  select policy_id, count(distinct run_id) as runs, ${FIGURES},
    ${ordered("avg", "max_adverse_excursion_bps")} as mean_excursion_bps,
    ${ordered("avg", "time_exposed_ms")} as mean_exposed_ms
  from ${place} where ${FINITE} and ${wanted}
  group by policy_id order by mean_bps desc, policy_id nulls last`;
/** The first of them; `$1` is how many. */
export const POLICIES = `${policies("report_trades", "true")} limit $1`;
export const askPolicies = (place: TradesPlace, selected?: readonly string[]) =>
  policies(place, ofRuns(selected));

/** The trades that lost most. */
const losses = (place: TradesPlace, wanted: string, limit: number | "$1") => `
  select run_id, policy_id, call_id, entry_ts_ms, exit_ts_ms, exit_reason, realized_return_bps,
    max_adverse_excursion_bps
  from ${place} where ${FINITE} and realized_return_bps < 0 and ${wanted}
  order by realized_return_bps, run_id, call_id, entry_ts_ms limit ${limit}`;
/** `$1` is how many. */
export const LOSSES = losses("report_trades", "true", "$1");
export const askLosses = (place: TradesPlace, limit: number, selected?: readonly string[]) =>
  losses(place, ofRuns(selected), limit);

/** The runs with trades, the best sum of their returns first. */
export const TRADING_RUNS = `
  select run_id from report_trades where ${FINITE} group by run_id
  order by ${ordered("sum", "realized_return_bps")} desc, run_id`;

/** The sum of a run's returns after each of its trades, in the order in which they were closed. */
const SUMS = `
  select run_id, exit_ts_ms as at_ms, sum(realized_return_bps) over closed as sum_bps,
    row_number() over closed as n, count(*) over (partition by run_id) as trades
  from report_trades where ${FINITE} and ${WANTED}
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
    figures as (${returns("report_trades", WANTED)})
  select figures.*, greatest(drawdown_bps, 0) as drawdown_bps
  from figures join drawdowns using (run_id)`;

/** Where nearly all returns of some runs lie. */
export const RETURN_RANGE = `
  select quantile_cont(realized_return_bps, 0.01) as p01_bps,
    quantile_cont(realized_return_bps, 0.99) as p99_bps
  from report_trades where ${FINITE} and ${WANTED}`;

/** How many returns fall into each of `$4` periods, the first from `$2`, each `$3` wide. */
export const RETURN_BINS = `
  select run_id, count(*) as trades,
    least(greatest(floor((realized_return_bps - $2::double) / $3::double), 0), $4 - 1)::integer
      as bin
  from report_trades where ${FINITE} and ${WANTED} group by run_id, bin`;

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
