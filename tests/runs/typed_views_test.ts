/** Views give each column the type that its artifact type says, whatever the first system stored. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Ledger } from "../../src/ledger/ledger.ts";
import { makeReport } from "../../src/report/report.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import { putFirstSystemRun } from "./first_system.ts";
import { rowOf } from "./rows.ts";
import { ask, inLab, type Lab, ledgerOf, MONTH, newLab, sync } from "./runs.ts";

/** Rows of truth whose first has not doubled, so that the first system stored the time as text. */
function paths(run_id: string, ...times_ms: (number | null)[]) {
  return times_ms.map((t_2x_ms, at) => rowOf("paths", { run_id, call_id: `c${at}`, t_2x_ms }));
}

const TIMES = "select max(t_2x_ms), avg(t_2x_ms), typeof(any_value(t_2x_ms)) from paths";

/** Asks as a user does; what stands on standard error is of interest too. */
async function askAloud(lab: Lab, sql: string): Promise<{ rows: unknown[][]; said: string }> {
  const { code, stdout, stderr } = await inLab(lab, ["query", "--db", "catalog", sql, "--json"]);
  assertEquals(code, 0, stderr);
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  return { rows: rows.map((row) => Object.values(row)), said: stderr };
}

Deno.test("a column of numbers stays one where a run of the first system stored it as text", async () => {
  using lab = newLab();
  putFirstSystemRun(lab, "old", { paths: paths("old", null, 9000) });
  putFirstSystemRun(lab, "old-2", { paths: paths("old-2", 60_000) });
  await sync(lab);
  const { rows, said } = await askAloud(lab, TIMES);
  assertEquals(rows, [[60_000, 34_500, "BIGINT"]]);
  assertEquals(said, "");
  await ledgerOf(lab).runs.compact(MONTH);
  assertEquals((await askAloud(lab, TIMES)).rows, [[60_000, 34_500, "BIGINT"]]);
  assertEquals(
    await ask(lab, "select count(*) from compacted_files where artifact_type = 'paths'"),
    [[2]],
  );
});

Deno.test("each column of each artifact has its type, also where one first row spoils them all", async () => {
  using lab = newLab();
  const nothing = (name: string) => ({ [name]: null });
  const spoiled = { ...rowOf("trades"), ...nothing("tail_capture"), ...nothing("policy_id") };
  const whole = { ...rowOf("trades"), entry_px: 1, realized_return_bps: 5, tail_capture: 0.25 };
  putFirstSystemRun(lab, "run-1", { trades: [spoiled, whole] });
  putFirstSystemRun(lab, "whole", { trades: [{ ...whole, run_id: "whole" }] });
  await finishRun(lab, "new");
  await sync(lab);
  const types = "select column_name, column_type from (describe trades)";
  const expected = [
    ...[["run_id", "VARCHAR"], ["policy_id", "VARCHAR"], ["call_id", "VARCHAR"]],
    ...[["entry_ts_ms", "BIGINT"], ["entry_px", "DOUBLE"], ["exit_ts_ms", "BIGINT"]],
    ...[["exit_px", "DOUBLE"], ["exit_reason", "VARCHAR"], ["realized_return_bps", "DOUBLE"]],
    ...[["stop_out", "BOOLEAN"], ["max_adverse_excursion_bps", "DOUBLE"]],
    ...[["time_exposed_ms", "BIGINT"], ["tail_capture", "DOUBLE"]],
  ];
  assertEquals(await ask(lab, types), expected);
  assertEquals(await ask(lab, "select sum(tail_capture), sum(entry_px) from trades"), [[
    1.25,
    2.5,
  ]]);
  await ledgerOf(lab).runs.compact(MONTH);
  assertEquals(await ask(lab, types), expected);
  assertEquals(await ask(lab, "select sum(tail_capture), sum(entry_px) from trades"), [[
    1.25,
    2.5,
  ]]);
});

Deno.test("a column that no file has is there, and null", async () => {
  using lab = newLab();
  putFirstSystemRun(lab, "old", {
    trades: [rowOf("trades", { run_id: "old", policy_id: undefined })],
  });
  await sync(lab);
  assertEquals(await ask(lab, "select run_id, policy_id from trades"), [["old", null]]);
});

Deno.test("what does not cast is null, and the query says how much, where, and what", async () => {
  using lab = newLab();
  const bad = rowOf("paths", { run_id: "old", t_2x_ms: null });
  const text = { ...bad, t_2x_ms: "soon" };
  putFirstSystemRun(lab, "old", { paths: [bad, text, { ...bad, t_2x_ms: 9000 }] });
  putFirstSystemRun(lab, "fraction", {
    paths: [{ ...bad, run_id: "fraction", t_2x_ms: 60_000.5 }],
  });
  await sync(lab);
  const { rows, said } = await askAloud(lab, "select count(t_2x_ms) from paths");
  assertEquals(rows, [[2]]);
  assertStringIncludes(
    said,
    `${MONTH}/run_id=old/truth/paths.parquet: 1 value of column t_2x_ms cannot be read as whole ` +
      `numbers ("soon"): null or rounded in this answer`,
  );
  assertStringIncludes(said, "run_id=fraction/truth/paths.parquet: 1 value of column t_2x_ms");
  assertEquals((await askAloud(lab, "select count(*) from trades")).said, "");
  // Compacting must not make that silent.
  const { files, left_out } = await ledgerOf(lab).runs.compact(MONTH);
  assertEquals(files, []);
  assertEquals(left_out.map(({ path }) => path).sort(), [
    `${MONTH}/run_id=fraction/truth/paths.parquet`,
    `${MONTH}/run_id=old/truth/paths.parquet`,
  ]);
  assertEquals((await askAloud(lab, "select count(t_2x_ms) from paths")).said, said);
});

Deno.test("an open column that is text in one file and numbers in others is numbers where all texts are", async () => {
  using lab = newLab();
  const features = (run_id: string, more: Record<string, unknown>) => ({
    run_id,
    call_id: "c1",
    ...more,
  });
  putFirstSystemRun(lab, "a", {
    features: [
      features("a", { momentum: null, holders: null, tag: "x1", note: null, is_new: "false" }),
      features("a", { momentum: 0.5, holders: 7, tag: "007", note: " 5", is_new: "true" }),
    ],
  });
  putFirstSystemRun(lab, "b", {
    features: [features("b", { momentum: 2, holders: 12, tag: 7, note: 5, is_new: true })],
  });
  await sync(lab);
  const sql = "select sum(momentum), sum(holders), typeof(any_value(holders)), " +
    "string_agg(tag, ' ' order by tag) from features";
  assertEquals(await ask(lab, sql), [[2.5, 19, "BIGINT", "007 7 x1"]]);
  // A text with a blank is no number, and one with an s may be a flag.
  const types = "select typeof(any_value(note)), typeof(any_value(is_new)) from features";
  assertEquals(await ask(lab, types), [["VARCHAR", "BOOLEAN"]]);
});

Deno.test("a damaged summary.parquet fails no question to a column of that name", async () => {
  using lab = newLab();
  for (const run_id of ["a", "b"]) await finishRun(lab, run_id);
  await sync(lab);
  const damaged = join(lab.runs_dir, MONTH, "run_id=b", "results/summary.parquet");
  Deno.truncateSync(damaged, 50);
  const asked = "select run_id, summary->>'trades_count' from run_summaries order by all";
  assertEquals(await ask(lab, asked), [["a", "1"], ["b", "1"]]);
  const hidden = "with summary as (select run_id from run_summaries) select count(*) from summary";
  assertEquals(await ask(lab, hidden), [[2]]);
  for (
    const sql of [
      "select * from SUMMARY",
      "from summary",
      "describe summary",
      "explain from summary",
      "with x as (select * from summary) select * from x",
      "pragma table_info('summary')",
    ]
  ) {
    const { code, stderr } = await inLab(lab, ["query", "--db", "catalog", sql]);
    assertEquals(code, 1, sql);
    assertStringIncludes(stderr, "cannot read the summary of all runs", sql);
  }
});

Deno.test("files that are gone since the sync are said to be", async () => {
  using lab = newLab();
  for (const run_id of ["a", "b"]) await finishRun(lab, run_id);
  await sync(lab);
  Deno.removeSync(join(lab.runs_dir, MONTH, "run_id=b", "policy/trades.parquet"));
  const { rows, said } = await askAloud(lab, "select run_id from trades");
  assertEquals(rows, [["a"]]);
  assertStringIncludes(said, "1 of 2 files of trades are gone: this answer is without them");
});

Deno.test("a program hears from its ledger what the answer to a query is without", async () => {
  using lab = newLab();
  const row = rowOf("paths", { run_id: "old", t_2x_ms: null });
  putFirstSystemRun(lab, "old", { paths: [row, { ...row, t_2x_ms: "soon" }] });
  await sync(lab);
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const { dir, runs_dir } = lab;
  await using ledger = new Ledger({ dir, runs_dir, world: testWorld(), onNotice });
  const rows = await ledger.query("select t_2x_ms from paths", { db: "catalog" });
  assertEquals(rows, [{ t_2x_ms: null }, { t_2x_ms: null }]);
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0], "1 value of column t_2x_ms cannot be read as whole numbers");
});

Deno.test("a report says which values of trades it could not read", async () => {
  using lab = newLab();
  const row = rowOf("trades", { run_id: "old", tail_capture: null });
  putFirstSystemRun(lab, "old", { trades: [row, { ...row, tail_capture: "much" }] });
  await sync(lab);
  const notices: string[] = [];
  await using ledger = ledgerOf(lab);
  await makeReport(ledger, { onNotice: (message) => notices.push(message) });
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0], "1 value of column tail_capture cannot be read as numbers");
});
