import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { rowsOfQuery } from "../../src/duckdb/query.ts";
import { openLedger } from "../../src/mod.ts";
import { dataText, latencyMs, queueTimeMs, type TracedEvent } from "../../src/trace/event/event.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { runIn, systemError, tempFolder, testWorld } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";
import { filesBelow } from "./stores.ts";

const world = testWorld();

async function keep(dir: string, events: TracedEvent[], parquet: "now" | "later"): Promise<void> {
  const store = await TraceStore.open(world, join(dir, "traces"));
  for (const event of events) store.record(event);
  await store.close(parquet);
}

function fills(count: number, first = 0): TracedEvent[] {
  return Array.from(
    { length: count },
    (_, at) => traced({ event_id: `f${first + at}`, event_type: "FILL", timestamp: NOON_US + at }),
  );
}

function randomEvent(random: SeededRandom, at: number): TracedEvent {
  const maybe = <T>(value: T) => random.below(4) === 0 ? undefined : value;
  const text = () => ["", "a\u0000b", "😀 'x'", '"', "\n\\"][random.below(5)];
  const created_at = maybe(NOON_US + random.below(1_000_000) - 500_000);
  return traced({
    event_id: `e${at} ${text()}`,
    event_type: ["BAR", "FILL", "a/b"][random.below(3)],
    timestamp: NOON_US + random.below(3) * 86_400_000_000,
    correlation_id: `c${random.below(2)}`,
    causation_id: text(),
    source_container: text(),
    created_at,
    emitted_at: created_at,
    received_at: maybe(NOON_US + random.below(1000)),
    processed_at: maybe(at % 7 === 0 ? -5 : NOON_US + random.below(1000)),
    data: { slippage: random.below(100) / 4, at: 9007199254740993n, deep: { list: [text()] } },
    sequence_number: at,
  });
}

Deno.test("SQL sees each traced event once and whole, waiting or stored, with the lengths of time", async () => {
  const seed = Math.floor(Math.random() * 1e9);
  const random = new SeededRandom(seed);
  using folder = tempFolder();
  const events = Array.from({ length: 200 }, (_, at) => randomEvent(random, at));
  await keep(folder.path, events.slice(0, 80), "now");
  await keep(folder.path, events.slice(80, 150), "later");
  await using ledger = await openLedger({ dir: folder.path });
  await using tracing = await TraceStore.open(world, ledger.traces.dir);
  for (const event of events.slice(150)) tracing.record(event);
  tracing.flush();
  const sql = "select * replace (data::varchar as data) from trace_events order by sequence_number";
  const expected = events.map((event) => ({
    ...event,
    latency_ms: latencyMs(event) ?? null,
    queue_time_ms: queueTimeMs(event) ?? null,
    data: dataText(event.data),
  }));
  assertEquals(await ledger.query(sql, { db: "traces" }), expected, `seed ${seed}`);
  const [{ most, digits }] = await ledger.query(
    `select max((data->>'slippage')::double) as most, any_value(data->>'at') as digits
     from trace_events where event_type = 'FILL'`,
    { db: "traces" },
  );
  const slippages = events.filter(({ event_type }) => event_type === "FILL")
    .map(({ data }) => data.slippage as number);
  assertEquals([most, digits], [Math.max(...slippages), "9007199254740993"], `seed ${seed}`);
});

Deno.test("an event whose flush was cut off, so that it stands in both places, counts once in SQL", async () => {
  using folder = tempFolder();
  const files = systemFiles((operation, path) => {
    if (operation !== "remove" || !path.endsWith(".jsonl")) return;
    throw systemError("EIO", "Input/output error");
  });
  const store = await TraceStore.open(testWorld({ files }), join(folder.path, "traces"));
  for (const event of fills(3)) store.record(event);
  await assertRejects(() => store.close(), LedgerError);
  store.abandon();
  assertEquals(
    filesBelow(folder.path).map((path) => path.split(".").at(-1)).sort(),
    ["jsonl", "lock", "parquet"],
  );
  await using ledger = await openLedger({ dir: folder.path });
  const count = () => ledger.query("select count(*) as n from trace_events", { db: "traces" });
  assertEquals(await count(), [{ n: 3 }]);
  await ledger.traces.compact();
  assertEquals(await count(), [{ n: 3 }]);
});

Deno.test("a query whose files were merged since it was opened is answered from what replaced them", async () => {
  using folder = tempFolder();
  await keep(folder.path, fills(3), "now");
  await keep(folder.path, fills(2, 3), "now");
  await using ledger = await openLedger({ dir: folder.path });
  await using database = await ledger.openIndex({ db: "traces" });
  await ledger.traces.compact();
  const stored = filesBelow(ledger.traces.dir).filter((path) => path.endsWith(".parquet"));
  assertEquals(stored.length, 1);
  const sql = "select event_id from trace_events order by event_id";
  const ids = (await rowsOfQuery(database, sql)).map(({ event_id }) => event_id);
  assertEquals(ids, ["f0", "f1", "f2", "f3", "f4"]);
});

Deno.test("SQL on traces only reads: writes, and files outside the ledger, are refused", async () => {
  using folder = tempFolder();
  await keep(folder.path, fills(2), "now");
  const before = filesBelow(folder.path);
  for (
    const [sql, code] of [
      ["insert into waiting_trace_events (event_id) values ('x')", 2],
      ["drop view trace_events", 2],
      [`copy trace_events to '${folder.path}/traces/x.parquet'`, 2],
      ["select * from read_text('/etc/passwd')", 2],
      ["select * from write_log('x')", 2],
    ] as const
  ) {
    const answer = await runIn(folder.path, ["query", "--db", "traces", sql]);
    assertEquals([answer.code, answer.stdout], [code, ""], `${sql}: ${answer.stderr}`);
  }
  assertEquals(filesBelow(folder.path), before);
});

Deno.test("without SQL the view is described; no traces are no rows, and no ledger is an error", async () => {
  using folder = tempFolder();
  const ask = (...words: string[]) => runIn(folder.path, ["query", "--db", "traces", ...words]);
  assertEquals(
    (await ask("select count(*) as n from trace_events", "--format", "csv")).stdout,
    "n\n0\n",
  );
  await keep(folder.path, fills(2), "later");
  const { stdout, code } = await ask();
  assertEquals(code, 0);
  assertStringIncludes(stdout, "trace_events");
  assertStringIncludes(stdout, "latency_ms");
  assertEquals(stdout.includes("waiting"), false);
  const [example] = stdout.split("\n").filter((line) => line.startsWith("  select"));
  assertEquals((await ask(example, "--json")).code, 0);
  const legacy = await ask("select 1", "--legacy", "x.duckdb");
  assertEquals(legacy.code, 2);
  assertStringIncludes(legacy.stderr, "--legacy is attached to --db runs");
  await runIn(folder.path, ["emit", "run.started", "--run-id", "r1"]);
  await runIn(folder.path, ["rebuild"]);
  const elsewhere = await runIn(folder.path, ["query", "select * from trace_events"]);
  assertEquals(elsewhere.code, 2);
  assertStringIncludes(elsewhere.stderr, "ledger query --db traces");
  const absent = await runIn(join(folder.path, "no"), ["query", "--db", "traces", "select 1"]);
  assertEquals(absent.code, 1);
  assertStringIncludes(absent.stderr, "there is no ledger at");
});
