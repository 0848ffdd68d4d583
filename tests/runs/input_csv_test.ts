/** A long CSV is read by columns: the verdicts, and the rows, are those of the parser of rows. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { asLedgerError } from "../../src/base/error.ts";
import { columnar_bytes_min } from "../../src/base/limits.ts";
import { parquetFacts, type Row } from "../../src/parquet/mod.ts";
import type { RowContext } from "../../src/runs/artifacts/batch.ts";
import { artifactDefinition } from "../../src/runs/artifacts/definitions.ts";
import { stageArtifactFile } from "../../src/runs/artifacts/file.ts";
import { csvRows } from "../../src/runs/artifacts/input_csv.ts";
import { RowChecker } from "../../src/runs/artifacts/row_checker.ts";
import type { Finding } from "../../src/runs/manifest/manifest.ts";
import { IS_FULL, tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, namesIn } from "../parquet/files.ts";
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
  ...['"a,b"', '"a""b"', '"a\nb"', '"a\r\nb"', 'a"b', '"a"b', '"a" ', ' "a"', "é漢😀", "a\u0000b"],
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

/** What is stored, and what is noted of it; or an error's message. */
type Outcome = { rows: Row[]; findings: readonly Finding[] } | string;

/** What the parser of rows, and the check of each, make of a text. */
async function byRows(text: string): Promise<Outcome> {
  const context: RowContext = { definition, run_id: RUN, source: "standard input" };
  const checker = new RowChecker(context);
  const texts = async function* () {
    yield await Promise.resolve(text);
  };
  try {
    const rows: Row[] = [];
    for await (const batch of csvRows(texts(), context)) rows.push(...checker.check(batch));
    checker.end();
    return { rows, findings: checker.findings() };
  } catch (error) {
    return asLedgerError(error)!.message;
  }
}

/** What is stored of a text, and whether it was read by columns. */
async function stored(folder: string, text: string): Promise<[Outcome, boolean?]> {
  const target = join(folder, "out.parquet");
  const source = { stdin: true, format: "csv" } as const;
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
      const [found, is_columnar] = await stored(folder.path, csv);
      assertEquals(is_columnar, true);
      assertEquals(found, await byRows(csv));
    }
    const line = `${NAMES.join(",")}\n${NAMES.map((name) => GOOD.trades[name]).join(",")}`;
    assertEquals((await stored(folder.path, line))[1], false);
  });
});

Deno.test("of any cell the SQL says what the parser of rows says, and stores the same", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const cells = IS_FULL ? CELLS : random.times(6, () => random.pick(CELLS));
    for (const cell of cells) {
      const text = csvOf(random, 1 + random.below(3), [cell]);
      const expected = await byRows(text);
      const [found, is_columnar] = await stored(folder.path, text);
      assertEquals(found, expected, `the cell ${JSON.stringify(cell)}`);
      // What DuckDB and the parser read alike does not take the long way.
      if (typeof expected !== "string" && !cell.includes("\r")) {
        assertEquals(is_columnar, true, cell);
      }
    }
  }));
