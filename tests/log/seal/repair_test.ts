import { assert, assertEquals, assertMatch } from "@std/assert";
import { endOfLastLine } from "../../../src/base/files/lines.ts";
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { isInQuarantine, quarantine } from "../../../src/log/format/quarantine.ts";
import { openLedger } from "../../../src/mod.ts";
import { linesOnDisk, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE, LINE_CASES } from "../cases.ts";

const PART = { day: CASE_DAY, number: 1, writer: "" };
const encoder = new TextEncoder();

function quarantined(dir: string): Map<string, Uint8Array> {
  const folder = join(dir, "events", "_quarantine");
  try {
    return new Map(
      [...Deno.readDirSync(folder)].map((
        { name },
      ) => [name, Deno.readFileSync(join(folder, name))]),
    );
  } catch {
    return new Map();
  }
}

Deno.test("a torn tail is corrupted, found, repaired, appended to and read again", async () => {
  for (const tail of ["{", GOOD_LINE, "é".slice(0, 1), "\u0000".repeat(3_000_000), " "]) {
    using folder = tempFolder();
    writePart(folder.path, PART, [`${GOOD_LINE}\n`, tail]);
    await using ledger = await openLedger({ dir: folder.path });
    const found = await ledger.verify();
    assertEquals(found.findings.map(({ kind }) => kind), ["torn"]);
    assertEquals(quarantined(folder.path).size, 0);

    const repaired = await ledger.verify({ repair: true });
    assertEquals([repaired.findings, repaired.settled.length], [[], 1]);
    const offset = GOOD_LINE.length + 1;
    const name = `day=${CASE_DAY}.part-000001.at-${offset}.torn`;
    assertEquals([...quarantined(folder.path)], [[name, encoder.encode(tail)]]);
    assertEquals(repaired.settled[0].quarantined_as, join(folder.path, "events/_quarantine", name));

    assertEquals((await ledger.verify()).findings, []);
    assertEquals((await ledger.emitLine(GOOD_LINE)).offset, offset);
    assertEquals(linesOnDisk(folder.path), [GOOD_LINE, GOOD_LINE]);
  }
});

Deno.test("a part that is nothing but a torn tail becomes empty and is used again", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, ['{"event_id"']);
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.verify({ repair: true });
  assertEquals((await ledger.emitLine(GOOD_LINE)).offset, 0);
  assertEquals(quarantined(folder.path).size, 1);
});

Deno.test("corrupt lines are copied to quarantine byte for byte, and stay where they are", async () => {
  using folder = tempFolder();
  const corrupt = LINE_CASES.filter((line) => line.corrupt && line.bytes.length < 10_000);
  const path = writePart(
    folder.path,
    PART,
    corrupt.flatMap(({ bytes }) => [bytes, `\n${GOOD_LINE}\n`]),
  );
  const before = Deno.readFileSync(path);
  await using ledger = await openLedger({ dir: folder.path });
  const repaired = await ledger.verify({ repair: true });
  assertEquals([repaired.findings, repaired.settled.length], [[], corrupt.length]);
  assertEquals(Deno.readFileSync(path), before);
  for (const [index, { quarantined_as, offset }] of repaired.settled.entries()) {
    assertEquals(Deno.readFileSync(quarantined_as!), corrupt[index].bytes, corrupt[index].name);
    assertMatch(quarantined_as!, new RegExp(`at-${offset}\\.corrupt$`));
  }
  // What is in quarantine is settled: it is told, and wants nothing more.
  const later = await ledger.verify();
  assertEquals([later.findings, later.settled.length], [[], corrupt.length]);
  const again = await ledger.verify({ repair: true });
  assertEquals(again.settled.map((finding) => finding.quarantined_as), [
    ...repaired.settled.map((finding) => finding.quarantined_as),
  ]);
  assertEquals(quarantined(folder.path).size, corrupt.length);
});

Deno.test("another tear at the same place is kept beside the first", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  for (const tail of ["first", "second", "first"]) {
    writePart(folder.path, PART, [`${GOOD_LINE}\n`, tail]);
    await ledger.verify({ repair: true });
  }
  const kept = [...quarantined(folder.path).values()].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  assertEquals(kept.toSorted(), ["first", "second"]);
});

Deno.test("a torn part of a private writer is repaired under its own name", async () => {
  using folder = tempFolder();
  writePart(folder.path, { ...PART, writer: "w" }, [`${GOOD_LINE}\n`, "torn"]);
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.verify({ repair: true });
  assertEquals([...quarantined(folder.path).keys()], [
    `day=${CASE_DAY}.part-000001.w.at-${GOOD_LINE.length + 1}.torn`,
  ]);
});

Deno.test("quarantine leaves no temporary file, and knows what it holds", () => {
  using folder = tempFolder();
  const world = testWorld();
  const bytes = encoder.encode("bad line");
  assert(!isInQuarantine(world.files, folder.path, PART, 7, bytes));
  const path = quarantine(world, folder.path, PART, 7, "corrupt", bytes);
  assertEquals(quarantine(world, folder.path, PART, 7, "corrupt", bytes), path);
  const other = quarantine(world, folder.path, PART, 7, "corrupt", encoder.encode("other"));
  assertEquals(other, `${path}.2`);
  assert(isInQuarantine(world.files, folder.path, PART, 7, bytes));
  assert(isInQuarantine(world.files, folder.path, PART, 7, encoder.encode("other")));
  assert(!isInQuarantine(world.files, folder.path, PART, 8, bytes));
  assert(!isInQuarantine(world.files, folder.path, PART, 7, encoder.encode("bad lime")));
  assertEquals(quarantined(folder.path).size, 2);
});

Deno.test("endOfLastLine() finds the last newline, however far back it is", () => {
  using folder = tempFolder();
  const far = 3_000_000;
  const cases: [string, number][] = [
    ["", 0],
    ["no newline", 0],
    ["\n", 1],
    ["a\nb", 2],
    ["a\nb\n", 4],
    [`a\n${"x".repeat(far)}`, 2],
    ["x".repeat(far), 0],
    [`${"x".repeat(1_048_575)}\n${"y".repeat(1_048_576)}`, 1_048_576],
  ];
  for (const [text, expected] of cases) {
    const path = join(folder.path, "part");
    Deno.writeTextFileSync(path, text);
    const file = systemFiles().open(path, "read");
    assertEquals(endOfLastLine(file, text.length), expected);
    file.close();
  }
});
