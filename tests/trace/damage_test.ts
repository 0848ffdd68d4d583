import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { compactTraces } from "../../src/trace/store/compact.ts";
import { queryTraces } from "../../src/trace/store/query.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { readSegment, type SegmentContent } from "../../src/trace/store/wal_read.ts";
import { LedgerError } from "../../src/base/error.ts";
import { withOpenFile } from "../../src/base/files/durable.ts";
import { openLedger } from "../../src/mod.ts";
import { IS_FULL, memoryFolder, tempFolder, testWorld } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";
import { idsOf, namesIn } from "./stores.ts";

const world = testWorld();

/** The write-ahead file of a program that has died. */
async function deadSegment(dir: string, events: number): Promise<string> {
  const store = await TraceStore.open(world, dir);
  for (let n = 0; n < events; n++) {
    const entry = store.record(traced({
      event_type: n % 2 === 0 ? "FILL" : "BAR",
      event_id: `e${n}`,
      causation_id: n === 0 ? "" : `e${n - 1}`,
      data: { price: 100 + n, name: "Zürich" },
      timestamp: NOON_US + n,
    }));
    store.stamp(entry, "received_at", NOON_US + 10 * n + 1);
    store.stamp(entry, "processed_at", NOON_US + 10 * n + 2);
  }
  store.flush();
  store.abandon();
  const { wal } = tracePaths(dir);
  return join(wal, namesIn(wal).find((name) => name.endsWith(".jsonl"))!);
}

function readBytes(path: string, bytes: Uint8Array): SegmentContent {
  Deno.writeFileSync(path, bytes);
  return withOpenFile(world.files, path, (file) => readSegment(file, new Map()));
}

const withoutStamps = (event: TracedEvent) => ({ ...event, received_at: null, processed_at: null });

/** Nothing is read that was not written: an event as it was, with its own stamps or without. */
function assertTrue(read: readonly TracedEvent[], written: readonly TracedEvent[], what: string) {
  const by_id = new Map(written.map((event) => [event.event_id, event]));
  for (const event of read) {
    const original = by_id.get(event.event_id)!;
    assertEquals(withoutStamps(event), withoutStamps(original), what);
    for (const stamp of ["received_at", "processed_at"] as const) {
      assert(event[stamp] === null || event[stamp] === original[stamp], what);
    }
  }
}

Deno.test("of a write-ahead file with one flipped bit everything else is read, nothing false, and it is told", async () => {
  using folder = memoryFolder();
  const path = await deadSegment(folder.path, IS_FULL ? 8 : 4);
  const bytes = Deno.readFileSync(path);
  const { events: written } = readBytes(path, bytes);
  const text = new TextDecoder().decode(bytes);
  const lines = text.split("\n").slice(0, -1).map((line) => new TextEncoder().encode(line).length);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    const flipped = bytes.slice();
    flipped[at] ^= 1 << (bit & 7);
    const { events, damage } = readBytes(path, flipped);
    const what = `bit ${bit}`;
    assertTrue(events, written, what);
    let start = 0;
    let hit: string | undefined;
    for (const [index, size] of lines.entries()) {
      if (at >= start && at < start + size) hit = text.split("\n")[index];
      start += size + 1;
    }
    const lost = hit?.startsWith("[") ? [JSON.parse(hit)[1]] : [];
    assertEquals(idsOf(events), idsOf(written).filter((id) => !lost.includes(id)), what);
    assert(damage.some(({ offset, bytes }) => at >= offset && at < offset + bytes.length), what);
  }
});

Deno.test("of a write-ahead file that ends early all whole lines are read, and its end is torn", async () => {
  using folder = memoryFolder();
  const path = await deadSegment(folder.path, 4);
  const bytes = Deno.readFileSync(path);
  const { events: written } = readBytes(path, bytes);
  for (let size = 0; size <= bytes.length; size++) {
    const { events, damage } = readBytes(path, bytes.slice(0, size));
    assertTrue(events, written, `${size} bytes`);
    const whole = bytes.subarray(0, size).lastIndexOf(10) + 1;
    assertEquals(
      damage.map(({ kind, offset }) => [kind, offset]),
      whole === size ? [] : [["torn", whole]],
    );
    const lines = new TextDecoder().decode(bytes.subarray(0, whole)).split("\n");
    assertEquals(events.length, lines.filter((line) => line.startsWith("[")).length);
  }
});

const OLD_LINES = [
  '[0,"s1","SIGNAL",1704067200000000,"bt1","","unknown","",0,0,"1.0",1,"",{"a":1}]',
  '[1,"o1","ORDER",1704067200000001,"bt1","s1","unknown","",0,0,"1.0",2,"",{},5]',
  '[2,"f1","FILL",1704067200000002,"bt1","o1","unknown","",0,0,"1.0",3,"",{},5,6]',
  '{"stamps":0,"received_at":1704067200000003}',
];

Deno.test("a record is to 0.1.0 what it wrote itself, with a check where it looks for nothing", async () => {
  using folder = tempFolder();
  const path = await deadSegment(folder.path, 3);
  const store = await TraceStore.open(world, folder.path);
  store.record(traced({ event_type: "FILL", event_id: "no stamps" }));
  store.abandon();
  const { wal } = tracePaths(folder.path);
  const lines = namesIn(wal).filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => Deno.readTextFileSync(join(wal, name)).trimEnd().split("\n"));
  assert(lines.length > 4, path);
  for (const line of lines) {
    const record = JSON.parse(line);
    if (!Array.isArray(record)) {
      assertEquals(typeof (record.stamps ?? record.late_stamps), "number");
      continue;
    }
    // Of an event it takes the first sixteen values by their places, and none after them.
    assertEquals(record.length, 17);
    for (const stamp of record.slice(14, 16)) {
      assert(stamp === null || Number.isSafeInteger(stamp), line);
    }
    assertEquals(typeof record[13], "object");
  }
});

function putSegment(dir: string, lines: readonly string[]): string {
  const { wal } = tracePaths(dir);
  Deno.mkdirSync(wal, { recursive: true });
  const path = join(wal, "20240101T000000-1-00000000-000001.jsonl");
  Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

Deno.test("records of 0.1.0 are read, and counted as unchecked", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  putSegment(ledger.traces.dir, OLD_LINES);
  const events = await ledger.traces.query();
  assertEquals(idsOf(events), ["s1", "o1", "f1"]);
  assertEquals(events.map(({ received_at }) => received_at), [
    1704067200000003,
    1704067200000006,
    1704067200000007,
  ]);
  const { unchecked, damaged, waiting } = await ledger.traces.stats();
  assertEquals({ unchecked, damaged, waiting }, { unchecked: 4, damaged: 0, waiting: 3 });
  assertEquals((await ledger.traces.compact()).recovered.unchecked, 4);
  assertEquals((await ledger.traces.stats()).unchecked, 0);
});

Deno.test("a record of 0.1.0 whose number was flipped drops no other event", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  putSegment(ledger.traces.dir, OLD_LINES.with(2, OLD_LINES[2].replace("[2,", "[0,")));
  const events = await ledger.traces.query();
  assertEquals(idsOf(events), ["s1", "o1", "f1"]);
  // Whose stamp it is cannot be told any more.
  assertEquals(events[0].received_at, null);
  assertEquals(ledger.traces.damage.map(({ reason }) => reason), [
    "another event has its number, 0; both are kept",
  ]);
});

Deno.test("a record that occurs twice counts once, and is told", async () => {
  using folder = tempFolder();
  const path = await deadSegment(folder.path, 2);
  const lines = Deno.readTextFileSync(path).split("\n");
  Deno.writeTextFileSync(path, [lines[0], ...lines].join("\n"));
  const told: string[] = [];
  assertEquals(
    idsOf(await queryTraces(world, folder.path, {}, ({ reason }) => told.push(reason))),
    ["e0", "e1"],
  );
  assertEquals(told, ["the same record stands there before"]);
});

Deno.test("a file longer than any store writes is refused by name before it is read, and stays", async () => {
  using folder = tempFolder();
  const path = await deadSegment(folder.path, 2);
  // Sparse: it takes no room on the disk.
  Deno.truncateSync(path, 1e12);
  for (
    const ask of [
      () => queryTraces(world, folder.path, {}),
      () => compactTraces(world, folder.path),
    ]
  ) {
    const error = await assertRejects(ask, LedgerError, "1000000000000 bytes");
    assertEquals([error.code, error.where?.path], ["damaged", path]);
  }
  assertEquals(Deno.statSync(path).size, 1e12);
});

Deno.test("compacting sets damaged bytes aside, whole and durable, before the write-ahead file goes", async () => {
  using folder = tempFolder();
  const path = await deadSegment(folder.path, 4);
  const bytes = Deno.readFileSync(path);
  bytes[30] ^= 1;
  Deno.writeFileSync(path, bytes);
  const [line] = new TextDecoder().decode(bytes).split("\n");
  const { recovered } = await compactTraces(world, folder.path);
  assertEquals([recovered.events, recovered.quarantined], [3, 1]);
  assertEquals(recovered.damage.map(({ path: damaged, offset }) => [damaged, offset]), [[path, 0]]);
  const { quarantine, wal } = tracePaths(folder.path);
  const [kept] = namesIn(quarantine);
  assertEquals(Deno.readTextFileSync(join(quarantine, kept)), line);
  assertEquals(namesIn(wal), [".merge.lock"]);
});
