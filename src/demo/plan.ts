/**
 * A small lab: three policies and a baseline over the same calls, and a run that is killed half-way.
 * Everything in it follows from the seed and from when it begins, whichever process records a run.
 */
import { quoted } from "../base/error.ts";
import { makeMarket, type Market } from "./market.ts";
import type { Policy } from "./policies.ts";

/** One of a lab's runs. */
export interface LabRun {
  run_id: string;
  /** After the lab's beginning. */
  begins_after_ms: number;
  /** Absent for the baseline, which only looks at what the market did. */
  policy?: Policy;
  /** Its program is killed half-way. */
  is_killed?: boolean;
}

/** The runs of every lab. They begin in the same second, each in the hands of its own writer. */
export const LAB_RUNS: readonly LabRun[] = [
  { run_id: "baseline", begins_after_ms: 0 },
  {
    run_id: "tight-stop",
    begins_after_ms: 140,
    policy: { kind: "fixed_stop", stop_loss_bps: 500, take_profit_bps: 5_000 },
  },
  {
    run_id: "wide-stop",
    begins_after_ms: 310,
    policy: { kind: "fixed_stop", stop_loss_bps: 2_500, take_profit_bps: 5_000 },
  },
  {
    run_id: "trailing-stop",
    begins_after_ms: 480,
    policy: { kind: "trailing_stop", trail_bps: 1_500 },
  },
  {
    run_id: "killed",
    begins_after_ms: 650,
    policy: { kind: "trailing_stop", trail_bps: 3_000 },
    is_killed: true,
  },
];

/** So long before the demo a lab begins: its runs took a few seconds each, and have ended. */
export const LAB_BEGAN_BEFORE_MS = 60_000;

/** What all runs of a lab share. */
export interface Lab {
  seed: number;
  begins_ms: number;
  market: Market;
}

/** Plans a lab. */
export function planLab(seed: number, begins_ms: number): Lab {
  return { seed, begins_ms, market: makeMarket(seed) };
}

/** A run of the lab by its id. */
export function labRun(run_id: string): LabRun {
  const run = LAB_RUNS.find((run) => run.run_id === run_id);
  if (!run) throw new Error(`the lab has no run ${quoted(run_id)}`);
  return run;
}
