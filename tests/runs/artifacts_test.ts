/** What an artifact type takes, what it refuses, and what then is in the file. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  timestamp_ms_max as TIME_MAX,
  timestamp_ms_plausible_min as TIME_MIN,
} from "../../src/base/limits.ts";
import { parquetFacts, type Row } from "../../src/parquet/mod.ts";
import {
  ARTIFACT_TYPES,
  artifactDefinition,
  type ArtifactType,
  isArtifactType,
} from "../../src/runs/artifacts/definitions.ts";
import { failingFiles, systemError, tempFolder, testWorld } from "../harness.ts";
import { allRows, duckdbRows, namesIn } from "../parquet/files.ts";
import { GOOD, refusal, rowOf, RUN, store } from "./rows.ts";

Deno.test("seed 002's folders and the table of types agree", () => {
  const paths = Object.fromEntries(
    ARTIFACT_TYPES.map((type) => [type, artifactDefinition(type).path]),
  );
  assertEquals(paths, {
    alerts: "inputs/alerts.parquet",
    paths: "truth/paths.parquet",
    features: "features/features.parquet",
    trades: "policy/trades.parquet",
    summary: "results/summary.parquet",
    frontier: "results/frontier.parquet",
    errors: "errors/errors.parquet",
    equity: "results/equity.parquet",
    returns: "results/returns.parquet",
    positions: "policy/positions.parquet",
    metrics: "results/metrics.parquet",
  });
  assertEquals([isArtifactType("trades"), isArtifactType("toString")], [true, false]);
  for (const type of ARTIFACT_TYPES) {
    for (const { description } of artifactDefinition(type).columns) assert(description.length > 3);
  }
});

for (const type of ARTIFACT_TYPES) {
  Deno.test(`a good row of ${type} is stored, and the file says what it is`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "out.parquet");
    const { rows } = await store(folder.path, type, { rows: [GOOD[type]] });
    assertEquals(rows, 1);
    assertEquals(await allRows(path), [GOOD[type]]);
    assertEquals(await duckdbRows(path), [GOOD[type]]);
    const facts = parquetFacts(testWorld(), path);
    assertEquals(facts.key_values, {
      "ledger.schema_version": "1",
      "ledger.artifact_type": type,
      "ledger.run_id": RUN,
    });
    const definition = artifactDefinition(type);
    assertEquals(
      facts.columns.slice(0, definition.columns.length),
      definition.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
    );
    assertEquals(namesIn(folder.path), ["out.parquet"]);
  });
}

Deno.test("columns that may be null may also be missing, and are null then", async () => {
  using folder = tempFolder();
  for (const type of ARTIFACT_TYPES) {
    const nullable = artifactDefinition(type).columns.filter((column) => column.nullable);
    const names = nullable.map(({ name }) => name);
    const missing = rowOf(type, Object.fromEntries(names.map((name) => [name, undefined])));
    const nulls = rowOf(type, Object.fromEntries(names.map((name) => [name, null])));
    for (const row of [missing, nulls]) {
      await store(folder.path, type, { rows: [row] });
      assertEquals(await allRows(join(folder.path, "out.parquet")), [nulls], type);
    }
  }
});

Deno.test("a run_id that is missing is filled in, and the caller's row is left alone", async () => {
  using folder = tempFolder();
  for (const type of ARTIFACT_TYPES.filter((type) => type !== "alerts")) {
    const row = rowOf(type, { run_id: undefined });
    const before = JSON.stringify(row);
    await store(folder.path, type, { rows: [row] });
    assertEquals(await allRows(join(folder.path, "out.parquet")), [GOOD[type]]);
    assertEquals(JSON.stringify(row), before);
  }
});

Deno.test("an object is stored as its JSON text, digits and all", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  const cases: [given: unknown, stored: string][] = [
    [{ a: 1, b: [null, { c: "é😀" }] }, '{"a":1,"b":[null,{"c":"é😀"}]}'],
    [{ supply: 2n ** 60n + 1n }, '{"supply":1152921504606846977}'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['{ "a": 1.50 }', '{ "a": 1.50 }'],
    [{}, "{}"],
  ];
  for (const [given, stored] of cases) {
    await store(folder.path, "frontier", { rows: [rowOf("frontier", { policy_params: given })] });
    assertEquals((await allRows(path))[0].policy_params, stored);
  }
});

Deno.test("whole numbers of 64 bits are kept digit by digit", async () => {
  using folder = tempFolder();
  for (const whole of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 7n, -0]) {
    await store(folder.path, "metrics", { rows: [rowOf("metrics", { step: whole })] });
    const [{ step }] = await allRows(join(folder.path, "out.parquet"));
    assertEquals(BigInt(step as number), BigInt(whole));
  }
});

Deno.test("a time is in milliseconds, and one that the log could have, to its last one", async () => {
  using folder = tempFolder();
  for (const time of [TIME_MIN, BigInt(TIME_MIN), TIME_MAX, BigInt(TIME_MAX)]) {
    await store(folder.path, "alerts", { rows: [rowOf("alerts", { alert_ts_ms: time })] });
    assertEquals((await allRows(join(folder.path, "out.parquet")))[0].alert_ts_ms, Number(time));
  }
});

/** What is wrong with the third row -> what is said about it, and how it is hinted at. */
const BAD: readonly [what: string, ArtifactType, Row, said: string, hint?: string][] = [
  [
    "text for a number",
    "trades",
    { entry_px: "0.5" },
    `has "0.5" in column "entry_px"; it has to be a finite number`,
  ],
  [
    "a number for text",
    "trades",
    { exit_reason: 5 },
    `has 5 in column "exit_reason"; it has to be text`,
  ],
  [
    "a number for a flag",
    "trades",
    { stop_out: 1 },
    `has 1 in column "stop_out"; it has to be true or false`,
  ],
  ["text for a flag", "paths", { hit_2x: "true" }, `has "true" in column "hit_2x"; it`],
  [
    "a fraction for a whole number",
    "trades",
    { entry_ts_ms: 1.5 },
    `has 1.5 in column "entry_ts_ms"; it has to be a whole number`,
  ],
  [
    "text for a whole number",
    "trades",
    { entry_ts_ms: "5" },
    `has "5" in column "entry_ts_ms"; it`,
  ],
  [
    "a flag for a whole number",
    "summary",
    { trades_count: true },
    `has true in column "trades_count"; it`,
  ],
  [
    "a date for text",
    "alerts",
    { created_at: new Date(0) },
    `has 1970-01-01T00:00:00.000Z in column "created_at"; it has to be text`,
  ],
  ["a list for text", "alerts", { mint: ["a"] }, `has [ "a" ] in column "mint"; it`],
  [
    "NaN",
    "trades",
    { exit_px: NaN },
    `has NaN in column "exit_px"; it has to be a finite number`,
    "null",
  ],
  [
    "infinity",
    "trades",
    { tail_capture: -Infinity },
    `has -Infinity in column "tail_capture"; it has to be a finite number, or null`,
    "null",
  ],
  [
    "NaN for a whole number",
    "trades",
    { time_exposed_ms: NaN },
    `has NaN in column "time_exposed_ms"; it`,
  ],
  [
    "a number past 2^53",
    "trades",
    { time_exposed_ms: 2 ** 53 },
    `has 9007199254740992 in column "time_exposed_ms"; it`,
    "pass a bigint",
  ],
  [
    "a bigint past 64 bits",
    "trades",
    { time_exposed_ms: 2n ** 63n },
    `has 9223372036854775808 in column "time_exposed_ms"; it`,
    "-2^63 to 2^63-1",
  ],
  [
    "a time past 2^53",
    "alerts",
    { alert_ts_ms: 2n ** 53n + 1n },
    `has 9007199254740993 in column "alert_ts_ms"; it has to be a whole number of milliseconds`,
    "these look like microseconds: in milliseconds it is 9007199254740",
  ],
  [
    "a time in nanoseconds",
    "trades",
    { exit_ts_ms: 1_704_067_200_000_000_000n },
    `has 1704067200000000000 in column "exit_ts_ms"; it`,
    "these look like nanoseconds: in milliseconds it is 1704067200000",
  ],
  [
    "a time after the year 9999",
    "paths",
    { alert_ts_ms: TIME_MAX + 1 },
    `has ${
      TIME_MAX + 1
    } in column "alert_ts_ms"; it has to be a whole number of milliseconds from 0`,
  ],
  ["a time before 1970", "trades", { entry_ts_ms: -1n }, `has -1 in column "entry_ts_ms"; it`],
  [
    "a bigint far past any double",
    "trades",
    { entry_px: 10n ** 400n },
    `in column "entry_px"; it has to be a finite number`,
  ],
  [
    "half a character",
    "alerts",
    { caller_name: "x\uD83D" },
    `in column "caller_name"; it has to be text without half characters`,
  ],
  [
    "half a character in a run's id",
    "paths",
    { run_id: "\uDC00" },
    `in column "run_id"; it has to be the id of this run`,
  ],
  [
    "null where none may be",
    "trades",
    { entry_px: null },
    `has null in column "entry_px"; it has to be a finite number`,
  ],
  ["a column missing", "trades", { exit_px: undefined }, `lacks column "exit_px"`],
  [
    "a column under another name",
    "trades",
    { exit_px: undefined, exit_pix: 1 },
    `lacks column "exit_px"`,
    `is "exit_pix" meant?`,
  ],
  [
    "a column too many",
    "trades",
    { policy_id: undefined, policy: "x" },
    `has a column "policy", which is none of trades`,
    `is "policy_id" meant?`,
  ],
  [
    "a column from nowhere",
    "trades",
    { zzz: 1 },
    `has a column "zzz", which is none of trades`,
    "`ledger runs schema trades`",
  ],
  [
    "the run's id in alerts",
    "alerts",
    { run_id: RUN },
    `has a column "run_id", which is none of alerts`,
  ],
  [
    "another run's id",
    "trades",
    { run_id: "run-2" },
    `has "run-2" in column "run_id"; it is stored for the run "run-1"`,
    "leave the column out",
  ],
  [
    "another run's id in features",
    "features",
    { run_id: "run-2" },
    `has "run-2" in column "run_id"`,
  ],
  [
    "a level that there is not",
    "errors",
    { level: "warn" },
    `has "warn" in column "level"; it has to be one of error, warning, info`,
    `is "warning" meant?`,
  ],
  [
    "a list for an object",
    "frontier",
    { policy_params: [1] },
    `has [ 1 ] in column "policy_params"; it has to be a JSON object`,
  ],
  [
    "text that is no JSON",
    "frontier",
    { policy_params: "{a:1}" },
    `has "{a:1}" in column "policy_params"; it`,
  ],
  [
    "JSON that is no object",
    "errors",
    { details: "[1]" },
    `has "[1]" in column "details"; it has to be a JSON object`,
  ],
  [
    "NaN within an object",
    "errors",
    { details: { a: { b: NaN } } },
    `has { a: { b: NaN } } in column "details"; it`,
  ],
  [
    "half a character within an object",
    "errors",
    { details: { a: "\uD83D" } },
    `in column "details"; it`,
  ],
  ["a function within an object", "errors", { details: { a: () => 1 } }, `in column "details"; it`],
  [
    "a list for a feature",
    "features",
    { holders: [1] },
    `has [ 1 ] in column "holders"; it has to be a finite number`,
  ],
  [
    "an array for a feature",
    "features",
    { extra: [1n] },
    `has [ 1n ] in column "extra"; it`,
  ],
  [
    "infinity for a feature",
    "features",
    { momentum: Infinity },
    `has Infinity in column "momentum"; it`,
  ],
  ["half a character in a feature", "features", { dex: "\uD83D" }, `in column "dex"; it`],
  [
    "text among numbers",
    "features",
    { holders: "many" },
    `has "many" in column "holders", which holds numbers since row 1`,
    "one kind",
  ],
  [
    "a number among texts",
    "features",
    { dex: 5 },
    `has 5 in column "dex", which holds texts since row 1`,
  ],
  [
    "a flag among numbers",
    "features",
    { momentum: true },
    `has true in column "momentum", which holds numbers`,
  ],
  [
    "a number among flags",
    "features",
    { is_new: 0 },
    `has 0 in column "is_new", which holds flags since row 1`,
  ],
  [
    "a whole number without its digits",
    "features",
    { holders: 2 ** 60 },
    `has 1152921504606847000 in column "holders", a column of whole numbers: past 2^53`,
  ],
  [
    "a whole number past 64 bits",
    "features",
    { holders: 2n ** 64n },
    `has 18446744073709551616 in column "holders", a column of whole numbers: 64 bits`,
  ],
  ["a feature without a name", "features", { "": 1 }, `has a column "", which cannot be`],
  [
    "a feature with a line break in its name",
    "features",
    { "a\nb": 1 },
    `has a column "a\\nb", which`,
  ],
  ["a feature with a very long name", "features", { ["x".repeat(201)]: 1 }, "which cannot be"],
  ["call_id missing from features", "features", { call_id: undefined }, `lacks column "call_id"`],
];

for (const [what, type, wrong, said, hint] of BAD) {
  Deno.test(`${what} is refused in ${type}, by row and column`, async () => {
    using folder = tempFolder();
    await store(folder.path, "alerts", { rows: [GOOD.alerts] });
    const is_single = artifactDefinition(type).is_single_row;
    const bad = rowOf(type, wrong);
    const rows = is_single ? [bad] : [GOOD[type], GOOD[type], bad, GOOD[type]];
    const error = await refusal(store(folder.path, type, { rows }));
    assertEquals(error.code, "invalid");
    const row = is_single ? 1 : 3;
    assertStringIncludes(error.message, `cannot store ${type}: row ${row} `);
    assertStringIncludes(error.message, said);
    assertEquals(error.detail, { row });
    if (hint) assertStringIncludes(error.hint!, hint);
    assert(error.hint);
    // What was there is there still, and nothing lies beside it.
    assertEquals(await allRows(join(folder.path, "out.parquet")), [GOOD.alerts]);
    assertEquals(namesIn(folder.path), ["out.parquet"]);
  });
}

Deno.test("a row that is no object is refused", async () => {
  using folder = tempFolder();
  for (const row of [5, null, "x", [1]]) {
    const rows = [GOOD.trades, row] as Row[];
    const error = await refusal(store(folder.path, "trades", { rows }));
    assertStringIncludes(error.message, `row 2 is ${JSON.stringify(row)}; it has to be an object`);
  }
});

Deno.test("a summary has one row: none and two are refused, other types may have none", async () => {
  using folder = tempFolder();
  const none = await refusal(store(folder.path, "summary", { rows: [] }));
  assertStringIncludes(none.message, "it has to have exactly one row, and none came");
  const two = await refusal(store(folder.path, "summary", { rows: [GOOD.summary, GOOD.summary] }));
  assertStringIncludes(two.message, "it has to have exactly one row, and more than one came");
  assertEquals(namesIn(folder.path), []);
  for (const type of ARTIFACT_TYPES.filter((type) => type !== "summary")) {
    assertEquals((await store(folder.path, type, { rows: [] })).rows, 0);
    assertEquals(await allRows(join(folder.path, "out.parquet")), []);
  }
});

Deno.test("a summary takes any further number, text or flag as a column of its own", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  const more = {
    p25_return_bps: -12.5,
    p75_return_bps: 40,
    p90_return_bps: 81.25,
    median_time_exposed_ms: 5_000,
    sharpe: null,
    best_caller: "brook",
    is_final: true,
  };
  await store(folder.path, "summary", { rows: [rowOf("summary", more)] });
  assertEquals(await allRows(path), [{ ...GOOD.summary, ...more }]);
  const columns = parquetFacts(testWorld(), path).columns.slice(-7);
  assertEquals(
    columns.map(({ name, type }) => `${name} ${type}`),
    [
      ...["p25_return_bps double", "p75_return_bps int64", "p90_return_bps double"],
      ...["median_time_exposed_ms int64", "sharpe utf8", "best_caller utf8", "is_final boolean"],
    ],
  );
  for (const value of [{ a: 1 }, [1], NaN]) {
    const error = await refusal(
      store(folder.path, "summary", { rows: [rowOf("summary", { by_caller: value })] }),
    );
    assertStringIncludes(
      error.message,
      'in column "by_caller"; it has to be a finite number, text',
    );
  }
});

Deno.test("a trade without a reason for its end is stored, as the first system did", async () => {
  using folder = tempFolder();
  await store(folder.path, "trades", { rows: [rowOf("trades", { exit_reason: null })] });
  assertEquals((await allRows(join(folder.path, "out.parquet")))[0].exit_reason, null);
});

Deno.test("rows may come as they are made, and the number of a row counts them all", async () => {
  using folder = tempFolder();
  async function* coming() {
    for (let k = 0; k < 5_000; k++) {
      if (k % 1_000 === 0) await Promise.resolve();
      yield rowOf("trades", { call_id: `c${k}`, entry_px: k === 4_321 ? "wrong" : k + 1 });
    }
  }
  const error = await refusal(store(folder.path, "trades", { rows: coming() }));
  assertStringIncludes(error.message, "row 4322 has");
});

Deno.test("whichever file operation fails, no artifact and no scratch file is left", async () => {
  const wide = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, at / 2]));
  for (const [type, row, count] of [["trades", {}, 3], ["features", wide, 900]] as const) {
    const rows = Array.from({ length: count }, () => rowOf(type, row));
    for (let k = 1;; k++) {
      using folder = tempFolder();
      const { files, failed } = failingFiles(k, () => systemError("EIO", "input/output error"));
      const storing = store(folder.path, type, { rows }, testWorld({ files }));
      if (await storing.then(() => true, () => false)) {
        // All is stored by then; that the scratch file cannot be taken away is no reason to say no.
        if (failed()?.startsWith("remove")) continue;
        assertEquals([failed(), namesIn(folder.path)], [undefined, ["out.parquet"]]);
        assert(k > (type === "features" ? 10 : 6), `${type} has ${k} operations`);
        break;
      }
      // The folder's sync is the last step.
      const is_renamed = failed()!.startsWith("sync folder");
      assertEquals(namesIn(folder.path), is_renamed ? ["out.parquet"] : [], failed());
    }
  }
});
