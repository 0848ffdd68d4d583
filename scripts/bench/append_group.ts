/** A thousand emits at once: what sharing one write and one sync is worth. */
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { BareLog } from "./bare_log.ts";
import { atLeast, type Bench, ratioAtMost } from "./bench.ts";
import { eventFields, eventLine } from "./events.ts";
import { figure, inRounds, median } from "./rounds.ts";

const CALLERS = 1000;
const GROUPS_A_ROUND = 60;
const GROUPS_A_ROUND_QUICK = 20;
const RATE_MIN = 250_000;

/** Concurrent library emits beside one bare write and fdatasync. */
export const appendGroup: Bench = {
  name: "append.group",
  shows: "1,000 concurrent emits beside one write + fdatasync of as many bytes",
  async run({ folder, quick, rounds }) {
    const groups = quick ? GROUPS_A_ROUND_QUICK : GROUPS_A_ROUND;
    await using ledger = await openLedger({ dir: join(folder, "ledger") });
    using bare = new BareLog(join(folder, "bare.jsonl"));
    const events = Array.from({ length: CALLERS }, (_, k) => eventFields(k));
    const lines = events.map((_, k) => eventLine(k)).join("");
    const bytes = new TextEncoder().encode(lines);

    const durations_ms = await inRounds(rounds, {
      ours: () =>
        medianDuration(groups, () => Promise.all(events.map((event) => ledger.emit(event)))),
      beside: () => medianDuration(groups, () => bare.append(bytes)),
    });

    if (ledger.counters.bytes !== bare.bytes) {
      throw new Error(`uneven load: ${ledger.counters.bytes} bytes beside ${bare.bytes}`);
    }
    const rateOf = (duration_ms: number) => CALLERS / (duration_ms / 1000);
    return [
      figure({
        name: "append.group time",
        unit: "ms",
        ...durations_ms,
        goal: ratioAtMost(6),
      }),
      figure({
        name: "append.group rate",
        unit: "events/s",
        ours: durations_ms.ours.map(rateOf),
        beside: durations_ms.beside.map(rateOf),
        goal: atLeast(RATE_MIN, "events/s"),
      }),
    ];
  },
};

async function medianDuration(times: number, body: () => unknown): Promise<number> {
  const durations_ms: number[] = [];
  for (let time = 0; time < times; time++) {
    const start = performance.now();
    await body();
    durations_ms.push(performance.now() - start);
  }
  return median(durations_ms);
}
