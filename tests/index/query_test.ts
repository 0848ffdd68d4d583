/** What a query may ask, what is refused, and which words a mistake gets. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runIn, writePart } from "../harness.ts";
import { ledgerFolder, line, sync } from "./indexes.ts";

const PART = { day: "2026-01-23", number: 1, writer: "" };
const ODD_RUNS = ["it's", '"q"; drop table runs_d;--', "a;b", "läuf 😀", "$1", "%s"];

async function askable(dir: string): Promise<void> {
  const lines = ODD_RUNS.map((run_id, n) =>
    line({
      event_id: `e${n}`,
      event_type: "run.started",
      timestamp_ms: Date.UTC(2026, 0, 23),
      run_id,
    })
  );
  writePart(dir, PART, lines);
  await sync(dir);
}

/** Statements that would write, set or load; `OUT` stands for a path inside the ledger. */
const REFUSED = [
  "copy (select 1) to 'OUT'",
  "explain analyze copy (select 1) to 'OUT'",
  "explain (analyze) copy (select 1) to 'OUT'",
  "/* /* */ explain select 1; -- */ explain analyze copy (select 1) to 'OUT'",
  "explain (analyze /*) select 1 --*/ ) copy (select 1) to 'OUT'",
  "select 1; copy (select 1) to 'OUT'",
  "select 1; drop table runs_d",
  "insert into runs_d values ('x')",
  "delete from events",
  "attach 'OUT' as other",
  "install httpfs",
  "load httpfs",
  "set threads = 1",
  "reset threads",
  "pragma threads = 1",
  "create temp table t as select 1",
  "export database 'OUT'",
  "call enable_logging()",
  "begin",
  "checkpoint",
  "  ",
  "-- nothing",
];

Deno.test("a statement that is no query is refused, and nothing is written", async () => {
  using folder = ledgerFolder();
  await askable(folder.path);
  const out = join(folder.path, "out");
  for (const template of REFUSED.filter((sql) => sql.trim() !== "")) {
    const sql = template.replace("OUT", out);
    const { code, stdout, stderr } = await runIn(folder.path, ["query", sql]);
    assertEquals([code, stdout], [2, ""], `${sql}: ${stderr}`);
    assert(!stderr.includes("DuckDB on"), stderr);
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assertEquals(left, ["events", "index"], sql);
  }
});

Deno.test("files outside the ledger cannot be read, by a link neither", async () => {
  using folder = ledgerFolder();
  await askable(folder.path);
  Deno.symlinkSync("/etc/passwd", join(folder.path, "link"));
  for (
    const path of ["/etc/passwd", join(folder.path, "link"), join(folder.path, "../../etc/passwd")]
  ) {
    const read = await runIn(folder.path, ["query", `from read_text('${path}')`]);
    assertEquals([read.code, read.stdout], [2, ""], path);
    assertStringIncludes(read.stderr, "Permission Error");
  }
});

Deno.test("a query that is wrong ends with 2 and DuckDB's words, the place marked", async () => {
  using folder = ledgerFolder();
  await askable(folder.path);
  for (const sql of ["select nope from runs_d", "selec 1", "select * from nope"]) {
    const { code, stderr } = await runIn(folder.path, ["query", sql]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `LINE 1: ${sql}`);
    assert(/^ *\^$/m.test(stderr), stderr);
  }
  for (const sql of ["select 9223372036854775807 + 1", "select cast('x' as int)"]) {
    assertEquals((await runIn(folder.path, ["query", sql])).code, 2, sql);
  }
});

Deno.test("run ids are values, whatever they hold", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, `a 'b"; c; läuf 😀`);
  Deno.mkdirSync(dir);
  await askable(dir);
  const { openLedger } = await import("../../src/mod.ts");
  await using ledger = await openLedger({ dir });
  assertEquals(
    (await ledger.latestRuns(100)).map(({ run_id }) => run_id).sort(),
    [...ODD_RUNS].sort(),
  );
  for (const run_id of ODD_RUNS) {
    assertEquals(await ledger.runPhases(run_id), []);
    assertEquals(await ledger.trials(run_id), []);
  }
  for (const flag of ["--since", "--cutover"]) {
    const command = flag === "--since" ? ["rebuild"] : ["query", "select 1", "--legacy", "x"];
    const refused = await runIn(dir, [...command, flag, "2026-01-23'; drop table events;--"]);
    assertEquals(refused.code, 2, refused.stderr);
  }
});

Deno.test("a query may hold the words of statements that are refused", async () => {
  using folder = ledgerFolder();
  await askable(folder.path);
  for (const sql of ["select 'export' as export", "select 'copy to; export database' as x"]) {
    const { code, stderr } = await runIn(folder.path, ["query", sql]);
    assertEquals(code, 0, stderr);
  }
  const wrong = await runIn(folder.path, ["query", "selec export"]);
  assertStringIncludes(wrong.stderr, "LINE 1: selec export");
});

Deno.test("what is bound to a question is a value, whatever it holds", async () => {
  using folder = ledgerFolder();
  await askable(folder.path);
  const { openLedger } = await import("../../src/mod.ts");
  await using ledger = await openLedger({ dir: folder.path });
  for (const run_id of [...ODD_RUNS, "export database 'x'"]) {
    assertEquals(await ledger.query("select $1 as it, $2 + 1 as next", { values: [run_id, 2] }), [
      { it: run_id, next: 3 },
    ]);
  }
  await ledger.emitPhaseStarted({ run_id: ODD_RUNS[1], phase_name: "p", phase_order: 0 });
  await ledger.emitTrialRecorded({ run_id: ODD_RUNS[1], trial_id: "t", params: {}, metrics: {} });
  await ledger.sync();
  for (const run_id of ODD_RUNS) {
    const expected = run_id === ODD_RUNS[1] ? ["p", "t"] : [];
    const [phases, trials] = [await ledger.runPhases(run_id), await ledger.trials(run_id)];
    const found = [...phases.map(({ phase_name }) => phase_name), ...trials.map((t) => t.trial_id)];
    assertEquals(found, expected, run_id);
  }
  assertEquals((await ledger.latestRuns(2)).length, 2);
  assertEquals(await ledger.latestRuns(-1), []);
});
