/** What the first system's people did with runs, as they wrote it down, works under our names. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GOOD } from "../runs/rows.ts";
import { ledger, tempFolder } from "../harness.ts";

const RUN = "3f0c8d2e-7f2a-4b52-9a43-0d3b7c1f5e66";

const BEST_CALLERS = `SELECT
  caller_name,
  COUNT(*) as calls,
  AVG(CASE WHEN hit_2x THEN 1 ELSE 0 END) as hit_rate_2x,
  AVG(peak_multiple) as avg_peak_multiple,
  AVG(dd_bps) as avg_drawdown_bps
FROM read_parquet('PATHS')
GROUP BY caller_name
HAVING calls >= 10
ORDER BY hit_rate_2x DESC
LIMIT 20;`;

const COMPARE_POLICIES = `WITH policy_a AS (
  SELECT * FROM read_parquet('TRADES')
),
policy_b AS (
  SELECT * FROM read_parquet('TRADES')
)
SELECT
  'Policy A' as policy,
  AVG(realized_return_bps) as avg_return,
  AVG(CASE WHEN stop_out THEN 1 ELSE 0 END) as stop_out_rate
FROM policy_a
UNION ALL
SELECT
  'Policy B' as policy,
  AVG(realized_return_bps) as avg_return,
  AVG(CASE WHEN stop_out THEN 1 ELSE 0 END) as stop_out_rate
FROM policy_b;`;

const TIME_SERIES = `SELECT
  DATE_TRUNC('day', TIMESTAMP 'epoch' + alert_ts_ms * INTERVAL '1 millisecond') as day,
  COUNT(*) as calls,
  AVG(CASE WHEN hit_2x THEN 1 ELSE 0 END) as hit_rate_2x,
  AVG(peak_multiple) as avg_peak_multiple
FROM read_parquet('PATHS')
GROUP BY day
ORDER BY day;`;

Deno.test("from a run to the analysis queries, as the first system's guide has them", async () => {
  using folder = tempFolder();
  const cwd = folder.path;
  const succeed = async (args: string[], stdin = "") => {
    const { code, stdout, stderr } = await ledger(args, { cwd, stdin });
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const rows = (one: Record<string, unknown>) =>
    Array.from({ length: 12 }, (_, at) => ({
      ...one,
      run_id: RUN,
      call_id: `c${at}`,
      ...("alert_ts_ms" in one ? { alert_ts_ms: Date.UTC(2024, 0, 1 + at % 3, at) } : {}),
    })).map((row) => JSON.stringify(row)).join("\n");
  await succeed(["runs", "create", "--run-type", "path-only", "--run-id", RUN, "--no-git"]);
  await succeed(["runs", "write", RUN, "paths"], rows(GOOD.paths));
  await succeed(["runs", "write", RUN, "trades"], rows(GOOD.trades));
  await succeed(["runs", "finish", RUN]);

  assertEquals(
    await succeed(["catalog-sync", "--stats"]),
    `✓ Initialized catalog tables
✓ Registered 1 run
✓ Skipped 0 runs

Catalog Statistics:
  Total runs: 1
  Completed: 1
  Failed: 0
  Runs: 1 ended of 1 known
  By type: { "path-only": 1 }
  Total artifacts: 2
  By type: { "paths": 1, "trades": 1 }
`,
  );
  assertStringIncludes(await succeed(["catalog-query", "--limit", "10"]), RUN);
  const filters = ["--run-type", "path-only", "--status", "completed"];
  assertStringIncludes(await succeed(["catalog-query", ...filters]), RUN);
  const pathOf = async (type: string) =>
    (await succeed(["catalog-query", "--run-id", RUN, "--artifact-type", type])).trim();
  const [paths, trades] = [await pathOf("paths"), await pathOf("trades")];
  assert(Deno.statSync(`${cwd}/${paths}`).isFile);

  const ask = async (sql: string) =>
    JSON.parse(
      await succeed([
        "query",
        "--db",
        "catalog",
        sql.replace("PATHS", paths).replaceAll("TRADES", trades),
        "--json",
      ]),
    );
  assertEquals((await ask(BEST_CALLERS))[0].calls, 12);
  assertEquals((await ask(COMPARE_POLICIES)).length, 2);
  assertEquals(
    (await ask(TIME_SERIES)).map(({ day, calls }: Record<string, unknown>) => [day, calls]),
    ["01", "02", "03"].map((day) => [`2024-01-${day} 00:00:00`, 4]),
  );
  // The same over all runs at once, by name.
  const of_all = TIME_SERIES.replace("read_parquet('PATHS')", "paths");
  assertEquals((await ask(of_all)).length, 3);
});

Deno.test("a product with an interval is what DuckDB makes of it, where DuckDB can", async () => {
  using folder = tempFolder();
  const cwd = folder.path;
  await ledger(["emit", "run.started", "--run-id", "r"], { cwd });
  await ledger(["rebuild"], { cwd });
  const sql = `select (2::bigint * interval '1 month')::varchar as months,
    (interval 1 day * 1.5)::varchar as days, 2 * 3 as whole, 2.5 * 2 as part,
    (timestamp 'epoch' + interval '1 millisecond' * 1704067200000)::varchar as time, count(*) as n
    from events where 1 * interval '1 day' > interval '1 hour'`;
  const { stdout, stderr } = await ledger(["query", sql, "--json"], { cwd });
  assertEquals(stderr, "");
  assertEquals(JSON.parse(stdout), [{
    months: "2 months",
    days: "1 day 12:00:00",
    whole: 6,
    part: 5,
    time: "2024-01-01 00:00:00",
    n: 1,
  }]);
});
