import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { small_group_bytes } from "../../../src/base/limits.ts";
import { LogWriter, type WriterOptions } from "../../../src/log/write/writer.ts";
import { type Acknowledgement, openLedger } from "../../../src/mod.ts";
import { linesOnDisk, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";

const OTHER_DAY = "2026-01-02";

/** A writer that is closed at the end of the scope. */
function writerIn(dir: string, options: WriterOptions = {}) {
  const writer = new LogWriter(testWorld(), dir, options);
  return Object.assign(writer, { [Symbol.asyncDispose]: () => writer.close() });
}

/** What stands in the log where an acknowledgement points. */
function lineAt(dir: string, { part, offset }: Acknowledgement): string {
  const bytes = Deno.readFileSync(join(dir, "events", part));
  return new TextDecoder().decode(bytes.subarray(offset, bytes.indexOf(10, offset)));
}

/** The lock of a day that is there, held by another process until it is closed. */
function lockOfAnother(dir: string): Deno.FsFile {
  const lock = Deno.openSync(join(dir, "events", `day=${CASE_DAY}`, ".lock"), {
    read: true,
    write: true,
  });
  lock.lockSync(true);
  return lock;
}

Deno.test("calls made together share one write and one sync, and each is answered", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const lines = Array.from({ length: 1000 }, (_, n) => `{"n":${n}}`);
  const answers = await Promise.all(lines.map((line, n) => writer.append(CASE_DAY, `e${n}`, line)));
  assertEquals([writer.counters.writes, writer.counters.syncs, writer.counters.events], [
    1,
    1,
    1000,
  ]);
  assertEquals(writer.counters.bytes, lines.join("\n").length + 1);
  assertEquals(answers.map(({ event_id }) => event_id), lines.map((_, n) => `e${n}`));
  assertEquals(linesOnDisk(folder.path), lines);
});

Deno.test("calls that come while a write is under way share the next one", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const later: Promise<unknown>[] = [];
  const first = writer.append(CASE_DAY, "a", "{}").then(() => {
    for (const id of ["b", "c", "d"]) later.push(writer.append(CASE_DAY, id, "{}"));
  });
  await first;
  await Promise.all(later);
  assertEquals([writer.counters.writes, writer.counters.events], [2, 4]);
});

Deno.test("each day gets its own write, in the order of the calls", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const days = ["2026-01-02", "2026-01-01", "2026-01-02"];
  const answers = await Promise.all(
    days.map((day, n) => writer.append(day, `e${n}`, `{"n":${n}}`)),
  );
  assertEquals(answers.map(({ part, offset }) => [part, offset]), [
    ["day=2026-01-02/part-000001.jsonl", 0],
    ["day=2026-01-01/part-000001.jsonl", 0],
    ["day=2026-01-02/part-000001.jsonl", 8],
  ]);
  assertEquals(writer.counters.writes, 2);
});

Deno.test("an acknowledgement points at its line's bytes, whatever letters came before", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const lines = ["é", "漢字", "😀😀", "plain", "\u2028"].map((note, n) =>
    `{"n":${n},"note":"${note}"}`
  );
  const together = await Promise.all(lines.map((line) => writer.append(CASE_DAY, "e", line)));
  const later = await writer.append(CASE_DAY, "e", lines[0]);
  for (const [n, answer] of [...together, later].entries()) {
    assertEquals(lineAt(folder.path, answer), lines[n % lines.length]);
  }
});

Deno.test("one write carries no more than a few megabytes, so that others get their turn", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const line = `{"pad":"${"x".repeat(1_000_000)}"}`;
  await Promise.all([1, 2, 3, 4, 5, 6].map(() => writer.append(CASE_DAY, "e", line)));
  assertEquals(writer.counters.writes, 2);
  assertEquals(linesOnDisk(folder.path).length, 6);
});

Deno.test("a part that would grow past its size is left, and the next number opened", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path, { part_bytes_max: 28 });
  const lines = Array.from({ length: 7 }, (_, n) => `{"n":${n},"x":1}`);
  const answers = await Promise.all(lines.map((line) => writer.append(CASE_DAY, "e", line)));
  const more = await writer.append(CASE_DAY, "e", lines[0]);
  const places = [...answers, more].map(({ part, offset }) => [part.slice(15), offset]);
  // 14 bytes with the newline: two fit into a part, exactly.
  assertEquals(places, [
    ["part-000001.jsonl", 0],
    ["part-000001.jsonl", 14],
    ["part-000002.jsonl", 0],
    ["part-000002.jsonl", 14],
    ["part-000003.jsonl", 0],
    ["part-000003.jsonl", 14],
    ["part-000004.jsonl", 0],
    ["part-000004.jsonl", 14],
  ]);
  assertEquals(linesOnDisk(folder.path), [...lines, lines[0]]);
});

Deno.test("a part takes bytes up to its size exactly", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path, { part_bytes_max: 28 });
  const places = [];
  for (let n = 0; n < 3; n++) places.push(await writer.append(CASE_DAY, "e", `{"n":${n},"x":1}`));
  assertEquals(places.map(({ part }) => part.slice(15, 26)), [
    "part-000001",
    "part-000001",
    "part-000002",
  ]);
});

Deno.test("an event larger than a part has a part of its own", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path, { part_bytes_max: 10 });
  const large = `{"pad":"${"x".repeat(50)}"}`;
  const answers = await Promise.all(
    ["{}", large, "{}"].map((line) => writer.append(CASE_DAY, "e", line)),
  );
  assertEquals(answers.map(({ part }) => part.slice(20, 26)), ["000001", "000002", "000003"]);
  assertEquals(linesOnDisk(folder.path), ["{}", large, "{}"]);
});

Deno.test("a private writer has parts of its own, and numbers are shared by all", async () => {
  using folder = tempFolder();
  await using shared = writerIn(folder.path);
  await using own = writerIn(folder.path, { writer: "w" });
  const parts = [];
  for (const writer of [shared, own, shared, own]) {
    parts.push((await writer.append(CASE_DAY, "e", "{}")).part.slice(15));
  }
  assertEquals(parts, [
    "part-000001.jsonl",
    "part-000002.w.jsonl",
    "part-000001.jsonl",
    "part-000002.w.jsonl",
  ]);
});

Deno.test("a writer whose name could not be a file's is refused", () => {
  using folder = tempFolder();
  for (const writer of ["../w", "a.b", " "]) {
    let thrown: unknown;
    try {
      new LogWriter(testWorld(), folder.path, { writer });
    } catch (error) {
      thrown = error;
    }
    assert(thrown instanceof LedgerError && thrown.code === "invalid", writer);
  }
});

Deno.test("with durability os nothing is synced after a write, and the answer says so", async () => {
  using folder = tempFolder();
  const operations: string[] = [];
  const files = systemFiles((operation, path) => {
    operations.push(`${operation} ${path.endsWith(".jsonl") ? "part" : "other"}`);
  });
  const writer = new LogWriter(testWorld({ files }), folder.path, { durability: "os" });
  const answer = await writer.append(CASE_DAY, "e", "{}");
  await writer.close();
  assertEquals([answer.durability, writer.counters.syncs], ["os", 0]);
  assert(!operations.includes("sync part"));
});

Deno.test("an answer comes after the sync, and the sync after the lock was given back", async () => {
  using folder = tempFolder();
  const operations: string[] = [];
  const files = systemFiles((operation, path) => {
    if (!path.includes(CASE_DAY)) return;
    operations.push(operation === "open" ? `open ${path.split("/").at(-1)}` : operation);
  });
  const writer = new LogWriter(testWorld({ files }), folder.path);
  await writer.append(CASE_DAY, "e", "{}").then(() => operations.push("answer"));
  operations.length = 0;
  await writer.append(CASE_DAY, "e", "{}").then(() => operations.push("answer"));
  await writer.close();
  const order = ["lock", "write", "unlock", "sync", "answer"].map((name) =>
    operations.indexOf(name)
  );
  assertEquals(order, order.toSorted((a, b) => a - b), operations.join(", "));
  assert(order[0] >= 0, operations.join(", "));
});

Deno.test("a new part's name is durable before its first byte", async () => {
  using folder = tempFolder();
  const operations: string[] = [];
  const files = systemFiles((operation) => void operations.push(operation));
  const writer = new LogWriter(testWorld({ files }), folder.path);
  await writer.append(CASE_DAY, "e", "{}");
  await writer.close();
  const created = operations.indexOf("create");
  const written = operations.indexOf("write");
  const between = operations.slice(created, written).filter((name) => name === "sync folder");
  assertEquals(between.length >= 3, true, operations.join(", "));
});

Deno.test("a torn tail is moved to quarantine before anything is appended", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [`${GOOD_LINE}\n`, '{"half":']);
  const told: string[] = [];
  await using writer = writerIn(folder.path, { onTornTail: (_, kept) => told.push(kept) });
  const { offset } = await writer.append(CASE_DAY, "e", "{}");
  assertEquals(offset, GOOD_LINE.length + 1);
  assertEquals(linesOnDisk(folder.path), [GOOD_LINE, "{}"]);
  assertEquals([writer.counters.torn_tails_moved, told.length], [1, 1]);
  assertEquals(Deno.readTextFileSync(told[0]), '{"half":');
});

Deno.test("more days than a writer keeps open are all written to", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const days = Array.from(
    { length: 40 },
    (_, n) => `2026-03-${String(n % 20 + 1).padStart(2, "0")}`,
  );
  for (const day of days) await writer.append(day, "e", "{}");
  assertEquals(linesOnDisk(folder.path).length, 40);
});

Deno.test("what can be written at once is, and what has to wait goes in the order of the calls", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const write = (day: string, line: string) =>
    writer.write(day, { bytes: new TextEncoder().encode(`${line}\n`), ends: [line.length + 1] });
  for (const day of [CASE_DAY, OTHER_DAY]) await writer.append(day, "e", '"first"');
  const busy = lockOfAnother(folder.path);
  const waiting = [
    write(CASE_DAY, '"second"'),
    write(OTHER_DAY, '"third"'),
    write(CASE_DAY, '"fourth"'),
  ];
  assertEquals(waiting.map((written) => written instanceof Promise), [true, true, true]);
  assertEquals(linesOnDisk(folder.path).length, 2);
  busy.close();
  const results = (await Promise.all(waiting)).flatMap((written) => written.results);
  assertEquals(results.map(({ file, offset }) => [file.part.day, offset]), [
    [CASE_DAY, 8],
    [OTHER_DAY, 8],
    [CASE_DAY, 17],
  ]);
  const at_once = write(CASE_DAY, '"fifth"');
  assert(!(at_once instanceof Promise));
  await writer.makeDurable([...results, ...at_once.results]);
  assertEquals(writer.counters.lock_waits, 1);
  assertEquals(linesOnDisk(folder.path).toSorted(), [
    '"fifth"',
    '"first"',
    '"first"',
    '"fourth"',
    '"second"',
    '"third"',
  ]);
});

Deno.test("what comes while a write waits for the lock changes nothing about its lines", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  await writer.append(CASE_DAY, "e", '"first"');
  const busy = lockOfAnother(folder.path);
  const appended = [writer.append(CASE_DAY, "e", '"waits"')];
  while (writer.counters.lock_waits === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < 10; n++) appended.push(writer.append(CASE_DAY, "e", `"meanwhile ${n}"`));
  busy.close();
  const lines = ['"waits"', ...Array.from({ length: 10 }, (_, n) => `"meanwhile ${n}"`)];
  for (const [n, answer] of (await Promise.all(appended)).entries()) {
    assertEquals(lineAt(folder.path, answer), lines[n]);
  }
  assertEquals(linesOnDisk(folder.path), ['"first"', ...lines]);
});

Deno.test("a group's lines are all there, however many bytes its letters take", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  const edge_chars = small_group_bytes / 3;
  for (const letter of ["a", "é", "漢", "😀"]) {
    for (const chars of [edge_chars - 9, edge_chars, edge_chars + 9, small_group_bytes]) {
      const long = letter.repeat(Math.floor(chars / letter.length));
      const lines = ["before", long, "after"].map((text) => JSON.stringify(text));
      const answers = await Promise.all(lines.map((line) => writer.append(CASE_DAY, "e", line)));
      assertEquals(answers.map((answer) => lineAt(folder.path, answer)), lines);
    }
  }
});

Deno.test("closing waits for what was appended; after it, appending is refused", async () => {
  using folder = tempFolder();
  const writer = new LogWriter(testWorld(), folder.path);
  const pending = [1, 2, 3].map(() => writer.append(CASE_DAY, "e", "{}"));
  await writer.close();
  assertEquals((await Promise.allSettled(pending)).map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  await assertRejects(() => writer.append(CASE_DAY, "e", "{}"), LedgerError, "has been closed");
  await writer.close();
});

Deno.test("a day that another holds is busy: nothing is written, and later it works", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path, lock_wait_ms: 0 });
  await ledger.emitLine(GOOD_LINE);
  const lock = lockOfAnother(folder.path);
  const error = await assertRejects(() => ledger.emitLine(GOOD_LINE), LedgerError);
  assertEquals([error.code, linesOnDisk(folder.path).length], ["busy", 1]);
  assertMatch(error.hint!, /nothing was written; repeat it/);
  assertEquals(ledger.counters.lock_waits, 1);
  lock.close();
  await using later = await openLedger({ dir: folder.path });
  await later.emitLine(GOOD_LINE);
  assertEquals(linesOnDisk(folder.path).length, 2);
});

Deno.test("a day's folder that was taken away is made anew", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  await writer.append(CASE_DAY, "e", "{}");
  Deno.removeSync(join(folder.path, "events", `day=${CASE_DAY}`), { recursive: true });
  const { offset } = await writer.append(CASE_DAY, "e", '{"again":1}');
  assertEquals([offset, linesOnDisk(folder.path)], [0, ['{"again":1}']]);
});

Deno.test("a part that another writer began is the one that is written to", async () => {
  using folder = tempFolder();
  await using writer = writerIn(folder.path);
  await writer.append(CASE_DAY, "e", "{}");
  writePart(folder.path, { day: CASE_DAY, number: 5, writer: "" }, ["{}\n"]);
  const { part, offset } = await writer.append(CASE_DAY, "e", "{}");
  assertEquals([part, offset], [`day=${CASE_DAY}/part-000005.jsonl`, 3]);
});

Deno.test("a program that emits in a loop still lets its other work have a turn", async () => {
  using folder = tempFolder();
  let clock_ms = 0;
  let turns = 0;
  const world = testWorld({
    elapsed_ms: () => clock_ms += 7,
    turn: () => Promise.resolve(void turns++),
  });
  await using ledger = await openLedger({ dir: folder.path, world });
  for (let n = 0; n < 100; n++) await ledger.emitRunStarted({ run_id: `r${n}` });
  assert(turns > 10, `${turns} turns in ${clock_ms} ms`);
});
