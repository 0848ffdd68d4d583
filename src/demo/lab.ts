/**
 * A small lab: three policies and a baseline over the same calls, and a run that is killed half-way.
 * Everything in it follows from the seed and from when it begins, whoever records which of its runs.
 */
import { LedgerError, quoted } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { Ledger } from "../ledger/ledger.ts";
import { makeMarket, type Market } from "./market.ts";
import type { Policy } from "./policies.ts";
import { recordRun } from "./record.ts";

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

/** Records all runs of a lab at once, in this process. Returns the ids that were acknowledged. */
export async function recordLab(world: World, lab: Lab): Promise<string[]> {
  const acknowledged: string[] = [];
  await Promise.all(LAB_RUNS.map((run) =>
    recordRun(world, lab, run, {
      onAcknowledged: (event_id) => acknowledged.push(event_id),
    })
  ));
  return acknowledged;
}

/** How the log stands to what was acknowledged. */
export interface Reconciled {
  events: number;
  acknowledged: number;
  /** Acknowledged, and not there: there are none, or something is badly wrong. */
  missing: string[];
  /** There more than once. */
  repeated: string[];
}

/** Looks for every acknowledged event in the log. */
export async function reconcile(
  ledger: Ledger,
  acknowledged: readonly string[],
): Promise<Reconciled> {
  const times = new Map<string, number>();
  for await (const record of ledger.read()) {
    if (record.kind !== "event") continue;
    const { event_id } = record.event;
    times.set(event_id, (times.get(event_id) ?? 0) + 1);
  }
  return {
    events: [...times.values()].reduce((sum, count) => sum + count, 0),
    acknowledged: acknowledged.length,
    missing: acknowledged.filter((event_id) => !times.has(event_id)),
    repeated: [...times].filter(([, count]) => count > 1).map(([event_id]) => event_id),
  };
}

/** Unpacked by any command that asks DuckDB something; nothing of anybody's work. */
const NOT_WORK: ReadonlySet<string> = new Set([".native"]);

/** Throws where there is a ledger, or runs, that a lab would be mixed into. */
export function refuseIfNotEmpty(world: World): void {
  const ledger = new Ledger({ world });
  for (const dir of [ledger.dir, ledger.runs.dir]) {
    const found = (world.files.list(dir) ?? []).map(({ name }) => name)
      .filter((name) => !NOT_WORK.has(name)).sort();
    if (found.length === 0) continue;
    const shown = found.slice(0, 4).join(", ") + (found.length > 4 ? ", …" : "");
    throw new LedgerError({
      code: "invalid",
      message: `cannot make the demo's lab here: there is something in ${dir} (${shown})`,
      where: { path: dir },
      hint: "nothing was written; go to an empty folder: mkdir lab && cd lab && ledger demo",
    });
  }
}
