import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { event_bytes_max } from "../../../src/base/limits.ts";
import { addToChain } from "../../../src/log/seal/chain_recovery.ts";
import { testWorld } from "../../harness.ts";
import { assertHoldsAllOf, type Box, BOX_DAY, boxes, takenOf } from "../../boxes.ts";

const MONTHS_LATER_MS = Date.UTC(2026, 5, 1);
const LATER = { now_ms: () => MONTHS_LATER_MS };

/** Compacts the days of a box; says how many parts that were. */
async function compactLater(box: Box, before_day = "2026-05-01"): Promise<number> {
  await using ledger = box.open(LATER);
  return (await ledger.upkeep.compact({ before_day, all: true })).compacted.length;
}

/** Takes the day, with its one part, out of a box's log. */
async function archiveDay(box: Box): Promise<void> {
  {
    await using ledger = box.open(LATER);
    await ledger.upkeep.seal();
  }
  Deno.removeSync(dirname(box.part()), { recursive: true });
  const parts = ["part-000001.b.jsonl"];
  await addToChain(testWorld(), box.ledger_dir, [
    { kind: "taken_out", day: BOX_DAY, parts, at_ms: MONTHS_LATER_MS, forget: false },
  ]);
}

Deno.test("another box's part arrives byte for byte under its name, and a second pull takes nothing", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(2);
  await b.emit(3);
  const first = await a.pull(b);
  assertEquals(takenOf(first), [[`${BOX_DAY}/part-000001.b.jsonl`, 3]]);
  assertEquals(a.read("part-000001.b"), b.read());
  const before = a.files();
  const second = await a.pull(b);
  assertEquals([second.log.taken, second.log.same, second.findings], [[], 1, []]);
  assertEquals(a.files(), before);
});

Deno.test("a part that has grown gives what is new, in the same part", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  for (const count of [3, 1, 5]) {
    await b.emit(count);
    assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, count]]);
    assertEquals(a.read("part-000001.b"), b.read());
  }
});

Deno.test("a torn tail stays there, and comes once it is whole", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(2);
  const whole = b.read();
  Deno.writeTextFileSync(b.part(), '{"event_id":"half"', { append: true });
  const { findings } = await a.pull(b);
  assertEquals([a.read("part-000001.b"), findings], [whole, []]);
  Deno.writeTextFileSync(b.part(), ',"and":"whole"}\n', { append: true });
  await a.pull(b);
  assertEquals(a.read("part-000001.b"), b.read());
});

Deno.test("corrupt lines, and lines too long to be events, come as they are", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(1);
  const strange = `no event\n\n${"x".repeat(event_bytes_max * 2)}\n\u0000\n`;
  Deno.writeTextFileSync(b.part(), strange, { append: true });
  await b.emit(1);
  await a.pull(b);
  assertEquals(a.read("part-000001.b") === b.read(), true);
});

Deno.test("a writer's private part arrives under the names of both", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(2, { writer: "gpu-1" });
  await b.emit(1, { writer: "w".repeat(64) });
  const names = takenOf(await a.pull(b)).map(([name]) => name);
  assertEquals(names[0], `${BOX_DAY}/part-000001.b-gpu-1.jsonl`);
  assertMatch(names[1], /part-000002\.b-w{53}-[0-9a-f]{8}\.jsonl$/);
  assertEquals((await a.ids()).length, 3);
});

Deno.test("what comes after a part was sealed here goes to a new part", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(1);
  await b.emit(2);
  await a.pull(b);
  assertEquals(await compactLater(a), 2);
  await b.emit(2);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000002.b.jsonl`, 2]]);
  await b.emit(1);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000002.b.jsonl`, 1]]);
  await assertHoldsAllOf(a, b);
  // The number that its own second part would have has been given away.
  Deno.writeTextFileSync(
    b.part("part-000002"),
    b.read().split("\n")[0].replace("b-1", "b-9") + "\n",
  );
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000003.b.jsonl`, 1]]);
  await assertHoldsAllOf(a, b);
});

Deno.test("parts that are compacted there arrive as lines", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  const text = b.read();
  await compactLater(b);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, 3]]);
  assertEquals(a.read("part-000001.b"), text);
});

Deno.test("a part that was pulled before it was compacted there is known again", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await a.pull(b);
  await compactLater(b);
  const { log, findings } = await a.pull(b);
  assertEquals([log, findings], [{ taken: [], same: 1 }, []]);
});

Deno.test("what is gone there stays here, and is no finding", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await b.emit(1, { day: "2026-01-24" });
  await a.pull(b);
  const before = a.read("part-000001.b");
  Deno.removeSync(dirname(b.part()), { recursive: true });
  const { log, findings } = await a.pull(b);
  assertEquals([log, findings], [{ taken: [], same: 1 }, []]);
  assertEquals(a.read("part-000001.b"), before);
});

Deno.test("a part that is no continuation of what was taken is a finding, and the others go on", async () => {
  for (const ruin of ["shorter", "changed", "began anew"]) {
    using lab = boxes("a", "b");
    const [a, b] = lab.all;
    await b.emit(3);
    await b.emit(1, { day: "2026-01-24" });
    await a.pull(b);
    const before = a.read("part-000001.b");
    const text = b.read();
    const shorter = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1);
    const changed = text.replace("run-b-2", "run-c-2") + text;
    Deno.writeTextFileSync(
      b.part(),
      ruin === "shorter" ? shorter : ruin === "changed" ? changed : '{"event_id":"new"}\n',
    );
    await b.emit(1, { day: "2026-01-24" });
    const { findings, log } = await a.pull(b);
    assertEquals(findings.map(({ what }) => what), [`day=${BOX_DAY}/part-000001.jsonl`], ruin);
    assertEquals(log.taken.map(({ part }) => part), ["day=2026-01-24/part-000001.jsonl"]);
    assertEquals(a.read("part-000001.b"), before);
    // And so it stays, also for who has lost the record.
    Deno.removeSync(a.path("_pulled.json"));
    const again = await a.pull(b);
    assertEquals([again.findings.length, again.log.taken], [1, []], ruin);
    assertEquals(a.read("part-000001.b"), before);
  }
});

Deno.test("with the record lost or damaged, what is here is known by its bytes", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await a.pull(b);
  await compactLater(a);
  await b.emit(2);
  await a.pull(b);
  const record = a.path("_pulled.json");
  const before = Deno.readTextFileSync(record);
  for (const lose of [() => Deno.removeSync(record), () => Deno.writeTextFileSync(record, "{")]) {
    lose();
    const { log, findings } = await a.pull(b);
    assertEquals([log, findings], [{ taken: [], same: 1 }, []]);
    assertEquals(Deno.readTextFileSync(record), before);
  }
});

Deno.test("a record of a newer program is refused by name", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(1);
  await a.pull(b);
  Deno.writeTextFileSync(a.path("_pulled.json"), '{"version":2}');
  const error = await assertRejects(() => a.pull(b), LedgerError, "version 2");
  assertEquals(error.code, "newer_format");
});

Deno.test("parts that were deleted here are taken again, torn ones mended", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await a.pull(b);
  Deno.removeSync(a.part("part-000001.b"));
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, 3]]);
  assertEquals(a.read("part-000001.b"), b.read());
  for (const left of [0, 5, b.read().indexOf("\n") + 1, b.read().length - 4]) {
    Deno.writeTextFileSync(a.part("part-000001.b"), b.read().slice(0, left));
    const { findings } = await a.pull(b);
    assertEquals([a.read("part-000001.b"), findings], [b.read(), []], `cut at ${left}`);
  }
});

Deno.test("the parts of a day that was taken out of the ledger do not come back", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await a.pull(b);
  await archiveDay(a);
  assertEquals((await a.pull(b)).log, { taken: [], same: 1 });
  await b.emit(1);
  // A name that was sealed is never given again.
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000002.b.jsonl`, 1]]);
});

Deno.test("what a killed pull took and did not record is known by its seal when its day has left", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(3);
  await a.pull(b);
  const records = [undefined, Deno.readTextFileSync(a.path("_pulled.json"))];
  await b.emit(2);
  await a.pull(b);
  await archiveDay(a);
  await b.emit(1);
  for (const [index, record] of records.entries()) {
    if (record === undefined) Deno.removeSync(a.path("_pulled.json"));
    else Deno.writeTextFileSync(a.path("_pulled.json"), record);
    const { log, findings } = await a.pull(b, { dry_run: index === 0 });
    assertEquals(log.taken.map(({ into, lines }) => [into, lines]), [
      [`day=${BOX_DAY}/part-000002.b.jsonl`, 1],
    ]);
    assertEquals(findings, []);
  }
  assertEquals((await a.ids()).length, 1);
});

Deno.test("lines that came from us are not pulled back, with or without a record of them", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(2);
  await a.emit(2, { writer: "w" });
  await b.emit(2);
  await b.pull(a);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, 2]]);
  Deno.removeSync(b.path("_pulled.json"));
  assertEquals(takenOf(await a.pull(b)), []);
  assertEquals((await a.ids()).sort(), [...a.emitted, ...b.emitted].sort());
});

Deno.test("lines of ours that we have lost come back from a box that has pulled them", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(5);
  await b.pull(a);
  const text = a.read();
  Deno.writeTextFileSync(a.part(), text.slice(0, text.indexOf("\n") + 1));
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.a.jsonl`, 4]]);
  assertEquals((await a.ids()).sort(), [...a.emitted].sort());
  assertEquals(takenOf(await a.pull(b)), []);
});

Deno.test("what a box lost and took back is its own for others too", async () => {
  using lab = boxes("a", "b", "c");
  const [a, b, c] = lab.all;
  await b.emit(5);
  await a.pull(b);
  Deno.writeTextFileSync(b.part(), b.read().slice(0, b.read().indexOf("\n") + 1));
  await b.pull(a);
  await b.emit(2);
  for (const taken of [7, 0]) {
    const { log, findings } = await c.pull(b);
    assertEquals(log.taken.reduce((sum, { lines }) => sum + lines, 0), taken);
    assertEquals(findings, []);
  }
  assertEquals((await c.ids()).sort(), [...b.emitted].sort());
});

Deno.test("a third box's part has one name, whichever way it comes, and grows from both", async () => {
  using lab = boxes("a", "b", "c");
  const [a, b, c] = lab.all;
  const part = `${BOX_DAY}/part-000001.c.jsonl`;
  await c.emit(2);
  await b.pull(c);
  assertEquals(takenOf(await a.pull(b)), [[part, 2]]);
  assertEquals(takenOf(await a.pull(c)), []);
  await c.emit(2);
  assertEquals(takenOf(await a.pull(c)), [[part, 2]]);
  // What b knows is older: that is no finding.
  const { log, findings } = await a.pull(b);
  assertEquals([log.taken, findings], [[], []]);
  await c.emit(1);
  await b.pull(c);
  assertEquals(takenOf(await a.pull(b)), [[part, 1]]);
  assertEquals(a.read("part-000001.c"), c.read());
});

Deno.test("lines of a third box that no record accounts for yet are left, and said", async () => {
  using lab = boxes("a", "b", "c");
  const [a, b, c] = lab.all;
  await c.emit(2);
  await b.pull(c);
  await c.emit(1);
  const added = c.read().slice(b.read("part-000001.c").length);
  Deno.writeTextFileSync(b.part("part-000001.c"), added, { append: true });
  const { findings } = await a.pull(b);
  assertEquals(findings.map(({ what }) => what), [`day=${BOX_DAY}/part-000001.c.jsonl`]);
  await b.pull(c);
  assertEquals((await a.pull(b)).findings, []);
  assertEquals(a.read("part-000001.c"), c.read());
});

Deno.test("of a copy that both went on writing, only what is new there is taken", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(3);
  Deno.mkdirSync(dirname(b.part()), { recursive: true });
  Deno.copyFileSync(a.part(), b.part());
  await a.emit(2);
  await b.emit(4);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, 4]]);
  assertEquals((await a.ids()).sort(), [...a.emitted, ...b.emitted].sort());
  await assertHoldsAllOf(a, b);
  Deno.removeSync(a.path("_pulled.json"));
  await b.emit(1);
  assertEquals(takenOf(await a.pull(b)), [[`${BOX_DAY}/part-000001.b.jsonl`, 1]]);
  await assertHoldsAllOf(a, b);
});

Deno.test("lines that a writer here wrote under the box's name are a finding, and stay", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(1, { writer: "b" });
  await b.emit(1);
  const before = a.read("part-000001.b");
  const { findings } = await a.pull(b);
  assertMatch(findings[0].hint!, /--as NAME/);
  assertEquals(a.read("part-000001.b"), before);
  await a.pull(b, { as: "box-b" });
  assertEquals(a.read("part-000001.box-b"), b.read());
});

Deno.test("what cannot be read there is a finding, and the others go on", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  for (const day of ["2026-01-20", "2026-01-21", "2026-01-22"]) await b.emit(2, { day });
  await compactLater(b, "2026-01-22");
  await b.emit(1, { day: "2026-01-21" });
  await b.emit(1);
  const parquet = b.path("day=2026-01-20", "part-000001.parquet");
  const bytes = Deno.readFileSync(parquet);
  bytes[bytes.length >> 1] ^= 1;
  Deno.writeFileSync(parquet, bytes);
  Deno.writeTextFileSync(b.path("day=2026-01-21", "_sealed.json"), "{");
  Deno.removeSync(b.path("day=2026-01-22", "part-000001.jsonl"));
  Deno.mkdirSync(b.path("day=2026-01-22", "part-000001.jsonl"));
  const { findings, log } = await a.pull(b);
  assertEquals(findings.map(({ what }) => what), [
    "day=2026-01-20/part-000001.jsonl",
    "day=2026-01-21/part-000001.jsonl",
    "day=2026-01-22/part-000001.jsonl",
  ]);
  assertEquals(findings[2].reason, "it is a folder: nothing was taken");
  assertEquals(log.taken.map(({ part }) => part), [
    "day=2026-01-21/part-000002.jsonl",
    `day=${BOX_DAY}/part-000001.jsonl`,
  ]);
});

Deno.test("with their record of pulls damaged, parts of writers are left, since their box is unknown", async () => {
  using lab = boxes("a", "b", "c");
  const [a, b, c] = lab.all;
  await b.emit(1);
  await c.emit(1);
  await b.pull(c);
  Deno.writeTextFileSync(b.path("_pulled.json"), '{"version":1,"hosts":{"c":{"parts":{"x":{}}}}}');
  const { findings, log } = await a.pull(b);
  assertEquals(findings.map(({ what }) => what), ["_pulled.json"]);
  assertEquals(log.taken.map(({ part }) => part), [`day=${BOX_DAY}/part-000001.jsonl`]);
});

Deno.test("only one pull at a time", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(1);
  await a.pull(b);
  using lock = Deno.openSync(a.path(".pull.lock"), { read: true, write: true });
  lock.lockSync(true);
  const error = await assertRejects(() => a.pull(b, { lock_wait_ms: 1 }), LedgerError);
  assertEquals(error.code, "busy");
});
