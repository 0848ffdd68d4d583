/** What a bench is, and what it hands back. */

/** Something to be measured. */
export interface Bench {
  /** `append.durable`: what selects it, and what its figures are called. */
  name: string;
  /** What is measured beside what, in a line. */
  shows: string;
  run(context: BenchContext): Promise<Figure[]>;
}

/** What a bench gets to work with. */
export interface BenchContext {
  /** An empty folder on a real disk, removed afterwards. */
  folder: string;
  /** A smaller load: good for a look, not for a verdict. */
  quick: boolean;
  /** How many rounds count; a round before them, to warm up, does not. */
  rounds: number;
  /** Says something about how it is measured, apart from the figures. */
  say(words: string): void;
}

/** One figure beside its limit. */
export interface Figure {
  name: string;
  ours: number;
  beside: number;
  /** The median of the rounds' own ratios: neighbours in time are compared, not averages. */
  ratio: number;
  unit: string;
  goal: string;
  /** Null where a figure is published without a limit. */
  holds: boolean | null;
  /** Further facts, for `--json`. */
  [extra: string]: unknown;
}

/** What a figure has to be. */
export interface Goal {
  text: string;
  holds(figure: Pick<Figure, "ours" | "beside" | "ratio">): boolean | null;
}

/** Thrown by a bench that cannot be run here; the message says why. */
export class LeftOut extends Error {}

/** Ours takes at most so many times what the other takes. */
export function ratioAtMost(limit: number): Goal {
  return { text: `≤ ${limit}×`, holds: ({ ratio }) => ratio <= limit };
}

/** Ours reaches at least this share of what the other reaches. */
export function ratioAtLeast(limit: number): Goal {
  return { text: `≥ ${limit}×`, holds: ({ ratio }) => ratio >= limit };
}

/** Ours is at most this, whatever the other is. */
export function atMost(limit: number, unit: string): Goal {
  return { text: `≤ ${limit.toLocaleString("en")} ${unit}`, holds: ({ ours }) => ours <= limit };
}

/** Ours is at least this, whatever the other is. */
export function atLeast(limit: number, unit: string): Goal {
  return { text: `≥ ${limit.toLocaleString("en")} ${unit}`, holds: ({ ours }) => ours >= limit };
}

/** No limit: the figure is published, and that is all. */
export const published: Goal = { text: "published", holds: () => null };

/** A figure that has nothing beside it. */
export function alone(name: string, ours: number, unit: string, goal: Goal): Figure {
  const facts = { ours, beside: NaN, ratio: NaN };
  return { name, ...facts, unit, goal: goal.text, holds: goal.holds(facts) };
}
