/** Groups: what a sweep says of each setting, and the best run of each group. */
import { assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, sync } from "./runs.ts";

/** Two stops, three and two seeds of each; others of the group that count not; another group. */
async function sweeps(): Promise<Lab> {
  const lab = newLab();
  const put = (run_id: string, parameters: unknown, sharpe: unknown, different = {}) =>
    putRun(lab, run_id, { group: "sweep7", parameters, summary: { sharpe }, ...different });
  put("a1", { stop: 5, seed: 1 }, 1);
  put("a2", { stop: 5, seed: 2 }, 2);
  put("a3", { stop: 5.0, seed: 3 }, 3);
  put("b1", { stop: "5", seed: 1 }, 9);
  put("c1", { stop: 7, seed: 1 }, 4);
  put("c2", { stop: 7, seed: 2 }, 4.5);
  put("d1", { seed: 1 }, 100);
  put("e1", { stop: 7, seed: 3 }, "fast");
  put("f1", { stop: 7, seed: 4 }, 50, { status: "failed" });
  put("g1", { stop: 5, seed: 1 }, 7, { group: "other" });
  put("h1", { stop: 5 }, 200, { group: undefined });
  await sync(lab);
  return lab;
}

Deno.test("a group's metric has a mean, a deviation and an interval for each setting, the best first", async () => {
  using lab = await sweeps();
  const notices: string[] = [];
  const question = { group: "sweep7", by: "params.stop", metric: "sharpe" };
  const { rows } = await ledgerOf(lab).runs.group({
    ...question,
    onNotice: (notice) => notices.push(notice),
  });
  assertEquals(rows.map((row) => [row["params.stop"], row.runs, row.mean]), [
    ["5", 1, 9],
    [7, 2, 4.25],
    [5, 3, 2],
  ]);
  const [alone, , three] = rows;
  assertEquals([alone.standard_deviation, alone.low, alone.high], [null, null, null]);
  assertAlmostEquals(three.standard_deviation as number, 1, 1e-12);
  // Student's t of two degrees of freedom, by the square root of three.
  const half = 4.302652729696142 / Math.sqrt(3);
  assertAlmostEquals(three.low as number, 2 - half, 1e-9);
  assertAlmostEquals(three.high as number, 2 + half, 1e-9);
  assertEquals(notices, [
    "of 8 runs, 1 has text there",
    "1 run has no params.stop",
  ]);
  const failed = await ledgerOf(lab).runs.group({
    ...question,
    include: ["failed"],
    where: "params.seed > 3",
  });
  assertEquals(failed.rows.map(({ runs, mean }) => [runs, mean]), [[1, 50]]);
  const both = await ledgerOf(lab).runs.group({ ...question, by: "params.stop, params.seed" });
  assertEquals(both.rows.length, 6);

  const asked = ["runs", "group", "sweep7", "--by", "params.stop", "--metric", "sharpe"];
  const table = await inLab(lab, [...asked, "--where", "params.stop = 5 or params.stop = 7"]);
  assertEquals(table.stdout.split("\n").map((line) => line.trim().replace(/  +/g, " | ")), [
    "stop | runs | mean sharpe | deviation | 95 % from | to",
    "7 | 2 | 4.25 | 0.353553 | 1.07345 | 7.42655",
    "5 | 3 | 2 | 1 | -0.484138 | 4.48414",
    "",
  ]);
  const csv = await inLab(lab, [...asked, "--format", "csv"]);
  assertEquals(csv.stdout.split("\n")[0], "params.stop,runs,mean,standard_deviation,low,high");
});

Deno.test("less is better where a metric's name says so, also among groups", async () => {
  using lab = newLab();
  for (const [run_id, stop, max_drawdown] of [["a", 1, 0.3], ["b", 2, 0.1]]) {
    putRun(lab, `${run_id}`, { group: "g", parameters: { stop }, summary: { max_drawdown } });
  }
  await sync(lab);
  const { rows } = await ledgerOf(lab).runs.group({
    group: "g",
    by: "params.stop",
    metric: "max_drawdown",
  });
  assertEquals(rows.map(({ mean }) => mean), [0.1, 0.3]);
});

Deno.test("what is missing of a question to a group is a usage error that says what there is", async () => {
  using lab = await sweeps();
  const cases: [string[], string][] = [
    [[], "GROUP is missing"],
    [["sweep7", "--metric", "sharpe"], "by which parameter?"],
    [["sweep7", "--by", "params.stop"], "which metric?"],
    [["sweep8", "--by", "params.stop", "--metric", "sharpe"], "did you mean sweep7?"],
    [["nothing-like-it", "--by", "params.stop", "--metric", "sharpe"], "groups are other, sweep7"],
    [["sweep7", "--by", "params.stp", "--metric", "sharpe"], "did you mean params.stop?"],
    [["sweep7", "--by", "params.stop", "--metric", "sharp"], "did you mean sharpe?"],
    [["sweep7", "--by", "params.stop", "--metric", "run_id"], "it is no number"],
    [["sweep7", "--by", "", "--metric", "sharpe"], "nothing stands where a name has to"],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "group", ...args]);
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, message);
  }
});

Deno.test("the best run of each group is ranked, with how many it is the best of", async () => {
  using lab = await sweeps();
  const notices: string[] = [];
  const onNotice = (notice: string) => notices.push(notice);
  const best = async (per: string, by = "sharpe") =>
    (await ledgerOf(lab).runs.rank({ by, per, onNotice }))
      .map(({ rank, run_id, value, runs, [per]: of }) => [rank, of, run_id, value, runs]);
  assertEquals(await best("group"), [[1, "sweep7", "d1", 100, 7], [2, "other", "g1", 7, 1]]);
  assertStringIncludes(notices.join("\n"), "1 run has no group");
  assertEquals(await best("params.stop"), [
    [1, 5, "h1", 200, 5],
    [2, "5", "b1", 9, 1],
    [3, 7, "c2", 4.5, 2],
  ]);
  assertEquals((await best("run_type")).length, 1);
  const { stdout } = await inLab(lab, ["runs", "rank", "--by", "sharpe", "--per", "group"]);
  assertEquals(stdout.split("\n")[0].trim().split(/  +/).slice(0, 6), [
    ...["rank", "group", "run_id", "status", "sharpe", "of"],
  ]);
  const of_stop = await inLab(lab, ["runs", "rank", "--by", "sharpe", "--per", "params.stop"]);
  assertEquals(of_stop.stdout.split("\n")[0].match(/stop\b/g)?.length, 1, of_stop.stdout);
  const error = await assertRejects(() => best("grp"), LedgerError);
  assertStringIncludes(error.message, "cannot read per at column 1: there is no column grp");
  const no_group = await inLab(lab, ["runs", "rank", "--by", "sharpe", "--per", "params.nope"]);
  assertEquals(no_group.code, 0);
  assertStringIncludes(no_group.stderr, "no run has params.nope");
});
