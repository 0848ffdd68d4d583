import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { getEventEmitter } from "../../src/mod.ts";
import { linesOnDisk, tempFolder } from "../harness.ts";

Deno.test("each positional emitter records the event of its name, its arguments in their fields", async () => {
  using folder = tempFolder();
  await using emitter = getEventEmitter({ dir: folder.path });
  const answers = [
    await emitter.emitRunCreated("r1", "policy", { a: 1 }, "fp"),
    await emitter.emitRunStarted("r1"),
    await emitter.emitPhaseStarted("r1", "load", 0),
    await emitter.emitPhaseCompleted("r1", "load", 12.5, { rows: 3 }),
    await emitter.emitPhaseCompleted("r1", "save", 1),
    await emitter.emitTrialRecorded("r1", "t1", { x: 1 }, { sharpe: 2 }),
    await emitter.emitBaselineCompleted("r1", 10, 9, "p"),
    await emitter.emitArtifactCreated("r1", "trades", "p", 5),
    await emitter.emitRunCompleted("r1", { ok: true }, { trades: "p" }),
    await emitter.emitRunCompleted("r1"),
    await emitter.emitRunFailed("r1", "boom"),
  ];
  const events = linesOnDisk(folder.path).map((line) => {
    const { event_id: _, timestamp_ms: __, ...fields } = JSON.parse(line);
    return fields;
  });
  const run_id = "r1";
  assertEquals(events, [
    {
      event_type: "run.created",
      run_id,
      run_type: "policy",
      config: { a: 1 },
      data_fingerprint: "fp",
    },
    { event_type: "run.started", run_id },
    { event_type: "phase.started", run_id, phase_name: "load", phase_order: 0 },
    {
      event_type: "phase.completed",
      run_id,
      phase_name: "load",
      duration_ms: 12.5,
      output_summary: { rows: 3 },
    },
    {
      event_type: "phase.completed",
      run_id,
      phase_name: "save",
      duration_ms: 1,
      output_summary: {},
    },
    {
      event_type: "trial.recorded",
      run_id,
      trial_id: "t1",
      params: { x: 1 },
      metrics: { sharpe: 2 },
    },
    {
      event_type: "baseline.completed",
      run_id,
      alerts_total: 10,
      alerts_ok: 9,
      artifact_path: "p",
    },
    {
      event_type: "artifact.created",
      run_id,
      artifact_type: "trades",
      artifact_path: "p",
      size_bytes: 5,
    },
    { event_type: "run.completed", run_id, summary: { ok: true }, artifact_paths: { trades: "p" } },
    { event_type: "run.completed", run_id, summary: {}, artifact_paths: {} },
    { event_type: "run.failed", run_id, error: "boom" },
  ]);
  assertEquals(new Set(answers.map(({ event_id }) => event_id)).size, answers.length);
});

Deno.test("one emitter is shared by everything in the process, until it is closed", async () => {
  using folder = tempFolder();
  using other = tempFolder();
  const first = getEventEmitter({ dir: folder.path });
  assert(getEventEmitter() === first);
  assert(getEventEmitter({ dir: other.path }) === first);
  await first.close();
  await assertRejects(() => first.emitRunStarted("r1"), LedgerError, "has been closed");
  await using second = getEventEmitter({ dir: other.path });
  assertNotEquals(second, first);
  // Closing one that is no longer shared leaves the shared one alone.
  await first.close();
  assert(getEventEmitter() === second);
  await second.emitRunStarted("r1");
  assertEquals(linesOnDisk(other.path).length, 1);
});

Deno.test("a wrong argument is told as the field that it becomes", async () => {
  using folder = tempFolder();
  await using emitter = getEventEmitter({ dir: folder.path });
  await assertRejects(() => emitter.emitRunStarted(""), LedgerError, 'run_id is ""');
  await assertRejects(
    () => emitter.emitPhaseStarted("r", "p", -1),
    LedgerError,
    "phase_order is -1",
  );
  await assertRejects(
    () => emitter.emitPhaseCompleted("r", "p", NaN),
    LedgerError,
    "duration_ms is NaN or infinite",
  );
});
