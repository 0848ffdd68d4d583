import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { openLedger } from "../../src/mod.ts";
import { inputOf, tempFolder } from "../harness.ts";
import { NOON_US } from "./events.ts";
import { idsOf } from "./stores.ts";

const line = (event_id: string, more = "") =>
  `{"event_type":"BAR","event_id":"${event_id}","timestamp":${NOON_US}${more}}`;

Deno.test("events that another program traced are taken in, a last line without its newline too", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const text = `${line("a")}\n\n${line("b", ',"data":{"id":9007199254740993}')}`;
  const report = await ledger.traces.ingest(inputOf(text));
  assertEquals(report, { lines: 3, events: 2, bad: 0 });
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
  assertEquals([report, told], [{ lines: 4, events: 2, bad: 2 }, [2, 3]]);
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
