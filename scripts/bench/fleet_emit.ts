/** Emitting while a shipper is at work: what the fleet costs a box that goes on writing. */
import { join } from "@std/path";
import { Fleet } from "../../src/fleet/fleet.ts";
import { appendersOf, prepare } from "./appenders.ts";
import { type Bench, published, ratioAtMost } from "./bench.ts";
import { eventLine } from "./events.ts";
import { startStore } from "./fleet_store.ts";
import { figure, inRounds, quantile } from "./rounds.ts";

const DURATION_MS = 4_000;
const DURATION_MS_QUICK = 1_000;
/** What waits to be shipped when it begins. */
const BACKLOG_EVENTS = 1_000_000;
const BACKLOG_EVENTS_QUICK = 100_000;
const BACKLOG_PART = "events/day=2026-01-23/part-000001.jsonl";

/** One emit after the other, beside the same without a shipper. The shipper never rests. */
export const fleetEmit: Bench = {
  name: "fleet.emit",
  shows: "one emit at a time while a shipper sends the same log without a rest, beside none",
  async run({ folder, quick, rounds, say }) {
    await using bench = await startStore(folder);
    const { store } = bench.fleet;
    const duration_ms = quick ? DURATION_MS_QUICK : DURATION_MS;
    const backlog = linesOf(quick ? BACKLOG_EVENTS_QUICK : BACKLOG_EVENTS);
    let [round, segments] = [0, 0];
    const emit = async (is_shipped: boolean) => {
      const place = join(folder, `box-${round++}`);
      prepare("ledger", place);
      Deno.mkdirSync(join(place, BACKLOG_PART, ".."), { recursive: true });
      Deno.writeTextFileSync(join(place, BACKLOG_PART), backlog);
      let is_over = false;
      using fleet = Fleet.open(store.world, place, {
        url: "s3://bench/fleet",
        endpoint: bench.endpoint,
      });
      const ship = async () => {
        await fleet.join(`box-${round}`);
        while (!is_over) segments += (await fleet.ship()).shipped;
      };
      const shipping = is_shipped ? ship() : undefined;
      const [{ latencies_ms }] = await appendersOf("ledger", 1, place, duration_ms);
      is_over = true;
      await shipping;
      Deno.removeSync(place, { recursive: true });
      return latencies_ms;
    };
    const results = await inRounds(rounds, { ours: () => emit(true), beside: () => emit(false) });
    say(`${segments} segments were sent meanwhile`);
    const of = (share: number) => ({
      ours: results.ours.map((latencies_ms) => quantile(latencies_ms, share)),
      beside: results.beside.map((latencies_ms) => quantile(latencies_ms, share)),
    });
    return [
      figure({ name: "fleet.emit p50", unit: "ms", ...of(0.5), goal: ratioAtMost(1.1) }),
      figure({ name: "fleet.emit p99", unit: "ms", ...of(0.99), goal: published }),
    ];
  },
};

function linesOf(count: number): string {
  return Array.from({ length: count }, (_, k) => eventLine(k)).join("");
}
