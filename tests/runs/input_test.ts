/** The same rows in every format, and what is said about an input that is none of them. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parquetFacts, type Row } from "../../src/parquet/mod.ts";
import type { InputFormat } from "../../src/runs/artifacts/input.ts";
import {
  ARTIFACT_TYPES,
  artifactDefinition,
  type ArtifactType,
} from "../../src/runs/artifacts/definitions.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, namesIn } from "../parquet/files.ts";
import { GOOD, refusal, rowOf, RUN, store, storeText } from "./rows.ts";

/** Rows of a type with everything that a format may have trouble with. */
function awkward(type: ArtifactType): Row[] {
  if (type === "summary") return [GOOD.summary];
  const { columns, order = [] } = artifactDefinition(type);
  const text = columns.findLast(({ kind }) => kind === "text")?.name;
  const texts = [
    "",
    " ",
    "a,b",
    'say "so"',
    "two\nlines",
    "two\r\nlines",
    "[{,}]",
    'odd"}],{',
    "\\",
    "é漢😀",
    "null",
    "1",
  ];
  const whole = columns.find(({ kind }) => kind === "whole" && type !== "features")?.name;
  return texts.map((value, at) =>
    rowOf(type, {
      ...(text ? { [text]: value } : {}),
      ...Object.fromEntries(order.map((name) => [name, GOOD[type][name] as number + at])),
      ...(whole ? { [whole]: at % 2 ? 2n ** 60n + BigInt(at) : at } : {}),
      ...Object.fromEntries(
        columns.filter(({ nullable }) => nullable).map(({ name }) => [name, null]),
      ),
    })
  );
}

function json(value: unknown, indent?: number): string {
  const raw = (_: string, member: unknown) =>
    typeof member === "bigint"
      ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(member))
      : member;
  return JSON.stringify(value, raw, indent);
}

function csv(rows: Row[], newline = "\n"): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown) =>
    value === null || value === undefined
      ? ""
      : typeof value === "string"
      ? `"${value.replaceAll('"', '""')}"`
      : String(value);
  return [names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))]
    .join(newline);
}

const TEXTS: Record<string, (rows: Row[]) => string> = {
  "one object a line": (rows) => rows.map((row) => json(row)).join("\n"),
  "one object a line, CRLF, blank lines, BOM": (rows) =>
    "\uFEFF" + rows.map((row) => json(row)).join("\r\n\r\n") + "\r\n\n",
  "an array": (rows) => json(rows),
  "an array over many lines": (rows) => `\uFEFF\n\n ${json(rows, 2)}\n\n`,
  "objects over many lines": (rows) => rows.map((row) => json(row, 2)).join("\n"),
  "CSV": (rows) => csv(rows),
  "CSV with CRLF, BOM, a blank line at the end": (rows) => `\uFEFF${csv(rows, "\r\n")}\r\n\r\n`,
};

for (const type of ARTIFACT_TYPES) {
  Deno.test(`rows of ${type} are the same rows in every format, from a file and from a pipe`, async () => {
    using folder = tempFolder();
    const rows = awkward(type);
    for (const [what, textOf] of Object.entries(TEXTS)) {
      const text = textOf(rows);
      await storeText(folder.path, type, text);
      assertEquals(await allRows(join(folder.path, "out.parquet")), rows, what);
      const path = join(folder.path, "input");
      Deno.writeTextFileSync(path, text);
      await store(folder.path, type, { path });
      assertEquals(await allRows(join(folder.path, "out.parquet")), rows, `${what}, file`);
    }
    // And once more from the Parquet file that this made.
    const path = join(folder.path, "again.parquet");
    Deno.renameSync(join(folder.path, "out.parquet"), path);
    await store(folder.path, type, { path });
    assertEquals(await allRows(join(folder.path, "out.parquet")), rows);
    Deno.renameSync(path, join(folder.path, "no-extension"));
    await store(folder.path, type, { path: join(folder.path, "no-extension") });
    assertEquals(await allRows(join(folder.path, "out.parquet")), rows);
  });
}

Deno.test("the extension decides before the content does, and a named format before both", async () => {
  using folder = tempFolder();
  const ndjson = json(GOOD.alerts) + "\n";
  const cases: [name: string, text: string, format?: InputFormat][] = [
    ["rows.ndjson", ndjson],
    ["rows.JSONL", ndjson],
    ["rows.csv", csv([GOOD.alerts])],
    ["rows.json", json([GOOD.alerts])],
    ["rows.json", json(GOOD.alerts, 4)],
    ["rows.csv", ndjson, "ndjson"],
    ["rows.txt", ndjson, "json"],
  ];
  for (const [name, text, format] of cases) {
    const path = join(folder.path, name);
    Deno.writeTextFileSync(path, text);
    await store(folder.path, "alerts", { path, format });
    assertEquals(await allRows(join(folder.path, "out.parquet")), [GOOD.alerts], name);
  }
  const path = join(folder.path, "rows.csv");
  Deno.writeTextFileSync(path, ndjson);
  const error = await refusal(store(folder.path, "alerts", { path }));
  assertStringIncludes(error.message, "has a quote within the cell");
});

Deno.test("no rows are said in three ways, and an input with nothing in it is refused", async () => {
  using folder = tempFolder();
  const heading = csv([GOOD.trades]).split("\n")[0];
  const said: [text: string, format?: InputFormat][] = [
    ["[]"],
    [" [ ] \n"],
    [heading],
    [`${heading}\r\n`],
    ["", "ndjson"],
    ["\n", "ndjson"],
  ];
  for (const [text, format] of said) {
    assertEquals((await storeText(folder.path, "trades", text, format)).rows, 0, text);
  }
  for (const [text, format] of [[""], ["\n \n"], ["", "csv"], ["", "json"], ["\uFEFF"]] as const) {
    const error = await refusal(storeText(folder.path, "trades", text, format));
    assertStringIncludes(error.message, "cannot store trades: standard input is empty");
    assertStringIncludes(error.hint!, "with []");
  }
  const path = join(folder.path, "empty.ndjson");
  Deno.writeTextFileSync(path, "");
  assertMatch(
    (await refusal(store(folder.path, "trades", { path }))).message,
    /empty\.ndjson is empty/,
  );
  const none = await refusal(storeText(folder.path, "summary", "[]"));
  assertStringIncludes(none.message, "exactly one row, and none came");
});

Deno.test("a CSV cell is what its column's type makes of it", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "out.parquet");
  const names = ["call_id", "a_whole", "a_number", "a_flag", "a_text", "a_name", "empty"];
  const text = [
    names.join(","),
    `1,12,1e3,true,abc,007,`,
    `"2",-5,.5,FALSE,"5","8",""`.replace(".5", "0.5"),
    `,,,,,,`.replace(/^/, '""'),
  ].join("\n");
  await storeText(folder.path, "features", text, "csv");
  const types = parquetFacts(testWorld(), path).columns.map(({ type }) => type);
  assertEquals(types, ["utf8", "utf8", "int64", "double", "boolean", "utf8", "utf8", "utf8"]);
  assertEquals(await allRows(path), [
    {
      run_id: RUN,
      call_id: "1",
      a_whole: 12,
      a_number: 1000,
      a_flag: true,
      a_text: "abc",
      a_name: "007",
      empty: null,
    },
    {
      run_id: RUN,
      call_id: "2",
      a_whole: -5,
      a_number: 0.5,
      a_flag: false,
      a_text: "5",
      a_name: "8",
      empty: "",
    },
    {
      run_id: RUN,
      call_id: "",
      a_whole: null,
      a_number: null,
      a_flag: null,
      a_text: null,
      a_name: null,
      empty: null,
    },
  ]);
  const cells: [column: string, cell: string, stored: unknown][] = [
    ["entry_ts_ms", "+1704067200000", 1_704_067_200_000],
    ["entry_ts_ms", "1704067200000.0", 1_704_067_200_000],
    ["entry_ts_ms", '"1704067200000"', 1_704_067_200_000],
    ["time_exposed_ms", "+5", 5],
    ["time_exposed_ms", "9223372036854775807", 2n ** 63n - 1n],
    ["entry_px", "5", 5],
    ["entry_px", ".5", 0.5],
    ["realized_return_bps", "-1.5E-3", -0.0015],
    ["stop_out", "True", true],
    ["policy_id", "007", "007"],
    ["policy_id", '""', ""],
    ["policy_id", "", null],
  ];
  for (const [column, cell, stored] of cells) {
    await storeText(
      folder.path,
      "trades",
      csv([GOOD.trades]).split("\n")[0] + "\n" + cellsWith(column, cell),
    );
    assertEquals((await allRows(path))[0][column], stored, `${column} ${cell}`);
  }
});

/** A good trade as a line of CSV, one cell of it as given. */
function cellsWith(column: string, cell: string): string {
  return Object.entries(GOOD.trades)
    .map(([name, value]) => name === column ? cell : String(value ?? "")).join(",");
}

const HEADING = Object.keys(GOOD.trades).join(",");
const LINE = json(GOOD.trades);

/** An input of trades that is wrong -> what is said about it, and the line that is named. */
const BAD: readonly [what: string, text: string | Uint8Array, said: string, line?: number][] = [
  ["a line that is no JSON", `${LINE}\n\n{"a":}\n`, "row 2 (line 3) is no row: not JSON", 3],
  [
    "a line that is a list",
    `${LINE}\n[1]\n`,
    "row 2 (line 2) is no row: not a JSON object but a list",
    2,
  ],
  [
    "a key twice",
    `{"run_id":"a","run_id":"b"}`,
    `row 1 (line 1) is no row: the key "run_id" occurs twice`,
    1,
  ],
  [
    "an escape that is half a character",
    `{"call_id":"\\uD83D"}`,
    "row 1 (line 1) is no row: a lone surrogate",
    1,
  ],
  [
    "a wrong value, with its line",
    `${LINE}\n\n${LINE.replace("0.25", '"x"')}`,
    `row 2 (line 3) has "x" in column "entry_px"`,
    3,
  ],
  [
    "a number that is too large for a double",
    LINE.replace("0.25", "1e999"),
    `row 1 (line 1) has Infinity in column "entry_px"`,
    1,
  ],
  [
    "a whole number past 64 bits",
    LINE.replace('_ms":5000', '_ms":9223372036854775808'),
    `has 9223372036854775808 in column "time_exposed_ms"`,
    1,
  ],
  [
    "a time of 2^53+1",
    LINE.replace("1704067200000", "9007199254740993"),
    `row 1 (line 1) has 9007199254740993 in column "entry_ts_ms"`,
    1,
  ],
  [
    "a whole number that is no digits",
    LINE.replace("1704067200000", "1e300"),
    `has 1e+300 in column "entry_ts_ms"`,
    1,
  ],
  [
    "bytes that are no text",
    Uint8Array.of(0x7b, 0x22, 0xff, 0x22),
    "standard input is not valid UTF-8, in or after line 1",
    1,
  ],
  ["a text that ends within a character", Uint8Array.of(0x7b, 0xc3), "is not valid UTF-8", 1],
  [
    "an array that does not end",
    `[${LINE},\n${LINE}`,
    "standard input ends before the ] of its array",
    2,
  ],
  ["an array that ends within a row", `[${LINE},\n{"a":`, "row 2 (line 2) is cut off", 2],
  [
    "an array with a comma too many",
    `[${LINE},]`,
    `row 2 (line 1) is no row: "]" stands where an object should be`,
    1,
  ],
  ["an array of numbers", `[\n1, 2]`, `row 1 (line 2) is no row: "1, 2]" stands`, 2],
  [
    "something behind the array",
    `[${LINE}]\n\nx`,
    `standard input has "x" in line 3, where a row or the end should be`,
    3,
  ],
  ["two rows without a comma", `[${LINE}\n${LINE}]`, `in line 2, where a row or the end`, 2],
  [
    "a column that the heading lacks",
    "call_id,entry_px\n",
    `the heading of standard input lacks the column "entry_ts_ms"`,
    1,
  ],
  [
    "a column that there is not",
    `${HEADING.replace("entry_px", "entry_pix")}\n`,
    `has a column "entry_pix", which is none of trades`,
    1,
  ],
  [
    "the unnamed index of a table of pandas",
    `,${HEADING}\n`,
    "the heading of standard input has a column without a name",
    1,
  ],
  [
    "a column twice",
    `${HEADING},call_id\n`,
    `the heading of standard input names the column "call_id" twice`,
    1,
  ],
  [
    "a cell too many",
    `${HEADING}\n${cellsWith("x", "")}\n${cellsWith("x", "")},1`,
    "row 2 (line 3) has 14 cells where the heading has 13",
    3,
  ],
  ["a cell missing", `${HEADING}\nr,c`, "row 1 (line 2) has 2 cells where the heading has 13", 2],
  [
    "a cell that is no number",
    `${HEADING}\n${cellsWith("policy_id", '"a\nb"')}\n${cellsWith("exit_px", "n/a")}`,
    `row 2 (line 4) has "n/a" in column "exit_px"`,
    4,
  ],
  [
    "NaN in a cell",
    `${HEADING}\n${cellsWith("exit_px", "NaN")}`,
    `has "NaN" in column "exit_px"; it has to be a finite number`,
    2,
  ],
  [
    "an empty cell where a value has to be",
    `${HEADING}\n${cellsWith("exit_px", "")}`,
    `has null in column "exit_px"`,
    2,
  ],
  [
    "a quote that never closes",
    `${HEADING}\n${cellsWith("policy_id", '"p')}\n`,
    "opens a quote that is never closed, in the row that begins in line 2",
    2,
  ],
  [
    "a quote within a cell",
    `${HEADING}\n${cellsWith("policy_id", 'a"b')}\n`,
    `has a quote within the cell "a\\"b", in the row`,
    2,
  ],
  ["text behind a quote", `${HEADING}\n${cellsWith("policy_id", '"a"b')}\n`, `has "b,c1,`, 2],
];

for (const [what, text, said, line] of BAD) {
  Deno.test(`an input with ${what} is refused, and the place is named`, async () => {
    using folder = tempFolder();
    const error = await refusal(storeText(folder.path, "trades", text));
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, said);
    assertEquals(error.where, { path: "standard input", line });
    assert(error.hint);
    assertEquals(namesIn(folder.path), []);
  });
}

Deno.test("one row may be large, but not without end, in any format", async () => {
  using folder = tempFolder();
  const large = "x".repeat(9 << 20);
  const texts: [InputFormat, string][] = [
    ["ndjson", LINE.replace("target", large)],
    ["json", `[${LINE.replace("target", large)}]`],
    ["csv", `${HEADING}\n${cellsWith("policy_id", `"${large}`)}`],
  ];
  for (const [format, text] of texts) {
    const error = await refusal(storeText(folder.path, "trades", text, format));
    assertStringIncludes(error.message, "longer than 8388608 bytes");
  }
});

/** An input that hands out a few bytes at a time, so that everything is cut somewhere. */
function dripping(random: Random, text: string) {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return {
    is_terminal: false,
    read(buffer: Uint8Array) {
      if (at === bytes.length) return Promise.resolve(null);
      const part = bytes.subarray(at, at + 1 + random.below(7));
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
}

Deno.test("it makes no difference where the pieces of an input are cut", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    for (const type of ["trades", "errors", "features"] as const) {
      for (const [what, textOf] of Object.entries(TEXTS)) {
        const rows = awkward(type);
        const stdin = dripping(random, textOf(rows));
        const format = what.startsWith("CSV") ? "csv" : what.includes("many") ? "json" : undefined;
        await store(folder.path, type, { stdin: true, format }, { ...testWorld(), stdin });
        assertEquals(await allRows(join(folder.path, "out.parquet")), rows, what);
      }
    }
  }));
