/** A lab in a folder: recorded whole, and reconciled with what was acknowledged. */
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Lab, LAB_RUNS } from "./plan.ts";
import { recordRun } from "./record.ts";

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
interface Reconciled {
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
