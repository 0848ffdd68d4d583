/** The queries that the first system's people know by heart run as they are written. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ledger, tempFolder } from "../harness.ts";

const QUERIES = [
  "SELECT * FROM latest_runs LIMIT 10;",
  "SELECT * FROM run_phase_summary WHERE run_id = 'run-123';",
  "SELECT * FROM phase_timings WHERE run_id = 'run-123';",
  "SELECT * FROM trial_results WHERE run_id = 'run-123';",
  "SELECT COUNT(*) FROM runs_d;",
  `SELECT
  run_id,
  run_type,
  status,
  created_at_ms,
  started_at_ms,
  completed_at_ms
FROM latest_runs
ORDER BY created_at_ms DESC
LIMIT 10;`,
  `SELECT
  run_id,
  phase_name,
  phase_order,
  duration_ms,
  started_at_ms,
  completed_at_ms
FROM phase_timings
WHERE run_id = 'run-123'
ORDER BY phase_order;`,
  `SELECT
  run_id,
  phase_count,
  total_duration_ms,
  phase_names,
  phase_durations_ms
FROM run_phase_summary
WHERE run_id = 'run-123';`,
];

const EVENTS = [
  { event_type: "run.created", run_type: "path-only", config: {}, data_fingerprint: "fp" },
  { event_type: "run.started" },
  { event_type: "phase.started", phase_name: "plan", phase_order: 0 },
  { event_type: "phase.completed", phase_name: "plan", duration_ms: 5, output_summary: {} },
  { event_type: "phase.started", phase_name: "simulate", phase_order: 1 },
  { event_type: "trial.recorded", trial_id: "t1", params: { a: 1 }, metrics: { pnl: 1.5 } },
];

Deno.test("from emit to the known queries, with the spellings of the first system", async () => {
  using folder = tempFolder();
  const cwd = folder.path;
  const stdin = EVENTS.map((event) => JSON.stringify({ run_id: "run-123", ...event }) + "\n").join(
    "",
  );
  assertEquals((await ledger(["emit", "--stdin"], { cwd, stdin })).code, 0);
  const rebuild = ["rebuild", "--db", "data/ledger/index/runs.duckdb", "--verbose"];
  for (const more of [[], ["--since-date", "2026-01-23"], ["--full-rebuild"]]) {
    const rebuilt = await ledger([...rebuild, ...more], { cwd });
    assertEquals(rebuilt.code, 0, rebuilt.stderr);
    assertStringIncludes(rebuilt.stdout, "1 run;");
  }
  for (const sql of QUERIES) {
    const { code, stdout, stderr } = await ledger(["query", sql, "--json"], { cwd });
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout).length >= 1, true, sql);
  }
  const sql = "SELECT phase_name, duration_ms FROM phase_timings ORDER BY phase_order";
  const phases = await ledger(["query", sql, "--format", "csv"], { cwd });
  assertEquals(phases.stdout, "phase_name,duration_ms\nplan,5\nsimulate,\n");
  const piped = await ledger(["query", "-"], { cwd, stdin: "select 42 as answer" });
  assertStringIncludes(piped.stdout, "42");
});
