import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { listDays, partsOfDay } from "../../../src/log/read/parts.ts";
import { LogCursor } from "../../../src/log/read/cursor.ts";
import { tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";

Deno.test("days are listed in order, and what is no day is not", () => {
  using folder = tempFolder();
  for (const name of ["day=2026-02-01", "day=2025-12-31", "day=2026-02-30", "_quarantine", "x"]) {
    Deno.mkdirSync(join(folder.path, "events", name), { recursive: true });
  }
  assertEquals(listDays(systemFiles(), folder.path), ["2025-12-31", "2026-02-01"]);
});

Deno.test("where there is no ledger, that is what is said", async () => {
  using folder = tempFolder();
  const error = assertThrows(() => listDays(systemFiles(), folder.path), LedgerError);
  assertEquals([error.code, error.message], ["not_found", `there is no ledger at ${folder.path}`]);
  await assertRejects(
    async () => await Array.fromAsync(new LogCursor(testWorld(), folder.path).pass()),
    LedgerError,
  );
});

Deno.test("parts come in log order with their sizes, of all writers", async () => {
  using folder = tempFolder();
  for (const [number, writer] of [[10, ""], [2, "b"], [2, ""], [1, "z"]] as const) {
    writePart(folder.path, { day: CASE_DAY, number, writer }, ["x".repeat(number)]);
  }
  const day = join(folder.path, "events", `day=${CASE_DAY}`);
  // Where a part still has its lines, they count.
  Deno.writeTextFileSync(join(day, "part-000010.parquet"), "PAR1");
  Deno.writeTextFileSync(join(day, "part-000004.jsonl.1-a.tmp"), "half");
  Deno.mkdirSync(join(day, "part-000005.jsonl"));
  const parts = await partsOfDay(systemFiles(), folder.path, CASE_DAY);
  assertEquals(parts.map(({ label, size_bytes }) => [label.split("/")[1], size_bytes]), [
    ["part-000001.z.jsonl", 1],
    ["part-000002.jsonl", 2],
    ["part-000002.b.jsonl", 2],
    ["part-000010.jsonl", 10],
  ]);
});

Deno.test("a reader takes a day's lock for a moment, shared with other readers", async () => {
  using folder = tempFolder();
  const part = writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [GOOD_LINE, "\n"]);
  using lock = Deno.openSync(join(part, "..", ".lock"), { write: true, read: true, create: true });
  lock.lockSync(false);
  const extents = await partsOfDay(systemFiles(), folder.path, CASE_DAY);
  assertEquals(extents.length, 1);
  lock.unlockSync();
  assertEquals(lock.tryLockSync(true), true);
});
