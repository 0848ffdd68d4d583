import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { openLedger } from "../../../src/mod.ts";
import { linesOnDisk, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";

const PART = { day: CASE_DAY, number: 1, writer: "" };

function kinds(findings: readonly { kind: string }[]): string[] {
  return findings.map(({ kind }) => kind);
}

Deno.test("a whole log has no findings, and everything in it is counted", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.emitMany(Array.from({ length: 20 }, (_, n) => ({
    event_type: "run.started",
    run_id: `r${n}`,
    timestamp_ms: 1_769_174_319_945 + n * 86_400_000,
  })));
  const days: string[] = [];
  const report = await ledger.verify({ deep: true, onDay: (day) => days.push(day) });
  const { bytes, ...counts } = report;
  assertEquals(bytes, ledger.counters.bytes);
  assertEquals(counts, {
    days: 20,
    parts: 20,
    events: 20,
    proven: { parts: 0, bytes: 0 },
    duplicates: 0,
    unknown_type_events: 0,
    notes: [],
    findings: [],
    settled: [],
  });
  assertEquals([days.length, days[0]], [20, CASE_DAY]);
});

Deno.test("only --deep asks for fields and days; neither is damage", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, [
    `${GOOD_LINE}\n`,
    `${GOOD_LINE.replace('"r1"', '"a/b"')}\n`,
    `${GOOD_LINE.replace("1769174319945", "1769300000000")}\n`,
    `${GOOD_LINE.replace('"r1"', "5").replace("1769174319945", "0")}\n`,
  ]);
  await using ledger = await openLedger({ dir: folder.path });
  const shallow = await ledger.verify();
  assertEquals([shallow.findings, shallow.events, shallow.duplicates], [[], 4, undefined]);
  const { findings } = await ledger.verify({ deep: true, repair: true });
  assertEquals(kinds(findings), ["wrong_fields", "wrong_day", "wrong_fields", "wrong_day"]);
  assertMatch(findings[0].reason, /not the fields of run\.started/);
  assertMatch(findings[1].reason, /its time is of 2026-01-25/);
  assertEquals(findings[0].offset, GOOD_LINE.length + 1);
  assertEquals([...Deno.readDirSync(join(folder.path, "events"))].map(({ name }) => name), [
    `day=${CASE_DAY}`,
  ]);
});

Deno.test("--deep counts every event whose id was there before", async () => {
  using folder = tempFolder();
  const line = (id: string) => `${GOOD_LINE.replace('"e1"', `"${id}"`)}\n`;
  const many = Array.from({ length: 3_000 }, (_, n) => line(`id-${n}`));
  writePart(folder.path, PART, [...many, line("id-5"), line("id-5")]);
  writePart(folder.path, { ...PART, number: 2 }, [line("id-2999"), line("id-é"), line("id-ê")]);
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals((await ledger.verify({ deep: true })).duplicates, 3);
});

Deno.test("--deep judges events of registered types as their present version", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.registerType("a.b", { required: ["x"] });
  await ledger.emit({ event_type: "a.b", x: 1 });
  await ledger.migrateType("a.b", [{ rename: "x", to: "y" }]);
  await ledger.emit({ event_type: "a.b", y: 1 });
  assertEquals((await ledger.verify({ deep: true })).findings, []);
  const [part] = [...Deno.readDirSync(join(folder.path, "events"))].filter(({ name }) =>
    name.startsWith("day=")
  );
  Deno.writeTextFileSync(
    join(folder.path, "events", part.name, "part-000001.jsonl"),
    '{"event_id":"w","event_type":"a.b","timestamp_ms":1,"z":1}\n',
    { append: true },
  );
  const { findings } = await ledger.verify({ deep: true });
  assertEquals(kinds(findings), ["wrong_day", "wrong_fields"]);
  assertMatch(findings[1].reason, /not as a\.b is registered: y is missing/);
});

Deno.test("events of unknown types are counted, and are no findings", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, [`${GOOD_LINE.replace("run.started", "test.event")}\n`]);
  await using ledger = await openLedger({ dir: folder.path });
  const report = await ledger.verify({ deep: true });
  assertEquals([report.findings, report.unknown_type_events, report.events], [[], 1, 1]);
});

Deno.test("what repair took away is settled, and what it cannot mend is still found", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, [`${GOOD_LINE}\n`, "bad\n", `${GOOD_LINE}\n`, "{torn"]);
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals(kinds((await ledger.verify()).findings), ["corrupt", "torn"]);
  const repaired = await ledger.verify({ repair: true });
  assertEquals([kinds(repaired.findings), kinds(repaired.settled)], [[], ["corrupt", "torn"]]);
  const after = await ledger.verify();
  assertEquals([kinds(after.findings), kinds(after.settled)], [[], ["corrupt"]]);
  assertEquals(after.events, 2);
});

Deno.test("a torn tail that a writer repaired meanwhile is no reason to cut again", async () => {
  using folder = tempFolder();
  const path = writePart(folder.path, PART, [`${GOOD_LINE}\n`, "{torn"]);
  // Another writer comes between the reading and the repair: just before repair takes the lock.
  const files = systemFiles((operation, at) => {
    if (operation !== "lock" || !at.endsWith(".lock")) return;
    Deno.truncateSync(path, GOOD_LINE.length + 1);
    Deno.writeTextFileSync(path, `${GOOD_LINE}\n`, { append: true });
  });
  await using ledger = await openLedger({ dir: folder.path, world: testWorld({ files }) });
  const report = await ledger.verify({ repair: true });
  assertEquals(report.settled.map(({ quarantined_as }) => quarantined_as), [
    "repaired by a writer meanwhile",
  ]);
  assertEquals(linesOnDisk(folder.path), [GOOD_LINE, GOOD_LINE]);
});

Deno.test("a part under a wrong name is told, since nothing reads it", async () => {
  using folder = tempFolder();
  const path = writePart(folder.path, PART, [`${GOOD_LINE}\n`]);
  const day = join(path, "..");
  for (const name of [".lock", "_sealed.json"]) {
    Deno.writeTextFileSync(join(day, name), '{"version":1,"parts":{}}');
  }
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals((await ledger.verify()).findings, []);
  Deno.writeTextFileSync(join(day, "part-1.jsonl"), `${GOOD_LINE}\n`);
  Deno.mkdirSync(join(folder.path, "events", "day=2026-02-30"));
  const { findings, events } = await ledger.verify();
  assertEquals(findings.map(({ kind, part }) => [kind, part]), [
    ["not_a_part", `day=${CASE_DAY}/part-1.jsonl`],
    ["not_a_part", "day=2026-02-30"],
  ]);
  assertEquals(events, 1);
});
