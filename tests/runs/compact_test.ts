/** Questions to all runs have the same answer, compacted or not, whatever happened in between. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { compactMonth } from "../../src/runs/upkeep/compact.ts";
import { FAILURES, FaultyDisk, operationsToFail } from "../crash/faults/faults.ts";
import { finishRun } from "./finished.ts";
import { ask, inLab, type Lab, ledgerOf, MONTH, newLab, removeFrom } from "./runs.ts";

const CALLS = "select run_id, call_id from alerts order by all";
const TRADES = "select run_id, call_id, exit_px from trades order by all";

/** Which files a question to all trades opens. */
function filesOpened(lab: Lab): Promise<unknown[][]> {
  return ask(
    lab,
    `select count(*) from compacted_files c
     join backtest_artifacts_catalog a using (run_id, artifact_type)
     where artifact_type = 'trades'`,
  );
}

Deno.test("one name asks all runs, and compacting changes no answer", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  await finishRun(lab, "a", { calls: ["c1", "c2"] });
  await finishRun(lab, "007", { created: "2026-02-01T00:00:00Z" });
  await runs.sync();
  const calls = [["007", "c1"], ["a", "c1"], ["a", "c2"]];
  assertEquals(await ask(lab, CALLS), calls);
  const trades = await ask(lab, TRADES);
  assertEquals(trades.length, 3);
  await runs.compact(MONTH);
  assertEquals(await filesOpened(lab), [[1]]);
  assertEquals(await ask(lab, CALLS), calls);
  assertEquals(await ask(lab, TRADES), trades);
  assertEquals(await ask(lab, "select * from errors"), []);
  assertEquals(await ask(lab, "select count(*) from paths"), [[0]]);
});

Deno.test("a run id stays the text it is, also where all of them look like numbers", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  for (const run_id of ["2026", "7"]) await finishRun(lab, run_id);
  await runs.sync();
  assertEquals(await ask(lab, CALLS), [["2026", "c1"], ["7", "c1"]]);
  await runs.syncAlerts();
  assertEquals(await ask(lab, "select run_ids from alerts", "alerts"), [[["2026", "7"]]]);
});

Deno.test("a run that comes, changes or goes after compacting is answered for as it is now", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  for (const run_id of ["a", "b", "c"]) await finishRun(lab, run_id);
  await runs.compact(MONTH);
  removeFrom(lab, MONTH, "run_id=a");
  removeFrom(lab, MONTH, "run_id=b");
  await finishRun(lab, "b", { calls: ["other"] });
  await finishRun(lab, "d", { calls: ["new"] });
  await runs.sync();
  assertEquals(await ask(lab, CALLS), [["b", "other"], ["c", "c1"], ["d", "new"]]);
  assertEquals(await filesOpened(lab), [[1]]);
  await runs.compact(MONTH);
  assertEquals(await filesOpened(lab), [[3]]);
  assertEquals(await ask(lab, CALLS), [["b", "other"], ["c", "c1"], ["d", "new"]]);
});

Deno.test("compacting again leaves the files of the time before, and no older ones", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  await finishRun(lab, "a");
  const generations: string[][] = [];
  for (let time = 0; time < 3; time++) {
    generations.push((await runs.compact(MONTH)).files.map(({ path }) => path));
  }
  const there = [...Deno.readDirSync(join(lab.runs_dir, MONTH, "_compacted"))]
    .map(({ name }) => `${MONTH}/_compacted/${name}`).filter((path) => path.endsWith(".parquet"));
  assertEquals(there.sort(), [...generations[1], ...generations[2]].sort());
});

Deno.test("whatever fails while compacting, every answer stays, and it can be done again", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  await finishRun(lab, "a");
  await runs.compact(MONTH);
  await finishRun(lab, "b", { calls: ["c2"] });
  const answer = [["a", "c1"], ["b", "c2"]];
  for (const k of operationsToFail()) {
    const disk = new FaultyDisk(FAILURES.EIO, k);
    await compactMonth(disk.world, lab.runs_dir, MONTH).catch(() => {});
    await runs.sync();
    assertEquals(await ask(lab, CALLS), answer, disk.failed);
    if (!disk.was_reached) break;
  }
  await runs.compact(MONTH);
  assertEquals(await filesOpened(lab), [[2]]);
  assertEquals(await ask(lab, CALLS), answer);
});

Deno.test("compacting that succeeds leaves what its list names, whichever look at the list fails", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  await ledgerOf(lab).runs.compact(MONTH);
  for (let k = 1;; k++) {
    const disk = new FaultyDisk(FAILURES.EIO, k, (path) => path.endsWith("_list.json"));
    const report = await compactMonth(disk.world, lab.runs_dir, MONTH).catch(() => undefined);
    for (const { path } of report?.files ?? []) Deno.statSync(`${lab.runs_dir}/${path}`);
    if (!disk.was_reached) break;
  }
});

Deno.test("a month that is none, or has no runs, is told with what there is", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  const wrong = await inLab(lab, ["runs", "compact", "--month", "2026-13"]);
  assertEquals(wrong.code, 2);
  const empty = await inLab(lab, ["runs", "compact", "--month", "2025-01"]);
  assertEquals(empty.code, 1);
  assertStringIncludes(empty.stderr, MONTH);
});

for (const compacted of [false, true]) {
  Deno.test(`a file that went behind the catalog's back is missed by no other run${compacted ? ", compacted or not" : ""}`, async () => {
    using lab = newLab();
    const runs = ledgerOf(lab).runs;
    for (const run_id of ["a", "b", "c"]) await finishRun(lab, run_id);
    await runs.sync();
    if (compacted) {
      const { files } = await runs.compact(MONTH);
      for (const { path } of files) removeFrom(lab, path);
    }
    removeFrom(lab, MONTH, "run_id=b", "inputs/alerts.parquet");
    assertEquals(await ask(lab, CALLS), [["a", "c1"], ["c", "c1"]]);
    assertEquals((await ask(lab, TRADES)).length, 3);
  });
}

Deno.test("files that cannot be read, or are nowhere, are told as that", async () => {
  using lab = newLab();
  const runs = ledgerOf(lab).runs;
  for (const run_id of ["a", "b"]) await finishRun(lab, run_id);
  await runs.sync();
  const query = ["query", "--db", "catalog", CALLS];
  const elsewhere = await inLab(lab, [...query, "--runs-dir", lab.path]);
  assertEquals(elsewhere.code, 1);
  assertStringIncludes(
    elsewhere.stderr,
    "cannot read the alerts of all runs: none of their files is there",
  );
  assertStringIncludes(elsewhere.stderr, "--runs-dir DIR");
  // Nor has the question made all runs missing.
  assertStringIncludes(elsewhere.stderr, "the catalog was not made of the runs in");
  assertEquals((await ask(lab, CALLS)).length, 2);
  const cut = join(MONTH, "run_id=b", "inputs/alerts.parquet");
  Deno.truncateSync(join(lab.runs_dir, cut), 100);
  const { code, stderr } = await inLab(lab, query);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "cannot read the alerts of all runs: ");
  assertStringIncludes(stderr, cut);
  assertStringIncludes(stderr, "runs verify --all");
});
