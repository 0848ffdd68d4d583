import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { LedgerError } from "../../src/base/error.ts";
import { openLedger } from "../../src/mod.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { StoredIds } from "../../src/trace/store/stored_ids.ts";
import { inputOf, tempFolder, testWorld } from "../harness.ts";
import { NOON_US } from "./events.ts";
import { idsOf, namesIn } from "./stores.ts";

const line = (event_id: string, more = "") =>
  `{"event_type":"BAR","event_id":"${event_id}","timestamp":${NOON_US}${more}}`;

Deno.test("events that another program traced are taken in, a last line without its newline too", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const text = `${line("a")}\n\n${line("b", ',"data":{"id":9007199254740993}')}`;
  const report = await ledger.traces.ingest(inputOf(text));
  assertEquals(report, { lines: 3, events: 2, duplicates: 0, bad: 0 });
  const events = await ledger.traces.query();
  assertEquals(idsOf(events), ["a", "b"]);
  assertEquals(JSON.stringify(events[1].data), '{"id":9007199254740993}');
  assertEquals(events.map((event) => event.sequence_number), [1, 2]);
});

Deno.test("a bad line ends the stream, says where it is, and what came before it is kept", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const text = [line("a"), '{"event_type":""}', line("b")].join("\n");
  const error = await assertRejects(() => ledger.traces.ingest(inputOf(text)), LedgerError);
  assertStringIncludes(error.message, "1 event is kept");
  assertEquals([error.where, error.detail], [
    { path: "standard input", line: 2 },
    { durable: 1 },
  ]);
  assertEquals(idsOf(await ledger.traces.query()), ["a"]);
});

Deno.test("told to, bad lines are passed over, each told with its place", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const encoder = new TextEncoder();
  const bytes = [
    ...encoder.encode(`${line("a")}\nnonsense\n`),
    0xff,
    ...encoder.encode(`\n${line("b")}\n`),
  ];
  const told: (number | undefined)[] = [];
  const report = await ledger.traces.ingest(inputOf(new Uint8Array(bytes)), {
    on_error: "skip",
    onBadLine: (error) => told.push(error.where?.line),
  });
  assertEquals([report, told], [{ lines: 4, events: 2, duplicates: 0, bad: 2 }, [2, 3]]);
});

Deno.test("what there is can be counted: by type, waiting and stored", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.traces.ingest(inputOf([line("a"), line("b")].join("\n")));
  const waiting = await ledger.traces.stats();
  await ledger.traces.compact();
  await ledger.traces.ingest(inputOf(line("c", ',"correlation_id":"run"')));
  const stats = await ledger.traces.stats();
  assertEquals([waiting.events, waiting.waiting, waiting.files], [2, 2, 0]);
  assertEquals([stats.events, stats.waiting, stats.files, stats.correlations], [3, 1, 1, 2]);
  assertEquals(stats.types, [{ event_type: "BAR", events: 3, first: NOON_US, last: NOON_US }]);
});

Deno.test("an abandoned stream of a hundred thousand events is read with all of them", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const text = Array.from({ length: 100_000 }, (_, n) => line(`e${n}`)).join("\n");
  assertEquals((await ledger.traces.ingest(inputOf(text))).events, 100_000);
  assertEquals(new Set(idsOf(await ledger.traces.query())).size, 100_000);
});

/** A line of each, with a number of its own. */
const lines = (ids: readonly string[]) => ids.map((id) => line(id) + "\n").join("");
const idsTo = (count: number) => Array.from({ length: count }, (_, at) => `e${at}`);

Deno.test("an event whose id is stored already is passed over: waiting, stored, merged, and in one stream", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const ingest = async (...ids: string[]) => {
    const { events, duplicates } = await ledger.traces.ingest(inputOf(lines(ids)));
    return [events, duplicates];
  };
  assertEquals(await ingest("a", "b", "a"), [2, 1]);
  assertEquals(await ingest("b", "c"), [1, 1]);
  await ledger.traces.compact();
  assertEquals(await ingest("c", "d", "a"), [1, 2]);
  await ledger.traces.compact();
  assertEquals(await ingest("a", "b", "c", "d"), [0, 4]);
  const unnamed = `{"event_type":"BAR","timestamp":${NOON_US}}\n`;
  const twice = await ledger.traces.ingest(inputOf(unnamed + unnamed));
  assertEquals([twice.events, twice.duplicates], [2, 0]);
  assertEquals((await ledger.traces.query({ event_types: ["BAR"] })).length, 6);
});

Deno.test("what a living tracer or a damaged file holds is known by its record, not by its name", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await using tracer = await ledger.traces.open();
  tracer.trace({ event_type: "FILL", event_id: "living" });
  const { duplicates } = await ledger.traces.ingest(inputOf(lines(["living", "hurt", "whole"])));
  assertEquals(duplicates, 1);
  const wal = tracePaths(ledger.traces.dir).wal;
  const path = namesIn(wal).filter((name) => name.endsWith(".jsonl")).map((name) => join(wal, name))
    .find((path) => Deno.readTextFileSync(path).includes("hurt"))!;
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace('"hurt"', '"hurd"'));
  const again = await ledger.traces.ingest(inputOf(lines(["hurt", "whole"])));
  assertEquals([again.events, again.duplicates], [1, 1]);
});

Deno.test("processes that ingest the same events at once store each of them once", async () => {
  using folder = tempFolder();
  const ids = idsTo(3_000);
  const ledgers = await Promise.all(idsTo(3).map(() => openLedger({ dir: folder.path })));
  // Asking a Parquet file takes time: each would record before the others have looked.
  await ledgers[0].traces.ingest(inputOf(lines(["before"])));
  await ledgers[0].traces.compact();
  const reports = await Promise.all(
    ledgers.map((ledger) => ledger.traces.ingest(inputOf(lines(ids)))),
  );
  const [ledger] = ledgers;
  await Promise.all(ledgers.map((each) => each.close()));
  assertEquals(reports.reduce((sum, { events }) => sum + events, 0), ids.length);
  assertEquals(idsOf(await ledger.traces.query()).sort(), ["before", ...ids].sort());
});

Deno.test("an event that becomes Parquet while ids are compared is known all the same", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.traces.ingest(inputOf(lines(["a"])));
  const { wal } = tracePaths(ledger.traces.dir);
  const [segment] = namesIn(wal).filter((name) => name.endsWith(".jsonl"));
  const kept = Deno.readFileSync(join(wal, segment));
  await ledger.traces.convert();
  // As it was before the last step of that: both are there. The step comes right after the listing.
  Deno.writeFileSync(join(wal, segment), kept);
  const files = systemFiles();
  const list = (path: string) => {
    const entries = files.list(path);
    if (entries?.some(({ name }) => name === segment)) Deno.removeSync(join(wal, segment));
    return entries;
  };
  const world = testWorld({ files: { ...files, list } });
  await using other = await openLedger({ dir: folder.path, world });
  assertEquals((await other.traces.ingest(inputOf(lines(["a"])))).duplicates, 1);
  assertEquals(namesIn(wal).includes(segment), false);
});

Deno.test("a stream that never ends has what came stored, though no more comes", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const stop = new AbortController();
  const given = [lines(["a"]), lines(["b", "c"])].map((text) => new TextEncoder().encode(text));
  const waits = Promise.withResolvers<null>();
  const read = (buffer: Uint8Array) => {
    const bytes = given.shift();
    if (!bytes) return waits.promise;
    buffer.set(bytes);
    return Promise.resolve(bytes.length);
  };
  const report = ledger.traces.ingest({ read }, { signal: stop.signal });
  while (idsOf(await ledger.traces.query()).length < 3);
  stop.abort();
  assertEquals((await report).events, 3);
});

Deno.test("times may be ISO times, UTC unless they say otherwise, to the microsecond", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const text = JSON.stringify({
    event_type: "BAR",
    event_id: "iso",
    timestamp: "2026-01-23T12:00:00.123456",
    created_at: "2026-01-23T14:00:00.000007+02:00",
    emitted_at: "2026-01-23 12:00:01Z",
    received_at: null,
    processed_at: "2026-01-23T12:00:00.5",
  });
  await ledger.traces.ingest(inputOf(text));
  const [event] = await ledger.traces.query();
  const times = [event.timestamp, event.created_at, event.emitted_at, event.received_at];
  assertEquals(times, [NOON_US + 123_456, NOON_US + 7, NOON_US + 1_000_000, null]);
  assertEquals(event.processed_at, NOON_US + 500_000);
  for (const time of ["2h", "yesterday", "2026-13-01T00:00:00Z", "", "1700000000000000"]) {
    const bad = JSON.stringify({ event_type: "BAR", event_id: time, processed_at: time });
    const error = await assertRejects(() => ledger.traces.ingest(inputOf(bad)), LedgerError);
    assertStringIncludes(error.message, `processed_at is "${time}"`);
    assertStringIncludes(error.message, "2026-01-23T14:30:00.123456Z");
  }
});

Deno.test("ids that memory has no room for are known from a table, those of others and its own", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.traces.ingest(inputOf(lines(idsTo(10))));
  using ids = new StoredIds(testWorld(), ledger.traces.dir, "own", 4);
  const isNew = async (...event_ids: string[]) => {
    await ids.look(event_ids);
    return event_ids.filter((event_id) => ids.add(event_id));
  };
  assertEquals(await isNew("e3", "x", "y", "z"), ["x", "y", "z"]);
  assertEquals(await isNew("x", "v", "w"), ["v", "w"]);
  assertEquals(await isNew("e9", "y", "w", "u", "e10"), ["u", "e10"]);
  await ledger.traces.ingest(inputOf(lines(["later"])));
  assertEquals(await isNew("later", "v", "u"), []);
});
