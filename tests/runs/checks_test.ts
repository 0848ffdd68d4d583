/** Impossible values are refused by row and column, odd ones are kept: in JavaScript and in SQL alike. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { SeededRandom } from "../../src/base/random.ts";
import type { Row } from "../../src/parquet/mod.ts";
import { type Check, checksOf } from "../../src/runs/artifacts/checks.ts";
import {
  type ArtifactColumn,
  type ArtifactDefinition,
  artifactDefinition,
  type ArtifactType,
} from "../../src/runs/artifacts/definitions.ts";
import { RowChecker } from "../../src/runs/artifacts/row_checker.ts";
import { tempFolder } from "../harness.ts";
import { duckdbBeside, write } from "../parquet/files.ts";
import { refusal, rowOf, RUN, store } from "./rows.ts";
import { inLab, newLab } from "./runs.ts";

const TS = 1_704_067_200_000;
const SECONDS = 1_704_067_200;

/** What is impossible in the second row -> what is said of it, and how it is hinted at. */
const IMPOSSIBLE: readonly [ArtifactType, Row, said: string, hint?: string][] = [
  [
    "alerts",
    { alert_ts_ms: SECONDS },
    `has ${SECONDS} in column "alert_ts_ms"; it has to be 100000000000 or more`,
    `these look like seconds: in milliseconds it is ${TS}`,
  ],
  ["trades", { entry_ts_ms: 0 }, `has 0 in column "entry_ts_ms"; it has to be 100000000000 or`],
  ["trades", { entry_px: 0 }, `has 0 in column "entry_px"; it has to be more than 0`],
  ["trades", { exit_px: -0.5 }, `has -0.5 in column "exit_px"; it has to be more than 0`],
  ["paths", { p0: 0 }, `has 0 in column "p0"; it has to be more than 0`],
  ["positions", { price: -1 }, `has -1 in column "price"; it has to be more than 0`],
  [
    "trades",
    { exit_ts_ms: TS - 1 },
    `has exit_ts_ms ${TS - 1}, entry_ts_ms ${TS}; exit_ts_ms has to be at least entry_ts_ms`,
  ],
  [
    "trades",
    { time_exposed_ms: -1n },
    `has -1 in column "time_exposed_ms"; it has to be 0 or more`,
  ],
  ["paths", { t_2x_ms: -5 }, `has -5 in column "t_2x_ms"; it has to be 0 or more`],
  ["frontier", { stop_out_rate: 25 }, `has 25 in column "stop_out_rate"; it has to be from 0 to 1`],
  ["frontier", { rank: 0 }, `has 0 in column "rank"; it has to be 1 or more`],
  ["equity", { ts_ms: TS }, `has ${TS} in column "ts_ms"; a row before it has the same ts_ms`],
  ["equity", { ts_ms: TS - 1 }, `has ${TS - 1} in column "ts_ms"; rows have to ascend by ts_ms`],
  ["returns", { ts_ms: TS }, `a row before it has the same ts_ms`],
  ["positions", {}, `has ts_ms ${TS}, symbol "AAPL"; a row before it has the same ts_ms, symbol`],
];

for (const [type, values, said, hint] of IMPOSSIBLE) {
  Deno.test(`${type} with ${JSON.stringify(values, asText)} is refused by row and column`, async () => {
    using folder = tempFolder();
    const rows = [rowOf(type), rowOf(type, values)];
    const error = await refusal(store(folder.path, type, { rows }));
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, `cannot store ${type}: row 2 `);
    assertStringIncludes(error.message, said);
    if (hint) assertStringIncludes(error.hint!, hint);
  });
}

function asText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** What is odd of some rows -> what is noted. */
const ODD: readonly [
  ArtifactType,
  Row[],
  noted: [column: string, count: number, said: string][],
][] = [
  ["trades", [{}, {}], []],
  ["trades", [{}, { realized_return_bps: -12_000 }, { realized_return_bps: -10_001 }], [[
    "realized_return_bps",
    2,
    `row 2 has -12000 in column "realized_return_bps"; it is usually -10000 or more (2 such rows)`,
  ]]],
  ["trades", [{ time_exposed_ms: 4_999 }], [[
    "time_exposed_ms",
    1,
    `row 1 has time_exposed_ms 4999, exit_ts_ms ${TS + 5_000}, entry_ts_ms ${TS}; ` +
    "time_exposed_ms is usually exit_ts_ms - entry_ts_ms",
  ]]],
  ["alerts", [{ call_id: "a" }, { call_id: "b" }, { call_id: "a" }, { call_id: "a" }], [[
    "call_id",
    2,
    'row 3 has "a" in column "call_id"; a row before it has the same call_id (2 such rows)',
  ]]],
  ["alerts", [{ alert_ts_ms: Date.UTC(2100) }], [[
    "alert_ts_ms",
    1,
    "it is usually 4102444799999 or",
  ]]],
  ["paths", [{ hit_4x: true }, { hit_2x: false }], [
    ["t_2x_ms", 1, "row 2 has t_2x_ms 60000, hit_2x false; t_2x_ms is usually known if hit_2x"],
    ["t_4x_ms", 1, "row 1 has t_4x_ms null, hit_4x true; t_4x_ms is usually known if hit_4x"],
    ["call_id", 1, 'row 2 has call_id "c1", interval "5m"; a row before it has the same'],
  ]],
];

for (const [type, different, noted] of ODD) {
  const columns = noted.map(([column]) => column).join(", ") || "nothing";
  Deno.test(`${different.length} rows of ${type} are kept, and odd in ${columns}`, () => {
    const checker = new RowChecker({ definition: artifactDefinition(type), run_id: RUN });
    const rows = different.map((values) => rowOf(type, values));
    assertEquals(checker.check({ rows }).length, rows.length);
    const findings = checker.findings();
    assertEquals(
      findings.map(({ column, count }) => [column, count]),
      noted.map(([c, n]) => [c, n]),
    );
    for (const [at, { kind, artifact, message }] of findings.entries()) {
      assertEquals([kind, artifact], ["odd", type]);
      assertStringIncludes(message, noted[at][2]);
    }
  });
}

Deno.test("runs schema says which values are possible and usual, and what rows have to be", async () => {
  using lab = newLab();
  const { code, stdout } = await inLab(lab, ["runs", "schema", "trades"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^exit_px +DOUBLE +more than 0 +price of exit$/m);
  assertMatch(stdout, /^realized_return_bps +DOUBLE +bps +usually -10000 or more +return/m);
  assertMatch(stdout, /^exit_ts_ms has to be at least entry_ts_ms$/m);
  const equity = await inLab(lab, ["runs", "schema", "equity"]);
  assertMatch(equity.stdout, /^rows ascend by ts_ms\nno two rows have the same ts_ms$/m);
  const { stdout: json } = await inLab(lab, ["runs", "schema", "frontier", "--json"]);
  const rate = JSON.parse(json).find(({ column }: Row) => column === "stop_out_rate");
  assertEquals([rate.unit, rate.values], ["fraction", "from 0 to 1"]);
});

Deno.test("a time with a highest value of its own is still refused in seconds", () => {
  const columns = [{ name: "at", kind: "time", bounds: { max: 2 * TS } }] as ArtifactColumn[];
  const [check] = checksOf({ ...artifactDefinition("errors"), columns });
  assertEquals([SECONDS, TS, 3 * TS].map((at) => check.watch()({ at })), [true, false, true]);
});

const COLUMNS: Readonly<Record<string, string>> = {
  number: "double?",
  price: "double?",
  whole: "int64?",
  time: "int64",
  text: "utf8?",
  word: "utf8?",
  flag: "boolean?",
};
const DOMAIN: Readonly<Record<string, readonly unknown[]>> = {
  number: [null, -0, 0, 0.1, 0.1 + 0.2, 0.3, -1e300, 5e-324, 2 ** 53, 7],
  price: [null, 0, 0.3, 7, 1e21],
  whole: [null, 0n, 1n, -1n, 7n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
  time: [0n, 5n, 100_000_000_000n, BigInt(TS), BigInt(TS) + 1n, 4_102_444_800_000n],
  text: [null, "", "a", "a\u0000", "ab", "\u{1F600}", "\uFFFD", "\uE000", "null", "7"],
  word: [null, "\u0000b", "b", "é", "[7]", '"'],
  flag: [null, true, false],
};
const LIMITS = [-1, 0, 0.1, 0.3, 1, 7, 2 ** 53, 1e21, -1e-7];

/** A type with rules of each sort. */
function randomDefinition(random: SeededRandom): ArtifactDefinition {
  const names = Object.keys(COLUMNS);
  const some = () => names.filter(() => random.below(3) === 0);
  const bounds = () =>
    Object.fromEntries(
      ["min", "max", "above", "below"].filter(() => random.below(3) === 0)
        .map((side) => [side, random.pick(LIMITS)]),
    );
  const columns = names.map((name) => {
    const kind = name === "price" ? "number" : name === "word" ? "text" : name;
    const is_number = ["number", "price", "whole", "time"].includes(name);
    const limits = is_number
      ? { ...(random.below(2) ? { bounds: bounds() } : {}), usual: bounds() }
      : {};
    return { name, kind, nullable: name !== "time", ...limits } as ArtifactColumn;
  });
  const [order, key, usual_key] = [some(), some(), some()];
  return {
    ...artifactDefinition("errors"),
    columns,
    ...(order.length > 0 ? { order } : {}),
    ...(key.length > 0 ? { key: random.below(2) ? key : [...new Set([...order, ...key])] } : {}),
    ...(usual_key.length > 0 ? { usual_key } : {}),
    rules: [
      { verdict: "impossible", relation: "at_least", of: ["whole", "time"] },
      { verdict: "odd", relation: "at_least", of: ["number", "price"] },
      { verdict: "odd", relation: "difference", of: ["number", "price", "whole"] },
      { verdict: "odd", relation: "known_if", of: ["text", "flag"] },
    ],
  };
}

Deno.test("JavaScript and SQL find the same rows broken, of any rules and any values", async () => {
  using folder = tempFolder();
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = SeededRandom.of(seed, "checks");
  const path = join(folder.path, "rows.parquet");
  await using database = await duckdbBeside(path);
  for (let round = 0; round < 30; round++) {
    const rows = Array.from(
      { length: 60 },
      () =>
        Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, random.pick(DOMAIN[name])])),
    );
    const file = join(folder.path, `${round}.parquet`);
    await write(file, COLUMNS, rows as Row[]);
    const definition = randomDefinition(random);
    const checks = checksOf(definition);
    const broken = checks.map((check) => brokenRows(check, rows as Row[]));
    const columns = checks.map((check, at) => `coalesce(${check.sql("place")}, false) AS c${at}`);
    const found = await database.rows(
      `SELECT ${columns.join(", ")}
       FROM (SELECT *, file_row_number AS place FROM read_parquet($1, file_row_number = true))
       ORDER BY place`,
      [file],
    );
    // Rows of one key lie together in rows that are in order; those that are not are refused for that.
    const order_at = checks.findIndex(({ rule }) => rule.startsWith("rows have to ascend"));
    const refused_at = broken[order_at]?.[0] ?? Infinity;
    for (const [at, check] of checks.entries()) {
      const until = at === order_at ? Infinity : refused_at;
      const in_sql = found.flatMap((row, place) => row[`c${at}`] && place < until ? [place] : []);
      assertEquals(
        in_sql,
        broken[at].filter((place) => place < until),
        `seed ${seed}, round ${round}: ${check.rule}`,
      );
    }
    assert(broken.some((places) => places.length > 0), `seed ${seed}: nothing was broken`);
  }
});

function brokenRows(check: Check, rows: readonly Row[]): number[] {
  const isBroken = check.watch();
  return rows.flatMap((row, place) => isBroken(row) ? [place] : []);
}

Deno.test("a rule names each of its bounds, however many there are", () => {
  const { columns, ...rest } = artifactDefinition("positions");
  const ruleOf = (bounds: ArtifactColumn["bounds"]) => {
    const bounded = columns.filter(({ name }) => name === "quantity")
      .map((column) => ({ ...column, bounds, usual: undefined }));
    return checksOf({ ...rest, columns: bounded, key: [], order: [], rules: [] })[0].rule;
  };
  assertEquals(ruleOf({ min: 0, max: 10 }), "it has to be from 0 to 10");
  assertEquals(
    ruleOf({ min: 0, max: 10, above: 2 }),
    "it has to be 0 or more and more than 2 and 10 or less",
  );
});
