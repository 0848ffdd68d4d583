/** Diff of runs: of each name that some have, the values in all of them, held against the first. */
import { leavesOf } from "../../base/json.ts";
import { isLowerBetter } from "./rank.ts";

/** What of a run is compared. */
export interface ComparedRun {
  run_id: string;
  facts: Record<string, unknown>;
  dataset: unknown;
  params: unknown;
  timing: unknown;
  summary: unknown;
  /** The inventory: of each artifact its rows, and its digest or else its size. */
  artifacts: unknown;
}

/** Metrics whose better end the caller says. */
interface Directions {
  lower?: readonly string[];
  higher?: readonly string[];
}

const KINDS = ["facts", "dataset", "params", "timing", "summary", "artifacts"] as const;

/** A name, with its values in the order of the runs. */
export interface DiffRow {
  about: typeof KINDS[number];
  name: string;
  values: ComparedValue[];
  differs: boolean;
}

/** A value, and how it stands to that of the first run where both are numbers. */
export interface ComparedValue {
  value: unknown;
  change?: number;
  change_percent?: number;
  /** Of metrics. */
  verdict?: "better" | "worse";
}

/** Compares runs with the first of them. */
export function diffRuns(runs: readonly ComparedRun[], directions: Directions = {}): DiffRow[] {
  return KINDS.flatMap((about) => {
    const members = runs.map((run) =>
      new Map(leavesOf(run[about]).map(([way, value]) => [way.join("."), value]))
    );
    const names = new Set(members.flatMap((of_run) => [...of_run.keys()]));
    return [...names].filter((name) => about !== "summary" || name !== "run_id").map((name) => {
      const found = members.map((of_run) => of_run.get(name));
      const texts = new Set(found.map((value) => JSON.stringify(value)));
      const values = found.map((value) => compared(found[0], value));
      if (about === "summary" || about === "timing") judge(name, values, directions);
      return { about, name, values, differs: texts.size > 1 };
    });
  }).filter(({ values }) => values.some(({ value }) => value !== undefined));
}

function compared(base: unknown, value: unknown): ComparedValue {
  if (typeof base !== "number" || typeof value !== "number" || base === value) return { value };
  const change = Number((value - base).toPrecision(15));
  if (base === 0) return { value, change };
  return { value, change, change_percent: change / Math.abs(base) * 100 };
}

function judge(name: string, values: ComparedValue[], { lower = [], higher = [] }: Directions) {
  const is_lower = lower.includes(name) || (!higher.includes(name) && isLowerBetter(name));
  for (const value of values) {
    if (value.change) value.verdict = value.change < 0 === is_lower ? "better" : "worse";
  }
}
