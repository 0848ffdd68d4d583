/**
 * Makes runs one after another, with 1,000 points of two metrics each. Arguments: the ledger's folder,
 * that of runs, the name that all ids begin with, and how many.
 */
import { openLedger } from "../../src/mod.ts";

const POINTS = 1_000;

const [dir, runs_dir, name, count] = Deno.args;
await using ledger = await openLedger({ dir, runs_dir });
for (let n = 0; n < Number(count); n++) {
  const run_id = `${name}-${n}`;
  await using run = await ledger.runs.create({ run_type: "full", run_id, git: false });
  let durable: Promise<void> | undefined;
  for (let step = 0; step < POINTS; step++) {
    durable = run.logMetrics({ loss: step / 8, [name]: n }, { step });
    if (step % 100 === 99) await durable;
  }
  if (n % 2 === 0) await run.markSuccess();
}
