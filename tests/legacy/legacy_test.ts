/** The first system's database beside the log: asked together, as it is, and while others hold it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { startScript } from "../crash/kills/crash.ts";
import { ledger, linesOnDisk, runIn, writePart } from "../harness.ts";
import { ledgerFolder, line, rowsOf } from "../index/indexes.ts";
import { AFTER_MS, BEFORE_MS, database, run, TABLES } from "./legacy_databases.ts";

/** Two legacy runs; the log has both of them, created at another time, and one of its own. */
async function dual(folder: string): Promise<{ dir: string; path: string }> {
  const dir = join(folder, "ledger");
  const path = join(folder, "it's; old.duckdb");
  await database(path, ...TABLES, ...run("early", BEFORE_MS), ...run("late", AFTER_MS));
  const created = (run_id: string) =>
    line({
      event_id: `c-${run_id}`,
      event_type: "run.created",
      timestamp_ms: AFTER_MS,
      run_id,
      run_type: "grid_search",
      config: { b: 1, "10": 2 },
      data_fingerprint: "fp",
      timing: { total_ms: 2000 },
    });
  writePart(dir, { day: "2026-01-25", number: 1, writer: "" }, ["late", "own"].map(created));
  assertEquals((await runIn(dir, ["rebuild"])).code, 0);
  return { dir, path };
}

Deno.test("a run in both is there once, from where its day says", async () => {
  using folder = ledgerFolder();
  const { dir, path } = await dual(folder.path);
  for (const [cutover, of_late] of [["2026-01-23", "event_log"], ["2026-02-01", "legacy"]]) {
    for (const view of ["all_runs", "all_run_status"]) {
      const sql = `select run_id, source from ${view} where run_id <> 'own' order by all`;
      const args = ["query", sql, "--legacy", path, "--cutover", cutover, "--format", "csv"];
      const { stdout, stderr } = await runIn(dir, args);
      const late = view === "all_run_status" && of_late === "event_log" ? "" : `late,${of_late}\n`;
      assertEquals(stdout, `run_id,source\nearly,legacy\n${late}`, stderr);
    }
  }
});

Deno.test("a run that stands in the old table twice is there once", async () => {
  using folder = ledgerFolder();
  const { dir, path } = await dual(folder.path);
  await database(path, ...run("early", BEFORE_MS), ...run("early", BEFORE_MS + 1));
  for (const view of ["all_runs", "all_run_status"]) {
    const sql = `select count(*) as rows from ${view} where run_id = 'early'`;
    const { stdout } = await runIn(dir, ["query", sql, "--legacy", path, "--format", "csv"]);
    assertEquals(stdout, "rows\n1\n");
  }
});

Deno.test("importing brings all over, once, and then nothing differs", async () => {
  using folder = ledgerFolder();
  const { dir, path } = await dual(folder.path);
  assertEquals((await runIn(dir, ["legacy", "compare", path])).code, 3);
  assertEquals((await runIn(dir, ["legacy", "archive", path])).code, 3);
  const first = await runIn(dir, ["legacy", "import", path, "--json"]);
  assertEquals(JSON.parse(first.stdout).imported, 3, first.stderr);
  const again = await runIn(dir, ["legacy", "import", path, "--json"]);
  assertEquals(JSON.parse(again.stdout).imported, 0);
  const compared = await runIn(dir, ["legacy", "compare", path]);
  assertEquals(compared.code, 0, compared.stdout);
  assertEquals((await runIn(dir, ["legacy", "archive", path])).code, 0);
});

Deno.test("a legacy file that cannot serve is told clearly", async () => {
  using folder = ledgerFolder();
  const { stderr } = await runIn(join(folder.path, "no ledger"), ["legacy", "archive", "x.duckdb"]);
  assertStringIncludes(stderr, "into a new one: ledger legacy import");
  const { dir } = await dual(folder.path);
  const empty = join(folder.path, "empty.duckdb");
  await database(empty, "create table other (x int)");
  for (
    const [path, words] of [[join(folder.path, "none"), "no database of the first"], [
      empty,
      "no table optimizer.runs_d",
    ]]
  ) {
    const { code, stderr } = await runIn(dir, ["query", "select 1", "--legacy", path]);
    assertEquals(code === 0, false);
    assertStringIncludes(stderr, words);
  }
});

Deno.test("a legacy file that another process writes to is busy, and everything stays as it is", async () => {
  using folder = ledgerFolder();
  const { dir, path } = await dual(folder.path);
  const [theirs] = run("theirs", BEFORE_MS);
  const holder = startScript("duckdb/holder.ts", [path, theirs], "piped");
  assertEquals(await holder.nextLine(), "holds");
  const lines = linesOnDisk(dir);
  const index = Deno.readFileSync(join(dir, "index", "runs.duckdb"));
  for (
    const args of [
      ["query", "select * from all_runs", "--legacy", path],
      ["legacy", "compare", path],
      ["legacy", "import", path],
      ["legacy", "archive", path],
    ]
  ) {
    const busy = await ledger([...args, "--dir", dir], { cwd: dir });
    assertEquals([busy.code, busy.stdout], [75, ""], busy.stderr);
    const { pid } = holder.child;
    const named = new RegExp(
      `^error: cannot open .*old\\.duckdb: \\S+ \\(process ${pid}\\) holds it`,
    );
    assertMatch(busy.stderr, named);
    assert(!busy.stderr.includes("rebuild"), busy.stderr);
  }
  assertEquals(linesOnDisk(dir), lines);
  assertEquals(Deno.readFileSync(join(dir, "index", "runs.duckdb")), index);
  assertEquals((await runIn(dir, ["query", "select * from latest_runs"])).code, 0);
  await holder.child.stdin.close();
  const ended = await holder.end();
  assertEquals(ended.code, 0, ended.stderr);
  // What it wrote meanwhile is there, and comes over with the rest.
  assertEquals((await runIn(dir, ["legacy", "import", path])).code, 0);
  const asked = "select run_id from runs_d order by all";
  assertEquals((await rowsOf(dir, asked)).map(({ run_id }) => run_id), [
    "early",
    "late",
    "own",
    "theirs",
  ]);
});
