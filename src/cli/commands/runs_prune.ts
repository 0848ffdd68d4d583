import * as z from "zod/mini";
import { EXIT_OK, LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { leavingOf, type PrunedMonth } from "../../runs/upkeep/prune.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, duration, runsDir, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, say } from "../output.ts";
import { usage } from "../parse.ts";

const runsPrune = defineCommand({
  name: "runs prune",
  summary: "take old months out of the folder of runs",
  description: "Removes the runs of all months before one, with --archive into a tar.gz a month " +
    "that is read back before anything goes. Runs that are running, and those whose manifest " +
    "cannot be read, stay. The catalog keeps the rows, marked as archived.",
  examples: [
    { line: "ledger runs prune --before 2025-06 --dry-run", shows: "what would go" },
    {
      line: "ledger runs prune --before 2025-06 --archive runs/archive --yes",
      shows: "archive and remove",
    },
  ],
  flags: z.strictObject({
    "before": text({
      value: "YYYY-MM",
      description: "the first month that stays; has to be given",
    }),
    "archive": text({
      value: "DIR",
      description: "put them into DIR/runs-archive-YYYY-MM.tar.gz first; without it they are gone",
    }),
    "dry-run": toggle({ description: "only tell what would be done" }),
    "yes": toggle({ short: "y", description: "do it; without this nothing is removed" }),
    "stale-after": duration({
      description: "an unfinished run that nobody wrote to for so long may go (default: 1h)",
    }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.before === undefined) throw usage(runsPrune, "before which month? --before 2025-06");
    await using ledger = openFor(world, flags);
    const request = {
      before: flags.before,
      archive: flags.archive,
      stale_after_ms: flags["stale-after"],
    };
    const plan = await ledger.runs.planPrune(request);
    const leaving = plan.flatMap(({ runs }) => leavingOf(runs));
    if (flags["dry-run"]) {
      if (flags.json) print(world, JSON.stringify(plan));
      else for (const month of plan) tell(world, month, "would go");
      if (!flags.json && leaving.length === 0) say(world, `nothing is before ${flags.before}`);
      return EXIT_OK;
    }
    if (!flags.yes && leaving.length > 0) throw notSure(leaving.length, plan, flags.archive);
    const months = await ledger.runs.prune(request, (month) => {
      if (!flags.json) tell(world, month, month.archive ? `are in ${month.archive}` : "are gone");
    });
    if (flags.json) print(world, JSON.stringify(months));
    else if (leaving.length === 0) say(world, `nothing is before ${flags.before}`);
    return EXIT_OK;
  },
});
export default runsPrune;

function tell(world: World, { month, runs, bytes }: PrunedMonth, what: string): void {
  print(
    world,
    `${month}: ${counted(leavingOf(runs).length, "run")} (${humanBytes(bytes)}) ${what}`,
  );
  for (const { run_path, kept } of runs) if (kept) print(world, `    ${run_path} stays: ${kept}`);
}

function notSure(count: number, plan: readonly PrunedMonth[], archive?: string): LedgerError {
  const bytes = plan.reduce((sum, month) => sum + month.bytes, 0);
  return new LedgerError({
    code: "usage",
    message: `this would remove ${counted(count, "run")} (${humanBytes(bytes)})` +
      (archive === undefined ? " for good" : ` after archiving them in ${archive}`),
    hint: "look first with --dry-run; do it with --yes" +
      (archive === undefined ? "; keep them with --archive DIR" : ""),
  });
}
