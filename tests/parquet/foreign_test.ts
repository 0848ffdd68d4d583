/** Files that others wrote: what DuckDB can put into Parquet comes out as plain values. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parquetFacts } from "../../src/parquet/mod.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { allRows, duckdbBeside } from "./files.ts";

/** A value in SQL -> its type's name, and how it is read. */
const VALUES: readonly [sql: string, type: string, value: unknown][] = [
  ["7::tinyint", "int32", 7],
  ["-7::integer", "int32", -7],
  ["4294967295::uinteger", "int32", 4294967295],
  ["9223372036854775807::bigint", "int64", 9223372036854775807n],
  ["-9007199254740991::bigint", "int64", -9007199254740991],
  ["18446744073709551615::ubigint", "int64", 18446744073709551615n],
  ["1.5::float", "float", 1.5],
  ["0.1::double", "double", 0.1],
  ["'NaN'::double", "double", NaN],
  ["true", "boolean", true],
  ["'漢字'", "utf8", "漢字"],
  ["'stop'::enum ('stop', 'go')", "utf8", "stop"],
  ["0.3::decimal(4, 1)", "decimal", 0.3],
  ["-12345678.91::decimal(18, 2)", "decimal", -12345678.91],
  ["-123456789012345678901.5::decimal(38, 3)", "decimal", -123456789012345678901.5],
  ["'2024-02-29'::date", "date", "2024-02-29"],
  ["'1969-12-31'::date", "date", "1969-12-31"],
  ["'2024-02-29 12:34:56.789'::timestamp_ms", "timestamp", "2024-02-29T12:34:56.789Z"],
  ["'2024-02-29 12:34:56.789012'::timestamp", "timestamp", "2024-02-29T12:34:56.789012Z"],
  ["'1969-12-31 23:59:59.999999'::timestamp", "timestamp", "1969-12-31T23:59:59.999999Z"],
  ["'2024-02-29 12:00:00'::timestamp_ns", "timestamp", "2024-02-29T12:00:00.000Z"],
  ["'2024-02-29 12:34:56.000000001'::timestamp_ns", "timestamp", "2024-02-29T12:34:56.000000001Z"],
  ["'2024-02-29 12:34:56+02'::timestamptz", "timestamp", "2024-02-29T10:34:56.000Z"],
  ["'12:34:56'::time", "time", 45_296_000_000],
  ["'\\xAA\\x00'::blob", "bytes", Uint8Array.of(0xaa, 0)],
  [
    "'6fa459ea-ee8a-3ca4-894e-db77e160355e'::uuid",
    "uuid",
    "6fa459ea-ee8a-3ca4-894e-db77e160355e",
  ],
  [`'{"a":1.50}'::json`, "json", `{"a":1.50}`],
  ["[1, null, 9007199254740993]", "list", [1, null, 9007199254740993n]],
  ["[]::int[]", "list", []],
  ["[['a'], [], null]", "list", [["a"], [], null]],
  ["{a: 1, b: 'x'}", "struct", { a: 1, b: "x" }],
  ["map {'k': 1}", "map", { k: 1 }],
  ["null::integer", "int32", null],
  ["null::decimal(9, 2)", "decimal", null],
];

async function copied(path: string, sql: string, options: string): Promise<void> {
  await using database = await duckdbBeside(path);
  await database.run(`copy (${sql}) to '${path}' (format parquet, ${options})`);
}

for (const codec of ["snappy", "zstd", "gzip", "uncompressed"]) {
  Deno.test(`each type that DuckDB writes comes out as a plain value, with ${codec}`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "foreign.parquet");
    const columns = VALUES.map(([sql], at) => `${sql} as "c${at}"`).join(", ");
    await copied(path, `select ${columns}`, `codec '${codec}'`);
    const fields = parquetFacts(testWorld(), path).columns;
    const [row] = await allRows(path);
    for (const [at, [sql, type, value]] of VALUES.entries()) {
      assertEquals([fields[at].type, row[`c${at}`]], [type, value], sql);
    }
  });
}

Deno.test("every row group of a foreign file is read, whichever way its pages are encoded", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "many.parquet");
  const sql = `select i, i * 1000 as steps, i % 3 as few, 'call-' || i as name,
    case when i % 5 > 0 then i / 8 end as part, i % 2 = 0 as even from range(30000) t(i)`;
  for (const version of ["v1", "v2"]) {
    await copied(path, sql, `parquet_version ${version}, row_group_size 4096`);
    const rows = await allRows(path);
    assertEquals(rows.length, 30_000);
    assertEquals(parquetFacts(testWorld(), path).rows, 30_000);
    for (const [i, row] of rows.entries()) {
      const part = i % 5 > 0 ? i / 8 : null;
      const expected = [i, i * 1000, i % 3, `call-${i}`, part, i % 2 === 0];
      if (Object.values(row).some((value, at) => value !== expected[at])) {
        assertEquals(Object.values(row), expected);
      }
    }
  }
});

Deno.test("a column whose name means something to JavaScript is a column like any other", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "names.parquet");
  await copied(
    path,
    `select 1 as "__proto__", 2 as "constructor", 3 as "length"`,
    "codec 'snappy'",
  );
  const [row] = await allRows(path);
  assertEquals(Object.entries(row), [["__proto__", 1], ["constructor", 2], ["length", 3]]);
});
