/** Columns of features: their types follow from their values, and from nothing else. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parquetFacts, type Row } from "../../src/parquet/mod.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { feature_values_in_memory_max } from "../../src/base/limits.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { allRows, duckdbRows, namesIn } from "../parquet/files.ts";
import { refusal, RUN, store } from "./rows.ts";

const BIG = 2n ** 60n + 1n;

/** The values of a column, row by row -> its type, and what is stored if that is not the same. */
const COLUMNS: readonly [values: unknown[], type: string, stored?: unknown[]][] = [
  [[1, 2, -3], "int64"],
  [[1, null, 2], "int64"],
  [[1, BIG, -(2n ** 63n)], "int64"],
  [[1, 2, 0.5], "double"],
  [[0.5, 1, -0], "double"],
  [[1e21, 0.5, null], "double"],
  [[BIG, 0.5, 1], "double", [Number(BIG), 0.5, 1]],
  [[2n ** 70n, 1, 0.5], "double", [2 ** 70, 1, 0.5]],
  [[true, false, null], "boolean"],
  [["a", "", "1"], "utf8"],
  [[null, null, null], "utf8"],
  [[undefined, undefined, 4], "int64", [null, null, 4]],
];

/** Rows with a column for each case. */
function rowsOf(cases: typeof COLUMNS): Row[] {
  return [0, 1, 2].map((row) => ({
    run_id: RUN,
    call_id: `c${row}`,
    ...Object.fromEntries(cases.map(([values], at) => [`f${at}`, values[row]])),
  }));
}

function expectedOf(cases: typeof COLUMNS): Row[] {
  return rowsOf(cases.map(([values, type, stored]) => [stored ?? values, type]));
}

Deno.test("the type of a column follows from all of its values", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  await store(folder.path, "features", { rows: rowsOf(COLUMNS) });
  const columns = parquetFacts(testWorld(), path).columns.slice(2);
  assertEquals(columns.map(({ type }) => type), COLUMNS.map(([, type]) => type));
  assertEquals(await allRows(path), expectedOf(COLUMNS));
  assertEquals(await duckdbRows(path), expectedOf(COLUMNS));
});

Deno.test("features as a record are stored as its text, and JSON paths lead into it", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  const rows = [
    { call_id: "a", features: { momentum: 0.5, dex: "ray", holders: 2n ** 60n } },
    { call_id: "b", features: {} },
    { call_id: "c", features: null },
  ];
  await store(folder.path, "features", { rows });
  const text = `{"momentum":0.5,"dex":"ray","holders":${2n ** 60n}}`;
  assertEquals((await allRows(path)).map(({ features }) => features), [text, "{}", null]);
  assertEquals(Object.keys(rows[0].features!).length, 3);
  const mixed = await refusal(
    store(folder.path, "features", { rows: [rows[0], { call_id: "d", features: "text" }] }),
  );
  assertStringIncludes(mixed.message, 'has "text" in column "features", which holds objects');
  for (const value of [[1], new Date(0), { at: NaN }]) {
    const error = await refusal(
      store(folder.path, "features", { rows: [{ call_id: "d", features: value }] }),
    );
    assertStringIncludes(error.message, "text, true or false, a JSON object, or null");
  }
});

Deno.test("a column that begins in a late row is null in those before it", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  const rows = [{ call_id: "a" }, { call_id: "b", late: 1.5, toString: "own" }] as unknown as Row[];
  await store(folder.path, "features", { rows });
  assertEquals(await allRows(path), [
    { run_id: RUN, call_id: "a", late: null, toString: null },
    { run_id: RUN, call_id: "b", late: 1.5, toString: "own" },
  ] as unknown as Row[]);
});

Deno.test("rows that do not fit in memory wait in a scratch file, and come back exactly", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  let is_scratched = false;
  const files = systemFiles((operation, path) => {
    if (operation === "create" && path.endsWith(".rows.tmp")) is_scratched = true;
  });
  const width = 500;
  const values = [-0, BIG, 0.1, 5e-324, null, 7];
  const rows = Array.from({ length: feature_values_in_memory_max / width + 2_500 }, (_, row) => ({
    run_id: RUN,
    call_id: `c${row} \u2028\uFEFF"é😀`,
    whole: row % 3 ? row : BIG + BigInt(row),
    ...Object.fromEntries(
      Array.from({ length: width }, (_, at) => [`f${at}`, values[(row + at) % values.length]]),
    ),
  }));
  await store(folder.path, "features", { rows }, testWorld({ files }));
  assert(is_scratched);
  assertEquals(namesIn(folder.path), ["out.parquet"]);
  const read = await allRows(path);
  assertEquals(read.length, rows.length);
  for (const [at, row] of rows.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const expected = name !== "whole" && typeof value === "bigint" ? Number(value) : value;
      assert(Object.is(read[at][name], expected), `${name} of row ${at} is ${read[at][name]}`);
    }
  }
});

Deno.test("random columns come back as they were", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const makers = [
      () => random.below(1_000_000) - 500_000,
      () => (random.fraction() - 0.5) * 10 ** random.below(9),
      () => random.chance(0.5),
      () => random.text(12),
    ];
    for (let round = 0; round < 20; round++) {
      const columns = random.times(1 + random.below(8), () => random.pick(makers));
      const rows = random.times(1 + random.below(50), (row): Row => ({
        run_id: RUN,
        call_id: `c${row}`,
        ...Object.fromEntries(
          columns.map((make, at) => [`f${at}`, random.chance(0.2) ? null : make()]),
        ),
      }));
      await store(folder.path, "features", { rows });
      assertEquals(await allRows(join(folder.path, "out.parquet")), rows);
    }
  }));
