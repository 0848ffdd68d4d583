/** Durations as bars: every one of them is in the range that says so. */
import { assert, assertEquals } from "@std/assert";
import { barText, histogramOf } from "../../src/trace/ask/latency.ts";

Deno.test("ranges go by 1, 2, 5 and meet at their bounds; empty ones between are shown", () => {
  assertEquals(
    histogramOf([0, 1, 1.99, 2, 4.9, 5, 20]).filter(({ to_ms }) => to_ms > 0.5)
      .map(({ from_ms, to_ms, count }) => [from_ms, to_ms, count]),
    [[0.5, 1, 0], [1, 2, 2], [2, 5, 2], [5, 10, 1], [10, 20, 0], [20, 50, 1]],
  );
  assertEquals(histogramOf([]), []);
});

Deno.test("every duration is counted once, in a range that holds it", () => {
  const values_ms = Array.from({ length: 2000 }, (_, at) => 1.013 ** at / 1e4);
  const bars = histogramOf(values_ms);
  assertEquals(bars.reduce((sum, { count }) => sum + count, 0), values_ms.length);
  for (const { from_ms, to_ms, count } of bars) {
    const inside = values_ms.filter((value) => value >= from_ms && value < to_ms).length;
    assertEquals(inside, count, `${from_ms} to ${to_ms}`);
  }
});

Deno.test("the longest bar fills the width, and one that counts something is never nothing", () => {
  assertEquals([...barText(1_000_000, 1_000_000)].length, 40);
  assertEquals(barText(1, 1_000_000), "█");
  assertEquals(barText(0, 10), "");
  assert(barText(5, 10).length === 20);
});
