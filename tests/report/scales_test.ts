import { assert, assertEquals } from "@std/assert";
import {
  durationTicks,
  linearScale,
  logDurations,
  logScale,
  numberTicks,
  timeTicks,
} from "../../src/report/page/scales.ts";
import { Random } from "../laws/random.ts";

const labels = (ticks: { label: string }[]) => ticks.map(({ label }) => label);

Deno.test("axes of numbers are marked with round values", () => {
  assertEquals(labels(numberTicks(0, 10, 5)), ["0", "2", "4", "6", "8", "10"]);
  assertEquals(labels(numberTicks(-0.25, 0.3, 4)), ["−0.2", "0.0", "0.2"]);
  assertEquals(labels(numberTicks(-4_200, 900, 3)), ["−4,000", "−2,000", "0"]);
  assertEquals(labels(numberTicks(5, 5, 3)), ["5"]);
});

Deno.test("axes of times are marked at round times, and say what tells them apart", () => {
  const day = Date.UTC(2026, 0, 5);
  assertEquals(labels(timeTicks(day, day + 36 * 3_600_000, 3)), [
    "01-05 00:00",
    "01-05 12:00",
    "01-06 00:00",
    "01-06 12:00",
  ]);
  assertEquals(labels(timeTicks(day, day + 5_000, 5))[1], "00:00:01");
  assert(
    labels(timeTicks(day, day + 400 * 86_400_000, 4)).every((l) => /^\d{4}-\d\d-\d\d$/.test(l)),
  );
});

Deno.test("axes of durations are marked in the unit that fits", () => {
  assertEquals(labels(durationTicks(6_000, 4)), ["0", "2 s", "4 s", "6 s"]);
  assertEquals(labels(durationTicks(0.4, 4)), ["0", "100 µs", "200 µs", "300 µs", "400 µs"]);
  assertEquals(labels(durationTicks(7_200_000, 4)), [
    "0",
    "30 min",
    "1 h",
    "1 h 30 min",
    "2 h",
  ]);
});

Deno.test("powers of ten enclose what a logarithmic axis shows", () => {
  const { from, to, ticks } = logDurations(0.03, 4_200, 6);
  assert(from <= 0.03 && to >= 4_200);
  assertEquals(
    labels(ticks),
    ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"].filter((_, at) => at % 2 === 0),
  );
  assertEquals(labels(logDurations(1, 1, 6).ticks), ["1 ms", "10 ms"]);
});

Deno.test("no value, however odd, is placed outside of its axis, and marks are few", () => {
  const random = new Random(11);
  for (let round = 0; round < 2_000; round++) {
    const from = (random.fraction() - 0.5) * 10 ** random.below(12);
    const to = from + (random.chance(0.1) ? 0 : random.fraction() * 10 ** (random.below(15) - 4));
    const scale = linearScale(from, to);
    for (const value of [from, to, (from + to) / 2, -1e20, 1e20]) {
      assert(scale(value) >= 0 && scale(value) <= 100);
    }
    const marks = numberTicks(from, to, 4);
    assert(marks.length <= 11, `${from} ${to}: ${marks.length}`);
    for (const { value } of marks) {
      assert(value >= from - 1e-6 * Math.abs(from) - 1e-8 * (to - from), `${from} ${to} ${value}`);
    }
  }
  assertEquals(logScale(0.001, 10)(0), 0);
});
