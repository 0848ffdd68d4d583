/** A fleet on one machine: pulled, and asked, beside DuckDB over the segments that were pulled. */
import { join } from "@std/path";
import { systemWorld } from "../../src/base/world.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { STRICT_KEYS, StrictStore } from "../../tests/fleet/strict_store.ts";
import { alone, type Bench, published, ratioAtMost } from "./bench.ts";
import { writeEventFile } from "./events.ts";
import { script, secondsOf, theProgram } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const BOXES = 8;
const EVENTS_A_BOX = 125_000;
const EVENTS_A_BOX_QUICK = 12_500;
const URL_OF_FLEET = "s3://bench/fleet";
const QUESTION = `select box, run_id, max(cast(metrics->>'sharpe' as double)) as best
  from trial_results group by all order by best desc, box, run_id limit 10`;

/** Fetching and indexing once; then the same question to both, whole processes. */
export const fleetPull: Bench = {
  name: "fleet.pull",
  shows:
    "a million events of 8 boxes, pulled, then the best trials of a fleet beside bare DuckDB " +
    "over the same files",
  async run({ folder, quick, rounds, say }) {
    await using store = new StrictStore();
    const count = quick ? EVENTS_A_BOX_QUICK : EVENTS_A_BOX;
    await shipBoxes(folder, store.endpoint, count);
    const { command, description } = theProgram();
    say(description);
    const reader = join(folder, "reader");
    Deno.mkdirSync(reader);
    const keys = join(folder, "keys");
    const text = Object.entries(STRICT_KEYS).map(([name, value]) => `${name}=${value}\n`).join("");
    Deno.writeTextFileSync(keys, text, { mode: 0o600 });
    const at = [URL_OF_FLEET, "--endpoint", store.endpoint, "--keys", keys];
    const pull_s = await secondsOf([...command, "fleet", "pull", ...at], reader);
    const segments = join(reader, "data", "ledger", "fleet", "cache", "log", "*", "*.parquet");
    const seconds = await inRounds(rounds, {
      ours: () => secondsOf([...command, "query", "--fleet", QUESTION], reader),
      beside: () => secondsOf(script("bare_fleet.ts", segments), reader),
    });
    return [
      figure({ name: "fleet.pull query", unit: "s", ...seconds, goal: ratioAtMost(1.1) }),
      alone("fleet.pull", BOXES * count / pull_s, "events/s", published),
    ];
  },
};

/** The log of each box, in the store. */
async function shipBoxes(folder: string, endpoint: string, count: number): Promise<void> {
  const world = {
    ...systemWorld(),
    env: (name: string) => (STRICT_KEYS as Record<string, string>)[name],
  };
  for (let box = 0; box < BOXES; box++) {
    const dir = join(folder, `box-${box}`);
    const day = join(dir, "events", "day=2026-01-23");
    Deno.mkdirSync(day, { recursive: true });
    writeEventFile(join(day, "part-000001.jsonl"), count);
    using fleet = Fleet.open(world, dir, { url: URL_OF_FLEET, endpoint });
    await fleet.init();
    await fleet.join(`box-${box}`);
    await fleet.ship();
    Deno.removeSync(dir, { recursive: true });
  }
}
