/** What is not written: wrong columns, values that would come back as others, and half a file. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { type Row, writeParquet } from "../../src/parquet/mod.ts";
import { failingFiles, systemError, tempFolder, testWorld } from "../harness.ts";
import { allRows, columnsOf, namesIn, write } from "./files.ts";

const OLD = [{ old: "content" }];

async function refusal(body: Promise<unknown>): Promise<LedgerError> {
  try {
    await body;
  } catch (error) {
    assert(error instanceof LedgerError, `${error}`);
    return error;
  }
  throw new Error("it was written");
}

/** A type, a value that it cannot hold, and what is said about it. */
const BAD_VALUES: readonly [type: string, value: unknown, said: string][] = [
  ["int64", 1.5, "is 1.5; it has to be a whole number"],
  ["int64", 2 ** 53, "is 9007199254740992; it has to be a whole number of 64 bits (past 2^53 as"],
  ["int64", 2n ** 63n, "is 9223372036854775808n; it"],
  ["int64", -(2n ** 63n) - 1n, "is -9223372036854775809n; it"],
  ["int64", NaN, "is NaN; it"],
  ["int64", "1", `is "1"; it`],
  ["int64", true, "is true; it"],
  ["int64", null, "is null; it"],
  ["int64", undefined, "is missing; it"],
  ["double", 1n, "is 1n; it has to be a number"],
  ["double", "1.5", `is "1.5"; it`],
  ["double?", new Date(0), "it has to be a number, or null"],
  ["boolean", 1, "is 1; it has to be true or false"],
  ["boolean?", "true", `is "true"; it has to be true or false, or null`],
  ["utf8", 1, "is 1; it has to be text"],
  ["utf8", "\uD83D", "it has to be text without half characters"],
  ["utf8", { a: 1 }, `is {"a":1}; it`],
];

for (const [type, value, said] of BAD_VALUES) {
  Deno.test(`${Deno.inspect(value)} in a column of ${type} is refused, by row and column`, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "x.parquet");
    await write(path, { old: "utf8" }, OLD);
    const good = { int64: 1, double: 0.5, boolean: true, utf8: "x" }[type.replace("?", "")];
    const rows: Row[] = [{ "the column": good }, { "the column": good }, { "the column": value }];
    for (const row_group_rows of [1, 2, 100]) {
      const error = await refusal(write(path, { "the column": type }, rows, { row_group_rows }));
      assertEquals(error.code, "invalid");
      assertStringIncludes(error.message, `column "the column" of row 3`);
      assertStringIncludes(error.message, said);
      assertEquals([await allRows(path), namesIn(folder.path)], [OLD, ["x.parquet"]]);
    }
  });
}

Deno.test("the row that is named is counted through all batches", async () => {
  using folder = tempFolder();
  const columns = columnsOf({ a: "int64", b: "utf8" });
  for (const bad of [{ a: 1.5, b: "" }, { a: 1, b: null }]) {
    const batches = [[{ a: 1, b: "" }, { a: 1, b: "" }], [{ a: 1, b: "" }, bad]];
    const path = join(folder.path, "x.parquet");
    const error = await refusal(writeParquet(testWorld(), path, columns, batches));
    assertStringIncludes(error.message, "of row 4 is");
  }
});

Deno.test("a file is synced before it gets its name, and its folder after that", async () => {
  using folder = tempFolder();
  const operations: string[] = [];
  const files = systemFiles((operation) => void operations.push(operation));
  const path = join(folder.path, "x.parquet");
  await writeParquet(testWorld({ files }), path, columnsOf({ a: "int64" }), [[{ a: 1 }]]);
  assertEquals(operations, ["create", "write", "write", "sync", "rename", "sync folder"]);
});

Deno.test("columns that a file cannot have are refused before anything is touched", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "x.parquet");
  const { files, count } = failingFiles(0, () => new Error());
  const cases = [
    [[], "it would have no columns"],
    [["a", "b", "a"], `two columns are named "a"`],
    [[""], `"" cannot be the name of a column`],
    [["\uDC00"], "cannot be the name of a column"],
  ] as const;
  for (const [names, said] of cases) {
    const columns = names.map((name) => ({ name, type: "int64" as const, nullable: true }));
    const error = await refusal(writeParquet(testWorld({ files }), path, columns, [[]]));
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, said);
  }
  assertEquals(count(), 0);
});

Deno.test("a value is never taken from an object's prototype", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "x.parquet");
  await write(path, { constructor: "utf8?", a: "int64" }, [{ a: 1 }]);
  assertEquals(await allRows(path), [{ constructor: null, a: 1 }] as unknown as Row[]);
});

Deno.test("when rows stop coming with an error, the caller gets it and nothing is changed", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "x.parquet");
  await write(path, { old: "utf8" }, OLD);
  const stop = new LedgerError({ code: "invalid", message: "row 5 is wrong" });
  function* rows() {
    yield [{ a: 1 }, { a: 2 }];
    yield [{ a: 3 }, { a: 4 }];
    throw stop;
  }
  const written = writeParquet(testWorld(), path, columnsOf({ a: "int64" }), rows(), {
    row_group_rows: 2,
  });
  assertEquals(await refusal(written), stop);
  assertEquals([await allRows(path), namesIn(folder.path)], [OLD, ["x.parquet"]]);
});

const NEW: Row[] = Array.from({ length: 25 }, (_, at) => ({ at }));

for (const there of [true, false]) {
  const state = there ? "a file in place" : "no file in place";
  Deno.test(`with ${state}, whichever file operation fails, nothing changes and nothing is left`, async () => {
    for (let k = 1;; k++) {
      using folder = tempFolder();
      const path = join(folder.path, "x.parquet");
      if (there) await write(path, { old: "utf8" }, OLD);
      const { files, failed } = failingFiles(k, () => systemError("EIO", "input/output error"));
      const columns = columnsOf({ at: "int64" });
      const writing = writeParquet(testWorld({ files }), path, columns, [NEW], {
        row_group_rows: 10,
      });
      if (await writing.then(() => true, () => false)) {
        assertEquals(failed(), undefined);
        assert(k > 7, "creating, four writes, two syncs and the renaming can fail");
        return;
      }
      const error = await refusal(writing);
      assertStringIncludes(error.message, "input/output error");
      // The last step: the file is whole under its name, and the error says what is not certain.
      const is_renamed = failed()!.startsWith("sync folder");
      const expected = is_renamed ? NEW : there ? OLD : undefined;
      if (expected) assertEquals(await allRows(path), expected, failed());
      assertEquals(namesIn(folder.path), expected ? ["x.parquet"] : [], failed());
    }
  });
}

Deno.test("a disk that fills up in the middle leaves what was there", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "x.parquet");
  await write(path, { old: "utf8" }, OLD);
  let room = 150;
  const files = systemFiles((operation) => {
    if (operation !== "write") return;
    const taken = Math.min(room, 60);
    room -= taken;
    return taken;
  });
  const columns = columnsOf({ at: "int64" });
  const error = await refusal(writeParquet(testWorld({ files }), path, columns, [NEW]));
  assertEquals(error.code, "disk_full");
  assertEquals([await allRows(path), namesIn(folder.path)], [OLD, ["x.parquet"]]);
});
