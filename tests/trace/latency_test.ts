import { assertEquals } from "@std/assert";
import { analyzeLatency, summarize } from "../../src/trace/ask/latency.ts";
import { NOON_US, traced } from "./events.ts";

function bar(stamps: (number | null)[]) {
  const [created_at, emitted_at, received_at, processed_at] = stamps;
  return traced({ event_type: "BAR", created_at, emitted_at, received_at, processed_at });
}

Deno.test("a hundred events that took 10 ms, half of it on the bus, are summed up as that", () => {
  const at_us = NOON_US;
  const events = Array.from(
    { length: 100 },
    () => bar([at_us, at_us, at_us + 5_000, at_us + 10_000]),
  );
  const { types: { BAR } } = analyzeLatency(events);
  assertEquals(BAR.latency, {
    count: 100,
    mean_ms: 10,
    median_ms: 10,
    p90_ms: 10,
    p95_ms: 10,
    p99_ms: 10,
    max_ms: 10,
  });
  assertEquals([BAR.queue?.mean_ms, BAR.processing?.mean_ms], [5, 5]);
});

Deno.test("percentiles lie between the two nearest values, as numpy has them", () => {
  const summary = summarize(Array.from({ length: 101 }, (_, n) => 100 - n));
  assertEquals(summary, {
    count: 101,
    mean_ms: 50,
    median_ms: 50,
    p90_ms: 90,
    p95_ms: 95,
    p99_ms: 99,
    max_ms: 100,
  });
  assertEquals(summarize([1, 2])?.median_ms, 1.5);
  assertEquals(summarize([]), null);
});

Deno.test("stamps that cannot be right are left out of latency, and counted as what they are", () => {
  const { types: { BAR } } = analyzeLatency([
    bar([1_000, 1_000, 2_000, 3_000]),
    bar([1_000, 1_000, 2_000, null]),
    bar([null, 1_000, 2_000, 3_000]),
    bar([-1, 1_000, 2_000, 3_000]),
    bar([3_000, 1_000, 2_000, 2_000]),
    bar([1_000, 2_500, 2_000, 3_000]),
  ]);
  assertEquals([BAR.latency?.count, BAR.latency?.mean_ms], [1, 2]);
  assertEquals(BAR.left_out, { missing: 2, negative: 1, out_of_order: 2 });
});

Deno.test("who knows only when it began and ended knows how long it took", () => {
  const { types: { BAR } } = analyzeLatency([bar([1_000, null, null, 3_000])]);
  assertEquals([BAR.latency?.mean_ms, BAR.queue, BAR.processing], [2, null, null]);
});

Deno.test("hops are measured from the cause to its effect, type by type", () => {
  const at = (event_type: string, event_id: string, causation_id: string, created_at: number) =>
    traced({ event_type, event_id, causation_id, created_at });
  const { hops } = analyzeLatency([
    at("SIGNAL", "s", "", 1_000),
    at("ORDER", "o", "s", 3_000),
    at("FILL", "f", "o", 2_000),
    at("FILL", "g", "o", 4_000),
    at("FILL", "lost", "nobody", 4_000),
  ]);
  assertEquals(
    hops.map(({ from, to, latency, left_out }) => [from, to, latency?.mean_ms, left_out]),
    [
      ["ORDER", "FILL", 1, { missing: 0, negative: 0, out_of_order: 1 }],
      ["SIGNAL", "ORDER", 2, { missing: 0, negative: 0, out_of_order: 0 }],
    ],
  );
});
