/** Diff of runs: of each name that some have, the values in all of them, held against the first. */
import { LedgerError, quoted } from "../../base/error.ts";
import { leavesOf } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import { isLowerBetter } from "./metric_values.ts";

/** What of a run is compared. */
export interface ComparedRun {
  run_id: string;
  facts: Record<string, unknown>;
  /** Of the code beside its commit: changes, lock files, the command. */
  code?: unknown;
  /** Of each file that it read, by its path, the digest. */
  inputs?: unknown;
  dataset: unknown;
  params: unknown;
  timing: unknown;
  summary: unknown;
  /** The inventory: of each artifact its rows, and its digest or else its size. */
  artifacts: unknown;
  /** Of each attached file, by its name, the digest. */
  files?: unknown;
}

/** Metrics whose better end the caller says: `sharpe`, `timing.plan_ms`. */
export interface Directions {
  lower?: readonly string[];
  higher?: readonly string[];
}

const KINDS = [
  "facts",
  "code",
  "inputs",
  "dataset",
  "params",
  "timing",
  "summary",
  "artifacts",
  "files",
] as const;

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
  const rows = KINDS.flatMap((about) => {
    const members = runs.map((run) =>
      new Map(leavesOf(run[about]).map(([way, value]) => [way.join("."), value]))
    );
    const names = new Set(members.flatMap((of_run) => [...of_run.keys()]));
    return [...names].filter((name) => about !== "summary" || name !== "run_id").map((name) => {
      const found = members.map((of_run) => of_run.get(name));
      // A metric that one run has as null, and another has not, is in neither.
      const none = about === "summary" ? null : undefined;
      const texts = new Set(
        found.map((value) => JSON.stringify(value === undefined ? none : value)),
      );
      const values = found.map((value) => compared(found[0], value));
      if (isMetric(about)) judge([name, `${about}.${name}`], values, directions);
      return { about, name, values, differs: texts.size > 1 };
    });
  }).filter(({ values }) => values.some(({ value }) => value !== undefined));
  checkDirections(rows, directions);
  return rows;
}

function isMetric(about: DiffRow["about"]): boolean {
  return about === "summary" || about === "timing";
}

/** A direction that is no metric's would leave a verdict as it was, unseen. */
function checkDirections(rows: readonly DiffRow[], { lower = [], higher = [] }: Directions): void {
  const metrics = rows.filter(({ about }) => isMetric(about))
    .flatMap(({ about, name }) => [name, `${about}.${name}`]);
  const unknown = [...lower, ...higher].find((name) => !metrics.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, metrics);
  throw new LedgerError({
    code: "usage",
    message: `none of these runs has a metric ${quoted(unknown)}`,
    hint: near ? `did you mean ${near}?` : "what they have: ledger runs diff RUN RUN --all",
  });
}

function compared(base: unknown, value: unknown): ComparedValue {
  if (typeof base !== "number" || typeof value !== "number" || base === value) return { value };
  const change = Number((value - base).toPrecision(15));
  if (base === 0) return { value, change };
  return { value, change, change_percent: change / Math.abs(base) * 100 };
}

/** `names` are those of one metric. */
function judge(names: string[], values: ComparedValue[], { lower = [], higher = [] }: Directions) {
  const is_lower = names.some((name) => lower.includes(name)) ||
    (!names.some((name) => higher.includes(name)) && isLowerBetter(names[0]));
  for (const value of values) {
    if (value.change) value.verdict = value.change < 0 === is_lower ? "better" : "worse";
  }
}
