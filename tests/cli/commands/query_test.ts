/** How answers of `query` come out: one statement, each column, null and empty text, Parquet. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { literal, openDatabase } from "../../../src/duckdb/connection.ts";
import { openLedger } from "../../../src/mod.ts";
import { run } from "../../../src/cli/run.ts";
import { memoryFolder, runIn, testWorld } from "../../harness.ts";

/** A ledger with an event. */
async function newLedger() {
  const folder = memoryFolder();
  const dir = join(folder.path, "ledger");
  await using ledger = await openLedger({ dir, world: testWorld() });
  await ledger.emitRunStarted({ run_id: "r1" });
  return { dir, path: folder.path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test("two statements are refused in every format, and nothing is printed", async () => {
  using ledger = await newLedger();
  for (const format of ["table", "json", "ndjson", "csv", "markdown", "parquet"]) {
    const args = ["query", "select 1 as a; select 2 as b", "--format", format];
    const { code, stdout, stderr } = await runIn(ledger.dir, args);
    assertEquals([code, stdout], [2, ""], format);
    assertStringIncludes(stderr, "there are 2 statements in it, and an answer is of one");
  }
  assertEquals((await runIn(ledger.dir, ["query", ";select 1 as a;;", "--json"])).code, 0);
});

Deno.test("columns of one name keep their values, each under a name of its own", async () => {
  using ledger = await newLedger();
  const ask = async (format: string) => {
    const sql = "select 1 as a, 2 as a, 3 as a_1, 4 as a";
    return (await runIn(ledger.dir, ["query", sql, "--format", format])).stdout;
  };
  assertEquals(JSON.parse(await ask("json")), [{ a: 1, a_2: 2, a_1: 3, a_3: 4 }]);
  assertEquals(await ask("csv"), "a,a_2,a_1,a_3\n1,2,3,4\n");
  assertEquals(
    await ask("markdown"),
    "| a | a_2 | a_1 | a_3 |\n| --: | --: | --: | --: |\n| 1 | 2 | 3 | 4 |\n",
  );
});

Deno.test("in CSV an empty text is not null", async () => {
  using ledger = await newLedger();
  const sql = "select null as n, '' as e, ' ' as b";
  const { stdout } = await runIn(ledger.dir, ["query", sql, "--format", "csv"]);
  assertEquals(stdout, 'n,e,b\n,"", \n');
});

const TYPED = `select 9007199254740993::bigint as i, 200::utinyint as u, 1.5::double as d,
  0.25::float as f, true as b, 'é' as s, '' as e, date '1969-12-31' as day,
  timestamp '2026-01-02 03:04:05.123456' as ts, timestamp_ms '1969-01-02 03:04:05.123' as ms,
  timestamp_s '2026-01-02 03:04:05' as sec, timestamptz '2026-01-02 03:04:05+00' as tz,
  sum(x) as total, 1.25::decimal(10, 2) as de, 1.25::decimal(30, 2) as wide, [1, 2] as l,
  '{"k": 1}'::json as j, 1 as i from range(4) t(x)`;

Deno.test("Parquet has the rows of the query, with their types, and no value is another", async () => {
  using ledger = await newLedger();
  const world = testWorld({ vars: { LEDGER_DIR: ledger.dir } });
  const printed: Uint8Array[] = [];
  const stdout = {
    ...world.stdout,
    write: (bytes: string | Uint8Array) => void printed.push(bytes as Uint8Array),
  };
  const nothing = "null, null, null, null, null, null, null, null, null, null, null, null, null, " +
    "null, null, null, null, null";
  const args = ["query", `${TYPED} union all select ${nothing}`, "--format", "parquet"];
  assertEquals(await run(args, { ...world, stdout }), 0, world.printed.stderr);
  const path = join(ledger.path, "answer.parquet");
  Deno.writeFileSync(path, Uint8Array.from(printed.flatMap((bytes) => [...bytes])));
  await using database = await openDatabase(testWorld(), {
    path: ":memory:",
    access: "write",
    folders: [ledger.path],
    temp_folder: join(ledger.path, "temp"),
  });
  const file = `read_parquet(${literal(path)})`;
  const types = await database.rows(`select column_name, column_type from (describe from ${file})`);
  assertEquals(types.map(({ column_name, column_type }) => `${column_name} ${column_type}`), [
    ...["i BIGINT", "u BIGINT", "d DOUBLE", "f DOUBLE", "b BOOLEAN", "s VARCHAR", "e VARCHAR"],
    ...["day DATE", "ts TIMESTAMP", "ms TIMESTAMP", "sec TIMESTAMP"],
    ...["tz TIMESTAMP WITH TIME ZONE", "total BIGINT", "de DOUBLE", "wide VARCHAR", "l VARCHAR"],
    ...["j VARCHAR", "i_1 BIGINT"],
  ]);
  const texts = (from: string) =>
    database.rows(`select columns(*)::varchar from (${from}) t order by 1 nulls last`);
  const [row, empty] = await texts(`from ${file}`);
  const [asked] = await texts(TYPED);
  // A list is JSON there.
  assertEquals(Object.values(row), Object.values(asked).map((v) => v === "[1, 2]" ? "[1,2]" : v));
  assertEquals(new Set(Object.values(empty)), new Set([null]));
});

Deno.test("Parquet is refused on a terminal, and where there are no rows to print", async () => {
  using ledger = await newLedger();
  const shown = await runIn(ledger.dir, ["query", "select 1", "--format", "parquet"], {
    is_terminal: true,
  });
  assertEquals([shown.code, shown.stdout], [2, ""]);
  assertStringIncludes(shown.stderr, "--format parquet is not for a terminal: … > FILE");
  const tables = await runIn(ledger.dir, ["query", "--format", "parquet"]);
  assertEquals([tables.code, tables.stdout], [2, ""]);
  const wide = await runIn(ledger.dir, ["query", "select 2::hugeint ** 70", "--format", "parquet"]);
  assertEquals(wide.code, 0);
  const large = "select 170141183460469231731687303715884105727::hugeint as n";
  const refused = await runIn(ledger.dir, ["query", large, "--format", "parquet"]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, 'column "n" of row 1 is');
});
