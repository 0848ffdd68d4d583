import { assertEquals } from "@std/assert";
import { analyzeLatency } from "../../src/trace/ask/latency.ts";
import { queryTraces } from "../../src/trace/store/query.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { typeLatencies } from "../../src/trace/ask/type_latency.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { Random } from "../laws/random.ts";
import { NOON_US, traced } from "./events.ts";

const world = testWorld();

/** Events with stamps of all kinds: whole, missing, in the wrong order, below zero. */
function someEvents(seed: number, count: number) {
  const random = new Random(seed);
  const stamp = (after_us: number) =>
    random.chance(0.08) ? null : NOON_US + after_us + random.below(900);
  return random.times(count, (n) =>
    traced({
      event_id: `e${seed}-${n}`,
      event_type: random.pick(["BAR", "SIGNAL", 'it"s a type']),
      correlation_id: random.pick(["a", "b", "c"]),
      timestamp: NOON_US + random.below(3) * 86_400_000_000,
      created_at: random.chance(0.02) ? -5 : stamp(0),
      emitted_at: stamp(500),
      received_at: stamp(1_000),
      processed_at: stamp(1_500),
    }));
}

Deno.test("latencies over all traces are what the events tell one by one, converted or not", async () => {
  using folder = tempFolder();
  for (const [seed, keep] of [[1, undefined], [2, "later"], [3, undefined]] as const) {
    const store = await TraceStore.open(world, folder.path);
    for (const event of someEvents(seed, 400)) store.record(event);
    await store.close(keep);
  }
  for (const correlation_ids of [undefined, ["a"], ["a", "c"], ["nobody"]]) {
    const events = (await queryTraces(world, folder.path)).filter(({ correlation_id }) =>
      correlation_ids === undefined || correlation_ids.includes(correlation_id)
    );
    const expected = Object.entries(analyzeLatency(events).types).map(([type, of_type]) => [
      type,
      events.filter(({ event_type }) => event_type === type).length,
      of_type.latency && { ...of_type.latency, mean_ms: Math.round(of_type.latency.mean_ms * 1e6) },
      of_type.left_out,
    ]);
    const found = await typeLatencies(world, folder.path, { correlation_ids });
    assertEquals(
      found.map(({ event_type, events, latency, left_out }) => [
        event_type,
        events,
        latency && { ...latency, mean_ms: Math.round(latency.mean_ms * 1e6) },
        left_out,
      ]),
      expected,
    );
    assertEquals(found.length, correlation_ids?.[0] === "nobody" ? 0 : 3);
  }
});

Deno.test("events are found by what their data says, before and after they are converted", async () => {
  using folder = tempFolder();
  const events = [
    traced({ event_id: "1", event_type: "FILL", correlation_id: "a", data: { call_id: "7" } }),
    traced({ event_id: "2", event_type: "FILL", correlation_id: "a", data: { call_id: 7 } }),
    traced({ event_id: "3", event_type: "FILL", correlation_id: "b", data: { call_id: 'é"\\/' } }),
    traced({ event_id: "4", event_type: "FILL", correlation_id: "b", data: { "a/b~c": "x" } }),
    traced({ event_id: "5", event_type: "FILL", correlation_id: "c", data: {} }),
  ];
  for (const keep of ["later", undefined] as const) {
    using own = tempFolder(folder.path);
    const store = await TraceStore.open(world, own.path);
    for (const event of events) store.record(event);
    await store.close(keep);
    const ids = async (data: Record<string, string>, correlation_ids?: string[]) =>
      (await queryTraces(world, own.path, { data, correlation_ids })).map(({ event_id }) =>
        event_id
      );
    assertEquals(await ids({ call_id: "7" }), ["1"]);
    assertEquals(await ids({ call_id: 'é"\\/' }), ["3"]);
    assertEquals(await ids({ "a/b~c": "x" }), ["4"]);
    assertEquals(await ids({ call_id: "7" }, ["b", "c"]), []);
    assertEquals(await ids({ call_id: "7" }, ["b", "a"]), ["1"]);
    assertEquals(await ids({ call_id: "8" }), []);
  }
});
