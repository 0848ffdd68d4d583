/** One process, one event at a time: what an acknowledged event costs beside the disk's own price. */
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { type Bench, type Goal, ratioAtMost } from "./bench.ts";
import { BareLog } from "./bare_log.ts";
import { eventFields } from "./events.ts";
import { figure, inRounds, quantile } from "./rounds.ts";

const EVENTS_A_ROUND = 2000;
const EVENTS_A_ROUND_QUICK = 500;
const MILLISECOND_US = 1000;

const p99_goal: Goal = {
  text: "≤ 1.5×, < 1 ms if the other is",
  holds: ({ ours, beside, ratio }) =>
    ratio <= 1.5 && (ours < MILLISECOND_US || beside >= MILLISECOND_US),
};

/** Library emit beside a bare flock, write and fdatasync. */
export const appendDurable: Bench = {
  name: "append.durable",
  shows: "one emit at a time beside flock + write + fdatasync of as many bytes",
  async run({ folder, quick, rounds }) {
    const count = quick ? EVENTS_A_ROUND_QUICK : EVENTS_A_ROUND;
    await using ledger = await openLedger({ dir: join(folder, "ledger") });
    using bare = new BareLog(join(folder, "bare.jsonl"));
    const encoder = new TextEncoder();

    const latencies = await inRounds(rounds, {
      async ours() {
        const latencies_us: number[] = [];
        for (let k = 0; k < count; k++) {
          const event = eventFields(k);
          const start = performance.now();
          await ledger.emit(event);
          latencies_us.push((performance.now() - start) * MILLISECOND_US);
        }
        return latencies_us;
      },
      beside() {
        const latencies_us: number[] = [];
        for (let k = 0; k < count; k++) {
          const line = encoder.encode(asWritten(k));
          const start = performance.now();
          bare.append(line);
          latencies_us.push((performance.now() - start) * MILLISECOND_US);
        }
        return latencies_us;
      },
    });

    if (ledger.counters.bytes !== bare.bytes) {
      throw new Error(`uneven load: ${ledger.counters.bytes} bytes beside ${bare.bytes}`);
    }
    return ([["p50", 0.5], ["p99", 0.99]] as const).map(([name, share]) =>
      figure({
        name: `append.durable ${name}`,
        unit: "µs",
        ours: latencies.ours.map((round) => quantile(round, share)),
        beside: latencies.beside.map((round) => quantile(round, share)),
        goal: name === "p50" ? ratioAtMost(1.3) : p99_goal,
      })
    );
  },
};

/** A line of the length that the writer gives it, with a time and an id of the usual form. */
function asWritten(k: number): string {
  const now = Date.now();
  const event_id = `${now}_${(k >>> 0).toString(16).padStart(8, "0")}`;
  return JSON.stringify({ ...eventFields(k), timestamp_ms: now, event_id }) + "\n";
}
