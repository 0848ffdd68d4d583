import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { readSealed } from "../../../src/log/format/seal_manifest.ts";
import { openLedger } from "../../../src/mod.ts";
import { linesOnDisk, tempFolder, writePart } from "../../harness.ts";
import { CASE_DAY, DIGEST, GOOD_LINE, SEALED_RECORD } from "../cases.ts";

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

Deno.test("a record of which a field is of another kind is damaged, and names the field", () => {
  using folder = tempFolder();
  const read = (record: unknown) => {
    recordOf(folder.path, JSON.stringify({ version: 1, parts: { "part-000001.jsonl": record } }));
    return readSealed(systemFiles(), folder.path, CASE_DAY);
  };
  assertEquals(Object.keys(read(SEALED_RECORD)), ["part-000001.jsonl"]);
  const wrong: [string, unknown][] = [
    ...Object.keys(SEALED_RECORD).map((field): [string, unknown] => [field, undefined]),
    ...[["bytes", -1], ["bytes", 1.5], ["events", "1"], ["blocks", "A"], ["blocks", "AA!="]],
    ...[["sha256", "x"], ["first_ms", "x"], ["flaws", {}], ["flaws", [null]]],
    ["compacted", null],
    ["compacted", { bytes: 1, sha256: DIGEST }],
  ] as [string, unknown][];
  for (const [field, value] of wrong) {
    const error = assertThrows(() => read({ ...SEALED_RECORD, [field]: value }), LedgerError);
    assertEquals(error.code, "damaged");
    assertStringIncludes(error.message, `${field} of part-000001.jsonl`);
  }
  for (const record of [null, 5, "x"]) assertThrows(() => read(record), LedgerError);
});

Deno.test("a damaged record of sealed parts is an error, not an empty one", () => {
  using folder = tempFolder();
  for (const text of ["", "{", '{"parts":{}}', '{"version":1,"parts":{"something":{}}}']) {
    const path = recordOf(folder.path, text);
    const error = assertThrows(() => readSealed(systemFiles(), folder.path, CASE_DAY), LedgerError);
    assertEquals([error.code, error.where?.path], ["damaged", path]);
  }
});

Deno.test("a record of sealed parts of a newer version is refused by name", () => {
  using folder = tempFolder();
  recordOf(folder.path, '{"version":2,"parts":{}}');
  const error = assertThrows(() => readSealed(systemFiles(), folder.path, CASE_DAY), LedgerError);
  assertEquals(error.code, "newer_format");
});

Deno.test("a sealed part takes no more lines, and its number is never given again", async () => {
  using folder = tempFolder();
  const part = writePart(folder.path, { day: CASE_DAY, number: 4, writer: "" }, [GOOD_LINE, "\n"]);
  const sealed = join(part, "..", "_sealed.json");
  const names = ["part-000004.jsonl", "part-000009.parquet", "part-000011.w.jsonl"];
  const parts = Object.fromEntries(names.map((name) => [name, SEALED_RECORD]));
  Deno.writeTextFileSync(sealed, JSON.stringify({ version: 1, parts }));
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
