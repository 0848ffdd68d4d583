/** A long text is read by columns: the verdicts, and the rows, are those of the parsers of rows. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { asLedgerError } from "../../src/base/error.ts";
import { columnar_bytes_min } from "../../src/base/limits.ts";
import { parquetFacts, type Row } from "../../src/parquet/mod.ts";
import type { RowContext } from "../../src/runs/artifacts/batch.ts";
import { castOf, isPlain } from "../../src/runs/artifacts/casts.ts";
import { artifactDefinition } from "../../src/runs/artifacts/definitions.ts";
import { stageArtifactFile, writeArtifactFile } from "../../src/runs/artifacts/file.ts";
import { csvRows } from "../../src/runs/artifacts/input_csv.ts";
import { ndjsonRows } from "../../src/runs/artifacts/input_json.ts";
import { RowChecker } from "../../src/runs/artifacts/row_checker.ts";
import type { Finding } from "../../src/runs/manifest/manifest.ts";
import { failingFiles, IS_FULL, systemError, tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, duckdbBeside, namesIn } from "../parquet/files.ts";
import { GOOD, RUN } from "./rows.ts";

const definition = artifactDefinition("trades");
const NAMES = definition.columns.map(({ name }) => name);
const TEXTS = ["policy_id", "call_id", "exit_reason"];

/** What a cell may say; good for one column, bad for another. */
const CELLS = [
  ...["", '""', "5", "+5", "-5", "007", "5.0", "5.", ".5", "1e3", "1E+2", "5.5", "-0", "-0.0"],
  ...["9007199254740993", "9007199254740993.0", "9223372036854775807", "9223372036854775808"],
  ...["123456789012345678901234567890", "1e400", "1e-400", "4.9e-324", "1704067200000.0"],
  ...["1704067200000", "1704067200000000", "253402300800000", "0.1", "0.30000000000000004"],
  ...[" 5", "5 ", "\t5", "1_000", "0x10", "NaN", "nan", "inf", "Infinity", "--5", "+-5", "e5"],
  ...["true", "TRUE", "True", "t", "yes", "1", "0", "false", "null", "NULL", "None", RUN, "run-2"],
  ...[
    '"a,b"',
    '"a""b"',
    '"a\nb"',
    '"a\r\nb"',
    '"a\rb"',
    "a\rb",
    'a"b',
    '"a"b',
    '"a" ',
    ' "a"',
    "é漢😀",
    "a\u0000b",
  ],
  ...["#5", "\\N", "a\\", "１"],
];

/** Lines of good rows, long enough for DuckDB; some of them with other cells. */
function csvOf(random: Random, changes: number, cells: readonly string[], newline = "\n"): string {
  const good = NAMES.map((name) => String(GOOD.trades[name]));
  const count = Math.ceil(columnar_bytes_min / good.join(",").length) * 1.2;
  const lines = Array.from({ length: Math.ceil(count) }, () => [...good]);
  for (let n = 0; n < changes; n++) {
    const column = random.chance(0.5) ? random.pick(NAMES) : random.pick(TEXTS);
    random.pick(lines)[NAMES.indexOf(column)] = random.pick(cells);
  }
  return [NAMES, ...lines].map((line) => line.join(",")).join(newline) + newline;
}

/** What a member of an object may say. */
const MEMBERS = [
  ...["null", "0", "-0", "5", "-5", "5.0", "5.5", "1e3", "-0.0", "1E-2", "0.30000000000000004"],
  ...["9007199254740993", "9223372036854775807", "9223372036854775808", "1e400", "1e-400"],
  ...[
    "123456789012345678901234567890",
    "1704067200000",
    "1704067200000000",
    "5.",
    ".5",
    "+5",
    "05",
  ],
  ...["true", "false", "NaN", "Infinity", "True", "[]", "{}", '{"a":1}', "[1]", ""],
  ...['""', '"5"', '"a\\"b"', '"a\\nb"', '"a\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"é漢😀"'],
  ...[
    '"a\\u0000b"',
    '"a\\/b"',
    '"a\\qb"',
    '"a\tb"',
    '"a',
    '"a" "b"',
    '"a","entry_px":1',
    "1}",
    "1,",
  ],
  ...[`"${RUN}"`, '"run-2"'],
];

/** Objects on lines, long enough for DuckDB; some with other members, in other orders, among blanks. */
function ndjsonOf(random: Random, changes: number, members: readonly string[]): string {
  const good = NAMES.map((name) => [name, JSON.stringify(GOOD.trades[name])]);
  const textOf = (pairs: string[][]) =>
    `{${pairs.map(([name, value]) => `"${name}":${value}`).join()}}`;
  const count = Math.ceil(columnar_bytes_min / textOf(good).length * 1.2);
  const lines = Array.from({ length: count }, () => textOf(good));
  for (let n = 0; n < changes; n++) {
    const column = random.chance(0.5) ? random.pick(NAMES) : random.pick(TEXTS);
    const pairs = good.map((
      [name, value],
    ) => [name, name === column ? random.pick(members) : value]);
    if (random.chance(0.2)) pairs.reverse();
    const text = random.chance(0.2)
      ? ` ${textOf(pairs).replaceAll(",", "\t,  ")}\r`
      : textOf(pairs);
    lines[random.below(count)] = random.chance(0.1) ? `\n \r\n${text}` : text;
  }
  return lines.join("\n");
}

type Format = "csv" | "ndjson";

/** What is stored, and what is noted of it; or an error's message. */
type Outcome = { rows: Row[]; findings: readonly Finding[] } | string;

/** What the parser of rows, and the check of each, make of a text. */
async function byRows(text: string, format: Format): Promise<Outcome> {
  const context: RowContext = { definition, run_id: RUN, source: "standard input" };
  const checker = new RowChecker(context);
  const texts = async function* () {
    yield await Promise.resolve(text);
  };
  try {
    const rows: Row[] = [];
    const parsed = format === "csv" ? csvRows(texts(), context) : ndjsonRows(texts(), context);
    for await (const batch of parsed) rows.push(...checker.check(batch));
    checker.end();
    return { rows, findings: checker.findings() };
  } catch (error) {
    return asLedgerError(error)!.message;
  }
}

/** What is stored of a text, and whether it was read by columns. */
async function stored(
  folder: string,
  text: string,
  format: Format,
): Promise<[Outcome, boolean?]> {
  const target = join(folder, "out.parquet");
  const source = { stdin: true, format } as const;
  const world = testWorld({ stdin: new TextEncoder().encode(text) });
  try {
    const staged = await stageArtifactFile(world, { definition, run_id: RUN, target, source });
    staged.commit();
    // DuckDB says of every column that it may be null.
    const is_columnar = parquetFacts(world, target).columns[0].nullable;
    return [{ rows: await allRows(target), findings: staged.findings }, is_columnar];
  } catch (error) {
    return [asLedgerError(error)!.message];
  } finally {
    assertEquals(namesIn(folder).filter((name) => name !== "out.parquet"), []);
  }
}

Deno.test("a long CSV is stored by columns, and a short one by rows", async () => {
  await withSeed(async (random) => {
    using folder = tempFolder();
    const good = CELLS.filter((cell) => /^(5|"a(,|"")b"|)$/.test(cell));
    for (const [newline, text] of [["\n", good], ["\r\n", good]] as const) {
      const policies = text.filter((cell) => cell !== "5");
      const csv = csvOf(random, 0, policies, newline)
        .replaceAll(/,p1,/g, () => `,${random.pick(policies)},`);
      const [found, is_columnar] = await stored(folder.path, csv, "csv");
      assertEquals(is_columnar, true);
      assertEquals(found, await byRows(csv, "csv"));
    }
    const line = `${NAMES.join(",")}\n${NAMES.map((name) => GOOD.trades[name]).join(",")}`;
    assertEquals((await stored(folder.path, line, "csv"))[1], false);
  });
});

Deno.test("of any cell the SQL says what the parser of rows says, and stores the same", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const cells = IS_FULL ? CELLS : random.times(6, () => random.pick(CELLS));
    for (const cell of cells) {
      const text = csvOf(random, 1 + random.below(3), [cell]);
      const expected = await byRows(text, "csv");
      const [found, is_columnar] = await stored(folder.path, text, "csv");
      assertEquals(found, expected, `the cell ${JSON.stringify(cell)}`);
      // What DuckDB and the parser read alike does not take the long way.
      if (typeof expected !== "string" && !cell.includes("\r")) {
        assertEquals(is_columnar, true, cell);
      }
    }
  }));

Deno.test("a text without what DuckDB overlooks in numbers is cast as the grammar of numbers says", async () => {
  using folder = tempFolder();
  await using database = await duckdbBeside(join(folder.path, "none"));
  const characters = [..."07.eE+-_ \t\n\v\f\r,'\"xnaifdp\u00a0\u2003\0"];
  const texts = characters.flatMap((a) =>
    characters.flatMap((b) => [a + b, `${a}${b}7`, `7${a}${b}`])
  );
  const more = texts.flatMap((text) => characters.map((character) => text + character));
  await database.run("create table texts as select unnest(string_split($1, '|')) as c0", [
    ["inf", "nan", "-inf", "Infinity", ...texts, ...more].join("|"),
  ]);
  const { value } = castOf({ name: "c0", type: "cell", sql: "c0" }, "number", RUN);
  const [found] = await database.rows(`select count(c0) as all_texts, count(quick) as numbers,
      list(c0) filter (where isfinite(quick) and slow is null) as others from (
    select c0, ${value.replaceAll("plain", "false")} as slow,
      ${value.replaceAll("plain", `(${isPlain("c0")})`)} as quick from texts)`);
  assertEquals(found.others, null);
  assert(Number(found.numbers) > 100 && Number(found.all_texts) > 50_000, Deno.inspect(found));
});

Deno.test("of any member of an object the SQL says what the parser of rows says, and stores the same", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const members = IS_FULL ? MEMBERS : random.times(6, () => random.pick(MEMBERS));
    for (const member of ["0.5", ...members]) {
      const text = ndjsonOf(random, member === "0.5" ? 0 : 1 + random.below(3), [member]);
      const expected = await byRows(text, "ndjson");
      const [found, is_columnar] = await stored(folder.path, text, "ndjson");
      assertEquals(found, expected, `the member ${member}`);
      if (member === "0.5") assertEquals(is_columnar, true);
    }
  }));

Deno.test("whichever file operation fails, no copy of a pipe, no artifact and no scratch is left", () =>
  withSeed(async (random) => {
    const text = new TextEncoder().encode(csvOf(random, 0, []));
    const source = { stdin: true, format: "csv" } as const;
    for (let k = 1;; k += IS_FULL ? 1 : 1 + random.below(5)) {
      using folder = tempFolder();
      const target = join(folder.path, "out.parquet");
      const { files, failed } = failingFiles(k, () => systemError("EIO", "input/output error"));
      const world = testWorld({ files, stdin: text });
      const is_stored = await writeArtifactFile(world, { definition, run_id: RUN, target, source })
        .then(() => true, () => false);
      if (failed()?.startsWith("remove")) continue;
      // The folder's sync is the last step. What a reader of columns could not do, one of rows can.
      const is_there = is_stored || failed()?.startsWith("sync folder");
      assertEquals(namesIn(folder.path), is_there ? ["out.parquet"] : [], failed());
      if (failed() === undefined) break;
    }
  }));

Deno.test("a long NDJSON of which no line has a column that is needed is refused, as a short one is", async () => {
  using folder = tempFolder();
  for (const lacking of ["call_id", "entry_px"]) {
    const { [lacking]: _, ...row } = GOOD.trades;
    const line = JSON.stringify(row);
    const count = Math.ceil(columnar_bytes_min / line.length * 1.2);
    const text = `${Array.from({ length: count }, () => line).join("\n")}\n`;
    const [outcome] = await stored(folder.path, text, "ndjson");
    assertEquals(outcome, await byRows(text, "ndjson"));
    assertEquals(typeof outcome, "string", `${lacking} is null in ${count} rows`);
  }
});
