/**
 * The schema `backtest_analytics`, as the first system's users know it: one row a traced run, and one
 * a type of its events with how long these took. Views over `trace.published` events: whoever
 * publishes a correlation again replaces what was said of it.
 */
import { LATEST_FIRST } from "./log_order.ts";

const METRICS: Readonly<Record<string, string>> = {
  total_return: "double",
  sharpe_ratio: "double",
  max_drawdown: "double",
  total_trades: "double",
};

const METRIC_COLUMNS = Object.entries(METRICS)
  .map(([name, type]) => `try_cast(payload->>'$.metrics.${name}' as ${type}) as ${name}`);

export const ANALYTICS_SCHEMA = `
create schema backtest_analytics;

create view backtest_analytics.publications as
select correlation_id, coalesce(run_id, correlation_id) as run_id, timestamp_ms, payload,
  min(timestamp_ms) over (partition by correlation_id) as first_timestamp_ms
from main.other_events
where event_type = 'trace.published' and fields_ok
qualify row_number() over (partition by correlation_id order by ${LATEST_FIRST}) = 1;

create view backtest_analytics.backtest_runs as
select run_id, correlation_id, make_timestamp_ms(first_timestamp_ms) as created_at,
  payload->>'$.config_file' as config_file, payload->>'$.strategy_type' as strategy_type,
  ${METRIC_COLUMNS.join(", ")},
  payload->'$.metrics' as metrics,
  try_cast(payload->>'$.event_count' as bigint) as event_count,
  payload->>'$.event_storage_path' as event_storage_path,
  coalesce(payload->>'$.status', 'completed') as status,
  make_timestamp_ms(try_cast(payload->>'$.completed_at_ms' as bigint)) as completed_at
from backtest_analytics.publications;

create view backtest_analytics.event_latencies as
select run_id, correlation_id, latency->>'$.event_type' as event_type,
  try_cast(latency->>'$.mean_latency_ms' as double) as mean_latency_ms,
  try_cast(latency->>'$.p95_latency_ms' as double) as p95_latency_ms,
  try_cast(latency->>'$.max_latency_ms' as double) as max_latency_ms,
  try_cast(latency->>'$.event_count' as bigint) as event_count,
  make_timestamp_ms(timestamp_ms) as measured_at
from (
  select run_id, correlation_id, timestamp_ms,
    unnest(cast(payload->'$.latencies' as json[])) as latency
  from backtest_analytics.publications
  where json_type(payload, '$.latencies') = 'ARRAY'
);
`;
