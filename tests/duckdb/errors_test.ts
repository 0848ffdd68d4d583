/** Every kind of trouble with DuckDB, brought about for real: which error it becomes, in which words. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { translate } from "../../src/duckdb/errors.ts";
import { startScript } from "../crash/kills/crash.ts";
import { smallDisk, testWith } from "../crash/power/power.ts";
import { tempFolder } from "../harness.ts";
import { BLOCK_BYTES, HEAD_BYTES, makeDatabase, openIn, rot } from "./databases.ts";

/** The error that opening a database, and asking for all that is in it, ends with. */
function problemOf(folder: string, name: string, sql = "select sum(n), max(name) from t") {
  return assertRejects(async () => {
    await using database = await openIn(folder, name, "read");
    await database.rows(sql);
  }, LedgerError);
}

const REBUILD = "an index can be made anew from the log: ledger rebuild --full";

Deno.test("a database that another process writes to is busy, and the process is named", async () => {
  using folder = tempFolder();
  const path = await makeDatabase(folder.path, "held.duckdb");
  const args = [path, "insert into t values (-1, 'theirs')"];
  const holder = startScript("duckdb/holder.ts", args, "piped");
  assertEquals(await holder.nextLine(), "holds");
  const error = await problemOf(folder.path, "held.duckdb");
  assertEquals([error.code, error.where], ["busy", { path }]);
  const { pid } = holder.child;
  assertMatch(
    error.message,
    new RegExp(`^cannot open ${path}: \\S+ \\(process ${pid}\\) holds it`),
  );
  assertStringIncludes(error.hint!, `duckdb -readonly ${path}`);
  assertStringIncludes(error.hint!, "`ledger rebuild` puts a fresh file in its place");

  await makeDatabase(folder.path, "main.duckdb");
  const attached = [{ path, name: "other" }];
  const beside = await assertRejects(
    () => openIn(folder.path, "main.duckdb", "read", { attached }),
    LedgerError,
  );
  assertEquals([beside.code, beside.where], ["busy", { path }]);
  assertEquals(beside.message, error.message);
  // No rebuild of ours makes another program's database anew.
  assert(!beside.hint!.includes("rebuild"), beside.hint);
  await holder.child.stdin.close();
  assertEquals((await holder.end()).code, 0);
  await using freed = await openIn(folder.path, "held.duckdb", "read");
  assertEquals(await freed.value("select count(*) from t where n = -1"), 1n);
});

Deno.test("a holder that has died since, or is without a name, is named by its number", () => {
  const lock = `IO Error: Could not set lock on file "/x.duckdb": Conflicting lock is held in `;
  const ends = {
    "PID 42. See also https://duckdb.org": "another program (process 42)",
    "/usr/bin/python3.12 (PID 42) by user a. See also": "/usr/bin/python3.12 (process 42)",
    "/opt/my (old) tools/duckdb (PID 42). See": "/opt/my (old) tools/duckdb (process 42)",
  };
  for (const [said, named] of Object.entries(ends)) {
    const error = translate(new Error(lock + said), { path: "/x.duckdb" });
    assertEquals(error.message, `cannot open /x.duckdb: ${named} holds it open for writing`);
  }
});

/** What may have become of a database's file. */
const DAMAGES: Record<string, (path: string) => void> = {
  "garbage": (path) => Deno.writeTextFileSync(path, "garbage ".repeat(10_000)),
  "empty": (path) => Deno.truncateSync(path, 0),
  "cut within its head": (path) => Deno.truncateSync(path, 100),
  "cut in half": (path) => Deno.truncateSync(path, Deno.statSync(path).size >> 1),
  "rotten": (path) => rot(path),
  "rotten in a table": (path) => rot(path, HEAD_BYTES + BLOCK_BYTES),
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test(`a database that is ${what} is damaged, and what to do depends on whose it is`, async () => {
    using folder = tempFolder();
    const path = await makeDatabase(folder.path, "spoilt.duckdb");
    const main = await makeDatabase(folder.path, "main.duckdb");
    damage(path);
    const error = await problemOf(folder.path, "spoilt.duckdb");
    assertEquals([error.code, error.where], ["damaged", { path }], error.message);
    assertMatch(error.message, new RegExp(`^cannot read ${path}: [^\\n]+$`));
    assertEquals(error.hint, REBUILD);
    const beside = await assertRejects(async () => {
      const attached = [{ path, name: "other" }];
      await using database = await openIn(folder.path, "main.duckdb", "read", { attached });
      await database.rows("select sum(n), max(name) from other.t");
    }, LedgerError);
    assertEquals(beside.code, "damaged", beside.message);
    if (what !== "rotten in a table") {
      assertEquals(beside.where, { path });
      assertEquals(beside.hint, "put a whole copy in its place; here it is only read");
    } else {
      // Met only when it was read: DuckDB does not say in which of the two.
      assertStringIncludes(beside.message, `cannot read ${main} or ${path}: `);
      assertEquals(beside.hint, `${REBUILD}; if that does not help, it is the other one`);
    }
  });
}

Deno.test("a database that is not there, or is a folder, is named with what DuckDB says", async () => {
  using folder = tempFolder();
  const none = await problemOf(folder.path, "none.duckdb");
  assertEquals(none.code, "io");
  assertMatch(none.message, /^DuckDB on \S+none\.duckdb: IO Error: .*does not exist$/);
  Deno.mkdirSync(join(folder.path, "folder.duckdb"));
  const of_folder = await problemOf(folder.path, "folder.duckdb");
  assertEquals(of_folder.code, "io");
  assertStringIncludes(of_folder.message, "Is a directory");
});

/** Questions that are wrong, and the text that the mark is to stand under. */
const WRONG_QUESTIONS: [sql: string, kind: string, marked: string][] = [
  ["selec 1", "Parser Error", "selec 1"],
  ["select 1 +\n  nope from t", "Binder Error", "nope from t"],
  ["select läuf, 'ü' as ö from t", "Binder Error", "läuf, 'ü'"],
  ["from missing", "Catalog Error", "missing"],
  ["select no_such_function(1)", "Catalog Error", "no_such_function(1)"],
  ["select 'none'::int", "Conversion Error", "::int"],
];

Deno.test("a wrong query gets DuckDB's words, with the place marked", async () => {
  using folder = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  for (const [sql, kind, marked] of WRONG_QUESTIONS) {
    const error = await problemOf(folder.path, "main.duckdb", sql);
    assertEquals([error.code, error.where], ["invalid", undefined], error.message);
    assert(error.message.startsWith(`${kind}: `), error.message);
    const [line, mark] = error.message.split("\n").slice(-2);
    assertEquals(mark.trim(), "^", error.message);
    // DuckDB counts columns of the terminal, and here each character takes one.
    assert(line.slice(mark.indexOf("^")).startsWith(marked), error.message);
  }
});

Deno.test("what was asked cannot pass for trouble with the disk or the file", async () => {
  using folder = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  const held = `Could not set lock on file "x": Conflicting lock is held in sh (PID 1)`;
  for (const words of ["Corrupt", "No space left", "Serialization Error", held]) {
    for (const sql of [`select '${words}'::int`, `select "${words.replaceAll('"', "")}"`]) {
      const error = await problemOf(folder.path, "main.duckdb", sql);
      assertEquals([sql, error.code], [sql, "invalid"], error.message);
    }
    const told = await problemOf(folder.path, "main.duckdb", `select error('${words}')`);
    assertEquals([told.code, told.message], ["invalid", `Invalid Input Error: ${words}`]);
  }
});

Deno.test("an error of ours comes back as it is, and an unknown one whole", () => {
  const ours = new LedgerError({ code: "interrupted", message: "stopped by SIGTERM" });
  assertEquals(translate(ours, { path: "/x", sql: "select 1" }), ours);
  for (
    const thrown of [new Error("INTERNAL Error: what\nis this?"), "INTERNAL Error: what\nis this?"]
  ) {
    const error = translate(thrown, { path: "/x", sql: "select 1" });
    assertEquals([error.code, error.cause], ["io", thrown]);
    assertEquals(error.message, "DuckDB on /x: INTERNAL Error: what\nis this?");
  }
});

testWith(
  "mount",
  "a disk that is full while a database is written is reported as full",
  async () => {
    using disk = smallDisk(2 ** 21);
    await makeDatabase(disk.path, "main.duckdb");
    await using database = await openIn(disk.path, "main.duckdb", "write");
    const error = await assertRejects(async () => {
      await database.run("create table big as select md5(range::varchar) as x from range(1000000)");
      await database.run("checkpoint");
    }, LedgerError);
    assertEquals(error.code, "disk_full", error.message);
    assertMatch(error.message, /^cannot work on \S+main\.duckdb: [^\n]+$/);
    assertStringIncludes(error.hint!, "free some space");
  },
);
