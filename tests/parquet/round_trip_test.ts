/** What is written is what is read: by ourselves, and by DuckDB. */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import {
  lastTexts,
  type ParquetCodec,
  parquetFacts,
  readParquet,
  type Row,
  writeParquet,
} from "../../src/parquet/mod.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, asDuckdbShows, columnsOf, duckdbRows, namesIn, write } from "./files.ts";

const TYPES = {
  whole: "int64",
  whole_or_not: "int64?",
  number: "double",
  number_or_not: "double?",
  flag: "boolean",
  flag_or_not: "boolean?",
  text: "utf8",
  text_or_not: "utf8?",
};
const NAMES = Object.keys(TYPES);

/** Every value in some column that has made trouble somewhere. */
const EXTREMES: Row[] = [
  [2n ** 63n - 1n, -(2n ** 63n), Number.MAX_VALUE, 5e-324, true, false, "", "\uFEFFbom"],
  [2 ** 53 - 1, 2n ** 53n + 1n, -0, null, false, null, "漢字 é 😀", null],
  [-(2n ** 63n), null, 0, -0, true, true, "a\u0000b\n\r\t\"',", ""],
  [0, 0, Infinity, -Infinity, false, false, "\u2028\uFFFD", "x".repeat(100_000)],
  [-1, -(2 ** 53 - 1), NaN, NaN, true, null, "null", "undefined"],
].map((values) => Object.fromEntries(NAMES.map((name, at) => [name, values[at]])));

for (const codec of ["snappy", "zstd"] as const) {
  Deno.test(`every extreme value comes back as it was, with ${codec}, here and in DuckDB`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "extremes.parquet");
    await write(path, TYPES, EXTREMES, { codec });
    assertEquals(await allRows(path), EXTREMES);
    assertEquals(await duckdbRows(path), asDuckdbShows(EXTREMES));
    const length =
      "select max(length(text_or_not))::int as n from read_parquet($1) where whole > 0";
    assertEquals(await duckdbRows(path, length), [{ n: "\uFEFFbom".length }]);
    // assertEquals may take 0 for -0.
    const zeros = (await duckdbRows(path)).map(({ number }) => Object.is(number, -0));
    assertEquals(zeros, [false, true, false, false, false]);
    const [{ compression }] = await duckdbRows(path, "select * from parquet_metadata($1)");
    assertEquals(compression, codec.toUpperCase());
  });
}

Deno.test("zero and minus zero stay two values, however often they come", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "zeros.parquet");
  const numbers = Array.from({ length: 2_000 }, (_, at) => at % 3 === 0 ? -0 : 0);
  await write(path, { number: "double" }, numbers.map((number) => ({ number })));
  const read = await allRows(path);
  assert(numbers.every((number, at) => Object.is(read[at].number, number)));
});

Deno.test("the footer tells rows, types and the file's own notes, to us and to DuckDB", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "facts.parquet");
  const key_values = { "ledger.run_id": "r1", "läuft": "😀 = ja", "empty": "" };
  await write(path, TYPES, EXTREMES, { key_values });
  assertEquals(parquetFacts(testWorld(), path), {
    rows: EXTREMES.length,
    columns: columnsOf(TYPES),
    key_values,
  });
  const types = await duckdbRows(path, "describe from read_parquet($1)");
  assertEquals(types.map(({ column_type }) => column_type), [
    ...["BIGINT", "BIGINT", "DOUBLE", "DOUBLE", "BOOLEAN", "BOOLEAN", "VARCHAR", "VARCHAR"],
  ]);
  const notes = await duckdbRows(
    path,
    "select decode(key) as key, decode(value) as value from parquet_kv_metadata($1)",
  );
  assertEquals(Object.fromEntries(notes.map(({ key, value }) => [key, value])), key_values);
});

Deno.test("a file without rows has its columns all the same", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "empty.parquet");
  for (const batches of [[], [[]]]) {
    const { rows } = await writeParquet(testWorld(), path, columnsOf(TYPES), batches);
    assertEquals(rows, 0);
    assertEquals(await allRows(path), []);
    assertEquals(await duckdbRows(path), []);
    const { rows: counted, columns } = parquetFacts(testWorld(), path);
    assertEquals([counted, columns], [0, columnsOf(TYPES)]);
  }
});

Deno.test("columns that are all null, or all the same, come back so", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "same.parquet");
  const types = { a: "int64?", b: "double?", c: "boolean?", d: "utf8?", e: "utf8", f: "int64" };
  const row = { a: null, b: null, c: null, d: null, e: "same", f: 7 };
  for (const codec of ["snappy", "zstd"] as const) {
    await write(path, types, Array(3_000).fill(row), { codec });
    assertEquals(await allRows(path), Array(3_000).fill(row));
    assertEquals(await duckdbRows(path), Array(3_000).fill(row));
  }
});

Deno.test("rows fill row groups, whatever batches they come in", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "groups.parquet");
  const batches = [7, 0, 1, 25, 3].map((size, batch) =>
    Array.from({ length: size }, (_, at) => ({ batch, at }))
  );
  async function* coming() {
    yield* batches;
  }
  for (const source of [batches, coming()]) {
    const columns = columnsOf({ batch: "int64", at: "int64" });
    await writeParquet(testWorld(), path, columns, source, { row_group_rows: 10 });
    assertEquals(await allRows(path), batches.flat());
    const groups = await duckdbRows(
      path,
      "select distinct row_group_id, row_group_num_rows as n from parquet_metadata($1) order by 1",
    );
    assertEquals(groups.map(({ n }) => n), [10, 10, 10, 6]);
  }
});

Deno.test("a row group is written early when its values take much memory", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "large.parquet");
  const text = "0123456789abcdef".repeat(1 << 16);
  const batches = Array.from({ length: 80 }, (_, at) => [{ text: `${at}${text}` }]);
  await writeParquet(testWorld(), path, columnsOf({ text: "utf8" }), batches);
  const groups = await duckdbRows(path, "select row_group_num_rows as n from parquet_metadata($1)");
  assertEquals(groups.map(({ n }) => n), [32, 32, 16]);
  const read = await allRows(path);
  assert(read.every((row, at) => row.text === `${at}${text}`));
});

Deno.test("texts longer than their statistics are still found by DuckDB", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "long.parquet");
  const texts = [
    "b".repeat(40),
    "b".repeat(41),
    "a".repeat(40) + "\u{10FFFF}",
    "\u{10FFFF}".repeat(9),
  ];
  await write(path, { text: "utf8" }, texts.map((text) => ({ text })), { row_group_rows: 2 });
  const [extremes] = await duckdbRows(
    path,
    "select min(text) as least, max(text) as most from read_parquet($1)",
  );
  assertEquals(extremes, { least: texts[2], most: texts[3] });
  for (const text of texts) {
    const sql = `select count(*)::int as n from read_parquet($1) where text = '${text}'`;
    assertEquals(await duckdbRows(path, sql), [{ n: 1 }]);
  }
});

Deno.test("the size and the digest that are returned are those of the file", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "digest.parquet");
  const rows = Array.from({ length: 100 }, (_, at) => ({ at, text: `row ${at}` }));
  const written = await write(path, { at: "int64", text: "utf8" }, rows, { row_group_rows: 9 });
  const bytes = Deno.readFileSync(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assertEquals(written, { rows: 100, bytes: bytes.length, sha256 });
});

Deno.test("a file takes the place of another, and nothing else is left", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "again.parquet");
  await write(path, { a: "int64" }, [{ a: 1 }]);
  await write(path, { b: "utf8" }, [{ b: "two" }]);
  assertEquals(await allRows(path), [{ b: "two" }]);
  assertEquals(namesIn(folder.path), ["again.parquet"]);
});

Deno.test("a reader notices that another file took the place of its own", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "replaced.parquet");
  await write(path, { a: "int64" }, [{ a: 1 }]);
  const file = readParquet(testWorld(), path);
  await write(path, { b: "utf8" }, [{ b: "two" }]);
  let message = "";
  try {
    for await (const _ of file.batches());
  } catch (error) {
    message = (error as Error).message;
  }
  assert(message.includes("another file took its place"), message);
});

const BIGS = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n) - 1n];

function randomValue(random: Random, type: string): unknown {
  if (type.endsWith("?") && random.chance(0.3)) return random.pick([null, null, undefined]);
  switch (type.replace("?", "")) {
    case "int64":
      if (random.chance(0.2)) return random.pick(BIGS);
      return random.chance(0.5) ? random.below(5) : random.below(2 ** 53) - 2 ** 52;
    case "double":
      return random.chance(0.1) ? random.pick([-0, NaN, Infinity, -Infinity]) : random.number();
    case "boolean":
      return random.chance(0.5);
    default:
      return random.chance(0.5) ? random.pick(["stop", "target", ""]) : random.text(20);
  }
}

function randomRow(random: Random, types: Record<string, string>): Row {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, randomValue(random, type)]),
  );
}

/** As it is read: nothing at all is null. */
function asRead(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null]));
}

Deno.test("random rows come back as they were, here and in DuckDB", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    for (let round = 0; round < 12; round++) {
      const path = join(folder.path, `random-${round}.parquet`);
      const names = ["a", "constructor", "toString", "with space", 'naïve "q"', "10", "z"];
      const types = Object.fromEntries(
        names.slice(0, 1 + random.below(names.length)).map((name) => [
          name,
          random.pick(["int64", "double", "boolean", "utf8"]) + random.pick(["", "?"]),
        ]),
      );
      const rows = random.times(random.below(400), () => randomRow(random, types));
      const codec = random.pick<ParquetCodec>(["snappy", "zstd"]);
      await write(path, types, rows, { codec, row_group_rows: 1 + random.below(200) });
      const expected = rows.map(asRead);
      assertEquals(await allRows(path), expected);
      assertEquals(await duckdbRows(path), asDuckdbShows(expected));
    }
  }));

Deno.test("a look at a column's last texts reads one row group, and leaves out what is no text", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "texts.parquet");
  const types = { name: "utf8?", count: "int64" };
  const rows = ["a", null, "漢字", "b"].map((name, count) => ({ name, count }));
  await write(path, types, rows, { row_group_rows: 3 });
  assertEquals(await lastTexts(testWorld(), path, "name"), ["b"]);
  await write(path, types, rows);
  assertEquals(await lastTexts(testWorld(), path, "name"), ["a", "漢字", "b"]);
  assertEquals(await lastTexts(testWorld(), path, "count"), []);
  await write(path, types, []);
  assertEquals(await lastTexts(testWorld(), path, "name"), []);
});
