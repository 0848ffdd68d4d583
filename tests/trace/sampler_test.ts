import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { sampleEvents } from "../../src/trace/ask/sampler.ts";
import { NOON_US, traced } from "./events.ts";

/** A signal in every hundred events, bars between them. */
function stream(length: number, timeOf: (n: number) => number = () => NOON_US) {
  return Array.from({ length }, (_, n) =>
    traced({
      event_id: `e${n}`,
      event_type: n % 100 === 0 ? "SIGNAL" : "BAR",
      timestamp: timeOf(n),
    }));
}

const numberOf = (event: { event_id: string }) => Number(event.event_id.slice(1));

for (
  const [pace, timeOf] of Object.entries({
    "at one time": () => NOON_US,
    "at an even pace": (n: number) => NOON_US + n * 1_000,
    "in bursts": (n: number) => NOON_US + n + Math.floor(n / 90) * 1_000_000,
  })
) {
  Deno.test(`of 1,000 events ${pace} all signals stay with what is around them, 10 to 200 in all`, () => {
    const events = stream(1_000, timeOf);
    for (let seed = 1; seed <= 50; seed++) {
      const sampled = sampleEvents(events, { rate: 0.1, seed });
      const kept = new Set(sampled.map(numberOf));
      for (let signal = 0; signal < 1_000; signal += 100) {
        for (let n = Math.max(0, signal - 5); n <= signal + 5; n++) assert(kept.has(n), `e${n}`);
      }
      assert(sampled.length > 10 && sampled.length < 200, `${sampled.length} with seed ${seed}`);
    }
  });
}

Deno.test("a seed gives the same sample again, another seed another one", () => {
  const events = stream(1_000);
  assertEquals(sampleEvents(events, { seed: 5 }), sampleEvents(events, { seed: 5 }));
  assertNotEquals(sampleEvents(events, { seed: 5 }), sampleEvents(events, { seed: 6 }));
});

Deno.test("a sample keeps the order, and no event twice", () => {
  const numbers = sampleEvents(stream(5_000), { rate: 0.3 }).map(numberOf);
  assertEquals(numbers, [...new Set(numbers)].sort((a, b) => a - b));
});

Deno.test("every type gets its share, however rare it is beside others", () => {
  const events = Array.from(
    { length: 10_000 },
    (_, n) => traced({ event_type: n % 50 === 7 ? "QUOTE" : "BAR" }),
  );
  const sampled = sampleEvents(events, { rate: 0.1 });
  const quotes = sampled.filter(({ event_type }) => event_type === "QUOTE").length;
  assertEquals([quotes, sampled.length], [20, 1_000]);
});

Deno.test("more stays of busy stretches, at most three times as much, and some of quiet ones", () => {
  // Every tenth hundred comes a thousand times as fast.
  let at_us = NOON_US;
  const events = Array.from({ length: 10_000 }, (_, n) => {
    at_us += Math.floor(n / 100) % 10 === 0 ? 1 : 1_000;
    return traced({ event_id: `e${n}`, event_type: "BAR", timestamp: at_us });
  });
  const kept = sampleEvents(events, { rate: 0.1 }).map(numberOf);
  const busy = kept.filter((n) => Math.floor(n / 100) % 10 === 0).length;
  const quiet = kept.length - busy;
  assert(busy / 1_000 > 2 * quiet / 9_000, `${busy} of 1,000 busy, ${quiet} of 9,000 quiet`);
  assert(busy <= 300 && quiet > 0 && kept.length <= 1_000, `${busy} + ${quiet}`);
});

Deno.test("a rate of 1 keeps everything, a rate of 0 only what is critical and around it", () => {
  const events = stream(1_000, (n) => NOON_US + n * n);
  assertEquals(sampleEvents(events, { rate: 1 }), events);
  assertEquals(sampleEvents(events, { rate: 0 }).length, 6 + 9 * 11);
  assertEquals(sampleEvents([], {}), []);
});

Deno.test("what is critical, and how much around it stays, can be said", () => {
  const events = stream(1_000);
  const options = { rate: 0, critical_types: ["SIGNAL"], context_events: 0 };
  assertEquals(sampleEvents(events, options).length, 10);
  assertEquals(sampleEvents(events, { ...options, critical_types: [] }).length, 0);
});

Deno.test("a rate that is none is refused", () => {
  for (const rate of [-0.1, 1.1, NaN]) {
    assertThrows(() => sampleEvents([], { rate }), LedgerError, "0 to 1");
  }
});
