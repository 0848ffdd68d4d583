/** Freshness: what the look before an answer costs, for the log and for the runs, and in all. */
import { join } from "@std/path";
import { lagOfIndex } from "../../src/index/watermark.ts";
import { systemWorld } from "../../src/base/world.ts";
import { lagOfCatalog } from "../../src/runs/catalog/watermark.ts";
import { openLedger } from "../../src/mod.ts";
import { alone, atMost, type Bench, ratioAtMost } from "./bench.ts";
import { writeLog } from "./index_load.ts";
import { writeRuns } from "./many_runs.ts";
import { secondsOf, theProgram, timed } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";

const EVENTS = 1_000_000;
const RUNS = 12_500;
const SEALED_DAYS = 365;
const SHARE_QUICK = 0.1;
const LOOKS = 20;
const DAY_MS = 86_400_000;

/** A look and an answer beside the answer alone; and the two looks by themselves, in this process. */
export const queryFresh: Bench = {
  name: "query.fresh",
  shows: "query of the latest ten runs after a look at the log, beside --as-is; the looks alone",
  async run({ folder, quick, rounds, say }) {
    const share = quick ? SHARE_QUICK : 1;
    writeLog(folder, EVENTS * share);
    writeRuns(folder, RUNS * share);
    const dir = join(folder, "data", "ledger");
    await using ledger = await openLedger({ dir, runs_dir: join(folder, "runs") });
    const last_ms = Date.UTC(2025, 0, 1);
    for (let day = 0; day < SEALED_DAYS * share; day++) {
      await ledger.emitRunStarted({ run_id: `day-${day}`, timestamp_ms: last_ms - day * DAY_MS });
    }
    await ledger.upkeep.seal();
    const { command, description } = theProgram();
    say(description);
    await timed([...command, "rebuild"], { cwd: folder });
    // So that the folders of the days are older than what their times can tell apart.
    await timed([...command, "rebuild"], { cwd: folder });
    const ask = [...command, "query", "select * from latest_runs limit 10"];
    const durations_ms = await inRounds(rounds * 3, {
      ours: async () => await secondsOf(ask, folder) * 1000,
      beside: async () => await secondsOf([...ask, "--as-is"], folder) * 1000,
    });
    const world = systemWorld();
    const catalog = join(dir, "index", "catalog.duckdb");
    const looked = (look: () => unknown) => {
      const took_ms = Array.from({ length: LOOKS }, () => {
        const start = performance.now();
        if (look() !== undefined) throw new Error("it is not up to date");
        return performance.now() - start;
      });
      return median(took_ms);
    };
    const log_ms = looked(() => lagOfIndex(world, dir));
    const runs_ms = looked(() => lagOfCatalog(world, ledger.runs.dir, catalog));
    return [
      figure({ name: "query.fresh", unit: "ms", ...durations_ms, goal: ratioAtMost(1.15) }),
      alone("query.fresh.log", log_ms, "ms", atMost(5, "ms")),
      alone("query.fresh.runs", runs_ms, "ms", atMost(5, "ms")),
    ];
  },
};
