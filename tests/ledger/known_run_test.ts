/** A run is shown and ended whether its log, its folder, or both know it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { inLab, type Lab, ledgerOf, newLab, putFile, putRun, sync } from "../runs/runs.ts";

/** A run that was only emitted: two phases, a trial, an artifact; a third phase goes on. */
async function emitRun(lab: Lab, run_id: string): Promise<void> {
  await using ledger = ledgerOf(lab);
  await ledger.emitRunCreated({
    run_id,
    run_type: "policy",
    config: { stop_loss_bps: 300 },
    data_fingerprint: "fp",
  });
  await ledger.emitRunStarted({ run_id });
  const phases: [string, number | undefined][] = [["load", 40], ["simulate", 120.5], [
    "report",
    undefined,
  ]];
  for (const [phase_order, [phase_name, duration_ms]] of phases.entries()) {
    await ledger.emitPhaseStarted({ run_id, phase_name, phase_order });
    if (duration_ms === undefined) continue;
    await ledger.emitPhaseCompleted({ run_id, phase_name, duration_ms, output_summary: {} });
  }
  await ledger.emitTrialRecorded({ run_id, trial_id: "t1", params: {}, metrics: { sharpe: 1 } });
  await ledger.emitArtifactCreated({
    run_id,
    artifact_type: "trades",
    artifact_path: "somewhere/trades.parquet",
    size_bytes: 12,
  });
  await ledger.sync();
}

async function show(lab: Lab, run_id: string) {
  const { code, stdout, stderr } = await inLab(lab, ["runs", "show", run_id, "--json"]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("a run that was emitted a moment ago is ended by an event, once, whether an index has heard of it or not", async () => {
  using lab = newLab();
  const emit = async (run_id: string, ...more: ("completed")[]) => {
    await using ledger = ledgerOf(lab);
    await ledger.emitRunCreated({ run_id, run_type: "p", config: {}, data_fingerprint: "f" });
    for (const _ of more) {
      await ledger.emitRunCompleted({ run_id, summary: {}, artifact_paths: {} });
    }
  };
  await emit("first");
  const first = await inLab(lab, ["runs", "finish", "first"]);
  assertEquals(first.code, 0, first.stderr);
  await emit("second");
  const second = await inLab(lab, ["runs", "finish", "sec", "--status", "failed", "--error", "e"]);
  assertEquals(
    [second.code, second.stdout.split(" after")[0]],
    [0, "second failed"],
    second.stderr,
  );
  await emit("third");
  await ledgerOf(lab).sync();
  await emit("third", "completed");
  const third = await inLab(lab, ["runs", "finish", "third", "--status", "failed", "--error", "e"]);
  assertEquals(third.code, 2);
  assertStringIncludes(third.stderr, "it has ended already (completed)");
});

Deno.test("each command that takes a run knows one that was emitted a moment ago, before any query", async () => {
  using lab = newLab();
  const names = ["runs log", "runs write", "runs verify"];
  for (const [at, name] of names.entries()) {
    const run_id = `just-now-${at}`;
    await using ledger = ledgerOf(lab);
    await ledger.emitRunCreated({ run_id, run_type: "p", config: {}, data_fingerprint: "f" });
    const more = name === "runs log" ? ["stdout"] : name === "runs write" ? ["trades"] : [];
    const { stderr } = await inLab(lab, [...name.split(" "), run_id, ...more]);
    assertStringIncludes(stderr, `run "${run_id}" has no folder`);
  }
});

Deno.test("a run that was only emitted is shown with its phases, trials, artifacts and summary, and is ended by an event", async () => {
  using lab = newLab();
  await emitRun(lab, "emitted-1");
  const before = await show(lab, "emit");
  assertEquals(
    [before.run_id, before.source, before.state, before.folder, before.manifest, before.trials],
    ["emitted-1", "log", "running", null, null, 1],
  );
  assertEquals(before.parameters, { stop_loss_bps: 300 });
  assertEquals(before.timing, { load_ms: 40, simulate_ms: 120.5 });
  assertEquals(before.artifacts, [{
    artifact_type: "trades",
    bytes: 12,
    path: "somewhere/trades.parquet",
    is_there: false,
  }]);
  const phases = before.phases.map((phase: Record<string, unknown>) =>
    `${phase.phase_name} ${phase.duration_ms}`
  );
  assertEquals(phases, ["load 40", "simulate 120.5", "report null"]);

  const summary = `{"sharpe":1.4}`;
  const finish = ["runs", "finish", "emitted-1", "--summary", summary];
  const refused = await inLab(lab, [...finish, "--no-events"]);
  assertEquals(refused.code, 2);
  const done = await inLab(lab, [...finish, "--timing", `{"render_ms":7}`, "--json"]);
  assertEquals([done.code, JSON.parse(done.stdout)], [0, {
    run_id: "emitted-1",
    folder: null,
    status: "completed",
  }], done.stderr);
  await ledgerOf(lab).sync();
  const after = await show(lab, "emitted-1");
  assertEquals([after.state, after.summary], ["completed", { sharpe: 1.4 }]);
  assertEquals(after.timing, { total_ms: 167.5, load_ms: 40, simulate_ms: 120.5, render_ms: 7 });
  const again = await inLab(lab, finish);
  assertEquals(again.code, 2);
  assertStringIncludes(again.stderr, "it has ended already (completed)");

  await emitRun(lab, "other");
  const failed = ["runs", "finish", "other", "--status", "failed", "--error", "no candles"];
  assertEquals((await inLab(lab, failed)).code, 0);
  await ledgerOf(lab).sync();
  const { state, error } = await show(lab, "other");
  assertEquals([state, error], ["failed", "no candles"]);
});

Deno.test("what needs a folder says that a run which was only emitted has none", async () => {
  using lab = newLab();
  await emitRun(lab, "emitted");
  const { code, stderr } = await inLab(lab, ["runs", "write", "emitted", "trades"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `run "emitted" has no folder`);
  assertStringIncludes(stderr, "ledger runs show emitted");
});

Deno.test("a run's id is completed and corrected from all runs, with a folder or without", async () => {
  using lab = newLab();
  await emitRun(lab, "sweep-log");
  putRun(lab, "sweep-folder");
  await sync(lab);
  const said = async (run_id: string) => {
    const { code, stderr } = await inLab(lab, ["runs", "show", run_id]);
    return [code, stderr];
  };
  const [ambiguous_code, ambiguous] = await said("sweep");
  assertEquals(ambiguous_code, 1);
  assertStringIncludes(String(ambiguous), "give more of it: sweep-folder, sweep-log");
  assertStringIncludes(String((await said("swep-log"))[1]), "did you mean sweep-log?");
  assertStringIncludes(String((await said("sweepfolder"))[1]), "did you mean sweep-folder?");
});

Deno.test("phases that were emitted stand beside the manifest's timing, whatever their names", async () => {
  using lab = newLab();
  {
    await using ledger = ledgerOf(lab);
    const run = await ledger.runs.create({ run_id: "r", run_type: "policy" });
    const phase = { run_id: "r", phase_name: "simulate" };
    await ledger.emitPhaseStarted({ ...phase, phase_order: 0 });
    await ledger.emitPhaseCompleted({ ...phase, duration_ms: 5, output_summary: {} });
    await ledger.sync();
    await run.close();
  }
  const finish = ["runs", "finish", "r", "--timing"];
  const bad = await inLab(lab, [...finish, `{"render":3}`]);
  assertEquals(bad.code, 2);
  assertStringIncludes(bad.stderr, `--timing has "render"; the name of a duration ends in _ms`);
  assertEquals((await inLab(lab, [...finish, `{"render_ms":3,"total_ms":9}`])).code, 0);
  const { timing, state } = await show(lab, "r");
  assertEquals([timing, state], [{ simulate_ms: 5, render_ms: 3, total_ms: 9 }, "completed"]);
});

Deno.test("what a run printed is shown by its end, and only what lies in its folder is read", async () => {
  using lab = newLab();
  const logs = { stdout: "logs/stdout.txt", stderr: "logs/stderr.txt", other: "../../secret.txt" };
  const path = putRun(lab, "r", { status: "failed", logs }, { has_success: false });
  putFile(lab, path, "logs/stderr.txt", "1\n2\n3\n4\n5\nno candles for c7\n");
  putFile(lab, "", "secret.txt", "a secret\n");
  const { stdout } = await inLab(lab, ["runs", "show", "r"]);
  for (
    const text of ["started", "manifest 1.0.0", "no candles for c7", "logs/stdout.txt  not there"]
  ) {
    assertStringIncludes(stdout, text);
  }
  assertEquals(stdout.includes("    1\n"), false, "only the end");
  assertEquals(stdout.includes("a secret"), false);
});
