/**
 * A program that traces, as a process of its own, to be raced and to be killed: prints each id once
 * `trace` has returned. Its one argument is a plan, as JSON.
 */
import { openLedger } from "../../../src/mod.ts";

/** What a tracing process is to do. */
export interface TracerPlan {
  dir: string;
  /** Its n-th event has the id `name-n`, counted from 0. */
  name: string;
  durability: "batch" | "every";
  /** Every so many events one is critical. */
  critical_every: number;
  /** How many events in all; absent: until killed. */
  events?: number;
  segment_bytes_max?: number;
  /** Leave the making of Parquet to others. */
  parquet?: "now" | "later";
}

/** Times of a day far from its ends, so that no test depends on when it is run. */
const NOON_US = Date.UTC(2026, 0, 23, 12) * 1000;

function printId(id: string): void {
  const bytes = new TextEncoder().encode(`${id}\n`);
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

async function carryOut(plan: TracerPlan): Promise<void> {
  const { name, durability, critical_every, segment_bytes_max } = plan;
  const ledger = await openLedger({ dir: plan.dir });
  const tracer = await ledger.traces.open({ durability, segment_bytes_max, correlation_id: name });
  for (let n = 0; n < (plan.events ?? Infinity); n++) {
    const event_id = `${name}-${n}`;
    const event_type = n % critical_every === critical_every - 1 ? "FILL" : "BAR";
    const span = tracer.begin({ event_id, event_type, timestamp: NOON_US + n, data: { n } });
    printId(event_id);
    span.received();
    span.processed();
  }
  await tracer.store!.close(plan.parquet);
  await ledger.close();
}

if (import.meta.main) await carryOut(JSON.parse(Deno.args[0]));
