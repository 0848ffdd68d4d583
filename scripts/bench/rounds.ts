/** Rounds in turns, and what is made of their results. */
import type { Figure, Goal } from "./bench.ts";

/**
 * Runs every side in turn, round after round: ours, beside, ours, beside … The first round warms
 * up and is left out. The results stand in the order of the rounds.
 */
export async function inRounds<Side extends string, Result>(
  rounds: number,
  sides: Record<Side, () => Result | Promise<Result>>,
): Promise<Record<Side, Result[]>> {
  const names = Object.keys(sides) as Side[];
  const results = Object.fromEntries(names.map((side) => [side, []])) as unknown as Record<
    Side,
    Result[]
  >;
  for (let round = 0; round <= rounds; round++) {
    for (const side of names) {
      const result = await sides[side]();
      if (round > 0) results[side].push(result);
    }
  }
  return results;
}

/** Makes a figure out of what the rounds gave. */
export function figure(
  facts: {
    name: string;
    unit: string;
    /** A value a round, in the same order as the other's. */
    ours: readonly number[];
    beside: readonly number[];
    goal: Goal;
    /** How many rounds become one value; the median, unless the extremes are what matters. */
    summary?: (values: readonly number[]) => number;
    extra?: Record<string, unknown>;
  },
): Figure {
  const { name, unit, goal, summary = median, extra } = facts;
  const ours = summary(facts.ours);
  const beside = summary(facts.beside);
  const ratio = summary === median
    ? median(facts.ours.map((value, round) => value / facts.beside[round]))
    : ours / beside;
  const holds = goal.holds({ ours, beside, ratio });
  return { name, ours, beside, ratio, unit, goal: goal.text, holds, ...extra };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The largest value. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

/** What all but the slowest share of the values stay within: `quantile(values, 0.99)`. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
