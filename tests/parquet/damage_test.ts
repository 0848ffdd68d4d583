/** Files that are not what they should be: told as damage, with what was found, and never a crash. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ByteWriter, parquetWrite, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../src/base/error.ts";
import { parquetFacts, readParquet } from "../../src/parquet/mod.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { allRows, duckdbBeside, write } from "./files.ts";

const TYPES = { at: "int64", price: "double?", name: "utf8", flag: "boolean" };
const ROWS = Array.from({ length: 60 }, (_, at) => ({
  at,
  price: at % 7 ? at / 3 : null,
  name: `name ${at % 5}`,
  flag: at % 2 === 0,
}));

async function goodBytes(folder: string, codec: "snappy" | "zstd" = "snappy") {
  const path = join(folder, "good.parquet");
  await write(path, TYPES, ROWS, { codec, row_group_rows: 25 });
  return Deno.readFileSync(path);
}

function text(of: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(of);
}

/** What was done to a good file -> the error's code, and what it has to say. */
const CASES: Record<
  string,
  [damage: (good: Uint8Array<ArrayBuffer>) => Uint8Array, code: string, said: string]
> = {
  "nothing in it": [() => text(""), "damaged", "it is empty"],
  "text": [
    () => text("run_id,call_id\nr1,c1\n"),
    "damaged",
    `it begins with "run_", not with PAR1`,
  ],
  "the first bytes alone": [() => text("PAR1"), "damaged", "cut short after 4 bytes"],
  "cut in the middle": [
    (good) => good.subarray(0, good.length >> 1),
    "damaged",
    "it is cut short: it ends with",
  ],
  "the last byte missing": [(good) => good.subarray(0, -1), "damaged", "not with PAR1"],
  "more behind the end": [(good) => Uint8Array.of(...good, 10), "damaged", "not with PAR1"],
  "a footer longer than the file": [
    (good) => {
      new DataView(good.buffer).setUint32(good.length - 8, 0x7fffffff, true);
      return good;
    },
    "damaged",
    "its footer would be 2147483647 bytes long",
  ],
  "a footer of zeros": [
    (good) => good.fill(0, good.length - 300, good.length - 8),
    "damaged",
    "its footer does not decode",
  ],
  "a footer that is too short": [
    (good) => {
      new DataView(good.buffer).setUint32(good.length - 8, 20, true);
      return good;
    },
    "damaged",
    "its footer",
  ],
  "pages of zeros": [(good) => good.fill(0, 4, 400), "damaged", "does not decode"],
  "an encrypted footer": [(good) => withTail(good, "PARE"), "invalid", "it is encrypted"],
  "more rows than its row groups have": [
    () => tampered((writer) => writer.num_rows = 5n),
    "damaged",
    "it says 5 rows, and its row groups have 2",
  ],
  "a column missing from a row group": [
    () => tampered((writer) => writer.row_groups[0].columns.pop()),
    "damaged",
    'a row group lacks the column "b"',
  ],
  "two columns of one name": [() => twoOfOneName(), "damaged", `two of its columns are named "a"`],
};

function withTail(good: Uint8Array<ArrayBuffer>, magic: string): Uint8Array {
  good.set(text(magic), good.length - 4);
  return good;
}

/** The library writes it without a word. */
function twoOfOneName(): Uint8Array {
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: [{ name: "a", data: [1] }, { name: "a", data: [2] }],
  });
  return writer.getBytes();
}

/** A file whose footer says something else than what was written. */
function tampered(tamper: (writer: ParquetWriter) => void): Uint8Array {
  const bytes = new ByteWriter();
  const columnData = [{ name: "a", data: [1, 2] }, { name: "b", data: ["x", "y"] }];
  const schema = schemaFromColumnData({ columnData });
  const writer = new ParquetWriter({ writer: bytes, schema });
  writer.write({ columnData });
  tamper(writer);
  writer.finish();
  return bytes.getBytes();
}

async function errorOf(body: () => Promise<unknown>): Promise<LedgerError> {
  try {
    await body();
  } catch (error) {
    assert(error instanceof LedgerError, `${error}`);
    return error;
  }
  throw new Error("nothing was thrown");
}

for (const [what, [damage, code, said]] of Object.entries(CASES)) {
  Deno.test(`a file with ${what} is reported as what it is`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "bad.parquet");
    Deno.writeFileSync(path, damage(await goodBytes(folder.path)));
    const error = await errorOf(() => allRows(path));
    assertEquals(error.code, code);
    assertEquals(error.where?.path, path);
    assertStringIncludes(error.message, `cannot read ${path}`);
    assertStringIncludes(error.message, said);
    // What a library stumbled over is no fact of the file.
    assert(!/undefined|not a function|is not iterable/.test(error.message), error.message);
    assert(error.hint);
  });
}

Deno.test("a folder is no Parquet file, and a file that is not there is not found", async () => {
  using folder = tempFolder();
  assertEquals((await errorOf(() => allRows(folder.path))).code, "damaged");
  const absent = join(folder.path, "absent.parquet");
  assertEquals((await errorOf(() => allRows(absent))).code, "not_found");
});

Deno.test("a codec that this program cannot unpack is named, and the way out with it", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "brotli.parquet");
  await using database = await duckdbBeside(path);
  await database.run(`copy (select 1 as a) to '${path}' (format parquet, codec 'lz4_raw')`);
  const error = await errorOf(() => allRows(path));
  assertEquals(error.code, "invalid");
  assertStringIncludes(error.message, "LZ4_RAW; known are UNCOMPRESSED, SNAPPY, ZSTD, GZIP");
  assertStringIncludes(error.hint!, "DuckDB");
});

Deno.test("bytes that are no text in a column of text are damage", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "latin1.parquet");
  const name = "unmistakable";
  await write(path, { name: "utf8" }, [{ name }]);
  const bytes = Deno.readFileSync(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf(name);
  bytes[at] = 0xff;
  Deno.writeFileSync(path, bytes);
  const error = await errorOf(() => allRows(path));
  assertEquals(error.code, "damaged");
  assertStringIncludes(error.message, `column "name" does not decode`);
});

Deno.test("whichever bit of a small file is flipped, reading it comes to an end", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "flipped.parquet");
  await write(path, { price: "double?" }, [{ price: 1.5 }, { price: null }, { price: 2 }]);
  const good = Deno.readFileSync(path);
  const magic_bytes = 4;
  for (let bit = magic_bytes * 8; bit < 60 * 8; bit++) {
    const bad = good.slice();
    bad[bit >> 3] ^= 1 << (bit & 7);
    Deno.writeFileSync(path, bad);
    await allRows(path).catch((error) => assert(asLedgerError(error), `bit ${bit}: ${error}`));
  }
});

/** Some bytes made others, or a part of the file taken out. */
function harm(random: Random, good: Uint8Array): Uint8Array {
  if (random.chance(0.2)) {
    const start = random.below(good.length);
    const end = Math.min(good.length, start + 1 + random.below(200));
    return Uint8Array.of(...good.subarray(0, start), ...good.subarray(end));
  }
  const bad = good.slice();
  for (let flips = 1 + random.below(3); flips > 0; flips--) {
    bad[random.below(bad.length)] ^= 1 << random.below(8);
  }
  return bad;
}

Deno.test("whatever happens to a file, reading it ends with rows or with an error of ours", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const path = join(folder.path, "harmed.parquet");
    const ends = { rows: 0, errors: 0 };
    for (const codec of ["snappy", "zstd"] as const) {
      const good = await goodBytes(folder.path, codec);
      for (let round = 0; round < 300; round++) {
        Deno.writeFileSync(path, harm(random, good));
        try {
          const facts = parquetFacts(testWorld(), path);
          let rows = 0;
          for await (const batch of readParquet(testWorld(), path).batches()) rows += batch.length;
          assertEquals(rows, facts.rows);
          ends.rows++;
        } catch (error) {
          assert(asLedgerError(error), `round ${round}: ${error}`);
          ends.errors++;
        }
      }
    }
    assert(ends.errors > 100 && ends.rows > 0, Deno.inspect(ends));
  }));
