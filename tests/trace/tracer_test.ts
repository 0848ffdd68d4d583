import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { queryTraces } from "../../src/trace/store/query.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { Tracer } from "../../src/trace/record/tracer.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { idsOf } from "./stores.ts";

const world = testWorld();

/** A world whose clock goes on by what it is told. */
function clockWorld() {
  let now_ms = 0;
  const start_ms = Date.UTC(2026, 0, 23, 12);
  const world = testWorld({ now_ms: () => start_ms + now_ms, elapsed_ms: () => now_ms });
  return { world, pass: (duration_ms: number) => now_ms += duration_ms, start_us: start_ms * 1000 };
}

Deno.test("the way from a fill back to its signal is found: in memory, in the store, and after it", async () => {
  using folder = tempFolder();
  const store = await TraceStore.open(world, folder.path);
  const tracer = new Tracer(world, store, { memory_events_max: 2 });
  const correlation_id = tracer.createCorrelationId();
  const signal = tracer.trace({ event_type: "SIGNAL", correlation_id });
  const order = tracer.trace({
    event_type: "ORDER",
    correlation_id,
    causation_id: signal.event_id,
  });
  const fill = tracer.trace({ event_type: "FILL", correlation_id, causation_id: order.event_id });
  const alone = new Tracer(world);
  const own = alone.trace({ event_type: "SIGNAL" });
  assertEquals((await alone.findCausationPath(own.event_id)).path, [own]);
  for (let time = 0; time < 2; time++) {
    const { path, end } = await tracer.findCausationPath(fill.event_id);
    assertEquals(path.map((event) => event.event_type), ["SIGNAL", "ORDER", "FILL"]);
    assertEquals(end, "root");
    await tracer.close();
  }
});

Deno.test("a cause in another correlation is found where it is stored", async () => {
  using folder = tempFolder();
  await using tracer = new Tracer(world, await TraceStore.open(world, folder.path));
  const data = { symbol: "SOL" };
  const first = tracer.trace({ event_type: "SIGNAL", correlation_id: "monday", data });
  const second = tracer.trace({
    event_type: "ORDER",
    correlation_id: "tuesday",
    causation_id: first.event_id,
  });
  const { path, crossings } = await tracer.findCausationPath(second.event_id);
  assertEquals(path, [first, second]);
  assertEquals(crossings.length, 1);
  assertEquals((await tracer.findCausationPath("nobody")).end, "absent");
});

Deno.test("whatever types and names are made of, and in whichever order they come, they are read back", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    await using tracer = new Tracer(world, await TraceStore.open(world, folder.path));
    const names = ["FILL", 'a"b', "a\\b", "é日", "x\u2028y", "tab\t", "A B:c/d-.e"];
    const name = () => random.pick(names);
    const maybe = () => random.chance(0.5) ? name() : undefined;
    const traced: TracedEvent[] = [];
    for (let n = 0; n < 500; n++) {
      traced.push(tracer.trace({
        event_type: name(),
        event_id: random.chance(0.2) ? `${name()}${n}` : undefined,
        ...{ correlation_id: maybe(), causation_id: maybe(), source_container: maybe() },
        ...{ destination: maybe(), version: maybe(), partition_key: maybe() },
        emitted_at: random.chance(0.2) ? 1_769_169_600_000_000 + n : undefined,
      }));
    }
    tracer.flush();
    const stored = await queryTraces(world, folder.path, {});
    const byId = (a: TracedEvent, b: TracedEvent) => a.event_id < b.event_id ? -1 : 1;
    assertEquals(stored.sort(byId), traced.sort(byId));
  }));

Deno.test("a hundred events that took 10 ms are a hundred, with a mean of 10 ms", async () => {
  using folder = tempFolder();
  const { world, pass } = clockWorld();
  await using tracer = new Tracer(world, await TraceStore.open(world, folder.path));
  tracer.correlation_id = tracer.createCorrelationId();
  for (let n = 0; n < 100; n++) {
    const span = tracer.begin({ event_type: "BAR" });
    pass(4);
    span.received();
    pass(6);
    span.processed();
  }
  const { types: { BAR } } = await tracer.analyzeLatency(tracer.correlation_id);
  assert(Math.abs(BAR.latency!.mean_ms - 10) < 1);
  assertEquals(BAR.latency!.count, 100);
  assertEquals([BAR.queue?.median_ms, BAR.processing?.median_ms], [4, 6]);
});

Deno.test("an event is stamped when it is created and emitted, received once, processed last", () => {
  const { world, pass, start_us } = clockWorld();
  const tracer = new Tracer(world);
  const span = tracer.begin({ event_type: "BAR", created_at: start_us - 5 });
  pass(1);
  span.received();
  pass(0.5);
  span.received();
  span.processed();
  pass(1);
  span.processed();
  const { created_at, emitted_at, received_at, processed_at } = span.event;
  assertEquals([created_at, emitted_at, received_at, processed_at].map((t) => t! - start_us), [
    -5,
    0,
    1_000,
    2_500,
  ]);
});

Deno.test("a wall clock that is set is followed", () => {
  let now_ms = Date.UTC(2026, 0, 23);
  let elapsed_ms = 0;
  const tracer = new Tracer(testWorld({ now_ms: () => now_ms, elapsed_ms: () => elapsed_ms }));
  now_ms += 3_600_000;
  elapsed_ms += 10;
  assertEquals(tracer.now_us(), now_ms * 1000);
});

Deno.test("each correlation has a sequence of its own, that of no correlation too", () => {
  const tracer = new Tracer(world);
  const numberOf = (correlation_id?: string) =>
    tracer.trace({ event_type: "BAR", correlation_id }).sequence_number;
  assertEquals([numberOf("a"), numberOf("b"), numberOf("a"), numberOf(), numberOf()], [
    1,
    1,
    2,
    1,
    2,
  ]);
  assertEquals(tracer.recent("unknown").length, 2);
  tracer.end("a");
  assertEquals([tracer.recent("a"), numberOf("a")], [[], 1]);
});

Deno.test("the last events of a correlation stay in memory, in their order", () => {
  const tracer = new Tracer(world, undefined, { memory_events_max: 3 });
  const ids = Array.from({ length: 5 }, () => tracer.trace({ event_type: "BAR" }).event_id);
  assertEquals(idsOf(tracer.recent("unknown")), ids.slice(2));
});

Deno.test("of too many correlations the one that was quiet the longest is forgotten", () => {
  const tracer = new Tracer(world, undefined, { memory_correlations_max: 2 });
  for (const correlation_id of ["a", "b", "a", "c"]) {
    tracer.trace({ event_type: "BAR", correlation_id });
  }
  assertEquals(tracer.activeCorrelations(), ["a", "c"]);
});

Deno.test("ids name the type, and no two tracers give the same", () => {
  const ids = [new Tracer(world), new Tracer(world)].flatMap((tracer) =>
    Array.from({ length: 1_000 }, () => tracer.trace({ event_type: "FILL" }).event_id)
  );
  assertEquals(new Set(ids).size, 2_000);
  assertMatch(ids[0], /^FILL_[0-9a-f]{8}_/);
  assertMatch(new Tracer(world).createCorrelationId(), /^backtest_\d{8}_\d{6}_[0-9a-f]{8}$/);
});

Deno.test("source and destination are kept, and the stamps are stored with their event", async () => {
  using folder = tempFolder();
  const tracer = new Tracer(world, await TraceStore.open(world, folder.path));
  const span = tracer.begin({
    event_type: "FILL",
    source_container: "broker",
    destination: "portfolio",
    data: { price: 1 },
  });
  span.received();
  span.processed();
  await tracer.close();
  const [stored]: TracedEvent[] = await queryTraces(world, folder.path);
  assertEquals(stored, span.event);
  assert(stored.processed_at! >= stored.received_at!);
});
