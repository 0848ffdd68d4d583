/** The schema that users of the first system know: published traces, latest word first. */
import { assertEquals } from "@std/assert";
import { writePart } from "../harness.ts";
import { assertLikeBuiltAnew, ledgerFolder, line, rowsOf, sync } from "./indexes.ts";

const DAY = "2026-01-20";
const DAY_MS = Date.parse(DAY);
const PART = { day: DAY, number: 1, writer: "" };

function published(id: string, fields: Record<string, unknown>): string {
  const at = { event_id: id, timestamp_ms: DAY_MS + Number(id), event_type: "trace.published" };
  return line({ ...at, correlation_id: "backtest_1", metrics: {}, ...fields });
}

const latency = (event_type: string, mean_latency_ms: number) => ({
  event_type,
  mean_latency_ms,
  p95_latency_ms: mean_latency_ms * 2,
  max_latency_ms: mean_latency_ms * 3,
  event_count: 7,
});

const RUNS = `select run_id, correlation_id, cast(created_at as varchar) as created_at,
  strategy_type, sharpe_ratio, total_trades, event_count, status,
  cast(completed_at as varchar) as completed_at
  from backtest_analytics.backtest_runs order by correlation_id`;
const LATENCIES = `select run_id, event_type, mean_latency_ms, max_latency_ms, event_count
  from backtest_analytics.event_latencies order by all`;

Deno.test("what was published last of a correlation counts, also after an increment", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const first = published("1", {
    run_id: "r1",
    metrics: { sharpe_ratio: 1.5, total_trades: 12 },
    latencies: [latency("SIGNAL", 1), latency("FILL", 2)],
    strategy_type: "momentum",
    event_count: 40,
  });
  const other = published("2", { correlation_id: "backtest_2", metrics: { sharpe_ratio: "high" } });
  writePart(dir, PART, [first, other]);
  await sync(dir);
  const row = {
    run_id: "r1",
    correlation_id: "backtest_1",
    created_at: `${DAY} 00:00:00.001`,
    strategy_type: "momentum",
    sharpe_ratio: 1.5,
    total_trades: 12,
    event_count: 40,
    status: "completed",
    completed_at: null,
  };
  const nothing = {
    ...row,
    run_id: "backtest_2",
    correlation_id: "backtest_2",
    created_at: `${DAY} 00:00:00.002`,
    strategy_type: null,
    sharpe_ratio: null,
    total_trades: null,
    event_count: null,
  };
  assertEquals(await rowsOf(dir, RUNS), [row, nothing]);
  assertEquals((await rowsOf(dir, LATENCIES)).map(Object.values), [
    ["r1", "FILL", 2, 6, 7],
    ["r1", "SIGNAL", 1, 3, 7],
  ]);
  const again = published("9", {
    run_id: "r1",
    metrics: { sharpe_ratio: 0.5 },
    latencies: [latency("SIGNAL", 4)],
    status: "failed",
    completed_at_ms: DAY_MS,
  });
  writePart(dir, PART, [first, other, again]);
  const live = await sync(dir);
  assertEquals(live.kind, "increment");
  assertEquals(await rowsOf(dir, RUNS), [{
    ...row,
    strategy_type: null,
    sharpe_ratio: 0.5,
    total_trades: null,
    event_count: null,
    status: "failed",
    completed_at: `${DAY} 00:00:00`,
  }, nothing]);
  assertEquals((await rowsOf(dir, LATENCIES)).map(Object.values), [["r1", "SIGNAL", 4, 12, 7]]);
  await assertLikeBuiltAnew(dir, live);
});

Deno.test("a publication whose latencies are anything but a list has none", async () => {
  using folder = ledgerFolder();
  const odd = [1, "x", { a: 1 }, [1, "y", null]].map((latencies, at) =>
    published(String(at), { correlation_id: `c${at}`, latencies })
  );
  writePart(folder.path, PART, odd);
  await sync(folder.path);
  const rows = await rowsOf(folder.path, LATENCIES);
  assertEquals(rows.map(({ run_id, event_type }) => [run_id, event_type]), [
    ["c3", null],
    ["c3", null],
    ["c3", null],
  ]);
  assertEquals((await rowsOf(folder.path, RUNS)).length, 4);
});
