import { LedgerError } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, exitOfStopped } from "../exit_code.ts";
import { count, required, toggle } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";

export default defineCommand({
  name: "fleet retain",
  summary: "remove old days from a fleet's tables, and old segments of boxes",
  description:
    "A commit removes the files of days that ended so many days ago from every table; the files " +
    "themselves go 7 days later. The segments of each box's log go from the low end, as far as " +
    "their days are old and every table has them; before that, log/box=NAME/START-SEQ.json says " +
    "where the chain begins, and fleet verify begins there. The last segment of a box stays. " +
    "Runs, their files and traces stay in the bucket too, below artifacts/, runs/ and traces/: " +
    "only their rows leave the tables. A table that is made anew takes them in again. " +
    "What is on the boxes stays too: there it is ledger retain. After a kill at any step, run it " +
    "again.",
  examples: {
    "ledger fleet retain --days 365 --dry-run": "say what would go",
    "ledger fleet retain --days 365 --yes": "remove it, for good",
  },
  positionals: [fleetWord()],
  flags: {
    "days": required(count("how many days before today stay"), "how many days stay? --days 365"),
    "dry-run": toggle("say what would go; do nothing"),
    "yes": toggle("remove it without asking"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    const is_plan = flags["dry-run"];
    if (!is_plan && !flags.yes) {
      throw new LedgerError({
        code: "usage",
        message: "this removes days of all boxes for good",
        hint: "look first: --dry-run; remove them: --yes",
      });
    }
    using fleet = await openFleet(world, flags, url);
    using stop = stopOnInterrupt(world);
    const { days } = flags;
    const report = await fleet.retain({ days, is_plan, signal: stop.signal });
    const { first_day, tables, boxes } = report;
    if (flags.json) printJson(world, report);
    else {
      for (const { table, files, rows, bytes } of tables) {
        const what = `${counted(rows, "row")} in ${counted(files, "file")}, ${humanBytes(bytes)}`;
        print(world, `${table}: ${what}`);
      }
      for (const { box, segments, bytes, first_seq, reason } of boxes) {
        const begins = `its log begins with segment ${first_seq}`;
        print(world, `${box}: ${counted(segments, "segment")}, ${humanBytes(bytes)}; ${begins}`);
        if (reason) say(world, `${box}: ${reason}`);
      }
      if (tables.length + boxes.length === 0) say(world, `nothing is older than ${first_day}`);
      else say(world, "what runs and traces have in artifacts/, runs/ and traces/ stays there");
      if (is_plan) say(world, `nothing was done: --dry-run; ${first_day} would be the first day`);
    }
    return exitOfStopped(stop, boxes.some(({ reason }) => reason) ? EXIT_FINDINGS : EXIT_OK);
  },
});
