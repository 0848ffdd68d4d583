/** Packed files beside other readers, and packed files that are not what they should be. */
import { viewOf } from "../../src/base/bytes.ts";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { zstdCompressSync } from "node:zlib";
import { asLedgerError } from "../../src/base/error.ts";
import type { OpenFile } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { columnBuffers, type PackedColumn, PackedWriter } from "../../src/parquet/packed_write.ts";
import { type ColumnCursor, PackedReader } from "../../src/parquet/packed_read.ts";
import { tempFolder } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, asDuckdbShows, duckdbBeside, duckdbRows, memoryFile } from "./files.ts";

type Value = number | boolean | string | null;
type Rows = Record<string, Value>[];

const COLUMNS: (PackedColumn & { name: string })[] = [
  { name: "whole", type: "int64", nullable: false },
  { name: "maybe_whole", type: "int64", nullable: true },
  { name: "small", type: "int32", nullable: false },
  { name: "maybe_small", type: "int32", nullable: true },
  { name: "price", type: "double", nullable: false },
  { name: "flag", type: "boolean", nullable: false },
  { name: "name", type: "utf8", nullable: false },
  { name: "maybe_name", type: "utf8", nullable: true },
  { name: "never", type: "utf8", nullable: true },
];

/** One file after another is written in the same. */
const BUFFERS = columnBuffers(COLUMNS);

/** Writes rows, so many to a row group; returns how large the file is, as its writer says. */
function writePacked(path: string, rows: Rows, group_rows: number) {
  const file = systemFiles().open(path, "create");
  try {
    const writer = new PackedWriter(file, BUFFERS);
    for (const [at, row] of rows.entries()) {
      for (const { name } of COLUMNS) {
        const value = row[name];
        const column = writer.columns[name];
        if (value === null) column.addNull();
        else if (typeof value === "number") column.addNumber(value);
        else if (typeof value === "boolean") column.addBoolean(value);
        else {
          const bytes = new TextEncoder().encode(`<${value}>`);
          column.addBytes(viewOf(bytes), 1, bytes.length - 1);
        }
      }
      if ((at + 1) % group_rows === 0) writer.writeGroup();
    }
    return writer.finish({ "ledger.test": "é 😀", empty: "" });
  } finally {
    file.close();
  }
}

/** The rows as our own fast reader gives them. */
function readPacked(path: string): Rows {
  const file = systemFiles().open(path, "read");
  try {
    return rowsIn(file);
  } finally {
    file.close();
  }
}

function rowsIn(file: OpenFile): Rows {
  const rows: Rows = [];
  for (const group of new PackedReader(file).groups()) {
    const before = rows.length;
    for (let row = 0; row < group.rows; row++) rows.push({});
    for (const { name, type } of COLUMNS) {
      const cursor = group.column(name);
      for (let row = 0; row < group.rows; row++) {
        rows[before + row][name] = nextOf(cursor, type) ?? null;
      }
    }
  }
  return rows;
}

function nextOf(cursor: ColumnCursor, type: PackedColumn["type"]): Value | undefined {
  if (type === "int64") return cursor.nextInt64();
  if (type === "int32") return cursor.nextInt32();
  if (type === "double") return cursor.nextDouble();
  if (type === "boolean") return cursor.nextBoolean();
  return cursor.next() ? textOf(cursor.bytes, cursor.start, cursor.end) : undefined;
}

function textOf({ buffer, byteOffset }: DataView, start: number, end: number): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    new Uint8Array(buffer, byteOffset + start, end - start),
  );
}

const PRICES = [0, -0, 0.1, -1e-300, 5e-324, Number.MAX_VALUE, -42];
const WHOLE = [
  0,
  1,
  -1,
  -(2 ** 32) - 1,
  Number.MIN_SAFE_INTEGER,
  255,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  Number.MAX_SAFE_INTEGER,
];
const SMALL = [0, 1, 127, 128, 65_535, 2 ** 31 - 1];

function randomRows(random: Random, count: number): Rows {
  // Long runs of nulls and of values, and short ones.
  const rarity = random.pick([0, 0.01, 0.5, 0.99, 1]);
  const maybe = <T>(value: T) => random.chance(rarity) ? null : value;
  return random.times(count, () => ({
    whole: random.pick(WHOLE),
    maybe_whole: maybe(random.pick(WHOLE)),
    price: random.pick(PRICES),
    small: random.pick(SMALL),
    maybe_small: maybe(random.pick(SMALL)),
    flag: random.chance(0.5),
    name: random.text(40),
    maybe_name: maybe(random.text(200)),
    never: null,
  }));
}

Deno.test("our fast reader, our careful one and DuckDB read the same of a packed file", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    for (let round = 0; round < 25; round++) {
      const path = join(folder.path, `${round}.parquet`);
      const rows = randomRows(random, random.pick([0, 1, 7, 8, 9, 63, 64, 65, 500]));
      writePacked(path, rows, random.pick([1, 8, 50, 1_000]));
      assertEquals(readPacked(path), rows, `round ${round}: the fast one`);
      assertEquals(await allRows(path), rows, `round ${round}: the careful one`);
      assertEquals(await duckdbRows(path), asDuckdbShows(rows), `round ${round}: DuckDB`);
    }
  }));

Deno.test("a group whose rows have a value by turns takes more room for that than is set aside", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const path = join(folder.path, "turns.parquet");
    const rows = randomRows(random, 100).map((row, at) => ({
      ...row,
      maybe_name: at % 2 === 0 ? "é" : null,
      maybe_whole: at % 2 === 0 ? null : at,
    }));
    const many = Array.from({ length: 800 }, () => rows).flat();
    writePacked(path, many, many.length);
    assertEquals(readPacked(path), many);
    assertEquals(await duckdbRows(path), asDuckdbShows(many));
  }));

Deno.test("nothing of a file that was given up is in the next", () =>
  withSeed((random) => {
    using folder = tempFolder();
    const rows = randomRows(random, 20);
    const given_up = systemFiles().open(join(folder.path, "given up"), "create");
    const writer = new PackedWriter(given_up, BUFFERS);
    for (const { column } of Object.values(writer.columns)) {
      if (column.nullable) writer.columns[column.name].addNull();
      else writer.columns[column.name].addNumber(1);
    }
    given_up.close();
    const path = join(folder.path, "next");
    writePacked(path, rows, 7);
    assertEquals(readPacked(path), rows);
  }));

Deno.test("to DuckDB the columns have their types, and the file what it says of itself", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "types.parquet");
  const bytes = writePacked(path, [], 1);
  assertEquals(bytes, Deno.statSync(path).size);
  await using database = await duckdbBeside(path);
  const described = await database.rows<{ column_name: string; column_type: string }>(
    "describe select * from read_parquet($1)",
    [path],
  );
  assertEquals(
    described.map(({ column_name, column_type }) => [column_name, column_type]),
    COLUMNS.map(({ name, type }) => [
      name,
      {
        int64: "BIGINT",
        int32: "INTEGER",
        double: "DOUBLE",
        boolean: "BOOLEAN",
        utf8: "VARCHAR",
        bytes: "BLOB",
      }[type],
    ]),
  );
  const [{ value }] = await database.rows<{ value: string }>(
    `select decode(value) as value from parquet_kv_metadata($1) where decode(key) = 'ledger.test'`,
    [path],
  );
  assertEquals(value, "é 😀");
});

/** What a packed file is made of may be harmed anywhere: then it says so, or gives as many rows. */
function assertEnds(bytes: Uint8Array, what: string): "rows" | "error" {
  try {
    rowsIn(memoryFile(bytes));
    return "rows";
  } catch (error) {
    const problem = asLedgerError(error);
    assert(problem, `${what}: ${error instanceof Error ? error.stack : error}`);
    assert(["damaged", "invalid"].includes(problem.code), `${what}: ${problem.code}`);
    return "error";
  }
}

Deno.test("a packed file that is cut short anywhere is damaged", () => {
  using folder = tempFolder();
  const path = join(folder.path, "cut.parquet");
  writePacked(path, fixedRows(40), 15);
  const good = Deno.readFileSync(path);
  for (let length = 0; length < good.length; length++) {
    assertEquals(assertEnds(good.subarray(0, length), `${length}`), "error", `${length} bytes`);
  }
});

function fixedRows(count: number): Rows {
  return Array.from({ length: count }, (_, at) => ({
    whole: at,
    maybe_whole: at % 3 === 0 ? null : at,
    price: at / 8,
    small: at,
    maybe_small: null,
    flag: at % 2 === 0,
    name: `name ${at}`,
    maybe_name: at % 5 < 2 ? null : "x".repeat(at),
    never: null,
  }));
}

Deno.test("whichever bit of a packed file is flipped, reading it comes to an end", () => {
  using folder = tempFolder();
  const path = join(folder.path, "flipped.parquet");
  writePacked(path, fixedRows(12), 7);
  const good = Deno.readFileSync(path);
  const ends = { rows: 0, error: 0 };
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = good.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    ends[assertEnds(bad, `bit ${bit}`)]++;
  }
  assert(ends.error > 100, Deno.inspect(ends));
});

Deno.test("pages that decompress to anything are read to an end", () =>
  withSeed((random) => {
    using folder = tempFolder();
    const path = join(folder.path, "pages.parquet");
    const rows = fixedRows(30);
    writePacked(path, rows, 30);
    const good = Deno.readFileSync(path);
    for (let round = 0; round < 2_000; round++) {
      // The first frames of zstd stand where the columns do; one is made another of the same length.
      const at = frameAt(good, random.below(COLUMNS.length));
      const bad = good.slice();
      const noise = zstdCompressSync(Uint8Array.from(random.times(40, () => random.below(256))));
      bad.set(noise.subarray(0, Math.min(noise.length, bad.length - at - 8)), at);
      assertEnds(bad, `round ${round}`);
    }
  }));

/** Where the n-th compressed page begins. */
function frameAt(bytes: Uint8Array, nth: number): number {
  let at = -1;
  for (let count = 0; count <= nth; count++) {
    do at++; while (new DataView(bytes.buffer).getUint32(at, true) !== 0xfd2fb528);
  }
  return at;
}
