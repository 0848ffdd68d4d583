/** What the first system's guides say of events, of its emitter and of its index, held in their words. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EventEmitter } from "../../src/mod.ts";
import { linesOnDisk, testWorld } from "../harness.ts";
import { assertLikeBuiltAnew, ledgerFolder, rowsOf, sync } from "../index/indexes.ts";

/** Five milliseconds before midnight. */
const START_MS = Date.UTC(2026, 0, 23, 23, 59, 59, 995);

/** An emitter whose clock its user moves on. */
class ClockedEmitter extends EventEmitter {
  clock = { now_ms: START_MS };

  constructor(dir: string) {
    const world = testWorld({ now_ms: () => this.clock.now_ms });
    super({ dir, world });
  }
}

/** The guide's example, with the events that it only names; each a millisecond after the one before. */
async function emitGuide(
  emitter: EventEmitter & { clock?: { now_ms: number } },
  run_id: string,
): Promise<void> {
  const events = [
    () => emitter.emitRunCreated(run_id, "path-only", { interval: "1m" }, "calls-2026-01"),
    () => emitter.emitRunStarted(run_id),
    () => emitter.emitPhaseStarted(run_id, "plan", 0),
    () => emitter.emitPhaseCompleted(run_id, "plan", 12.5, { calls: 3 }),
    () => emitter.emitPhaseStarted(run_id, "simulate", 1),
    () => emitter.emitTrialRecorded(run_id, "t1", { stop_loss_bps: 500 }, { pnl: 1.5 }),
    () => emitter.emitPhaseCompleted(run_id, "simulate", 7),
    () =>
      emitter.emitArtifactCreated(run_id, "trades", `artifacts/runs/${run_id}/trades.parquet`, 9),
    () => emitter.emitBaselineCompleted(run_id, 10, 8, "baseline.parquet"),
    () => emitter.emitRunCompleted(run_id, { pnl: 1.5 }, { trades: "trades.parquet" }),
  ];
  for (const emit of events) {
    assert(await emit());
    if (emitter.clock) emitter.clock.now_ms++;
  }
}

Deno.test("the eight kinds of events that the emitter records fill every table of the guide", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await using emitter = new ClockedEmitter(dir);
  await emitGuide(emitter, "run-123");
  await sync(dir);
  const run_id = "run-123";
  const at = (events: number) => START_MS + events;
  const expected: Record<string, Record<string, unknown>[]> = {
    runs_d: [{
      run_id,
      run_type: "path-only",
      created_at_ms: at(0),
      config: '{"interval":"1m"}',
      data_fingerprint: "calls-2026-01",
    }],
    runs_status: [{
      run_id,
      started_at_ms: at(1),
      completed_at_ms: at(9),
      failed_at_ms: null,
      error: null,
      summary_json: '{"pnl":1.5}',
    }],
    phase_timings: [
      {
        run_id,
        phase_name: "plan",
        phase_order: 0,
        started_at_ms: at(2),
        completed_at_ms: at(3),
        duration_ms: 12.5,
        output_summary_json: '{"calls":3}',
      },
      {
        run_id,
        phase_name: "simulate",
        phase_order: 1,
        started_at_ms: at(4),
        completed_at_ms: at(6),
        duration_ms: 7,
        output_summary_json: "{}",
      },
    ],
    trial_results: [{
      run_id,
      trial_id: "t1",
      recorded_at_ms: at(5),
      params: '{"stop_loss_bps":500}',
      metrics: '{"pnl":1.5}',
    }],
    artifacts_catalog: [{
      run_id,
      artifact_type: "trades",
      artifact_path: "artifacts/runs/run-123/trades.parquet",
      size_bytes: 9,
      created_at_ms: at(7),
    }],
    baseline_results: [{
      run_id,
      alerts_total: 10,
      alerts_ok: 8,
      artifact_path: "baseline.parquet",
      completed_at_ms: at(8),
    }],
  };
  for (const [table, rows] of Object.entries(expected)) {
    assertEquals(await rowsOf(dir, `select * from ${table} order by all`), rows, table);
  }
  assertEquals(await rowsOf(dir, "select run_id, status from latest_runs"), [
    { run_id, status: "completed" },
  ]);
  const [summary] = await rowsOf(
    dir,
    `select phase_count, total_duration_ms, phase_names::varchar as phase_names,
      phase_durations_ms::varchar as phase_durations_ms from run_phase_summary`,
  );
  assertEquals(summary, {
    phase_count: 2,
    total_duration_ms: 19.5,
    phase_names: "[plan, simulate]",
    phase_durations_ms: "[12.5, 7.0]",
  });
});

Deno.test("a run over midnight lies in two day folders, in parts of the guide's names, and is one run", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await using emitter = new ClockedEmitter(dir);
  await emitGuide(emitter, "first");
  const parts = ["2026-01-23", "2026-01-24"].map((day) =>
    join(dir, "events", `day=${day}`, "part-000001.jsonl")
  );
  const counts = parts.map((path) => Deno.readTextFileSync(path).trimEnd().split("\n").length);
  assertEquals(counts, [5, 5]);
  for (const line of linesOnDisk(dir)) {
    const { event_id, timestamp_ms } = JSON.parse(line);
    assert(new RegExp(`^${timestamp_ms}_[0-9a-f]{8}$`).test(event_id), event_id);
  }
  await emitGuide(emitter, "second");
  await sync(dir);
  // The newest first.
  assertEquals(await rowsOf(dir, "select run_id, status from latest_runs"), [
    { run_id: "second", status: "completed" },
    { run_id: "first", status: "completed" },
  ]);
});

Deno.test("a run's status follows its events, whether the index grows by each or is built at once", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await using emitter = new ClockedEmitter(dir);
  const steps: [event: () => Promise<unknown>, status: string][] = [
    [() => emitter.emitRunCreated("r", "policy", {}, "f"), "pending"],
    [() => emitter.emitRunStarted("r"), "running"],
    [() => emitter.emitPhaseStarted("r", "plan", 0), "running"],
    [() => emitter.emitRunFailed("r", "no candles"), "failed"],
    [() => emitter.emitRunCompleted("r"), "completed"],
  ];
  for (const [event, status] of steps) {
    await event();
    const grown = await sync(dir);
    const asked = "select status, error from latest_runs";
    const error = status === "failed" ? "no candles" : null;
    assertEquals(await rowsOf(dir, asked), [{ status, error }]);
    await assertLikeBuiltAnew(dir, grown);
  }
});

Deno.test("a lost index is built from the log and says the same, and so does one that replays it", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await using emitter = new ClockedEmitter(dir);
  for (const run_id of ["a", "b", "c"]) await emitGuide(emitter, run_id);
  const before = await sync(dir);
  for (const lose of ["the index", "all that lies beside it"]) {
    Deno.removeSync(lose === "the index" ? join(dir, "index", "runs.duckdb") : join(dir, "index"), {
      recursive: true,
    });
    const anew = await sync(dir);
    assertEquals([anew.kind, anew.tables], ["full", before.tables], lose);
  }
  const replayed = await sync(dir, { full: true });
  assertEquals([replayed.kind, replayed.tables], ["full", before.tables]);
});

Deno.test("ten emitters that record at once lose no event and mix no lines", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const emitters = Array.from({ length: 10 }, () => new EventEmitter({ dir, world: testWorld() }));
  await Promise.all(emitters.map((emitter, n) => emitGuide(emitter, `run-${n}`)));
  await Promise.all(emitters.map((emitter) => emitter.dispose()));
  assertEquals(emitters.map(({ lost_events }) => lost_events), emitters.map(() => 0));
  const { total, tables } = await sync(dir);
  assertEquals([total.events, total.rejected, tables?.duplicate_events.rows], [100, 0, 0]);
  const asked = "select status, count(*) as runs from latest_runs group by all";
  assertEquals(await rowsOf(dir, asked), [{ status: "completed", runs: 10 }]);
});
