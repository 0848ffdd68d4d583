/** Compacted or not, a log reads the same; and its lines come back as they were. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { event_bytes_max, row_group_bytes_max } from "../../../src/base/limits.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { compactParts } from "../../../src/log/compact/compact.ts";
import { restoreDay } from "../../../src/log/compact/restore.ts";
import { openPart } from "../../../src/log/read/part_file.ts";
import { partsOfDay } from "../../../src/log/read/parts.ts";
import { followLog } from "../../../src/log/read/follow.ts";
import { LogCursor } from "../../../src/log/read/cursor.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { surveyLog } from "../../../src/log/read/survey.ts";
import { openLedger } from "../../../src/mod.ts";
import { memoryFolder, runIn, tempFolder, testWorld, writePart } from "../../harness.ts";
import { LineMaker } from "../../index/lines.ts";
import { LOG_DAYS, RandomLog } from "../../index/random_log.ts";
import { type Random, withSeed } from "../../laws/random.ts";
import { allRows } from "../../parquet/files.ts";
import { CASE_DAY, GOOD_LINE, LINE_CASES } from "../cases.ts";
import {
  chainLines,
  compactAll,
  editSealed,
  EVER,
  filesOfDays,
  laterWorld,
  linesOfDays,
  namesOfDay,
  recordsOf,
  sealedOf,
  told,
} from "../upkeep.ts";

const DAY = CASE_DAY;
const PART = { day: DAY, number: 1, writer: "" };
const PARQUET = `day=${DAY}/part-000001.parquet`;
const LINES = `day=${DAY}/part-000001.jsonl`;

async function restoreAll(dir: string): Promise<void> {
  for (const { name } of Deno.readDirSync(join(dir, "events"))) {
    if (name.startsWith("day=")) await restoreDay(laterWorld(), dir, name.slice(4));
  }
}

function errorOf(body: () => Promise<unknown>): Promise<LedgerError> {
  return assertRejects(body, LedgerError);
}

function randomLog(random: Random, dir: string): void {
  const log = new RandomLog(random, dir);
  for (let step = 0; step < 8; step++) log.step();
  const maker = new LineMaker(random, [Date.parse(`${LOG_DAYS[0]}T12:00:00Z`)]);
  writePart(
    dir,
    { day: LOG_DAYS[0], number: 30, writer: "" },
    random.times(60, () => `${maker.trial()}\n`),
  );
}

Deno.test("a random log reads the same before it is compacted, after, and restored", () =>
  withSeed(async (random) => {
    for (let round = 0; round < 12; round++) {
      using folder = memoryFolder();
      const dir = folder.path;
      randomLog(random, dir);
      if (round % 6 === 0) new RandomLog(random, dir).appendLong();
      await sealParts(laterWorld(), dir);
      const records = await recordsOf(dir);
      const lines = linesOfDays(dir);
      const world = laterWorld({ has_threads: round % 2 === 0 });
      const { compacted, left } = await compactAll(dir, { world });
      assertEquals(left, []);
      assert(compacted.length > 0);
      const still_lines = [...linesOfDays(dir).values()].filter(({ length }) => length > 0);
      assertEquals(still_lines, [], "lines that were left");
      assertEquals(await recordsOf(dir), records, "compacted");
      await restoreAll(dir);
      assertEquals(linesOfDays(dir), lines, "restored");
      assertEquals(await recordsOf(dir), records, "restored");
      assert([...filesOfDays(dir).keys()].every((name) => /(\.jsonl|_sealed\.json)$/.test(name)));
      const again = await compactAll(dir);
      assertEquals(again.compacted.map(({ part }) => part), compacted.map(({ part }) => part));
      assertEquals(await recordsOf(dir), records, "compacted again");
    }
  }));

Deno.test("every line of the table keeps its verdict and its place, in one part and in parts", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const newline = new Uint8Array([10]);
  const good = new TextEncoder().encode(`${GOOD_LINE}\n`);
  writePart(dir, PART, LINE_CASES.flatMap(({ bytes }) => [good, bytes, newline]));
  for (const [at, { bytes }] of LINE_CASES.entries()) {
    writePart(dir, { ...PART, number: at + 2 }, [good, bytes, newline, good]);
  }
  const records = await recordsOf(dir);
  await compactAll(dir);
  assertEquals(namesOfDay(dir, DAY).filter((name) => name.endsWith(".jsonl")), []);
  assertEquals(await recordsOf(dir), records);
});

Deno.test("from any line on, a cursor finds in a compacted part what it found in its lines", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    const dir = folder.path;
    const maker = new LineMaker(random, [Date.parse(`${DAY}T12:00:00Z`)]);
    writePart(dir, PART, random.times(40, () => [maker.line(), new Uint8Array([10])]).flat());
    const records = await recordsOf(dir);
    await compactAll(dir);
    for (const [nth, [, label, offset]] of records.entries()) {
      const cursor = new LogCursor(testWorld(), dir);
      cursor.positions.set(label as string, offset as number);
      const rest: unknown[] = [];
      for await (const record of cursor.pass()) rest.push(told(record));
      assertEquals(rest, records.slice(nth), `from byte ${offset}`);
    }
  }));

Deno.test("where lines end and begin is the same of a compacted part", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    const dir = folder.path;
    const maker = new LineMaker(random, [Date.parse(`${DAY}T12:00:00Z`)]);
    const lines = ["\n", ...random.times(20, () => `${maker.event()}\n`), "\n", "\n"];
    writePart(dir, PART, lines);
    using part = await openOnly(dir);
    await compactAll(dir);
    using compacted = await openOnly(dir);
    let end = 0;
    for (const line of lines) {
      const start = end;
      end += new TextEncoder().encode(line).length;
      assertEquals(part.startOfLineBefore(end), start);
      assertEquals(compacted.startOfLineBefore(end), start, `the line that ends at ${end}`);
      assertEquals(compacted.bytesBetween(start, end), part.bytesBetween(start, end));
    }
  }));

async function openOnly(dir: string) {
  const [extent] = await partsOfDay(systemFiles(), dir, DAY);
  return await openPart(testWorld(), extent);
}

Deno.test("a line too long for an event is packed too; one that is far too long keeps its part", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const long = (bytes: number) => new Uint8Array(bytes).fill(0x78);
  const newline = new Uint8Array([10]);
  writePart(dir, PART, [
    `${GOOD_LINE}\n`,
    long(event_bytes_max + 2_000_000),
    newline,
    `${GOOD_LINE}\n`,
  ]);
  const too_long = { ...PART, number: 2 };
  writePart(dir, too_long, [`${GOOD_LINE}\n`, long(row_group_bytes_max + 1), newline]);
  const records = await recordsOf(dir);
  const { compacted, left } = await compactAll(dir);
  assertEquals(compacted.map(({ part }) => part), [LINES]);
  assertEquals(left.map(({ part }) => part), [`day=${DAY}/part-000002.jsonl`]);
  assertStringIncludes(
    left[0].reason,
    `the line at byte 88 is ${row_group_bytes_max + 1} bytes long`,
  );
  assertEquals(await recordsOf(dir), records);
});

Deno.test("more corrupt lines than were noted are found, and kept as they are", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [
    ...Array.from({ length: 1_500 }, (_, n) => `{"bad":${n},"bad":1}\n`),
    `${GOOD_LINE}\n`,
  ]);
  const records = await recordsOf(dir);
  await compactAll(dir);
  assertEquals(await recordsOf(dir), records);
  assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.parquet"]);
});

Deno.test("a corrupt line is no trial, whatever the day's record says of it by now", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const trial = `{"event_id":"e1","event_type":"trial.recorded","timestamp_ms":1769174319945,` +
    `"run_id":"r","trial_id":"t","params":{},"metrics":{}`;
  writePart(dir, PART, [`${trial}}\n`, `${trial},"a":1,"a":2}\n`, "no JSON\n"]);
  const records = await recordsOf(dir);
  await sealParts(laterWorld(), dir);
  editSealed(dir, DAY, (parts) => parts["part-000001.jsonl"].flaws = []);
  await compactAll(dir);
  assertEquals(await recordsOf(dir), records);
  const rows = await allRows(join(dir, "events", PARQUET));
  assertEquals(rows.map(({ is_trial }) => is_trial), [true, false, false]);
});

Deno.test("lines that are kept stand beside their Parquet file, and go when they need not be kept", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  const records = await recordsOf(dir);
  assertEquals((await compactAll(dir, { keep_jsonl: true })).compacted.length, 1);
  assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.jsonl", "part-000001.parquet"]);
  const files = filesOfDays(dir);
  assertEquals((await compactAll(dir, { keep_jsonl: true })).compacted, []);
  assertEquals(filesOfDays(dir), files);
  assertEquals(await recordsOf(dir), records);
  assertEquals((await compactAll(dir)).compacted.length, 1);
  assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.parquet"]);
  assertEquals((await compactAll(dir)).compacted, []);
  assertEquals(await recordsOf(dir), records);
});

Deno.test("kept lines are what restore leaves, and it takes nothing on trust", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const path = writePart(dir, PART, [`${GOOD_LINE}\n`]);
  await compactAll(dir, { keep_jsonl: true });
  const good = Deno.readFileSync(path);
  const bad = good.slice();
  bad[50] ^= 1;
  Deno.writeFileSync(path, bad);
  const error = await errorOf(() => restoreDay(laterWorld(), dir, DAY));
  assertEquals([error.code, error.where], ["damaged", { path, offset: 0 }]);
  assert(filesOfDays(dir).has(PARQUET), "the only whole copy of the lines is gone");
  // Nor does compacting remove lines that are not in the Parquet file.
  const refused = await errorOf(() => compactAll(dir));
  assertEquals([refused.code, refused.where], ["damaged", { path, offset: 0 }]);
  assertEquals(filesOfDays(dir).get(LINES), bad);
  // As the hint says: moved away, the lines come back.
  Deno.renameSync(path, join(folder.path, "bad.jsonl"));
  await restoreDay(laterWorld(), dir, DAY);
  assertEquals(filesOfDays(dir).get(LINES), good);
  assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.jsonl"]);
});

Deno.test("a Parquet file of an unknown part is not removed", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  await compactAll(dir, { keep_jsonl: true });
  editSealed(dir, DAY, (parts) => delete parts["part-000001.jsonl"]);
  const error = await errorOf(() => restoreDay(laterWorld(), dir, DAY));
  assertEquals(error.code, "damaged");
  assert(filesOfDays(dir).has(PARQUET));
});

function withMore(good: Uint8Array, text: string): Uint8Array {
  const more = new TextEncoder().encode(text);
  const bytes = new Uint8Array(good.length + more.length);
  bytes.set(good);
  bytes.set(more, good.length);
  return bytes;
}

/** What was done to a part since it was sealed, and the byte that is named. */
const CHANGES: Record<string, [change: (good: Uint8Array) => Uint8Array, offset: number]> = {
  "a flipped bit": [(good) => good.map((byte, at) => at === 100_000 ? byte ^ 1 : byte), 65_536],
  "a line appended": [(good) => withMore(good, "{}\n"), 176_000],
  "its end cut off": [(good) => good.subarray(0, 131_080), 131_080],
  "a newline put into a line": [(good) => good.map((byte, at) => at === 7 ? 10 : byte), 0],
};

for (const [what, [change, offset]] of Object.entries(CHANGES)) {
  Deno.test(`a sealed part with ${what} is not compacted, and named with the place`, async () => {
    using folder = memoryFolder();
    const dir = folder.path;
    const path = writePart(dir, PART, [`${GOOD_LINE}\n`.repeat(2_000)]);
    assertEquals(GOOD_LINE.length + 1, 88);
    await sealParts(laterWorld(), dir);
    const bad = change(Deno.readFileSync(path));
    Deno.writeFileSync(path, bad);
    const error = await errorOf(() => compactAll(dir));
    assertEquals([error.code, error.where], ["damaged", { path, offset }], error.message);
    assertStringIncludes(error.message, `cannot compact ${LINES}: it is not as it was sealed`);
    assertEquals(Deno.readFileSync(path), bad);
    assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.jsonl"]);
  });
}

Deno.test("a compacted part that was changed gives no lines, and no restore", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    const dir = folder.path;
    writePart(dir, PART, [`${GOOD_LINE}\n`.repeat(50)]);
    await compactAll(dir);
    const path = join(dir, "events", PARQUET);
    const good = Deno.readFileSync(path);
    for (let round = 0; round < 60; round++) {
      const bad = random.chance(0.3) ? good.slice(0, random.below(good.length)) : good.slice();
      if (bad.length === good.length) bad[random.below(bad.length)] ^= 1 << random.below(8);
      Deno.writeFileSync(path, bad);
      for (const body of [() => recordsOf(dir), () => restoreDay(laterWorld(), dir, DAY)]) {
        const error = await errorOf(body);
        assertEquals([error.code, error.where?.path], ["damaged", path]);
      }
      assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.parquet"]);
    }
    Deno.writeFileSync(path, good);
    await restoreDay(laterWorld(), dir, DAY);
    assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.jsonl"]);
  }));

Deno.test("days from the limit on keep their lines, and what is not sealed says why", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  for (const day of ["2026-01-22", DAY]) writePart(dir, { ...PART, day }, [`${GOOD_LINE}\n`]);
  writePart(dir, { ...PART, day: "2026-01-22", number: 2 }, []);
  const world = testWorld({ now_ms: () => Date.parse("2026-01-23T12:00:00Z") });
  const first = await compactParts(world, dir, { before_day: DAY, all: true });
  assertEquals([first.compacted.map(({ part }) => part), first.left], [
    ["day=2026-01-22/part-000001.jsonl"],
    [],
  ]);
  assertEquals(sealedOf(dir, DAY), {});
  const second = await compactParts(world, dir, { before_day: EVER, all: true });
  assertEquals(second.compacted, []);
  assertEquals(second.left.map(({ part }) => part), [LINES]);
  assertStringIncludes(second.left[0].reason, "its day is not over");
});

Deno.test("a part that was sealed and is gone is told, and the others are compacted", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const other = { ...PART, number: 2 };
  for (const part of [PART, other]) writePart(dir, part, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  Deno.removeSync(join(dir, "events", `day=${DAY}`, "part-000001.jsonl"));
  const { compacted, left } = await compactAll(dir);
  assertEquals(compacted.map(({ part }) => part), [`day=${DAY}/part-000002.jsonl`]);
  assertEquals(left, [{
    part: `day=${DAY}/part-000001.jsonl`,
    reason: "it was sealed, and is gone: ledger verify",
  }]);
});

Deno.test("a late event for a compacted day opens a new part, which is compacted the next time", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  await compactAll(dir);
  await using ledger = await openLedger({ dir });
  assertEquals((await ledger.emitLine(GOOD_LINE)).part, `day=${DAY}/part-000002.jsonl`);
  assertEquals((await compactAll(dir)).compacted.length, 1);
  assertEquals((await recordsOf(dir)).map(([, label, offset]) => [label, offset]), [
    [LINES, 0],
    [`day=${DAY}/part-000002.jsonl`, 0],
  ]);
  // Two parts, behind the registry.
  assertEquals(chainLines(dir).length, 3);
});

/** A world where something happens right before the n-th operation of a kind on a name. */
function interruptedWorld(
  interrupts: (operation: string, path: string) => boolean,
  body: () => void,
) {
  let is_done = false;
  const files = systemFiles((operation, path) => {
    if (is_done || !interrupts(operation, path)) return;
    is_done = true;
    body();
  });
  return { world: laterWorld({ files }), happened: () => is_done };
}

/** A ledger of one part, as lines and as compacted, and how to change at once between the two. */
async function twoForms(dir: string) {
  writePart(dir, PART, [`${GOOD_LINE}\n`.repeat(3)]);
  const unsealed = filesOfDays(dir);
  await sealParts(laterWorld(), dir);
  const lines = filesOfDays(dir);
  await compactAll(dir);
  const compacted = filesOfDays(dir);
  const put = (files: Map<string, Uint8Array>) => {
    for (const [name, bytes] of files) Deno.writeFileSync(join(dir, "events", name), bytes);
    for (const name of filesOfDays(dir).keys()) {
      if (!files.has(name)) Deno.removeSync(join(dir, "events", name));
    }
  };
  return { unsealed, lines, compacted, put };
}

Deno.test("whenever a part is compacted or restored under a reader, it misses nothing", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const { unsealed, lines, compacted, put } = await twoForms(dir);
  const records = await recordsOf(dir);
  assertEquals(records.length, 3);
  for (const [before, after] of [[lines, compacted], [compacted, lines], [unsealed, compacted]]) {
    let times = 0;
    put(before);
    // Before the first operation, the second, and so on, until there is none left.
    for (let nth = 1;; nth++) {
      put(before);
      let operations = 0;
      const { world, happened } = interruptedWorld(() => ++operations === nth, () => put(after));
      const found: unknown[] = [];
      for await (const record of new LogCursor(world, dir).pass()) found.push(told(record));
      assertEquals(found, records, `before operation ${nth}`);
      if (!happened()) break;
      times++;
    }
    assert(times > 3, `${times} operations`);
    for (let nth = 1;; nth++) {
      put(before);
      let operations = 0;
      const { world, happened } = interruptedWorld(() => ++operations === nth, () => put(after));
      const { events, newest, torn } = await surveyLog(world, dir);
      assertEquals([events, newest?.event_id, torn], [3, "e1", []], `before operation ${nth}`);
      if (!happened()) break;
    }
  }
});

Deno.test("following a log, one sees each event once, over compaction and restoring", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  const world = laterWorld();
  const stop = new AbortController();
  const seen: string[] = [];
  let next = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const record of followLog(world, dir, new LogCursor(world, dir), stop.signal)) {
      seen.push(record.kind === "event" ? record.event.event_id : record.kind);
      next.resolve();
    }
  })();
  const emit = async (event_id: string) => {
    next = Promise.withResolvers();
    await using ledger = await openLedger({ dir });
    await ledger.emitLine(GOOD_LINE.replace('"e1"', `"${event_id}"`));
    await next.promise;
  };
  await next.promise;
  await compactAll(dir);
  await emit("e2");
  await compactAll(dir);
  await restoreDay(world, dir, DAY);
  await emit("e3");
  stop.abort();
  await following;
  assertEquals(seen, ["e1", "e2", "e3"]);
});

Deno.test("small parts stay lines unless all are to be compacted, and a dry run changes nothing", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const small = { ...PART, day: "2026-01-22" };
  writePart(dir, PART, [`${GOOD_LINE}\n`.repeat(200)]);
  writePart(dir, small, [`${GOOD_LINE}\n`.repeat(4)]);
  const later = { now_ms: () => Date.parse("2026-03-01T00:00:00Z") };
  const compact = async (...args: string[]) => {
    const { code, stdout, stderr } = await runIn(
      dir,
      ["compact", "--before", "30d", ...args],
      later,
    );
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const files = filesOfDays(dir);
  const left =
    "1 part with 352 B left as lines: of less than 10 kB each; --all compacts them too\n";
  const plan = `${LINES}  18 kB\n${left}1 part to be turned into Parquet: 18 kB\n`;
  assertEquals(await compact("--dry-run"), plan);
  assertEquals(JSON.parse(await compact("--dry-run", "--all", "--json")), {
    due: [
      { part: "day=2026-01-22/part-000001.jsonl", bytes: 352 },
      { part: LINES, bytes: 17_600 },
    ],
    left: [],
  });
  assertEquals(filesOfDays(dir), files);
  const done = await compact();
  assertStringIncludes(done, `${LINES}  200 events, 18 kB -> `);
  assertStringIncludes(done, left);
  assertEquals(namesOfDay(dir, small.day), ["_sealed.json", "part-000001.jsonl"]);
  assertEquals(namesOfDay(dir, DAY), ["_sealed.json", "part-000001.parquet"]);
  assertEquals(await compact("--dry-run"), left);
  assertStringIncludes(await compact("--all"), "day=2026-01-22/part-000001.jsonl  4 events, 352 B");
  assertEquals(namesOfDay(dir, small.day), ["_sealed.json", "part-000001.parquet"]);
});

Deno.test("the commands tell what they did, and what they need to know", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`.repeat(120)]);
  const later = { now_ms: () => Date.parse("2026-03-01T00:00:00Z") };
  const asked = await runIn(dir, ["compact"], later);
  assertEquals([asked.code, asked.stdout], [2, ""]);
  const nothing = await runIn(dir, ["compact", "--before", "2026-01-23"], later);
  assertEquals([nothing.code, nothing.stdout], [0, ""]);
  assertStringIncludes(nothing.stderr, "no part before 2026-01-23 is left to compact");
  const done = await runIn(dir, ["compact", "--before", "30d"], later);
  assertEquals(done.code, 0, done.stderr);
  assertStringIncludes(done.stdout, `${LINES}  120 events, 11 kB -> `);
  assertStringIncludes(done.stdout, "1 part compacted");
  const log = await runIn(dir, ["log"]);
  assertEquals(log.stdout, `${GOOD_LINE}\n`.repeat(120));
  const absent = await runIn(dir, ["restore", "2026-01-01"]);
  assertEquals(absent.code, 1);
  assertStringIncludes(absent.stderr, "the log has no such day");
  assertEquals((await runIn(dir, ["restore", "yesterday"])).code, 2);
  const restored = await runIn(dir, ["restore", DAY]);
  assertEquals(restored.code, 0, restored.stderr);
  assertStringIncludes(restored.stdout, `${LINES}  11 kB, as it was sealed`);
  assertStringIncludes(
    (await runIn(dir, ["restore", DAY])).stderr,
    "no part of 2026-01-23 is compacted",
  );
});
