import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type LogRecord, openLedger, type ReadFilter } from "../../../src/mod.ts";
import { LogCursor } from "../../../src/log/read/cursor.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { runIn, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";
import { laterWorld } from "../upkeep.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-01-01T00:00:00Z");

function line(id: string, timestamp_ms: number, more = ""): string {
  return `{"event_id":"${id}","event_type":"run.started","timestamp_ms":${timestamp_ms},"run_id":"r"${more}}\n`;
}

function ids(records: LogRecord[]): string[] {
  return records.map((record) => record.kind === "event" ? record.event.event_id : record.kind);
}

async function read(dir: string, filter?: ReadFilter): Promise<string[]> {
  return ids(await Array.fromAsync(new LogCursor(testWorld(), dir, filter).pass()));
}

/** Three days with an event each noon, of two runs and two types. */
async function threeDays(dir: string): Promise<void> {
  await using ledger = await openLedger({ dir });
  for (const day of [0, 1, 2]) {
    const timestamp_ms = START_MS + day * DAY_MS + DAY_MS / 2;
    await ledger.emitRunStarted({ run_id: "a", timestamp_ms, event_id: `start${day}` });
    await ledger.emitRunFailed({ run_id: "b", error: "x", timestamp_ms, event_id: `fail${day}` });
  }
}

Deno.test("filters pick events by time, day, type and run", async () => {
  using folder = tempFolder();
  await threeDays(folder.path);
  const noon = START_MS + DAY_MS + DAY_MS / 2;
  const table: [ReadFilter, string[]][] = [
    [{}, ["start0", "fail0", "start1", "fail1", "start2", "fail2"]],
    [{ since_ms: noon }, ["start1", "fail1", "start2", "fail2"]],
    [{ since_ms: noon + 1 }, ["start2", "fail2"]],
    [{ until_ms: noon }, ["start0", "fail0"]],
    [{ until_ms: noon + 1 }, ["start0", "fail0", "start1", "fail1"]],
    [{ since_ms: noon, until_ms: noon + 1 }, ["start1", "fail1"]],
    [{ day: "2026-01-02" }, ["start1", "fail1"]],
    [{ day: "2026-01-05" }, []],
    [{ types: ["run.failed"] }, ["fail0", "fail1", "fail2"]],
    [{ types: ["run.failed", "run.started"], day: "2026-01-01" }, ["start0", "fail0"]],
    [{ types: [] }, []],
    [{ run_id: "a" }, ["start0", "start1", "start2"]],
    [{ run_id: "a", types: ["run.failed"] }, []],
    [{ since_ms: 0, until_ms: 253_402_300_799_999 }, [
      "start0",
      "fail0",
      "start1",
      "fail1",
      "start2",
      "fail2",
    ]],
  ];
  for (const [filter, expected] of table) {
    assertEquals(await read(folder.path, filter), expected, JSON.stringify(filter));
  }
});

Deno.test("days that cannot hold a wanted event are not looked at", async () => {
  using folder = tempFolder();
  await threeDays(folder.path);
  const cursor = new LogCursor(testWorld(), folder.path, {
    since_ms: START_MS + DAY_MS,
    until_ms: START_MS + 2 * DAY_MS - 1,
  });
  assertEquals(cursor.days(), ["2026-01-02"]);
});

Deno.test("records come in the order of the log: day, part, writer, offset", async () => {
  using folder = tempFolder();
  const parts = [
    ["2026-01-02", 1, ""],
    ["2026-01-01", 2, "w"],
    ["2026-01-01", 2, ""],
    ["2026-01-01", 10, ""],
  ] as const;
  for (const [day, number, writer] of parts) {
    const id = `${day.at(-1)}/${number}${writer}`;
    writePart(folder.path, { day, number, writer }, [line(`${id}a`, 2), line(`${id}b`, 1)]);
  }
  const expected = ["1/2", "1/2w", "1/10", "2/1"].flatMap((part) => [`${part}a`, `${part}b`]);
  assertEquals(await read(folder.path), expected);
});

Deno.test("a record's place is its line's bytes", async () => {
  using folder = tempFolder();
  const lines = [line("é", 1), line("漢字", 2), "bad\n", line("😀", 3)];
  const path = writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, lines);
  const bytes = Deno.readFileSync(path);
  const records = await Array.fromAsync(new LogCursor(testWorld(), folder.path).pass());
  for (const [index, { offset, size_bytes, label, part }] of records.entries()) {
    const text = new TextDecoder().decode(bytes.subarray(offset, offset + size_bytes));
    assertEquals(`${text}\n`, lines[index]);
    assertEquals([label, part.day], ["day=2026-01-01/part-000001.jsonl", "2026-01-01"]);
  }
  assertEquals(records.length, 4);
});

Deno.test("damage is a record like any other, whatever the filter", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [
    line("a", START_MS),
    "bad\n",
    line("b", START_MS),
    '{"torn":',
  ]);
  assertEquals(await read(folder.path), ["a", "corrupt", "b", "torn"]);
  assertEquals(await read(folder.path, { run_id: "nobody" }), ["corrupt", "torn"]);
});

Deno.test("a cursor goes on from where it stopped, and never yields a record twice", async () => {
  using folder = tempFolder();
  const part = { day: "2026-01-01", number: 1, writer: "" };
  const path = writePart(folder.path, part, [line("a", 1), line("b", 2)]);
  const cursor = new LogCursor(testWorld(), folder.path);
  const next = async () => ids(await Array.fromAsync(cursor.pass()));
  assertEquals(await next(), ["a", "b"]);
  assertEquals(await next(), []);
  Deno.writeTextFileSync(path, line("c", 3) + '{"torn', { append: true });
  assertEquals(await next(), ["c", "torn"]);
  assertEquals(await next(), []);
  writePart(folder.path, { ...part, number: 2 }, [line("d", 4)]);
  writePart(folder.path, { ...part, day: "2026-01-02" }, [line("e", 5)]);
  assertEquals(await next(), ["d", "e"]);
  assertEquals(cursor.positions.get("day=2026-01-01/part-000002.jsonl"), line("d", 4).length);
});

Deno.test("a torn tail that was taken out and written over is read on from its place", async () => {
  using folder = tempFolder();
  const whole = line("a", 1);
  const path = writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [
    whole,
    '{"event_id":"half',
  ]);
  const cursor = new LogCursor(testWorld(), folder.path);
  assertEquals(ids(await Array.fromAsync(cursor.pass())), ["a", "torn"]);
  Deno.truncateSync(path, whole.length);
  assertEquals(ids(await Array.fromAsync(cursor.pass())), []);
  Deno.writeTextFileSync(path, line("b", 2), { append: true });
  assertEquals(ids(await Array.fromAsync(cursor.pass())), ["b"]);
});

Deno.test("a part that came back shorter is read on from its end", async () => {
  using folder = tempFolder();
  const path = writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [
    line("a", 1),
    line("b", 2),
  ]);
  const cursor = new LogCursor(testWorld(), folder.path);
  assertEquals(ids(await Array.fromAsync(cursor.pass())), ["a", "b"]);
  Deno.truncateSync(path, line("a", 1).length);
  assertEquals(ids(await Array.fromAsync(cursor.pass())), []);
  Deno.writeTextFileSync(path, line("c", 3), { append: true });
  assertEquals(ids(await Array.fromAsync(cursor.pass())), ["c"]);
});

Deno.test("skipToEnd() passes over all that is there, and over nothing that comes", async () => {
  using folder = tempFolder();
  const part = { day: "2026-01-01", number: 1, writer: "" };
  const path = writePart(folder.path, part, [line("a", 1)]);
  const cursor = new LogCursor(testWorld(), folder.path);
  await cursor.skipToEnd();
  Deno.writeTextFileSync(path, line("b", 2), { append: true });
  assertEquals(ids(await Array.fromAsync(cursor.pass())), ["b"]);
});

Deno.test("lines are whole wherever the blocks of reading end", async () => {
  using folder = tempFolder();
  // Lengths around a block of 1 MiB, so that newlines fall before, on and after its end.
  const sizes = [1_048_574, 1_048_575, 1_048_576, 1_048_577, 2_097_152, 3_000_000, 10];
  const lines = sizes.map((size, n) => {
    const bare = line(`e${n}`, n, ',"pad":""').length;
    return line(`e${n}`, n, `,"pad":"${"é".repeat(Math.max(0, size - bare) / 2)}"`);
  });
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, lines);
  const records = await Array.fromAsync(new LogCursor(testWorld(), folder.path).pass());
  assertEquals(records.map((record) => record.kind === "event" && `${record.text}\n`), lines);
});

Deno.test("a line far over the limit is one corrupt record, in bounded memory, and the next is read", async () => {
  using folder = tempFolder();
  const size = 20 * 1024 * 1024;
  const part = { day: "2026-01-01", number: 1, writer: "" };
  writePart(folder.path, part, [line("a", 1), new Uint8Array(size).fill(120), "\n", line("b", 2)]);
  const records = await Array.fromAsync(new LogCursor(testWorld(), folder.path).pass());
  assertEquals(ids(records), ["a", "corrupt", "b"]);
  assertEquals([records[1].offset, records[1].size_bytes], [line("a", 1).length, size]);
  writePart(folder.path, part, [line("a", 1), new Uint8Array(size).fill(120)]);
  const torn = await Array.fromAsync(new LogCursor(testWorld(), folder.path).pass());
  assertEquals([ids(torn), torn[1].size_bytes], [["a", "torn"], size]);
});

Deno.test("breaking off in the middle leaves the file closed", {
  // Makes the runner fail this test when a file stays open.
  sanitizeResources: true,
}, async () => {
  using folder = tempFolder();
  await threeDays(folder.path);
  for await (const record of new LogCursor(testWorld(), folder.path).pass()) {
    assert(record.kind === "event");
    break;
  }
});

Deno.test("an empty log and an empty part have nothing to read", async () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/events`);
  assertEquals(await read(folder.path), []);
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, []);
  assertEquals(await read(folder.path), []);
});

Deno.test("what was sealed and is not there is told once, as damage; what was archived is not", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const [gone, cut] = [1, 2].map((number) =>
    writePart(dir, { day: CASE_DAY, number, writer: "" }, [GOOD_LINE, "\n", GOOD_LINE, "\n"])
  );
  await sealParts(laterWorld(), dir);
  Deno.removeSync(gone);
  Deno.truncateSync(cut, GOOD_LINE.length + 1);
  const cursor = new LogCursor(testWorld(), dir);
  const damage: string[] = [];
  for (const _ of [1, 2]) {
    for await (const record of cursor.pass()) {
      if (record.kind !== "event") damage.push(`${record.label} ${record.kind} ${record.reason}`);
    }
  }
  const bytes = 2 * (GOOD_LINE.length + 1);
  assertEquals(damage, [
    `day=${CASE_DAY}/part-000001.jsonl corrupt ${bytes} bytes were sealed, and none are there`,
    `day=${CASE_DAY}/part-000002.jsonl corrupt ${bytes} bytes were sealed, and ${
      bytes / 2
    } are there`,
  ]);
  const { code, stderr } = await runIn(dir, ["log"]);
  assertEquals(code, 0);
  assertStringIncludes(stderr, "part-000001.jsonl at byte 0: corrupt");
});

Deno.test("between the blocks of a long log all else has its turn: a signal is heard before the last", async () => {
  using folder = tempFolder();
  const many = line("a", START_MS, `,"note":"${"x".repeat(2_000)}"`).repeat(1_500);
  writePart(folder.path, { day: "2026-01-01", number: 1, writer: "" }, [
    many,
    line("last", START_MS),
  ]);
  let has_run = false;
  setImmediate(() => has_run = true);
  for await (const record of new LogCursor(testWorld(), folder.path).pass()) {
    if (record.kind === "event" && record.event.event_id === "last") assert(has_run);
  }
  assert(has_run);
});
