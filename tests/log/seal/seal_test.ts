/** What is sealed stays as it is, in its place in the chain; and writers notice nothing. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { readChain } from "../../../src/log/format/chain.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { verifyLog } from "../../../src/log/seal/verify.ts";
import { readRegistry } from "../../../src/log/event/registry.ts";
import { openLedger } from "../../../src/mod.ts";
import { assertEachOnce, idsOnDisk, startWriter } from "../../crash/kills/crash.ts";
import {
  linesOnDisk,
  runIn,
  systemError,
  tempFolder,
  testWorld,
  writePart,
} from "../../harness.ts";
import { chainLines, laterWorld, namesOfDay, sealedOf } from "../upkeep.ts";

const DAY = "2026-01-23";
const MIDNIGHT_MS = Date.parse("2026-01-24T00:00:00Z");
const NOON_MS = MIDNIGHT_MS - 43_200_000;
const HOUR_MS = 3_600_000;

function event(event_id: string, timestamp_ms = NOON_MS) {
  return { event_type: "run.started", event_id, run_id: "r", timestamp_ms };
}

function line(event_id: string, timestamp_ms = NOON_MS): string {
  return JSON.stringify(event(event_id, timestamp_ms)) + "\n";
}

function at(now_ms: number) {
  return testWorld({ now_ms: () => now_ms });
}

const PART = { day: DAY, number: 1, writer: "" };

async function findingsOf(dir: string): Promise<string[]> {
  const world = laterWorld();
  const { findings } = await verifyLog(world, dir, readRegistry(world, dir), { deep: true });
  return findings.map(({ kind, part, offset, reason }) => `${kind} ${part}@${offset}: ${reason}`);
}

function errorOf(body: () => Promise<unknown>): Promise<LedgerError> {
  return assertRejects(body, LedgerError);
}

Deno.test("a day is sealed once it is over by the grace, and not before", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [line("a"), line("b")]);
  assertEquals(await sealParts(at(MIDNIGHT_MS - 1), dir), []);
  assertEquals(await sealParts(at(MIDNIGHT_MS + HOUR_MS - 1), dir), []);
  const [sealed, ...more] = await sealParts(at(MIDNIGHT_MS + HOUR_MS), dir);
  assertEquals([sealed.part, sealed.events, more], [`day=${DAY}/part-000001.jsonl`, 2, []]);
  assertEquals(await sealParts(at(MIDNIGHT_MS + HOUR_MS), dir), []);
  using other = tempFolder();
  writePart(other.path, PART, [line("a")]);
  assertEquals((await sealParts(at(MIDNIGHT_MS), other.path, { grace_ms: 0 })).length, 1);
});

Deno.test("days to come, and days from a limit on, are left alone", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  for (const day of ["2026-01-22", DAY, "2026-01-24", "9999-12-31"]) {
    writePart(dir, { ...PART, day }, [line("a")]);
  }
  const now = at(MIDNIGHT_MS + 2 * HOUR_MS);
  const parts = (await sealParts(now, dir, { before_day: DAY })).map(({ part }) => part);
  assertEquals(parts, ["day=2026-01-22/part-000001.jsonl"]);
  const more = (await sealParts(now, dir)).map(({ part }) => part);
  assertEquals(more, [`day=${DAY}/part-000001.jsonl`]);
});

Deno.test("a part that has rotated is sealed while its day goes on, of each writer its own", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const world = at(NOON_MS);
  for (const [turn, writer] of [undefined, "w", undefined].entries()) {
    await using ledger = await openLedger({ dir, world, writer, part_bytes_max: 300 });
    for (let n = 0; n < 9; n++) {
      await ledger.emit(event(`${writer ?? "all"}-${n}-${"x".repeat(15)}-${turn}`));
    }
  }
  const names = namesOfDay(dir, DAY).sort();
  assert(names.length >= 6, names.join());
  const lasts = [
    names.filter((name) => name.includes(".w.")),
    names.filter((name) => !name.includes(".w.")),
  ]
    .map((of_writer) => of_writer.at(-1));
  const sealed = await sealParts(world, dir);
  assertEquals(
    sealed.map(({ part }) => part.split("/")[1]),
    names.filter((name) => !lasts.includes(name)),
  );
  const rest = await sealParts(laterWorld(), dir);
  assertEquals(rest.map(({ part }) => part.split("/")[1]).sort(), lasts.sort());
  assertEquals(await findingsOf(dir), []);
});

Deno.test("the seals are numbered, and each is bound to the step before", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  for (const day of ["2026-01-22", DAY]) {
    for (const number of [1, 2, 10]) {
      writePart(dir, { day, number, writer: "" }, [line(`${number}`)]);
    }
  }
  writePart(dir, { day: DAY, number: 2, writer: "a.b" }, [line("x"), "no event\n"]);
  await sealParts(at(MIDNIGHT_MS), dir, { before_day: DAY });
  await sealParts(laterWorld(), dir);
  const { entries: [registry], seals, damage } = readChain(laterWorld(), dir);
  assertEquals(damage, []);
  assertEquals([registry.kind, registry.number, registry.previous], ["registry", 1, ""]);
  assertEquals(seals.map(({ number }) => number), [2, 3, 4, 5, 6, 7, 8]);
  assertEquals(seals.map(({ previous }) => previous), [
    registry.seal,
    ...seals.slice(0, -1).map((s) => s.seal),
  ]);
  assertEquals(new Set(seals.map(({ seal }) => seal)).size, 7);
  assertEquals(seals.map(({ part }) => part.replace("day=2026-01-2", "")), [
    ...["2/part-000001.jsonl", "2/part-000002.jsonl", "2/part-000010.jsonl"],
    ...["3/part-000001.jsonl", "3/part-000002.jsonl", "3/part-000002.a.b.jsonl"],
    "3/part-000010.jsonl",
  ]);
  const odd = sealedOf(dir, DAY)["part-000002.a.b.jsonl"];
  assertEquals([odd.events, odd.lines, odd.last_line_at], [1, 2, line("x").length]);
  assertEquals(odd.flaws?.map(({ kind, offset }) => [kind, offset]), [[
    "corrupt",
    line("x").length,
  ]]);
  assertEquals([odd.first_ms, odd.last_ms], [NOON_MS, NOON_MS]);
});

Deno.test("a late event opens a new part, also of a writer that had the day open", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await using open = await openLedger({ dir });
  assertEquals((await open.emit(event("a"))).part, `day=${DAY}/part-000001.jsonl`);
  const before = Deno.readFileSync(join(dir, "events", `day=${DAY}`, "part-000001.jsonl"));
  await sealParts(laterWorld(), dir);
  assertEquals((await open.emit(event("late"))).part, `day=${DAY}/part-000002.jsonl`);
  await using other = await openLedger({ dir });
  assertEquals((await other.emit(event("later"))).part, `day=${DAY}/part-000002.jsonl`);
  await sealParts(laterWorld(), dir);
  assertEquals((await open.emit(event("last"))).part, `day=${DAY}/part-000003.jsonl`);
  assertEquals(
    Deno.readFileSync(join(dir, "events", `day=${DAY}`, "part-000001.jsonl")),
    before,
  );
  assertEquals(readChain(laterWorld(), dir).seals.length, 2);
});

Deno.test("a torn tail is kept safe before its part is sealed, and told", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const path = writePart(dir, PART, [line("a"), '{"torn']);
  const notices: string[] = [];
  const [sealed] = await sealParts(laterWorld(), dir, { onNotice: (text) => notices.push(text) });
  assertEquals([sealed.events, sealed.bytes], [1, line("a").length]);
  assertEquals(Deno.readTextFileSync(path), line("a"));
  const [{ name }] = [...Deno.readDirSync(join(dir, "events", "_quarantine"))];
  assertEquals(Deno.readTextFileSync(join(dir, "events", "_quarantine", name)), '{"torn');
  assertStringIncludes(notices[0], name);
});

Deno.test("a part without a whole line is not sealed, and stops no reader", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, []);
  writePart(dir, { ...PART, number: 2 }, ["{torn"]);
  assertEquals(await sealParts(laterWorld(), dir), []);
  assertEquals(await findingsOf(dir), []);
  assertEquals(await sealParts(laterWorld(), dir), []);
  await using ledger = await openLedger({ dir });
  await ledger.emit(event("a"));
  assertEquals((await sealParts(laterWorld(), dir)).length, 1);
});

Deno.test("more flaws than are noted are found again by each reader", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [...Array.from({ length: 1_500 }, (_, n) => `bad ${n}\n`), line("a")]);
  await sealParts(laterWorld(), dir);
  const record = sealedOf(dir, DAY)["part-000001.jsonl"];
  assertEquals([record.flaws, record.lines, record.events], [undefined, 1_501, 1]);
  assertEquals((await findingsOf(dir)).length, 1_500);
});

Deno.test("while several processes write, parts are sealed and every event is there once", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const writers = ["a", "b", "c"].map((name) =>
    startWriter({
      dir,
      name,
      waves: Array.from({ length: 120 }, () => 7),
      rounds: 1,
      timestamps_ms: [NOON_MS, NOON_MS + 24 * HOUR_MS],
      part_bytes_max: 4_000,
      ...(name === "c" ? { writer: "own" } : {}),
    })
  );
  let are_done = false;
  const ended = Promise.all(writers.map((writer) => writer.end())).finally(() => are_done = true);
  let sealed = 0;
  // Days are over and not over in turn: so open parts are sealed under the writers' hands.
  for (let round = 0; !are_done; round++) {
    const world = round % 2 === 0 ? laterWorld() : at(NOON_MS);
    if (systemFiles().list(join(dir, "events"))) sealed += (await sealParts(world, dir)).length;
    await world.turn();
  }
  const ends = await ended;
  for (const { code, stderr } of ends) assertEquals(code, 0, stderr);
  sealed += (await sealParts(laterWorld(), dir)).length;
  assertEachOnce(idsOnDisk(dir), ends.flatMap(({ lines }) => lines), "the log");
  assert(sealed > 20, `${sealed} parts were sealed`);
  assertEquals(readChain(laterWorld(), dir).seals.length, sealed);
  assertEquals(await findingsOf(dir), []);
});

Deno.test("two who seal at once seal each part once", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  for (let number = 1; number <= 12; number++) writePart(dir, { ...PART, number }, [line("a")]);
  const worlds = [laterWorld(), laterWorld(), laterWorld()];
  const done = await Promise.all(worlds.map((world) => sealParts(world, dir)));
  assertEquals(done.flat().length, 12);
  assertEquals(readChain(laterWorld(), dir).seals.map(({ number }) => number), [
    ...Array.from({ length: 12 }, (_, at) => at + 2),
  ]);
});

Deno.test("a process that seals for long keeps others waiting, which say so", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [line("a")]);
  const lock = systemFiles().open(join(dir, "events", ".chain.lock"), "lock");
  await lock.lock(true, 1_000);
  const error = await errorOf(() => sealParts(laterWorld(), dir, { lock_wait_ms: 20 }));
  assertEquals(error.code, "busy");
  assertStringIncludes(error.message, "cannot change what is sealed: another process is at it");
  lock.close();
  assertEquals((await sealParts(laterWorld(), dir)).length, 1);
});

Deno.test("killed between a part's record and its step in the chain, the next makes it good", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [line("a")]);
  writePart(dir, { ...PART, number: 2 }, [line("b")]);
  await sealParts(laterWorld(), dir, {});
  const whole = chainLines(dir);
  const path = join(dir, "events", "_chain.jsonl");
  const begun = whole.slice(0, 2).join("\n");
  // Nothing of its line had come to the disk, or half of it had.
  for (const left of [`${begun}\n`, `${begun}\n${whole[2].slice(0, 50)}`]) {
    Deno.writeTextFileSync(path, left);
    assertEquals((await findingsOf(dir)).at(-1)?.includes("number 3, and not in the chain"), true);
    assertEquals(await sealParts(laterWorld(), dir), []);
    assertEquals(chainLines(dir), whole);
    assertEquals(await findingsOf(dir), []);
  }
  // And it goes on from there.
  Deno.writeTextFileSync(path, `${begun}\n`);
  writePart(dir, { ...PART, number: 3 }, [line("c")]);
  assertEquals((await sealParts(laterWorld(), dir)).length, 1);
  assertEquals(readChain(laterWorld(), dir).seals.map(({ number }) => number), [2, 3, 4]);
  assertEquals(await findingsOf(dir), []);
});

/** A ledger of four sealed parts. */
async function fourSealed(dir: string): Promise<{ path: string; lines: string[] }> {
  for (const number of [1, 2, 3, 4]) writePart(dir, { ...PART, number }, [line(`e${number}`)]);
  await sealParts(laterWorld(), dir);
  return { path: join(dir, "events", "_chain.jsonl"), lines: chainLines(dir) };
}

const DAMAGED_CHAINS: Record<string, (lines: string[]) => string[]> = {
  "a line that is no step": ([first, , ...rest]) => [first, "{}", ...rest],
  "a last line that is no step": (lines) => [...lines.slice(0, -1), '{"kind":"sealed"}'],
  "lines missing at its end": (lines) => lines.slice(0, 2),
  "a line missing in the middle": ([first, , ...rest]) => [first, ...rest],
};

for (const [what, damage] of Object.entries(DAMAGED_CHAINS)) {
  Deno.test(`a chain with ${what} is an error, and stays as it is`, async () => {
    using folder = tempFolder();
    const dir = folder.path;
    const { path, lines } = await fourSealed(dir);
    const damaged = damage(lines).map((text) => `${text}\n`).join("");
    Deno.writeTextFileSync(path, damaged);
    writePart(dir, { ...PART, number: 5 }, [line("e5")]);
    const error = await errorOf(() => sealParts(laterWorld(), dir));
    assertEquals([error.code, error.where?.path], ["damaged", path]);
    assertStringIncludes(error.message, "cannot seal");
    assertStringIncludes(error.hint!, "ledger verify --deep");
    assertEquals(Deno.readTextFileSync(path), damaged);
    // Writers do not mind.
    await using ledger = await openLedger({ dir });
    await ledger.emit(event("late"));
  });
}

Deno.test("a chain that is gone is made again from the records, told, and the same", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const { path, lines } = await fourSealed(dir);
  Deno.removeSync(path);
  assertEquals((await findingsOf(dir)).length > 0, true);
  const notices: string[] = [];
  await sealParts(laterWorld(), dir, { onNotice: (text) => notices.push(text) });
  assertEquals(chainLines(dir), lines);
  assertStringIncludes(notices.join(), "was made again from the records of 4 parts");
  assertStringIncludes(notices.join(), JSON.parse(lines[4]).seal);
  // Not when the records themselves are no chain.
  Deno.removeSync(path);
  const record = join(dirname(path), `day=${DAY}`, "_sealed.json");
  const { parts } = JSON.parse(Deno.readTextFileSync(record));
  delete parts["part-000002.jsonl"];
  Deno.writeTextFileSync(record, JSON.stringify({ version: 1, parts }));
  const error = await errorOf(() => sealParts(laterWorld(), dir));
  assertEquals(error.code, "damaged");
  assertEquals(systemFiles().facts(path), undefined);
});

Deno.test("a day's record that is gone is made again, unless a part is not what it was", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const { path, lines } = await fourSealed(dir);
  const record = join(dirname(path), `day=${DAY}`, "_sealed.json");
  const before = Deno.readTextFileSync(record);
  Deno.removeSync(record);
  assertEquals(await sealParts(laterWorld(), dir), []);
  assertEquals(JSON.parse(Deno.readTextFileSync(record)), JSON.parse(before));
  assertEquals(chainLines(dir), lines);
  assertEquals(await findingsOf(dir), []);
  Deno.removeSync(record);
  writePart(dir, { ...PART, number: 2 }, [line("e2").replace("r", "s")]);
  const error = await errorOf(() => sealParts(laterWorld(), dir));
  assertEquals(error.code, "damaged");
  assertStringIncludes(error.message, "sealed before, as number 3, and is not what it was then");
  assertEquals(chainLines(dir), lines);
});

Deno.test("whichever file operation fails while sealing, doing it again ends it", async () => {
  for (let k = 1;; k++) {
    using folder = tempFolder();
    const dir = folder.path;
    writePart(dir, PART, [line("a"), "{torn"]);
    writePart(dir, { ...PART, number: 2, writer: "w" }, [line("b")]);
    let operations = 0;
    const files = systemFiles((operation) => {
      if (++operations === k) throw systemError("EIO", `Input/output error (${operation})`);
    });
    await sealParts(laterWorld({ files }), dir).catch((error) =>
      assert(error instanceof LedgerError)
    );
    assertEquals(linesOnDisk(dir).length >= 2, true);
    await sealParts(laterWorld(), dir);
    assertEquals(await findingsOf(dir), [], `operation ${k}`);
    assertEquals(readChain(laterWorld(), dir).seals.map(({ number }) => number), [2, 3]);
    if (operations < k) break;
  }
});

Deno.test("a last line of the chain that a power cut left without its bytes is written anew", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [line("a")]);
  writePart(dir, { ...PART, number: 2 }, [line("b")]);
  await sealParts(laterWorld(), dir);
  const lines = chainLines(dir);
  const path = join(dir, "events", "_chain.jsonl");
  const last = lines[2].slice(0, 100).padEnd(lines[2].length, "\0");
  Deno.writeTextFileSync(path, `${lines[0]}\n${lines[1]}\n${last}\n`);
  await sealParts(laterWorld(), dir);
  assertEquals(chainLines(dir), lines);
  assertEquals(await findingsOf(dir), []);
});

Deno.test("the command tells what it sealed, and that nothing is due", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writePart(dir, PART, [line("a")]);
  const sealed = await runIn(dir, ["seal"], { now_ms: () => MIDNIGHT_MS + HOUR_MS });
  assertEquals(sealed.code, 0, sealed.stderr);
  assertStringIncludes(sealed.stdout, `day=${DAY}/part-000001.jsonl  1 event`);
  const again = await runIn(dir, ["seal", "--grace", "0s"], { now_ms: () => MIDNIGHT_MS });
  assertEquals([again.code, again.stdout], [0, ""]);
  assertStringIncludes(again.stderr, "nothing to seal");
  const as_data = await runIn(dir, ["seal", "--json"], { now_ms: () => MIDNIGHT_MS });
  assertEquals(as_data.stdout, "[]\n");
});
