/** What the first system's guide to run directories promises, of its own files and of ours. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { ARTIFACT_TYPES, artifactDefinition } from "../../src/runs/artifacts/definitions.ts";
import { RunDirectory } from "../../src/runs/directory/directory.ts";
import { entriesBelow } from "../../src/runs/manifest/layout.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "../runs/finished.ts";
import { putFirstSystemRun } from "../runs/first_system.ts";
import { GOOD, rowOf } from "../runs/rows.ts";
import { ask, inLab, type Lab, ledgerOf, MONTH, newLab, removeFrom, sync } from "../runs/runs.ts";

/** Columns that the guide lets be null; and two that its system let be null as well. */
const NULLABLE: Readonly<Record<string, readonly string[]>> = {
  alerts: [],
  paths: ["t_2x_ms", "t_3x_ms", "t_4x_ms", "dd_to_2x_bps", "alert_to_activity_ms"],
  features: [],
  trades: ["policy_id", "exit_reason", "tail_capture"],
  summary: ["avg_tail_capture", "median_tail_capture"],
  frontier: ["rank"],
  errors: ["call_id", "details"],
};

Deno.test("a column is null where the guide says so, and nowhere else", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "policy", run_id: "run-1", git: false });
  for (const type of ARTIFACT_TYPES.filter((type) => type in NULLABLE)) {
    for (const { name } of artifactDefinition(type).columns) {
      // It is filled in.
      if (name === "run_id") continue;
      const written = run.writeArtifact(type, [rowOf(type, { [name]: null })]);
      if (NULLABLE[type].includes(name)) await written;
      else {
        const error = await assertRejects(() => written, LedgerError);
        assertStringIncludes(error.message, `has null in column "${name}"`, type);
      }
    }
  }
});

Deno.test("a run with every artifact has the files of the guide, at their places, and no others", async () => {
  using lab = newLab();
  const world = testWorld({ now_ms: () => Date.parse("2024-01-17T10:00:00Z") });
  const run = await ledgerOf(lab, world).runs.create({
    run_type: "full",
    run_id: "run-1",
    git: false,
  });
  for (const type of ARTIFACT_TYPES) await run.writeArtifact(type, [GOOD[type]]);
  const text = async function* () {
    yield await Promise.resolve(new TextEncoder().encode("loaded\n"));
  };
  await run.appendLog("stdout", text());
  await run.appendLog("stderr", text());
  assertEquals(run.isComplete(), false);
  await run.markSuccess();
  assertEquals(run.isComplete(), true);
  assertEquals(run.folder, join(lab.runs_dir, "2024-01", "run_id=run-1"));
  const files = entriesBelow(testWorld().files, run.folder).map(({ path }) => path);
  assertEquals(files.filter((path) => !path.startsWith(".")), [
    "_SUCCESS",
    "errors/errors.parquet",
    "features/features.parquet",
    "inputs/alerts.parquet",
    "logs/stderr.txt",
    "logs/stdout.txt",
    "policy/positions.parquet",
    "policy/trades.parquet",
    "results/equity.parquet",
    "results/frontier.parquet",
    "results/metrics.parquet",
    "results/returns.parquet",
    "results/summary.parquet",
    "run.json",
    "truth/paths.parquet",
  ]);
  const manifest = RunDirectory.readManifest(run.folder);
  assertEquals(manifest, run.readManifest());
  const inventory = ARTIFACT_TYPES.map((type) => [type, 1, artifactDefinition(type).path]);
  assertEquals(
    Object.entries(manifest.artifacts).map(([type, { rows, path }]) => [type, rows, path]),
    inventory,
  );
});

/** Runs of the first system whose first rows spoil the types of what the guide asks for. */
function putPolicies(lab: Lab): void {
  const day_ms = 86_400_000;
  for (const [at, run_id] of ["policy-a", "policy-b"].entries()) {
    const paths = Array.from({ length: 12 }, (_, call) =>
      rowOf("paths", {
        run_id,
        call_id: `c${call}`,
        alert_ts_ms: Date.UTC(2024, 0, 1) + call % 3 * day_ms,
        hit_2x: call > 0,
        t_2x_ms: call > 0 ? call * 1000 : null,
        peak_multiple: at === 0 ? 2 : 2.5,
        dd_to_2x_bps: null,
      }));
    const trades = Array.from({ length: 4 }, (_, call) =>
      rowOf("trades", {
        run_id,
        call_id: `c${call}`,
        policy_id: null,
        exit_reason: call === 0 ? null : "stop",
        realized_return_bps: at === 0 ? 100 : 100.5,
        stop_out: call > 1,
        tail_capture: call === 0 ? null : 0.5,
      }));
    const summary = rowOf("summary", { run_id, avg_return_bps: 100 + at, p25_return_bps: 7 });
    putFirstSystemRun(lab, run_id, { paths, trades, summary: [summary] });
  }
}

Deno.test("the guide's analyses are answered over all runs that the first system wrote", async () => {
  using lab = newLab();
  putPolicies(lab);
  await sync(lab);
  assertEquals(
    await ask(
      lab,
      `select caller_name, count(*) as calls,
         round(avg(case when hit_2x then 1 else 0 end), 3) as hit_rate_2x,
         avg(peak_multiple) as avg_peak_multiple, avg(dd_bps) as avg_drawdown_bps,
         max(t_2x_ms) as slowest_ms, avg(dd_to_2x_bps) as dd
       from paths group by caller_name having calls >= 10 order by hit_rate_2x desc limit 20`,
    ),
    [["brook", 24, 0.917, 2.25, -1200.5, 11_000, null]],
  );
  assertEquals(
    await ask(
      lab,
      `select run_id as policy, avg(realized_return_bps) as avg_return,
         avg(case when stop_out then 1 else 0 end) as stop_out_rate, avg(tail_capture) as tail
       from trades group by run_id order by run_id`,
    ),
    [["policy-a", 100, 0.5, 0.5], ["policy-b", 100.5, 0.5, 0.5]],
  );
  assertEquals(
    await ask(
      lab,
      `select date_trunc('day', timestamp 'epoch' + alert_ts_ms * interval '1 millisecond') as day,
         count(*) as calls from paths group by day order by day`,
    ),
    ["01", "02", "03"].map((day) => [`2024-01-${day} 00:00:00`, 8]),
  );
  assertEquals(
    await ask(lab, "select run_id, avg_return_bps from run_summaries order by run_id"),
    [["policy-a", 100], ["policy-b", 101]],
  );
  assertEquals(
    await ask(lab, "select sum(avg_return_bps), sum(p25_return_bps) from summary"),
    [[201, 14]],
  );
});

Deno.test("a run appears once its mark of success is there, and a month that was moved out is missing", async () => {
  using lab = newLab();
  const path = await finishRun(lab, "a");
  removeFrom(lab, path, "_SUCCESS");
  const skipped = await inLab(lab, ["catalog-sync"]);
  assertStringIncludes(skipped.stdout, "Skipped 1 run\n");
  assertStringIncludes(skipped.stdout, `${path}: unfinished: `);
  assertEquals(await ask(lab, "select count(*) from backtest_runs_catalog"), [[0]]);
  Deno.writeTextFileSync(join(lab.runs_dir, path, "_SUCCESS"), "");
  assertStringIncludes((await inLab(lab, ["catalog-sync"])).stdout, "Registered 1 run\n");
  assertEquals(await ask(lab, "select run_id from trades"), [["a"]]);
  // As the guide prunes: with tar and rm.
  removeFrom(lab, MONTH);
  await sync(lab);
  assertEquals(
    await ask(lab, "select run_id, presence from backtest_runs_catalog"),
    [["a", "missing"]],
  );
  assertEquals(await ask(lab, "select run_id from trades"), []);
});
