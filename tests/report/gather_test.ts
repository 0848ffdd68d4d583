import { assert, assertEquals } from "@std/assert";
import { report_curve_points_max } from "../../src/base/limits.ts";
import { gather } from "../../src/report/gather/gather.ts";
import { barsOf } from "../../src/report/page/phase_gantt.ts";
import { periodsOf } from "../../src/report/page/periods.ts";
import { newLab } from "../runs/runs.ts";
import { Random } from "../laws/random.ts";
import { BEGIN_MS, ledgerAt, MADE_MS, syncAll, tradesOf } from "./labs.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

Deno.test("curves, falls and histograms are those of a plain loop over the trades", async () => {
  using lab = newLab();
  await using ledger = ledgerAt(lab, MADE_MS);
  const runs = new Map([
    ["few", tradesOf("few", "p", 30, BEGIN_MS)],
    ["many", tradesOf("many", "p", 5_000, BEGIN_MS)],
    [
      "losing",
      tradesOf("losing", "p", 1, BEGIN_MS).map((trade) => ({ ...trade, realized_return_bps: -75 })),
    ],
    [
      "winning",
      tradesOf("winning", "p", 3, BEGIN_MS).map((trade) => ({ ...trade, realized_return_bps: 40 })),
    ],
  ]);
  for (const [run_id, rows] of runs) {
    await ledger.emitRunStarted({ run_id });
    await ledger.putTrades(run_id, { rows });
  }
  await syncAll(lab);
  const { trades } = await gather(ledger);
  assert(trades.kind === "there");
  const { drawn, edges } = trades.value;
  assertEquals(drawn.length, 4);
  for (const run of drawn) {
    const closed = runs.get(run.run_id)!.toSorted((a, b) =>
      a.exit_ts_ms - b.exit_ts_ms || a.entry_ts_ms - b.entry_ts_ms ||
      (a.call_id < b.call_id ? -1 : 1)
    );
    let sum = 0, peak = 0, fall = 0;
    const sums = closed.map(({ realized_return_bps }) => {
      sum += realized_return_bps;
      peak = Math.max(peak, sum);
      fall = Math.max(fall, peak - sum);
      return sum;
    });
    const isNear = (a: number, b: number) => Math.abs(a - b) < 1e-6;
    assert(isNear(run.drawdown_bps, fall), `${run.run_id}: ${run.drawdown_bps}, not ${fall}`);
    const bins = new Array(edges.count).fill(0);
    for (const { realized_return_bps } of closed) {
      const bin = Math.floor((realized_return_bps - edges.from_bps) / edges.step_bps);
      bins[Math.min(edges.count - 1, Math.max(0, bin))]++;
    }
    assertEquals(run.bins, bins, run.run_id);
    const { curve } = run;
    assert(curve.length <= report_curve_points_max, `${curve.length} points`);
    if (closed.length <= report_curve_points_max / 3) assertEquals(curve.length, closed.length);
    const drawn_sums = curve.map(({ sum_bps }) => sum_bps);
    assert(isNear(Math.min(...drawn_sums), Math.min(...sums)), "the lowest point is drawn");
    assert(isNear(Math.max(...drawn_sums), Math.max(...sums)), "the highest point is drawn");
    assert(isNear(drawn_sums.at(-1)!, sum), "it ends where the sum does");
    for (const [at, point] of curve.entries()) {
      assert(at === 0 || point.at_ms >= curve[at - 1].at_ms, "it never runs backwards");
    }
  }
});

Deno.test("trades in a run's own folder are told once, whatever lies beside the log", async () => {
  using lab = newLab();
  await using ledger = ledgerAt(lab, MADE_MS);
  const run = await ledger.runs.create({ run_type: "policy", run_id: "both", git: false });
  await run.writeArtifact("trades", tradesOf("both", "own", 5, BEGIN_MS));
  await run.markSuccess();
  await ledger.putTrades("both", { rows: tradesOf("both", "beside", 7, BEGIN_MS) });
  await ledger.putTrades("only", { rows: tradesOf("only", "beside", 2, BEGIN_MS) });
  await ledger.emitRunStarted({ run_id: "only" });
  await syncAll(lab);
  const { trades } = await gather(ledger);
  assert(trades.kind === "there");
  const { policies, runs_beside, trades_total } = trades.value;
  assertEquals(policies.map(({ policy_id, trades }) => [policy_id, trades]), [["own", 5], [
    "beside",
    2,
  ]]);
  assertEquals([runs_beside, trades_total], [1, 7]);
});

Deno.test("every dated run is in one period, and there are never many", () => {
  const random = new Random(3);
  for (
    const span_ms of [
      0,
      MINUTE_MS,
      3 * 3_600_000,
      2 * DAY_MS,
      50 * DAY_MS,
      300 * DAY_MS,
      9_000 * DAY_MS,
      2_000_000 * DAY_MS,
    ]
  ) {
    const runs = random.times(200, (n) => ({
      run_id: `r${n}`,
      ...{ name: null, group: null, run_type: null },
      status: random.pick(["completed", "failed", "crashed", "running", "whatever"]),
      at_ms: random.chance(0.1) ? null : BEGIN_MS + Math.floor(random.fraction() * span_ms),
      started_at_ms: null,
      ended_at_ms: null,
      total_ms: null,
    }));
    const { periods } = periodsOf(runs);
    assert(periods.length <= 62, `${periods.length} periods`);
    const dated = runs.filter(({ at_ms }) => at_ms !== null);
    assertEquals(periods.reduce((sum, { runs }) => sum + runs, 0), dated.length);
    for (const [at, { from_ms }] of periods.entries()) {
      assert(at === 0 || from_ms > periods[at - 1].from_ms);
    }
    for (const { at_ms } of dated) {
      const period = periods.findLast(({ from_ms }) => from_ms <= at_ms!);
      assert(period && period.runs > 0);
    }
  }
  assertEquals(periodsOf([]), { unit: "day", periods: [] });
});

Deno.test("phases are drawn from what the log tells of them, be it little", () => {
  const phase = (
    started_at_ms: number | null,
    completed_at_ms: number | null,
    duration_ms: number | null,
  ) => ({
    phase_name: "p",
    started_at_ms,
    completed_at_ms,
    duration_ms,
  });
  const places = (...phases: ReturnType<typeof phase>[]) =>
    barsOf(phases).map(({ from_ms, to_ms, is_open }) => [from_ms, to_ms, is_open]);
  assertEquals(places(phase(10, 30, 20), phase(30, null, null), phase(30, 70, 40)), [
    [10, 30, false],
    [30, 70, true],
    [30, 70, false],
  ]);
  assertEquals(places(phase(null, 50, 20)), [[30, 50, false]], "it began its duration before");
  assertEquals(places(phase(10, 10, 500)), [[10, 510, false]], "told when all was over");
  assertEquals(places(phase(null, null, null)), []);
});
