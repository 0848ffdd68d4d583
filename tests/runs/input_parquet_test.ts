/** Parquet of other programs as an input: what is cast, what is refused and where, what is left out. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { withNumbers } from "../../src/base/json.ts";
import {
  artifactDefinition,
  type ArtifactType,
  type ValueKind,
} from "../../src/runs/artifacts/definitions.ts";
import { type Row, writeParquet } from "../../src/parquet/mod.ts";
import { type ArtifactToWrite, stageArtifactFile } from "../../src/runs/artifacts/file.ts";
import { IS_FULL, tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, duckdbBeside, namesIn } from "../parquet/files.ts";
import { firstSystemParquet } from "./first_system.ts";
import { GOOD, refusal, rowOf, RUN, store, storeText } from "./rows.ts";

/** The columns of a good row as SQL, some of them different. */
function sqlOf(type: ArtifactType, different: Record<string, string | undefined>): string {
  const columns = artifactDefinition(type).columns.map(({ name, kind }) => {
    const value = GOOD[type][name];
    const is_whole = kind === "whole" || kind === "time";
    const sql = typeof value === "string"
      ? `'${value}'`
      : `${value}${
        value === null ? "" : is_whole ? "::bigint" : kind === "number" ? "::double" : ""
      }`;
    return [name, sql];
  });
  const all = { ...Object.fromEntries(columns), ...different };
  return Object.entries(all).flatMap(([name, sql]) =>
    sql === undefined ? [] : `${sql} as "${name}"`
  )
    .join(", ");
}

/** Another program's file of one or more rows, by the SQL of what differs from a good one. */
async function foreign(
  path: string,
  type: ArtifactType,
  ...rows: Record<string, string | undefined>[]
): Promise<void> {
  await using database = await duckdbBeside(path);
  const sql = rows.map((row) => `select ${sqlOf(type, row)}`).join(" union all ");
  await database.run(`copy (${sql}) to '${path}' (format parquet, compression zstd)`);
}

const TAKEN: [what: string, type: ArtifactType, Record<string, string>, Row][] = [
  ["categories", "alerts", { caller_name: "'brook'::enum('brook', 'x')" }, {}],
  ["narrow whole numbers", "trades", { time_exposed_ms: "5000::smallint" }, {}],
  ["a whole number that a float holds", "trades", { time_exposed_ms: "5000.0::double" }, {}],
  ["a whole number for a number", "trades", { entry_px: "2::integer" }, { entry_px: 2 }],
  ["numbers as texts", "trades", { entry_px: "'0.25'", time_exposed_ms: "'5000'" }, {}],
  ["flags as texts", "trades", { stop_out: "'False'" }, {}],
  [
    "numbers as texts, row by row,",
    "summary",
    { trades_count: "'9'", avg_return_bps: "'120.5'" },
    {},
  ],
  ["a decimal for a number", "trades", { entry_px: "0.25::decimal(10, 4)" }, {}],
  ["a narrow float", "trades", { entry_px: "0.25::float" }, {}],
  ["a time of milliseconds", "alerts", { alert_ts_ms: "timestamp '2024-01-01'::timestamp_ms" }, {}],
  ["a time of nanoseconds", "alerts", { alert_ts_ms: "timestamp_ns '2024-01-01'" }, {}],
  ["a time with a zone", "alerts", { alert_ts_ms: "timestamptz '2024-01-01 00:00:00+00'" }, {}],
  ["a date", "alerts", { alert_ts_ms: "date '2024-01-01'" }, {}],
  [
    "a time for a text, with its digits",
    "alerts",
    { created_at: "timestamp '2024-01-01 00:00:00.0012'" },
    { created_at: "2024-01-01T00:00:00.0012Z" },
  ],
  [
    "a time of nanoseconds for a text",
    "alerts",
    { created_at: "timestamp_ns '1969-12-31 23:59:59.999999999'" },
    { created_at: "1969-12-31T23:59:59.999999999Z" },
  ],
  ["a NaN where nothing may be", "trades", { tail_capture: "'nan'::double" }, {
    tail_capture: null,
  }],
  ["nulls of any type", "trades", { tail_capture: "null::varchar" }, { tail_capture: null }],
  ["minus zero", "trades", { realized_return_bps: "-0.0::double" }, { realized_return_bps: -0 }],
  ["an index of pandas", "trades", { __index_level_0__: "7::bigint" }, {}],
  [
    "a struct for an object",
    "frontier",
    { policy_params: "{'kind': 'fixed_stop', 'stop_loss_bps': 500}" },
    {},
  ],
  ["a time, row by row", "summary", { seen: "timestamp '2024-01-01'" }, {
    seen: "2024-01-01T00:00:00.000Z",
  }],
  [
    "a decimal of whole digits, row by row,",
    "frontier",
    {
      policy_params: "{'kind': 'x'}",
      rank: "9007199254740993::decimal(38, 2)",
      objective_score: "0.25::decimal(20, 18)",
    },
    { policy_params: '{"kind":"x"}', rank: 9007199254740993n, objective_score: 0.25 },
  ],
  ["features of any plain type", "features", {
    a: "1::utinyint",
    b: "0.5::float",
    c: "true",
    d: "'x'",
    e: "date '2024-01-01'",
    f: "'nan'::double",
  }, { a: 1, b: 0.5, c: true, d: "x", e: "2024-01-01", f: null }],
];

for (const [what, type, different, stored] of TAKEN) {
  Deno.test(`${what} in another program's Parquet of ${type} is stored as the type has it`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "in.parquet");
    await foreign(path, type, different);
    await store(folder.path, type, { path });
    const [row] = await allRows(join(folder.path, "out.parquet"));
    const others = type === "features" ? { run_id: RUN, call_id: "c1" } : rowOf(type);
    assertEquals(row, { ...others, ...stored });
    // `assertEquals` takes 0 and -0 for one value.
    for (const [name, value] of Object.entries(stored)) assert(Object.is(row[name], value), name);
    assertEquals(namesIn(folder.path), ["in.parquet", "out.parquet"]);
  });
}

const REFUSED: [what: string, type: ArtifactType, Record<string, string | undefined>, string][] = [
  ["NaN", "trades", { entry_px: "'nan'::double" }, `row 2 has null in column "entry_px"`],
  ["infinity", "trades", { entry_px: "'inf'::double" }, `row 2 has Infinity in column "entry_px"`],
  ["a fraction", "trades", { time_exposed_ms: "5.5::double" }, `row 2 has 5.5 in column "time_exp`],
  ["a null", "trades", { call_id: "null::varchar" }, `row 2 has null in column "call_id"`],
  ["another's id", "trades", { run_id: "'other'" }, `row 2 has "other" in column "run_id"`],
  [
    "digits of a time",
    "alerts",
    { alert_ts_ms: "timestamp '2024-01-01 00:00:00.0001'" },
    "row 2 has",
  ],
  [
    "an infinite time",
    "alerts",
    { alert_ts_ms: "timestamp 'infinity'" },
    `row 2 has "infinity" in`,
  ],
  [
    "an infinite time where nothing may be",
    "alerts",
    { created_at: "timestamp 'infinity'" },
    `row 2 has "infinity" in column "created_at", of type TIMESTAMP; it is no time of the years 1`,
  ],
  [
    "an infinite time, row by row,",
    "features",
    { seen: "timestamp 'infinity'" },
    `row 2 has "infinity" in column "seen", of type TIMESTAMP; it is no time of the years 1 to 9999`,
  ],
  [
    "a decimal that a number would round, row by row,",
    "frontier",
    { rank: "1::bigint", objective_score: "1.234567890123456789::decimal(20, 18)" },
    `row 2 has 1.234567890123456789 in column "objective_score", of type DECIMAL(20,18); stored as a`,
  ],
  ["a time before 1970", "alerts", { alert_ts_ms: "timestamp '1969-12-31'" }, "row 2 has"],
  [
    "digits past 2^53",
    "trades",
    { entry_px: "9007199254740993::bigint" },
    `row 2 has 9007199254740993 in column "entry_px", of type BIGINT; stored as a number it would`,
  ],
  [
    "past 64 bits",
    "trades",
    { time_exposed_ms: "18446744073709551615::ubigint" },
    `row 2 has 18446744073709551615 in column "time_exposed_ms"`,
  ],
  ["a level", "errors", { level: "'fatal'" }, `row 2 has "fatal" in column "level"`],
  ["no number as text", "trades", { entry_px: "'0,25'" }, `row 2 has "0,25" in column "entry_px"`],
  ["digits past 64 bits as text", "trades", {
    time_exposed_ms: "'9223372036854775808'",
  }, `row 2 has 9223372036854775808 in column "time_exposed_ms"`],
  ["infinity in features", "features", { a: "'inf'::double" }, `row 2 has Infinity in column "a"`],
];

for (const [what, type, different, said] of REFUSED) {
  Deno.test(`${what} in another program's Parquet is refused by row and column`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "in.parquet");
    const good = Object.fromEntries(
      Object.entries(different).map(([name, sql]) => {
        const fixed = artifactDefinition(type).columns.some((column) => column.name === name);
        const of_type = /::(ubigint|bigint|double)$/.exec(sql!)?.[0] ?? "";
        if (/decimal/.test(sql!)) return [name, "1.5::decimal(20, 18)"];
        if (/^timestamp/.test(sql!)) return [name, "timestamp '2024-01-01'"];
        const value = fixed ? GOOD[type][name] : 1;
        const is_text = typeof value === "string" || /^'[^']*'$/.test(sql!);
        return [name, is_text ? `'${value}'` : `${Math.round(value as number)}${of_type}`];
      }),
    );
    await foreign(path, type, good, different);
    const error = await refusal(store(folder.path, type, { path }));
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, said);
    assertEquals(namesIn(folder.path), ["in.parquet"]);
  });
}

Deno.test("a column too many, one that lacks, and one that holds no values are refused by name", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "in.parquet");
  const saidOf = async (different: Record<string, string | undefined>) => {
    await foreign(path, "trades", different);
    const { code, message, where, hint } = await refusal(store(folder.path, "trades", { path }));
    assertEquals([code, where?.line], ["invalid", undefined]);
    return `${message} (${hint})`;
  };
  assertMatch(await saidOf({ entry_pix: "1.5" }), /column "entry_pix", which is none of trades/);
  assertMatch(
    await saidOf({ entry_px: undefined, entry_pix: "1.5" }),
    /lacks the column "entry_px" \(is "entry_pix" meant\?/,
  );
  assertMatch(await saidOf({ call_id: "'x'::blob" }), /a column "call_id" of type BLOB/);
  assertMatch(await saidOf({ call_id: "[1, 2]" }), /row 1 has \[ 1, 2 \] in column "call_id"/);
});

Deno.test("Parquet comes through a pipe, and under a name that looks like a pattern", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "a[b]?*.parquet");
  await foreign(path, "alerts", {});
  await foreign(join(folder.path, "ab??.parquet"), "alerts", { mint: "'other'" });
  await store(folder.path, "alerts", { path });
  assertEquals(await allRows(join(folder.path, "out.parquet")), [GOOD.alerts]);
  await storeText(folder.path, "alerts", Deno.readFileSync(path));
  assertEquals(await allRows(join(folder.path, "out.parquet")), [GOOD.alerts]);
});

Deno.test("a table of pandas and one of Polars are stored as the same trades", async () => {
  using folder = tempFolder();
  const hour_ms = 3_600_000, first_ms = Date.parse("2024-01-02T00:00:00Z");
  const trade = (at: number, different: Row): Row => ({
    run_id: RUN,
    policy_id: null,
    call_id: `c${at + 1}`,
    entry_ts_ms: first_ms + at * hour_ms,
    exit_ts_ms: first_ms + (at + 1) * hour_ms,
    time_exposed_ms: hour_ms,
    ...different,
  });
  const target = { exit_reason: "target", realized_return_bps: 5000, stop_out: false };
  const stop = { exit_reason: "stop", realized_return_bps: -5000, stop_out: true };
  const rows = [
    [1, 1.5, -10, 0.5, target],
    [2, 1, -5000, null, stop],
    [0.5, 0.75, 0, 0.25, target],
  ] as const;
  const expected = rows.map((
    [entry_px, exit_px, max_adverse_excursion_bps, tail_capture, end],
    at,
  ) => trade(at, { entry_px, exit_px, max_adverse_excursion_bps, tail_capture, ...end }));
  for (const name of ["pandas", "polars"]) {
    const path = join(import.meta.dirname!, `../../fixtures/inputs/${name}.parquet`);
    await store(folder.path, "trades", { path });
    assertEquals(await allRows(join(folder.path, "out.parquet")), expected, name);
  }
});

Deno.test("a table of pandas without rows is stored as no rows", async () => {
  using folder = tempFolder();
  const path = join(import.meta.dirname!, "../../fixtures/inputs/pandas_empty.parquet");
  await store(folder.path, "trades", { path });
  assertEquals(await allRows(join(folder.path, "out.parquet")), []);
});

Deno.test("what is no Parquet is refused as the caller named it, whether file or pipe", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "in.parquet");
  await foreign(path, "alerts", {});
  const whole = Deno.readFileSync(path);
  const cut = whole.subarray(0, -20);
  Deno.writeFileSync(path, cut);
  const errors = [
    await refusal(store(folder.path, "alerts", { path })),
    await refusal(storeText(folder.path, "alerts", cut)),
    await refusal(storeText(folder.path, "alerts", "call_id,mint", "parquet")),
  ];
  const sources = [path, "standard input", "standard input"];
  for (const [at, { code, message, where, hint }] of errors.entries()) {
    assertEquals([code, where?.path], ["invalid", sources[at]]);
    assertStringIncludes(
      message,
      `cannot store alerts: cannot read ${sources[at]} as Parquet: it `,
    );
    assertStringIncludes(hint!, "write it again");
  }
  assertEquals(namesIn(folder.path), ["in.parquet"]);
});

Deno.test("a NaN and a time that is no milliseconds are refused with what to do about it", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "in.parquet");
  const hintOf = async (type: ArtifactType, different: Record<string, string>) => {
    await foreign(path, type, different);
    return (await refusal(store(folder.path, type, { path }))).hint;
  };
  assertMatch((await hintOf("trades", { entry_px: "'nan'::double" }))!, /a NaN counts as null/);
  const time = { alert_ts_ms: "timestamp '2024-01-01 00:00:00.0001'" };
  assertMatch((await hintOf("alerts", time))!, /it is 1704067200000/);
});

for (const type of ["alerts", "frontier"] as const) {
  Deno.test(`a file of ${type} that changes while it is read is not stored`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "in.parquet");
    await foreign(path, type, {});
    const world = testWorld();
    let looks = 0;
    const facts = (looked: string) => {
      const found = world.files.facts(looked);
      // Each look finds another time, as if a writer were at work.
      return looked === path ? { ...found!, modified_ms: ++looks } : found;
    };
    const changing = { ...world, files: { ...world.files, facts } };
    const error = await refusal(store(folder.path, type, { path }, changing));
    assertEquals(error.code, "io");
    assertStringIncludes(error.message, "has changed while it was read");
    assertEquals(namesIn(folder.path), ["in.parquet"]);
  });
}

Deno.test("what pandas keeps for itself is left out, and a note says so", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "in.parquet");
  await foreign(path, "alerts", { __index_level_0__: "3" });
  const target = join(folder.path, "out.parquet");
  const definition = artifactDefinition("alerts");
  const notesOf = async () => {
    const to_store = { definition, run_id: RUN, target, source: { path } };
    const staged = await stageArtifactFile(testWorld(), to_store);
    staged.abandon();
    return staged.notes;
  };
  const column = `of pandas' own, left out: column "__index_level_0__"`;
  assertEquals(await notesOf(), [column]);
  const key_values = { pandas: "{}" };
  await writeParquet(testWorld(), path, definition.columns, [[GOOD.alerts]], { key_values });
  assertEquals(await notesOf(), ["of pandas' own, left out: metadata"]);
});

Deno.test("a table of the first system, which typed a column by its first row, is stored without loss", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "in.parquet");
  const rows = [null, 9_000, 60_000].map((t_2x_ms, at) =>
    rowOf("paths", { call_id: `c${at}`, t_2x_ms, hit_2x: t_2x_ms !== null, dd_bps: -at })
  );
  Deno.writeFileSync(path, firstSystemParquet(rows));
  const target = join(folder.path, "out.parquet");
  const definition = artifactDefinition("paths");
  const to_store = { definition, run_id: RUN, target, source: { path } };
  const { commit, notes } = await stageArtifactFile(testWorld(), to_store);
  commit();
  assertEquals((await allRows(target)).map(withNumbers), rows.map(withNumbers));
  assertEquals(notes.filter((note) => note.includes("t_2x_ms")), [
    `column "t_2x_ms" has texts: each was read for what it says`,
  ]);
});

Deno.test("many rows keep their order and their values, whatever a type's columns hold", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const path = join(folder.path, "in.parquet");
    for (const type of ["trades", "paths"] as const) {
      const { columns } = artifactDefinition(type);
      const rows = Array.from({ length: 3_000 }, (_, at) => randomRow(random, type, at));
      await writeParquet(testWorld(), path, columns, [rows], { row_group_rows: 700 });
      await store(folder.path, type, { path });
      const back = await allRows(join(folder.path, "out.parquet"));
      assertEquals(back.map(withNumbers), rows.map(withNumbers));
      // `assertEquals` takes 0 and -0 for one value, and so does a dictionary of DuckDB's.
      const signs = (rows: Row[]) =>
        rows.map((row) => Object.values(withNumbers(row)).map((value) => Object.is(value, -0)));
      assertEquals(signs(back), signs(rows.map((row) => columnsIn(back[0], row))));
    }
  }));

/** A row's values in the order in which another has its columns. */
function columnsIn(order: Row, row: Row): Row {
  return Object.fromEntries(Object.keys(order).map((name) => [name, row[name]]));
}

function randomRow(random: Random, type: ArtifactType, at: number): Row {
  return rowOf(type, {
    call_id: `c${at}`,
    ...(type === "trades"
      ? {
        realized_return_bps: random.pick([0, -0, 0.1 + random.below(9), -1e300, 5e-324]),
        exit_reason: random.pick(["", "é漢😀", null, "a\nb"]),
        tail_capture: random.pick([null, 0.5, -0]),
      }
      : { t_4x_ms: random.pick([null, 2n ** 53n + 1n, 5]), p0: random.pick([1, 0.25]) }),
  });
}

Deno.test("of any values the SQL says what the check of rows says, and notes the same", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const path = join(folder.path, "in.parquet");
    for (let n = 0; n < (IS_FULL ? 200 : 8); n++) {
      const type = random.pick(["trades", "paths", "equity", "positions"] as const);
      const definition = artifactDefinition(type);
      const rows = Array.from({ length: 20 }, (_, at) => rowOf(type, ordered(type, at)));
      for (let changes = random.below(3); changes > 0; changes--) {
        const { name, kind } = random.pick(definition.columns);
        const values = VALUES[kind];
        if (values) random.pick(rows)[name] = random.pick(values);
      }
      await writeParquet(testWorld(), path, definition.columns, [rows]);
      const outcome = async (source: ArtifactToWrite["source"]) => {
        const target = join(folder.path, "out.parquet");
        const staged = stageArtifactFile(testWorld(), { definition, run_id: RUN, target, source });
        return await staged.then(({ findings, abandon }) => {
          abandon();
          return findings;
        }, (error) => error.message);
      };
      assertEquals(await outcome({ path }), await outcome({ rows }), type);
    }
  }));

/** Values that are possible, odd or impossible in one column or another. */
const VALUES: Partial<Record<ValueKind, readonly unknown[]>> = {
  number: [0, -1, 0.5, 1, 2, 1e9, -1e9, -0, 1e300],
  whole: [0, -1, 1, 5_000, 2 ** 40],
  time: [0, 1_704_067_200, 1_704_067_200_000, 4_102_444_800_001, 1_704_067_205_000],
  flag: [true, false],
  text: ["c1", ""],
};

/** What differs from row to row where rows have a key, or an order. */
function ordered(type: ArtifactType, at: number): Row {
  const { key = [], order = [] } = artifactDefinition(type);
  const times = [...new Set([...key, ...order])].filter((name) => name === "ts_ms");
  return Object.fromEntries(times.map((name) => [name, 1_704_067_200_000 + at * 60_000]));
}

Deno.test("harmed Parquet is refused or read as it was, and never ends the process", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const [whole, harmed] = ["whole", "harmed"].map((name) => join(folder.path, `${name}.parquet`));
    await foreign(
      whole,
      "trades",
      ...Array.from({ length: 40 }, (_, at) => ({ call_id: `'${at}'` })),
    );
    const bytes = Deno.readFileSync(whole);
    for (let n = 0; n < (IS_FULL ? 500 : 30); n++) {
      const copy = bytes.slice(0, n % 10 === 0 ? 1 + random.below(bytes.length) : bytes.length);
      for (let flips = 0; flips < 1 + n % 3; flips++) {
        copy[random.below(copy.length)] = random.below(256);
      }
      Deno.writeFileSync(harmed, copy);
      await store(folder.path, "trades", { path: harmed }).catch((error) => {
        if (!["invalid", "damaged"].includes(error.code)) throw error;
      });
    }
  }));
