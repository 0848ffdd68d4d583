/** Intervals are those of the tables, and hold the mean as often as they say. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { meanInterval, studentQuantile } from "../../src/judge/mean_interval.ts";
import { withSeed } from "../laws/random.ts";

Deno.test("Student's quantile is that of the tables, for few and many degrees of freedom", () => {
  const table: Readonly<Record<number, number>> = {
    1: 12.706204736432095,
    2: 4.302652729696142,
    3: 3.182446305284263,
    4: 2.7764451051977987,
    5: 2.5705818366147395,
    9: 2.2621571627409915,
    10: 2.2281388519649385,
    29: 2.045229642132703,
    30: 2.0422724563012373,
    99: 1.9842169515086827,
    100: 1.983971518449634,
    1000: 1.9623390808264078,
  };
  for (const [degrees, quantile] of Object.entries(table)) {
    assertAlmostEquals(studentQuantile(Number(degrees)), quantile, 1e-9, degrees);
  }
  // The sum and the expansion meet where one takes over from the other.
  const steps = [198, 199, 200, 201].map((degrees) => studentQuantile(degrees));
  const [first, second, third] = steps.slice(1).map((value, at) => steps[at] - value);
  assert(first > second && second > third, `${steps}`);
  assertAlmostEquals(first, second, 1e-6);
});

Deno.test("a sample's mean, deviation and interval are those of the formulas", () => {
  const { mean, standard_deviation, low, high } = meanInterval([2, 4, 4, 4, 5, 5, 7, 9]);
  assertEquals(mean, 5);
  assertAlmostEquals(standard_deviation!, Math.sqrt(32 / 7), 1e-12);
  const half = 2.3646242515927844 * Math.sqrt(32 / 7) / Math.sqrt(8);
  assertAlmostEquals(low!, 5 - half, 1e-9);
  assertAlmostEquals(high!, 5 + half, 1e-9);
  const one = { mean: 3, standard_deviation: null, low: null, high: null };
  assertEquals(meanInterval([3]), one, "one value says nothing of its spread");
  assertEquals(meanInterval([1, 1]), { mean: 1, standard_deviation: 0, low: 1, high: 1 });
  assertEquals(meanInterval([1e308, 1e308]).mean, 1e308);
  assertAlmostEquals(meanInterval([1e9 + 1, 1e9 + 2, 1e9 + 3]).standard_deviation!, 1, 1e-9);
});

Deno.test("of many random samples, about 95 % have intervals that hold the true mean", () =>
  withSeed((random) => {
    const samples = 4_000;
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
    let holding = 0;
    for (let sample = 0; sample < samples; sample++) {
      const { low, high } = meanInterval(random.times(4, () => 7 + 3 * normal()));
      if (low! <= 7 && 7 <= high!) holding++;
    }
    // Four standard errors on either side.
    assertAlmostEquals(holding / samples, 0.95, 4 * Math.sqrt(0.95 * 0.05 / samples));
  }));
