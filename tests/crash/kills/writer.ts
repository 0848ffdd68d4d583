/**
 * A user of the library as a process of its own, to be raced and to be killed: emits wave after wave
 * and prints each id once it is acknowledged. Its one argument is a plan, as JSON.
 */
import { openLedger } from "../../../src/mod.ts";

/** What a writer is to do. */
export interface WriterPlan {
  dir: string;
  /** Its n-th event has the id `name-n`, counted from 0. */
  name: string;
  /** How many events to emit at once, wave after wave. */
  waves: number[];
  /** How often to go through the waves; absent: until killed. */
  rounds?: number;
  part_bytes_max?: number;
  /** For parts of its own. */
  writer?: string;
  /** How much each event carries beside its fields: a large write is torn more easily. */
  ballast_chars?: number;
  /** The n-th event has the time at n modulo their number. */
  timestamps_ms: number[];
}

function printIds(ids: string[]): void {
  const bytes = new TextEncoder().encode(ids.join("\n") + "\n");
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

async function carryOut(plan: WriterPlan): Promise<void> {
  const { name, timestamps_ms } = plan;
  const { dir, part_bytes_max, writer } = plan;
  await using ledger = await openLedger({ dir, part_bytes_max, writer });
  const ballast = "x".repeat(plan.ballast_chars ?? 0);
  let n = 0;
  for (let round = 0; round < (plan.rounds ?? Infinity); round++) {
    for (const size of plan.waves) {
      const acknowledgements = Array.from({ length: size }, () => {
        const timestamp_ms = timestamps_ms[n % timestamps_ms.length];
        const event_id = `${name}-${n++}`;
        return ledger.emitRunStarted({ run_id: name, event_id, timestamp_ms, ballast });
      });
      printIds((await Promise.all(acknowledgements)).map(({ event_id }) => event_id));
    }
  }
}

if (import.meta.main) await carryOut(JSON.parse(Deno.args[0]));
