/** A run that lies outside of any month is read by every command, and its place is said. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readArchived } from "../../src/runs/catalog/month_files.ts";
import { pullRuns } from "../../src/runs/upkeep/pull.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import {
  ask,
  assertLikeBuiltAnew,
  inLab,
  type Lab,
  ledgerOf,
  MONTH,
  namesIn,
  newLab,
  sync,
} from "./runs.ts";

const OUTSIDE = "run_id=out";

/** Makes a run, and moves it out of its month. */
async function finishOutside(lab: Lab): Promise<void> {
  const path = await finishRun(lab, "out", { calls: ["c7"] });
  Deno.renameSync(join(lab.runs_dir, path), join(lab.runs_dir, OUTSIDE));
}

Deno.test("sync, query, show and verify know a run outside of any month, and say where it is", async () => {
  using lab = newLab();
  await finishOutside(lab);
  const synced = await inLab(lab, ["runs", "sync"]);
  assertStringIncludes(synced.stdout, `1 run of these lies outside of a month: ${OUTSIDE}`);
  assertEquals(await ask(lab, "select run_id, run_path from backtest_runs_catalog"), [[
    "out",
    OUTSIDE,
  ]]);
  assertEquals(await ask(lab, "select run_id, call_id from alerts"), [["out", "c7"]]);
  assertEquals(await ask(lab, "select run_id, call_id from trades"), [["out", "c7"]]);
  const again = await inLab(lab, ["runs", "sync"]);
  assertEquals(again.stdout.includes("outside"), false);
  const shown = await inLab(lab, ["runs", "show", "ou", "--json"]);
  assertEquals(JSON.parse(shown.stdout).folder, join(lab.runs_dir, OUTSIDE));
  const verified = await inLab(lab, ["runs", "verify", "--all", "--json"]);
  const { runs, findings, notes } = JSON.parse(verified.stdout);
  assertEquals([verified.code, runs, findings], [0, 1, []]);
  assertEquals(notes, [{
    run_id: "out",
    path: OUTSIDE,
    note: `it lies outside of a month's folder, and is read there; its place is ${MONTH}/`,
  }]);
  const twice = ["runs", "create", "--run-type", "full", "--run-id", "out", "--no-git"];
  const refused = await inLab(lab, twice);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "there is one already");
  await assertLikeBuiltAnew(lab);
});

Deno.test("a run outside of any month goes on and ends there", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "policy", run_id: "out", git: false });
  Deno.renameSync(run.folder, join(lab.runs_dir, OUTSIDE));
  const finished = await inLab(lab, ["runs", "finish", "out"]);
  assertEquals(finished.stderr, "");
  assertEquals((await sync(lab)).registered, 1);
});

Deno.test("compact takes a run outside of any month with the month that it began in", async () => {
  using lab = newLab();
  await finishOutside(lab);
  const { files } = await ledgerOf(lab).runs.compact(MONTH);
  assertEquals(files.map(({ runs }) => runs), [1, 1, 1]);
  assertEquals(await ask(lab, "select run_id, call_id from alerts"), [["out", "c7"]]);
  assertEquals(await ask(lab, "select distinct run_id from compacted_files"), [["out"]]);
});

Deno.test("pull takes a run outside of any month to the same place, once", async () => {
  using there = newLab();
  using here = newLab();
  await finishOutside(there);
  const findings: unknown[] = [];
  const pull = () =>
    pullRuns(testWorld(), testWorld(), here.runs_dir, there.runs_dir, {
      onFinding: (finding) => findings.push(finding),
    });
  assertEquals((await pull()).taken.map(({ run_path }) => run_path), [OUTSIDE]);
  assertEquals((await pull()).same, 1);
  assertEquals(findings, []);
  // Killed at its last step, the next one puts it right.
  Deno.renameSync(join(here.runs_dir, OUTSIDE), join(here.runs_dir, `.replaced-${OUTSIDE}`));
  assertEquals((await pull()).same, 1);
  const notes = new Set([".changes", ".pulled"]);
  assertEquals(namesIn(here, "").filter((name) => !notes.has(name)), [OUTSIDE]);
});

Deno.test("prune takes a run outside of any month with the month that it began in, and remembers it", async () => {
  using lab = newLab();
  await finishOutside(lab);
  const archive = join(lab.path, "archive");
  const pruned = ["runs", "prune", "--before", "2026-02", "--archive", archive, "--yes"];
  const { code, stderr } = await inLab(lab, pruned);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(namesIn(lab, "").filter((name) => !name.startsWith(".")), [MONTH]);
  const { runs } = readArchived(testWorld(), lab.runs_dir, `${MONTH}/_archived.ndjson`);
  assertEquals(runs.map(({ run_path }) => run_path), [OUTSIDE]);
  const rows = await ask(lab, "select run_id, presence from backtest_runs_catalog");
  assertEquals(rows, [["out", "archived"]]);
  await assertLikeBuiltAnew(lab);
});
