import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files.ts";
import { readSealed } from "../../src/log/sealed.ts";
import { openLedger } from "../../src/mod.ts";
import { linesOnDisk, tempFolder, writePart } from "../harness.ts";
import { CASE_DAY, GOOD_LINE } from "./cases.ts";

function recordOf(dir: string, text: string): string {
  const folder = join(dir, "events", `day=${CASE_DAY}`);
  Deno.mkdirSync(folder, { recursive: true });
  const path = join(folder, "_sealed.json");
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("no record of sealed parts means that none is sealed", () => {
  using folder = tempFolder();
  assertEquals(readSealed(systemFiles(), folder.path, CASE_DAY), {});
});

Deno.test("a damaged record of sealed parts is an error, not an empty one", () => {
  using folder = tempFolder();
  for (const text of ["", "{", '{"parts":{"something":{}}}']) {
    const path = recordOf(folder.path, text);
    const error = assertThrows(() => readSealed(systemFiles(), folder.path, CASE_DAY), LedgerError);
    assertEquals([error.code, error.where?.path], ["damaged", path]);
  }
});

Deno.test("a sealed part takes no more lines, and its number is never given again", async () => {
  using folder = tempFolder();
  const part = writePart(folder.path, { day: CASE_DAY, number: 4, writer: "" }, [GOOD_LINE, "\n"]);
  const sealed = join(part, "..", "_sealed.json");
  Deno.writeTextFileSync(
    sealed,
    '{"parts":{"part-000004.jsonl":{},"part-000009.parquet":{},"part-000011.w.jsonl":{}}}',
  );
  await using ledger = await openLedger({ dir: folder.path });
  const { part: landed } = await ledger.emitLine(GOOD_LINE);
  assertEquals(landed, `day=${CASE_DAY}/part-000012.jsonl`);
  assertEquals(linesOnDisk(folder.path), [GOOD_LINE, GOOD_LINE]);
});

Deno.test("a part that was compacted to Parquet is not appended to", async () => {
  using folder = tempFolder();
  const part = writePart(folder.path, { day: CASE_DAY, number: 2, writer: "" }, [GOOD_LINE, "\n"]);
  Deno.writeTextFileSync(part.replace(".jsonl", ".parquet"), "PAR1");
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals((await ledger.emitLine(GOOD_LINE)).part, `day=${CASE_DAY}/part-000003.jsonl`);
});
