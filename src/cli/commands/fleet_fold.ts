import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, exitOfDaemon, exitOfStopped } from "../exit_code.ts";
import { fold_every_ms_min } from "../../base/limits.ts";
import { duration, toggle } from "../flags.ts";
import { chainName, fleetFlags, fleetWord, openFleet, untilStopped } from "../fleet.ts";
import { counted, print, printJson, say, utc } from "../output.ts";
import { usage } from "../parse.ts";
import { stopOnInterrupt } from "../progress.ts";

export default defineCommand({
  name: "fleet fold",
  summary: "take what boxes have sent into the fleet's tables",
  description:
    "Reads new segments of all boxes and makes them part of the Delta Lake tables below " +
    "lake/ in the bucket: events, trials, runs, artifacts, alerts, traces. Each commit holds its " +
    "files and how far each box has come, so that a job that dies leaves nothing half done, and " +
    "any number of jobs may run; a table that lags is lifted first. A box whose " +
    "next segment cannot be taken stops there, and is named (exit 3). Then the files of each day " +
    "that is over, and to which none came for an hour, are merged into ones of 128 to 256 MB; an " +
    "event_id that the day has more than once is noted in the table duplicates. Files that were " +
    "merged or put in vain are removed from the bucket after 7 days.",
  examples: {
    "ledger fleet fold": "what is new, once; for cron",
    "ledger fleet fold --every 5m": "until it is stopped",
    "ledger fleet fold --merge": "merges also the days that are not over",
  },
  positionals: [fleetWord()],
  flags: {
    "every": duration("go on, and look again after so long"),
    "merge": toggle("merge all days now, also today's"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    const { every } = flags;
    if (every !== undefined && every < fold_every_ms_min) {
      throw usage("fleet fold", "--every takes at least 1s");
    }
    using fleet = await openFleet(world, flags, url);
    using stop = stopOnInterrupt(world);
    const { signal } = stop;
    let said = "";
    const fold = async () => {
      const report = await fleet.fold({ signal, merge_all: flags.merge });
      if (flags.json) printJson(world, report);
      const time = every === undefined ? "" : `${utc(world.now_ms())}  `;
      for (const { table, version, commits, files, segments } of flags.json ? [] : report.tables) {
        if (every !== undefined && commits === 0) continue;
        const taken = `${counted(segments, "segment")}, ${counted(files, "new file")}`;
        print(world, `${time}${table}: version ${version}, ${taken}`);
      }
      for (const { table, merged, into, copies, swept } of flags.json ? [] : report.upkeep) {
        const done = [
          ...merged > 0 ? [`${counted(merged, "file")} merged into ${into}`] : [],
          ...copies > 0 ? [`${counted(copies, "row")} noted as copies`] : [],
          ...swept > 0 ? [`${counted(swept, "old object")} removed`] : [],
        ];
        if (done.length > 0) print(world, `${time}${table}: ${done.join(", ")}`);
      }
      const problems = report.upkeep.flatMap(({ problem }) => problem ?? []);
      for (const { box, source, seq, problem } of report.poison) {
        problems.push(`box ${chainName(box, source)} stops at segment ${seq}: ${problem}`);
      }
      const all = problems.join("\n");
      // Once, and not at each fold.
      if (all !== said && all !== "") say(world, all);
      said = all;
      return problems.length > 0 ? EXIT_FINDINGS : EXIT_OK;
    };
    if (every === undefined) return exitOfStopped(stop, await fold());
    say(world, "folds until it is stopped");
    await untilStopped(world, signal, async () => {
      await fold();
      await world.pause(every, signal);
    });
    return exitOfDaemon(stop);
  },
});
