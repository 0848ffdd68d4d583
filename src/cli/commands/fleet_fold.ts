import type { LedgerError } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, exitOfDaemon } from "../exit_code.ts";
import { duration } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { counted, print, printJson, say, utc } from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";

export default defineCommand({
  name: "fleet fold",
  summary: "take what boxes have sent into the fleet's tables",
  description:
    "Reads new segments of all boxes and makes them part of the Delta Lake tables below " +
    "lake/ in the bucket: events, trials. Each commit holds its files and how far each box has come, " +
    "so that a job that dies leaves nothing half done, and any number of jobs may run. A box whose " +
    "next segment cannot be taken stops there, and is named (exit 3).",
  examples: {
    "ledger fleet fold": "what is new, once; for cron",
    "ledger fleet fold --every 5m": "until it is stopped",
  },
  positionals: [fleetWord()],
  flags: { "every": duration("go on, and look again after so long"), ...fleetFlags() },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    using fleet = await openFleet(world, flags, url);
    const { isUnreachable, backOff } = await import("../../fleet/store.ts");
    using stop = stopOnInterrupt(world);
    const { signal } = stop;
    const fold = async () => {
      const report = await fleet.fold(signal);
      if (flags.json) printJson(world, report);
      for (const { table, version, commits, files, segments } of flags.json ? [] : report.tables) {
        if (flags.every !== undefined && commits === 0) continue;
        const time = flags.every === undefined ? "" : `${utc(world.now_ms())}  `;
        const taken = `${counted(segments, "segment")}, ${counted(files, "new file")}`;
        print(world, `${time}${table}: version ${version}, ${taken}`);
      }
      for (const { box, seq, problem } of report.poison) {
        say(world, `box ${box} stops at segment ${seq}: ${problem}`);
      }
      return report.poison.length > 0 ? EXIT_FINDINGS : EXIT_OK;
    };
    if (flags.every === undefined) return await fold();
    say(world, "folds until it is stopped");
    for (let tries = 0; !signal.aborted;) {
      try {
        await fold();
        tries = 0;
        await world.pause(flags.every, signal);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (tries++ === 0) say(world, `${(error as LedgerError).message}; trying again`);
        await backOff(world, tries, signal);
      }
    }
    return exitOfDaemon(stop);
  },
});
