/** DuckDB copies the same trades out of a table, and prints rows a second: ROWS CODEC PATH. */
import { DuckDBInstance } from "@duckdb/node-api";
import { RUN_ID } from "./parquet_rows.ts";

const [count, codec, target] = Deno.args;
const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
const connection = await instance.connect();
// The same values as `tradeOf` makes, by the same arithmetic.
await connection.run(`
create table trades as
select '${RUN_ID}' as run_id, 'fixed-stop-5pct' as policy_id,
  'call-' || lpad(lower(to_base(k, 36)), 8, '0') as call_id,
  1700000000000 + k * 997 as entry_ts_ms,
  ((k * 7919) % 10007 + 1) / 10000 as entry_px,
  1700000000000 + k * 997 + (k * 7919) % 86400000 as exit_ts_ms,
  ((k * 7919) % 10007 + 1) / 10000 * (((k * 104729) % 40009 + 1) / 10000) as exit_px,
  (['stop', 'target', 'time'])[k % 3 + 1] as exit_reason,
  (((k * 104729) % 40009 + 1) / 10000 - 1) * 10000 as realized_return_bps,
  k % 3 = 0 as stop_out,
  -((k * 31) % 50000) / 10 as max_adverse_excursion_bps,
  (k * 7919) % 86400000 as time_exposed_ms,
  case when k % 5 > 0 then ((k * 13) % 1000) / 1000 end as tail_capture
from range(${Number(count)}) t(k)`);
const start = performance.now();
await connection.run(`copy trades to '${target}' (format parquet, codec '${codec}')`);
console.log(Number(count) / ((performance.now() - start) / 1000));
connection.closeSync();
instance.closeSync();
