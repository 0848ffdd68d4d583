/** The first system's database beside the log: asked together, compared, brought over. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runIn, writePart } from "../harness.ts";
import { ledgerFolder, line } from "./indexes.ts";

const BEFORE_MS = Date.UTC(2026, 0, 10);
const AFTER_MS = Date.UTC(2026, 0, 25);

/** Makes a database with the DuckDB package alone, as the first system would. */
async function database(path: string, ...statements: string[]): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

const TABLES = [
  "create schema optimizer",
  `create table optimizer.runs_d (run_id varchar, run_type varchar, created_at_ms bigint,
     config json, data_fingerprint varchar)`,
  `create table optimizer.runs_status (run_id varchar, started_at_ms bigint,
     completed_at_ms bigint, summary_json json)`,
];

function run(run_id: string, at: number): string[] {
  return [
    `insert into optimizer.runs_d values ('${run_id}', 'baseline', ${at}, '{"b":1,"10":2}', 'fp')`,
    `insert into optimizer.runs_status values ('${run_id}', ${at + 1}, ${at + 2}, '{"pnl":1.50}')`,
  ];
}

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
      run_type: "baseline",
      config: { b: 1, "10": 2 },
      data_fingerprint: "fp",
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

Deno.test("importing brings all over, once, and then nothing differs", async () => {
  using folder = ledgerFolder();
  const { dir, path } = await dual(folder.path);
  assertEquals((await runIn(dir, ["legacy", "compare", path])).code, 3);
  assertEquals((await runIn(dir, ["legacy", "archive", path])).code, 3);
  const first = await runIn(dir, ["legacy", "import", path, "--json"]);
  assertEquals(JSON.parse(first.stdout), { imported: 5 }, first.stderr);
  assertEquals(JSON.parse((await runIn(dir, ["legacy", "import", path, "--json"])).stdout), {
    imported: 0,
  });
  const compared = await runIn(dir, ["legacy", "compare", path]);
  assertEquals(compared.code, 0, compared.stdout);
  assertEquals((await runIn(dir, ["legacy", "archive", path])).code, 0);
});

Deno.test("a legacy file that cannot serve is told clearly", async () => {
  using folder = ledgerFolder();
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
