/** An index of the first system lies where ours belongs: it is recognised, kept whole, and not asked. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { startScript } from "../crash/kills/crash.ts";
import { ledger, runIn, tempFolder, testWorld } from "../harness.ts";
import { database } from "../legacy/legacy_databases.ts";
import { ledgerFolder, rowsOf, sync } from "./indexes.ts";

/** The tables that the first system's indexer made from its own log. */
const THEIRS = [
  `create table runs_d (run_id varchar primary key, run_type varchar, created_at_ms bigint,
     config json, data_fingerprint varchar)`,
  `create table runs_status (run_id varchar, started_at_ms bigint, completed_at_ms bigint)`,
  "create view latest_runs as select run_id, 'completed' as status from runs_d",
  "insert into runs_d values ('theirs', 'x', 1, '{}', 'f')",
];

/** A ledger with one run, beside an index that the first system made. */
async function withTheirs(dir: string): Promise<string> {
  await using ledger = await openLedger({ dir });
  await ledger.emitRunStarted({ run_id: "ours" });
  Deno.mkdirSync(join(dir, "index"));
  const path = join(dir, "index", "runs.duckdb");
  await database(path, ...THEIRS);
  return path;
}

async function theirRuns(path: string): Promise<unknown> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll("select run_id from runs_d");
  connection.closeSync();
  instance.closeSync();
  return reader.getRowObjects();
}

for (const full of [false, true]) {
  Deno.test(`a rebuild${full ? " --full" : ""} keeps the first system's index under a name, says so in one line, and builds ours`, async () => {
    using folder = ledgerFolder();
    const dir = join(folder.path, "ledger");
    const path = await withTheirs(dir);
    const { code, stderr, stdout } = await runIn(dir, ["rebuild", ...full ? ["--full"] : []]);
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /^\S+runs\.duckdb was made by the first system: it is kept as \S+, and an index is built\n$/,
    );
    assertStringIncludes(stderr, `${path}.first-system`);
    assertStringIncludes(stdout, "built from nothing: 1 new event");
    assertEquals(await rowsOf(dir, "select run_id from latest_runs"), [{ run_id: "ours" }]);
    assertEquals(await theirRuns(`${path}.first-system`), [{ run_id: "theirs" }]);
    assertEquals((await sync(dir)).notices, []);
  });
}

Deno.test("each index that the first system makes there is kept, and none replaces another", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = await withTheirs(dir);
  await sync(dir);
  Deno.removeSync(path);
  await database(path, ...THEIRS, "update runs_d set run_id = 'later'");
  const { notices: [notice, ...others] } = await sync(dir);
  assertStringIncludes(notice, `${path}.first-system-2`);
  assertEquals(others, []);
  assertEquals(await theirRuns(`${path}.first-system`), [{ run_id: "theirs" }]);
  assertEquals(await theirRuns(`${path}.first-system-2`), [{ run_id: "later" }]);
});

Deno.test("no question is answered from the first system's index, and doctor says what to do", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = await withTheirs(dir);
  await using reader = await openLedger({ dir });
  for (const sql of ["select run_id from latest_runs", "select run_id from run_states"]) {
    const refused = await reader.query(sql).then(() => undefined, (error) => error);
    assertEquals(
      refused?.message,
      `${path} was made by the first system: it is no index of this log`,
    );
    assertStringIncludes(refused.hint, "ledger rebuild");
  }
  const { checkIndex } = await import("../../src/doctor/ledger.ts");
  const check = await checkIndex(testWorld(), reader, await reader.survey());
  assert(!check.ok);
  assertMatch(`${check.found} → ${check.fix}`, /made by the first system.* → .*ledger rebuild$/);
});

Deno.test("a query sets the first system's index aside, builds and answers; --as-is refuses", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = await withTheirs(dir);
  const query = ["query", "select run_id from latest_runs", "--format", "csv"];
  const refused = await runIn(dir, [...query, "--as-is"]);
  assertEquals([refused.code, refused.stdout], [2, ""]);
  assertStringIncludes(refused.stderr, "was made by the first system");
  const answered = await runIn(dir, query);
  assertEquals([answered.code, answered.stdout], [0, "run_id\nours\n"], answered.stderr);
  assertStringIncludes(answered.stderr, `it is kept as ${path}.first-system`);
  assertEquals(await theirRuns(`${path}.first-system`), [{ run_id: "theirs" }]);
});

Deno.test("an index that the first system has open is set aside, not replaced", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = await withTheirs(dir);
  const more = "insert into runs_d values ('held', 'x', 1, '{}', 'f')";
  const holder = startScript("duckdb/holder.ts", [path, more], "piped");
  assertEquals(await holder.nextLine(), "holds");
  const { kind, notices } = await sync(dir);
  assertEquals([kind, notices.length], ["full", 1]);
  await holder.child.stdin.close();
  assertEquals((await holder.end()).code, 0);
  assertEquals(await theirRuns(`${path}.set-aside`), [{ run_id: "theirs" }, { run_id: "held" }]);
  assertEquals(await rowsOf(dir, "select run_id from latest_runs"), [{ run_id: "ours" }]);
});

Deno.test("in a folder of its own, the program keeps the first system's index, whichever command builds", async () => {
  for (const args of [["watch", "--once"], ["rebuild", "--full"]]) {
    using folder = tempFolder();
    const path = await withTheirs(join(folder.path, "data", "ledger"));
    const { code, stderr } = await ledger(args, { cwd: folder.path, is_shipped: true });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "was made by the first system");
    assertEquals(await theirRuns(`${path}.first-system`), [{ run_id: "theirs" }]);
  }
});
