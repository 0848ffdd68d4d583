import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { outsideFiles } from "../../src/base/files/outside.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import type { PullFinding } from "../../src/log/pull/source.ts";
import { pullRuns, type RunsPullReport } from "../../src/runs/upkeep/pull.ts";
import { verifyRuns } from "../../src/runs/upkeep/verify.ts";
import { systemError, testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import { putFirstSystemRun } from "./first_system.ts";
import { rowOf } from "./rows.ts";
import { type Lab, ledgerOf, MONTH, namesIn, newLab, putFile, putRun } from "./runs.ts";

/** Pulls the runs of a lab; findings as text. */
async function pull(
  here: Lab,
  there: Lab,
  { dry_run = false, world = testWorld() as World } = {},
): Promise<RunsPullReport & { findings: string[] }> {
  const findings: string[] = [];
  const onFinding = ({ what, reason }: PullFinding) => findings.push(`${what}: ${reason}`);
  const theirs = { ...world, files: outsideFiles(world.files, there.runs_dir) };
  const options = { dry_run, onFinding };
  const report = await pullRuns(world, theirs, here.runs_dir, there.runs_dir, options);
  return { ...report, findings };
}

function pathsOf({ taken }: RunsPullReport): string[] {
  return taken.map(({ run_path }) => run_path);
}

function manifestIn(lab: Lab, path: string): string {
  return Deno.readTextFileSync(join(lab.runs_dir, path, "run.json"));
}

function tradesOf(lab: Lab, path: string): string {
  return join(lab.runs_dir, path, JSON.parse(manifestIn(lab, path)).artifacts.trades.path);
}

Deno.test("runs that have ended are copied whole, and once", async () => {
  using here = newLab();
  using there = newLab();
  const good = await finishRun(there, "good");
  const failed = await finishRun(there, "failed", { failed: true });
  const report = await pull(here, there);
  assertEquals(pathsOf(report), [failed, good]);
  assertEquals(report.findings, []);
  for (const path of [good, failed]) {
    assertEquals(namesIn(here, path), namesIn(there, path).filter((name) => !/lock$/.test(name)));
    assertEquals(manifestIn(here, path), manifestIn(there, path));
  }
  assertEquals((await verifyRuns(testWorld(), here.runs_dir, { deep: true })).findings, []);
  const again = await pull(here, there);
  assertEquals([again.taken, again.same, again.findings], [[], 2, []]);
});

Deno.test("a run of the first system is taken with the types that it has, and a note says which", async () => {
  using here = newLab();
  using there = newLab();
  const row = rowOf("trades", { run_id: "old", realized_return_bps: 12 });
  const path = putFirstSystemRun(there, "old", { trades: [row] });
  putFirstSystemRun(there, "lost", { trades: [{ ...row, run_id: "lost", tail_capture: "much" }] });
  const report = await pull(here, there);
  assertEquals(pathsOf(report), [path]);
  assertEquals(report.notes, [{
    path: `${path}/policy/trades.parquet`,
    note:
      "its column realized_return_bps is int64 in place of double: every value can be read as one",
  }]);
  assertEquals(report.findings.length, 1);
  assertMatch(report.findings[0], /run_id=lost: .*1 value of column tail_capture cannot be read/);
});

Deno.test("a dry run tells of runs what the real one then does, and makes nothing", async () => {
  using here = newLab();
  using there = newLab();
  await finishRun(there, "good");
  const path = await finishRun(there, "bad");
  Deno.writeTextFileSync(tradesOf(there, path), "PAR1");
  const would = await pull(here, there, { dry_run: true });
  assertEquals([would.taken.length, would.findings.length], [1, 1]);
  assertEquals(Deno.readDirSync(here.path).some(({ name }) => name === "runs"), false);
  assertEquals(await pull(here, there), would);
});

Deno.test("a file that can be read no more in a dry run is a finding, and the others go on", async () => {
  using here = newLab();
  using there = newLab();
  const good = await finishRun(there, "good");
  const bad = await finishRun(there, "bad");
  const trades = tradesOf(there, bad);
  let opened = 0;
  // Its footer is looked at first, and its digest is made then.
  const files = systemFiles((operation, path) => {
    const is_late = operation === "open" && path === trades && ++opened > 1;
    if (is_late) throw systemError("EIO", "Input/output error");
  });
  const report = await pull(here, there, { dry_run: true, world: testWorld({ files }) });
  assertEquals([pathsOf(report), report.findings.length], [[good], 1]);
  assertMatch(report.findings[0], /id=bad: cannot open .*Input\/output error/);
});

Deno.test("runs that have not ended there are left, and said", async () => {
  using here = newLab();
  using there = newLab();
  await using ledger = ledgerOf(there);
  await using run = await ledger.runs.create({ run_type: "policy", run_id: "r", owned: true });
  const { left, taken } = await pull(here, there);
  assertEquals([left.map(({ reason }) => reason), taken], [["it has not ended"], []]);
  await run.markSuccess();
  assertEquals(pathsOf(await pull(here, there)), [run.path]);
});

Deno.test("a run whose files are not what its manifest says is a finding, and is not taken", async () => {
  for (const ruin of ["changed", "removed", "no manifest"]) {
    using here = newLab();
    using there = newLab();
    const path = await finishRun(there, "bad");
    await finishRun(there, "good");
    const trades = tradesOf(there, path);
    if (ruin === "removed") Deno.removeSync(trades);
    else if (ruin === "no manifest") Deno.removeSync(join(there.runs_dir, path, "run.json"));
    else {
      const bytes = Deno.readFileSync(trades);
      bytes[8] ^= 1;
      Deno.writeFileSync(trades, bytes);
    }
    const report = await pull(here, there);
    assertEquals(report.findings.length, 1, ruin);
    assertMatch(report.findings[0], new RegExp(`^${path}: `));
    assertEquals(report.taken.length, 1);
    assertEquals([...Deno.readDirSync(join(here.runs_dir, MONTH))].length, 1);
  }
});

Deno.test("an older state gives way to one that ended later; what is as late or later stays", async () => {
  using here = newLab();
  using there = newLab();
  const at = (completed_at: string, extra = {}) => ({ completed_at, ...extra });
  putRun(there, "later", at("2026-01-17T16:00:00Z"));
  putRun(here, "later");
  putRun(there, "earlier");
  putRun(here, "earlier", at("2026-01-17T16:00:00Z"));
  putRun(there, "other", { parameters: { a: 1 } });
  putRun(here, "other");
  putRun(there, "elsewhen", at("2026-01-18T00:00:00Z", { created_at: "2026-01-17T00:00:00Z" }));
  putRun(here, "elsewhen");
  putRun(there, "open");
  putRun(here, "open", { status: "running", completed_at: null }, { has_success: false });
  putRun(there, "noted", { updated_at: "2026-01-19T00:00:00Z" });
  putRun(here, "noted");
  putRun(there, "moved");
  putRun(here, "moved", {}, { month: "2025-12" });
  const stale = { now_ms: () => Date.UTC(2027, 0, 1) };
  const before = manifestIn(here, `${MONTH}/run_id=earlier`);
  const report = await pull(here, there, { world: testWorld(stale) });
  const taken = report.taken.map(({ run_path, replaced }) => [run_path, replaced]);
  assertEquals(taken, ["later", "noted", "open"].map((id) => [`${MONTH}/run_id=${id}`, true]));
  assertEquals(report.findings, [
    `${MONTH}/run_id=earlier: its run.json is another here, and theirs is no later than the one ` +
    "that is here",
    `${MONTH}/run_id=elsewhen: another run with this id is here, created 2026-01-17T15:52:24.273Z`,
    `${MONTH}/run_id=moved: there is a run with this id here as 2025-12/run_id=moved`,
    `${MONTH}/run_id=other: its run.json is another here, and theirs is no later than the one ` +
    "that is here",
  ]);
  assertEquals(manifestIn(here, `${MONTH}/run_id=earlier`), before);
  assertEquals(
    manifestIn(here, `${MONTH}/run_id=later`),
    manifestIn(there, `${MONTH}/run_id=later`),
  );
  assertEquals(
    [...Deno.readDirSync(join(here.runs_dir, MONTH))].filter(({ name }) => name.startsWith(".")),
    [],
  );
});

Deno.test("a run that runs here is not replaced", async () => {
  using here = newLab();
  using there = newLab();
  await using ledger = ledgerOf(here);
  await using run = await ledger.runs.create({ run_type: "policy", run_id: "r", owned: true });
  const { created_at } = run.readManifest();
  putRun(there, "r", { created_at }, { month: run.path.slice(0, 7) });
  assertEquals((await pull(here, there)).findings, [
    `${run.path}: it has ended there, and here: it has not ended`,
  ]);
});

Deno.test("runs that were archived here do not come back", async () => {
  using here = newLab();
  using there = newLab();
  await finishRun(there, "old");
  await pull(here, there);
  await using ledger = ledgerOf(here);
  await ledger.runs.prune({ before: "2026-02" });
  const report = await pull(here, there);
  assertEquals([report.taken, report.same, report.findings], [[], 1, []]);
});

Deno.test("what a killed pull has left is put right by the next one", async () => {
  using here = newLab();
  using there = newLab();
  for (const id of ["coming", "gone", "both"]) putRun(there, id);
  putFile(here, `${MONTH}/.pulling-run_id=coming`, "run.json", "half");
  for (const id of ["gone", "both"]) {
    const path = putRun(here, id);
    Deno.renameSync(
      join(here.runs_dir, path),
      join(here.runs_dir, MONTH, `.replaced-run_id=${id}`),
    );
  }
  putRun(here, "both");
  const report = await pull(here, there);
  assertEquals(pathsOf(report), [`${MONTH}/run_id=coming`]);
  const names = [...Deno.readDirSync(join(here.runs_dir, MONTH))].map(({ name }) => name).sort();
  assertEquals(names, ["both", "coming", "gone"].map((id) => `run_id=${id}`));
});
