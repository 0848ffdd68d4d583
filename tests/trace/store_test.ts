import { assert, assertEquals, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { queryTraces, TraceSession } from "../../src/trace/store/query.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";
import {
  filesBelow,
  fillingDisk,
  idsOf,
  idsWaiting,
  linesWaiting,
  namesIn,
  stillWorld,
} from "./stores.ts";

const DAY_US = 86_400_000_000;
const world = testWorld();

const bar = (event_id: string, more: Partial<TracedEvent> = {}) =>
  traced({ event_type: "BAR", event_id, ...more });
const fill = (event_id: string, more: Partial<TracedEvent> = {}) =>
  traced({ event_type: "FILL", event_id, ...more });

Deno.test("what was recorded is what is asked for: before closing, after it, every field of it", async () => {
  using folder = tempFolder();
  const events = [
    fill('an "id"\n', {
      correlation_id: 'a "correlation"',
      causation_id: "sig\\nal 😀",
      source_container: "brökér 😀",
      destination: "portfolio",
      created_at: NOON_US + 1,
      emitted_at: NOON_US + 2,
      received_at: NOON_US + 3,
      processed_at: NOON_US + 4,
      data: { price: 1.5, nested: { list: [1, null, "x"] }, "a\nb": "" },
      sequence_number: 12,
      partition_key: "p",
    }),
    bar("b", { timestamp: NOON_US + 10 }),
  ];
  const store = await TraceStore.open(world, folder.path);
  for (const event of events) store.record(event);
  assertEquals(await store.query(), events);
  await store.close();
  assertEquals(filesBelow(folder.path).map((path) => path.replace(/[^/]*$/, "")), [
    "date=2026-01-23/type=BAR/",
    "date=2026-01-23/type=FILL/",
  ]);
  assertEquals(await queryTraces(world, folder.path), events);
});

Deno.test("a whole number past 2^53 in data comes back with all its digits", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(world, folder.path);
  store.record(bar("b", { data: { id: 9007199254740993n } }));
  const [waiting] = await store.query();
  await store.close();
  const [stored] = await queryTraces(world, folder.path);
  for (const { data } of [waiting, stored]) {
    assertEquals(JSON.stringify(data), '{"id":9007199254740993}');
  }
});

Deno.test("stamps come back as they were, however far from the event's time", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path);
  const far = Number.MAX_SAFE_INTEGER;
  const stamps = [[far, -far, far, -far], [null, far, null, -1], [0, null, 5, null]];
  const events = stamps.map(([created_at, emitted_at, received_at, processed_at], n) =>
    bar(`b${n}`, { created_at, emitted_at, received_at, processed_at, timestamp: NOON_US + n })
  );
  for (const event of events) store.record(event);
  assertEquals(await store.query(), events);
  await store.close();
  assertEquals(await queryTraces(world, folder.path), events);
});

Deno.test("a critical event is on the disk when record returns, and what came before it too", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(world, folder.path);
  store.record(bar("b"));
  assertEquals(idsWaiting(folder.path), []);
  store.record(fill("f"));
  assertEquals(idsWaiting(folder.path), ["b", "f"]);
  assertEquals(store.counters, { events: 2, critical: 1, writes: 1 });
});

Deno.test("which types are critical can be said", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(world, folder.path, { critical_types: ["BAR"] });
  store.record(fill("f"));
  assertEquals(idsWaiting(folder.path), []);
  store.record(bar("b"));
  assertEquals(idsWaiting(folder.path), ["f", "b"]);
});

Deno.test("other events are written when there are 64 of them", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(stillWorld(), folder.path);
  for (let n = 0; n < 63; n++) store.record(bar(`b${n}`));
  assertEquals(idsWaiting(folder.path).length, 0);
  store.record(bar("b63"));
  assertEquals(idsWaiting(folder.path).length, 64);
});

Deno.test("other events are written when the first of them has waited for 50 ms", async () => {
  using folder = tempFolder();
  const still = stillWorld();
  await using store = await TraceStore.open(still, folder.path);
  for (const round of [1, 2]) {
    store.record(bar("first"));
    await still.pass(30);
    store.record(bar("second"));
    await still.pass(19);
    assertEquals(idsWaiting(folder.path).length, 2 * (round - 1));
    await still.pass(1);
    assertEquals(idsWaiting(folder.path).length, 2 * round);
  }
});

Deno.test("a program that never waits has its events written after 50 ms all the same", async () => {
  using folder = tempFolder();
  const still = stillWorld();
  await using store = await TraceStore.open(still, folder.path);
  const passing = still.pass(0);
  for (let n = 0; n < 7; n++) store.record(bar(`b${n}`));
  const later = still.pass(50);
  store.record(bar("b7"));
  assertEquals(idsWaiting(folder.path).length, 8);
  await Promise.all([passing, later]);
});

Deno.test("with durability every, each event is on the disk when record returns", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(stillWorld(), folder.path, { durability: "every" });
  for (let n = 0; n < 3; n++) {
    store.record(bar(`b${n}`));
    assertEquals(idsWaiting(folder.path).length, n + 1);
  }
});

Deno.test("stamps go with an event that still waits, and into a line of their own after that", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(stillWorld(), folder.path);
  const waiting = store.record(bar("b"));
  store.stamp(waiting, "received_at", 1);
  store.stamp(waiting, "processed_at", 2);
  const written = store.record(fill("f"));
  assertEquals(linesWaiting(folder.path).length, 2);
  store.stamp(written, "received_at", 3);
  store.stamp(written, "processed_at", 4);
  store.flush();
  store.stamp(waiting, "processed_at", 5);
  const stamps = (events: TracedEvent[]) => events.map((e) => [e.received_at, e.processed_at]);
  assertEquals(stamps(await store.query()), [[1, 5], [3, 4]]);
  assertEquals(linesWaiting(folder.path).length, 4);
  await store.close();
  assertEquals(stamps(await queryTraces(world, folder.path)), [[1, 5], [3, 4]]);
});

Deno.test("events with one id each get their own stamps", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path);
  const entries = [1, 2].map((sequence_number) => store.record(fill("same", { sequence_number })));
  store.stamp(entries[1], "processed_at", 2);
  store.stamp(entries[0], "processed_at", 1);
  await store.close();
  const events = await queryTraces(world, folder.path);
  assertEquals(events.map(({ processed_at }) => processed_at), [1, 2]);
});

Deno.test("stamps find events of earlier segments, before closing and after it", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path, { segment_bytes_max: 1 });
  const entries = [0, 1, 2].map((n) => store.record(fill(`f${n}`, { timestamp: NOON_US + n })));
  entries.forEach((entry, n) => store.stamp(entry, "processed_at", 10 + n));
  store.flush();
  assert(filesBelow(folder.path).length > 3);
  const stamps = async () => (await queryTraces(world, folder.path)).map((e) => e.processed_at);
  assertEquals(await stamps(), [10, 11, 12]);
  await store.close();
  assertEquals(await stamps(), [10, 11, 12]);
});

Deno.test("what is asked for is what is found, waiting or stored", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path);
  const all = [
    fill("a", { correlation_id: "c1", source_container: "broker" }),
    bar("b", { correlation_id: "c1", timestamp: NOON_US + 1 }),
    bar("c", { correlation_id: "c2", timestamp: NOON_US + 2 }),
    bar("d", { correlation_id: "c2", timestamp: NOON_US + DAY_US }),
  ];
  for (const event of all) store.record(event);
  const questions = [
    [{}, "abcd"],
    [{ correlation_id: "c1" }, "ab"],
    [{ event_types: ["BAR"] }, "bcd"],
    [{ event_types: [] }, ""],
    [{ source: "broker" }, "a"],
    [{ since_us: NOON_US + 1, until_us: NOON_US + DAY_US }, "bc"],
    [{ since_us: NOON_US + DAY_US }, "d"],
    [{ event_ids: ["d", "a", "x"] }, "ad"],
    [{ limit: 2 }, "ab"],
    [{ correlation_id: "c2", event_types: ["BAR", "FILL"], limit: 9 }, "cd"],
  ] as const;
  const answers = async () => {
    const found = questions.map(([filter]) => queryTraces(world, folder.path, filter));
    return (await Promise.all(found)).map((events) => idsOf(events).join(""));
  };
  store.flush();
  assertEquals(await answers(), questions.map(([, ids]) => ids));
  await store.close();
  assertEquals(await answers(), questions.map(([, ids]) => ids));
});

Deno.test("what waits and what is stored come as one, in the order of time", async () => {
  using folder = tempFolder();
  const odd = await TraceStore.open(world, folder.path);
  const even = await TraceStore.open(world, folder.path);
  for (let n = 0; n < 20; n++) {
    (n % 2 === 0 ? even : odd).record(bar(`b${n}`, { timestamp: NOON_US + n }));
  }
  await odd.close();
  const found = await even.query();
  assertEquals(idsOf(found), Array.from({ length: 20 }, (_, n) => `b${n}`));
  assertEquals(idsOf(await even.query({ limit: 3 })), ["b0", "b1", "b2"]);
  await even.close();
});

Deno.test("asked without data, events come without it", async () => {
  using folder = tempFolder();
  await using store = await TraceStore.open(world, folder.path);
  store.record(bar("b", { data: { price: 1 } }));
  assertEquals((await store.query({ without_data: true }))[0].data, {});
  await store.close();
  assertEquals((await queryTraces(world, folder.path, { without_data: true }))[0].data, {});
});

Deno.test("what does not fit into memory goes to a folder that is gone afterwards", async () => {
  using folder = tempFolder();
  {
    using session = new TraceSession(world, folder.path);
    const database = await session.database();
    const [{ rows }] = await database.rows<{ rows: bigint }>(
      `create temp table large as
         select md5(range::varchar) as text from range(10_000_000) order by text;
       select count(*) as rows from large`,
    );
    assertEquals(rows, 10_000_000n);
    assertEquals(namesIn(folder.path).length, 1);
  }
  assertEquals(namesIn(folder.path), []);
});

Deno.test("a type may hold what a folder's name may not", async () => {
  using folder = tempFolder();
  const types = ["a/b", "..", "100 %", "été", "it's", "*?", "type=x"];
  const store = await TraceStore.open(world, folder.path);
  for (const event_type of types) store.record(traced({ event_type, event_id: event_type }));
  await store.close();
  assertEquals(idsOf(await queryTraces(world, folder.path)).sort(), [...types].sort());
  for (const type of types) {
    assertEquals(idsOf(await queryTraces(world, folder.path, { event_types: [type] })), [type]);
  }
});

Deno.test("a critical event that a full disk does not take is refused, and is not kept", async () => {
  using folder = tempFolder();
  const { world, disk } = fillingDisk();
  await using store = await TraceStore.open(world, folder.path);
  store.record(bar("b"));
  disk.is_full = true;
  assertThrows(() => store.record(fill("refused")), LedgerError, "No space");
  disk.is_full = false;
  store.record(fill("f"));
  assertEquals(idsWaiting(folder.path), ["b", "f"]);
});

Deno.test("on a full disk 1,000 other events wait, the next one is refused; nothing is lost or doubled", async () => {
  using folder = tempFolder();
  const { world, disk } = fillingDisk();
  const store = await TraceStore.open(world, folder.path);
  disk.is_full = true;
  for (let n = 0; n < 1_000; n++) store.record(bar(`b${n}`, { timestamp: NOON_US + n }));
  assertThrows(() => store.record(bar("refused")), LedgerError, "No space");
  disk.is_full = false;
  await store.close();
  const found = idsOf(await queryTraces(world, folder.path));
  assertEquals(found, Array.from({ length: 1_000 }, (_, n) => `b${n}`));
});

Deno.test("a write that is cut short leaves whole lines, and what it did not take is written later", async () => {
  using folder = tempFolder();
  const { world, disk } = fillingDisk();
  const store = await TraceStore.open(world, folder.path);
  for (const id of ["a", "b", "c"]) store.record(bar(id));
  Object.assign(disk, { is_full: true, room: 150 });
  assertThrows(() => store.flush(), LedgerError, "No space");
  assertEquals(idsWaiting(folder.path), ["a"]);
  disk.is_full = false;
  store.flush();
  assertEquals(idsWaiting(folder.path), ["a", "b", "c"]);
  await store.close();
});

Deno.test("a store that is closed takes no more, and may be closed again", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path);
  store.record(bar("b"));
  assertEquals((await store.close()).events, 1);
  assertEquals((await store.close()).events, 0);
  assertThrows(() => store.record(bar("c")), Error, "closed");
});

Deno.test("a store that got no event leaves nothing behind", async () => {
  using folder = tempFolder();
  for (const parquet of ["now", "later"] as const) {
    const store = await TraceStore.open(world, folder.path);
    await store.close(parquet);
  }
  assertEquals(filesBelow(folder.path), []);
  assertEquals(await queryTraces(world, folder.path), []);
});
