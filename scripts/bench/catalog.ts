/** The catalog of many runs: made, brought up to date, ranked. */
import { dirname, join } from "@std/path";
import { alone, atMost, type Bench, type Goal } from "./bench.ts";
import { writeRuns } from "./many_runs.ts";
import { script, secondsOf, theProgram, timed } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";

const RUNS = 12_500;
const RUNS_QUICK = 1_000;

/** Thousands of runs into a catalog that is not there yet. */
export const catalogCold: Bench = {
  name: "catalog.cold",
  shows: "runs sync of 12,500 complete runs into an empty catalog, beside reading their manifests",
  async run({ folder, quick, rounds, say }) {
    const manifests = writeRuns(folder, quick ? RUNS_QUICK : RUNS);
    const list = join(folder, "manifests");
    Deno.writeTextFileSync(list, manifests.join("\n"));
    const { command, description } = theProgram();
    say(description);
    const limit = atMost(6, "s");
    const goal: Goal = { text: `${limit.text}; ratio published`, holds: limit.holds };
    const took = await inRounds(Math.min(rounds, 5), {
      ours: () => secondsOf([...command, "runs", "sync", "--full"], folder),
      beside: () => secondsOf(script("bare_read.ts", list), folder),
    });
    return [figure({ name: "catalog.cold", unit: "s", ...took, goal })];
  },
};

/** Nothing new among thousands of runs. */
export const catalogWarm: Bench = {
  name: "catalog.warm",
  shows: "runs sync with nothing new among 12,500 runs, beside listing their folders",
  async run({ folder, quick, rounds }) {
    const manifests = writeRuns(folder, quick ? RUNS_QUICK : RUNS);
    const { command } = theProgram();
    const sync = [...command, "runs", "sync"];
    await timed(sync, { cwd: folder });
    const months = [...new Set(manifests.map((path) => dirname(dirname(path))))];
    const took = await inRounds(rounds, {
      ours: () => secondsOf(sync, folder),
      beside: () => {
        const start = performance.now();
        for (const month of months) {
          for (const { name } of Deno.readDirSync(month)) {
            for (const _ of Deno.readDirSync(join(month, name)));
          }
        }
        return (performance.now() - start) / 1000;
      },
    });
    return [figure({ name: "catalog.warm", unit: "s", ...took, goal: atMost(1, "s") })];
  },
};

/** The best of thousands of runs. */
export const catalogRank: Bench = {
  name: "catalog.rank",
  shows: "runs rank over 12,500 summaries, whole process",
  async run({ folder, quick, rounds }) {
    writeRuns(folder, quick ? RUNS_QUICK : RUNS);
    const { command } = theProgram();
    await timed([...command, "runs", "sync"], { cwd: folder });
    const rank = [...command, "runs", "rank", "--by", "avg_return_bps"];
    const { ours } = await inRounds(rounds, { ours: () => secondsOf(rank, folder) });
    return [alone("catalog.rank", median(ours), "s", atMost(0.4, "s"))];
  },
};
