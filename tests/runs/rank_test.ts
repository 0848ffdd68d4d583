import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { isLowerBetter } from "../../src/runs/catalog/metric_values.ts";
import type { Ranking } from "../../src/runs/catalog/rank.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, sync } from "./runs.ts";

/** A sweep of five runs, of which one failed with the best number of all. */
async function sweep(): Promise<Lab> {
  const lab = newLab();
  const put = (run_id: string, bps: number, summary: unknown, different = {}) =>
    putRun(lab, run_id, {
      parameters: { stop: { bps }, window: "1h", note: bps > 300 ? "wide" : undefined },
      summary,
      ...different,
    });
  put("r1", 100, { sharpe: 1.5, max_drawdown: 0.2, grade: "B", trades_count: 120 });
  put("r2", 300, { sharpe: 2.5, max_drawdown: 0.4, grade: "A", mixed: 2, is_live: true });
  put("r3", 500, { sharpe: 0.5, max_drawdown: 0.1, grade: "C", mixed: "high" });
  put("r4", 700, { max_drawdown: null, deep: { er: 1 } }, { run_type: "full" });
  put("r5", 900, { sharpe: 99 }, { status: "failed" });
  await sync(lab);
  return lab;
}

async function ranked(lab: Lab, ranking: Ranking): Promise<string> {
  const rows = await ledgerOf(lab).runs.rank(ranking);
  return rows.map(({ rank, run_id, value }) => `${rank} ${run_id} ${value}`).join(", ");
}

async function refusal(lab: Lab, ranking: Ranking): Promise<LedgerError> {
  return await assertRejects(() => ranked(lab, ranking), LedgerError);
}

Deno.test("completed runs are ranked, the best first; others only where they are included, with their status", async () => {
  using lab = await sweep();
  assertEquals(await ranked(lab, { by: "sharpe" }), "1 r2 2.5, 2 r1 1.5, 3 r3 0.5");
  const rows = await ledgerOf(lab).runs.rank({ by: "sharpe", include: ["failed"], limit: 2 });
  assertEquals(rows.map(({ run_id, status }) => [run_id, status]), [
    ["r5", "failed"],
    ["r2", "completed"],
  ]);
  const listed = await inLab(lab, [
    "runs",
    "rank",
    "--by",
    "sharpe",
    "--include",
    "failed,crashed",
  ]);
  assertEquals(listed.code, 0, listed.stderr);
  assertStringIncludes(listed.stdout, "1  r5      failed");
  const wrong = await inLab(lab, ["runs", "rank", "--by", "sharpe", "--include", "lost"]);
  assertEquals([wrong.code, wrong.stderr.includes('--include is "lost"')], [2, true]);
});

Deno.test("a filter for runs of which none is completed names the statuses to include", async () => {
  using lab = await sweep();
  const said: string[] = [];
  const onNotice = (message: string) => said.push(message);
  assertEquals(await ranked(lab, { by: "sharpe", where: "params.stop.bps = 900", onNotice }), "");
  assertEquals(said[0], "only completed runs count; of the others 1 failed: --include failed");
});

Deno.test("which end is the best is the metric's, by its name, unless the caller says it", async () => {
  using lab = await sweep();
  const least = "1 r3 0.1, 2 r1 0.2, 3 r2 0.4";
  assertEquals(await ranked(lab, { by: "max_drawdown" }), least);
  assertEquals(await ranked(lab, { by: "max_drawdown", ascending: false, limit: 1 }), "1 r2 0.4");
  assertEquals(await ranked(lab, { by: "sharpe", ascending: true, limit: 1 }), "1 r3 0.5");
  const lower = "max_drawdown dd_bps max_dd_bps loss_bps stop_out_rate time_exposed_ms total_ms " +
    "avg_max_adverse_excursion_bps timing.simulate_ms";
  for (const name of lower.split(" ")) assertEquals(isLowerBetter(name), true, name);
  for (const name of "sharpe avg_return_bps add_on_count trades_count msft".split(" ")) {
    assertEquals(isLowerBetter(name), false, name);
  }
  const said = await inLab(lab, ["runs", "rank", "--by", "max_drawdown"]);
  assertStringIncludes(said.stderr, "less of max_drawdown is better");
  for (const [flag, first] of [["--desc", "r2"], ["--asc", "r3"], ["--ascending", "r3"]]) {
    const { stdout, stderr } = await inLab(lab, [
      ...["runs", "rank", "--by", "max_drawdown", flag, "--json"],
    ]);
    assertEquals(JSON.parse(stdout)[0].run_id, first, flag);
    assertEquals(stderr.includes("is better"), false);
  }
  const both = await inLab(lab, ["runs", "rank", "--by", "sharpe", "--asc", "--desc"]);
  assertEquals(both.code, 2);
});

Deno.test("a leaderboard shows the parameters that differ, and no others; or the columns asked for", async () => {
  using lab = await sweep();
  const { rows } = await ledgerOf(lab).runs.leaderboard({ by: "sharpe", limit: 2 });
  assertEquals(rows[0], {
    rank: 1,
    run_id: "r2",
    status: "completed",
    value: 2.5,
    "params.stop.bps": 300,
    run_type: "policy",
    trades_count: null,
    stop_out_rate: null,
    created_at_ms: Date.parse("2026-01-17T15:52:24.273Z"),
  });
  const three = await ledgerOf(lab).runs.leaderboard({ by: "sharpe" });
  assertEquals(three.fields.map(({ name }) => name), ["params.note", "params.stop.bps"]);
  const asked = await ledgerOf(lab).runs.leaderboard({ by: "sharpe", columns: "grade", limit: 1 });
  assertEquals(asked.rows, [
    { rank: 1, run_id: "r2", status: "completed", value: 2.5, grade: "A" },
  ]);
  const { stdout } = await inLab(lab, ["runs", "rank", "--by", "sharpe"]);
  assertStringIncludes(stdout, "rank  run_id  status     sharpe  note  bps  run_type");
});

Deno.test("any number is ranked by; a filter chooses among the runs", async () => {
  using lab = await sweep();
  assertEquals(await ranked(lab, { by: "deep.er" }), "1 r4 1");
  assertEquals(await ranked(lab, { by: "summary.sharpe", limit: 1 }), "1 r2 2.5");
  assertEquals(await ranked(lab, { by: "params.stop.bps", limit: 1 }), "1 r4 700");
  assertEquals(await ranked(lab, { by: "sharpe", where: "params.stop.bps < 300" }), "1 r1 1.5");
  assertEquals(await ranked(lab, { by: "sharpe", where: "trades_count >= 100" }), "1 r1 1.5");
  assertEquals(await ranked(lab, { by: "sharpe", where: "run_type = 'full'" }), "");
  // SQL is the query's.
  const hostile = [
    ...["", "true) or (true", "true) union select 1 --", "true; select 1", "true limit 1", "(true"],
    ...["no_such_column > 1", "true); drop table x; --", "run_id in (select 1; select 2)"],
    ...["count(*) > 0", "exists (select * from read_csv('/etc/passwd'))", "exists (from 'x')"],
  ];
  for (const where of hostile) {
    assertEquals((await refusal(lab, { by: "sharpe", where })).code, "invalid", where);
  }
});

Deno.test("what is ranked by a name that no run has, or by text, is an error", async () => {
  using lab = await sweep();
  const typo = await refusal(lab, { by: "sharp" });
  assertEquals([typo.code, typo.hint], ["usage", "did you mean sharpe?"]);
  for (const by of ["' or true --", '"', "*", "x; drop table y", "$.sharpe", "git.x"]) {
    assertEquals((await refusal(lab, { by })).code, by === "git.x" ? "invalid" : "usage", by);
  }
  const text = await refusal(lab, { by: "grade" });
  assertEquals(text.code, "usage");
  assertStringIncludes(text.message, 'cannot rank by "grade": it is text, such as "');
  const truth = await refusal(lab, { by: "is_live" });
  assertEquals(truth.message, 'cannot rank by "is_live": it is true or false');
  for (const by of ["status", "created_at"]) {
    assertStringIncludes((await refusal(lab, { by })).message, "it is no number");
  }
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  assertEquals(await ranked(lab, { by: "mixed", onNotice }), "1 r2 2");
  assertEquals(await ranked(lab, { by: "sharpe", where: "run_id = 'r4'", onNotice }), "");
  assertEquals(await ranked(lab, { by: "stop_out_rate", onNotice }), "");
  assertEquals(notices, [
    "of 4 runs, 2 have no number for mixed, and 1 has text there",
    "no run that fits has a number for sharpe",
    "no run has stop_out_rate",
  ]);
});

Deno.test("where no run has a summary, a usual metric gives an empty list and a word; another is an error", async () => {
  using lab = newLab();
  await sync(lab);
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  assertEquals(await ranked(lab, { by: "avg_return_bps", onNotice }), "");
  assertEquals(notices, ["no run has a summary yet: nothing has avg_return_bps"]);
  const typo = await refusal(lab, { by: "avg_return_bp" });
  assertEquals([typo.code, typo.hint], ["usage", "did you mean avg_return_bps?"]);
});
