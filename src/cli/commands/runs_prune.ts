import { LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { leavingOf, type PrunedMonth } from "../../runs/upkeep/prune.ts";
import { defineCommand } from "../command.ts";
import { exitOfUnread } from "../exit_code.ts";
import { duration, required, runsFlags, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "runs prune",
  summary: "archive or delete the runs of old months",
  description: "Removes the runs of all months before one. --archive first writes each month to " +
    "a tar.gz, and reads it back. Keeps runs that are running, those that are pinned " +
    "(‹ledger runs annotate RUN --pin›), and those whose manifest cannot be read. " +
    "The catalog keeps the rows, marked as archived.",
  examples: {
    "ledger runs prune --before 2025-06 --dry-run": "list what would go",
    "ledger runs prune --before 2025-06 --archive runs/archive --yes": "archive and remove",
  },
  flags: {
    "before": required(
      text("YYYY-MM", "the first month that stays"),
      "before which month? --before 2025-06",
    ),
    "archive": text(
      "DIR",
      "write DIR/runs-archive-YYYY-MM.tar.gz first (default: delete for good)",
    ),
    "dry-run": toggle("print what would be done; do nothing"),
    "yes": toggle("remove without asking", { short: "y" }),
    "stale-after": duration("an unfinished run is stale, and may go, after so long (default: 1h)"),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const request = {
      before: flags.before,
      archive: flags.archive,
      stale_after_ms: flags["stale-after"],
    };
    const options = { onNotice: (message: string) => say(world, message) };
    const plan = await ledger.runs.planPrune(request, options);
    const leaving = plan.flatMap(({ runs }) => leavingOf(runs));
    const unread = plan.flatMap(({ runs }) => runs.filter(({ is_hidden }) => is_hidden))
      .map(({ run_path, kept = "" }) => ({ run_path, reason: kept }));
    const end = () => {
      if (!flags.json && plan.length === 0) say(world, `no run is from before ${flags.before}`);
      return exitOfUnread(world, unread, "stays");
    };
    if (flags["dry-run"]) {
      if (flags.json) printJson(world, plan);
      else for (const month of plan) printMonth(world, month, "would go");
      return end();
    }
    if (!flags.yes && leaving.length > 0) throw notSure(leaving.length, plan, flags.archive);
    const months = await ledger.runs.prune(request, (month) => {
      const { archive } = month;
      if (!flags.json) printMonth(world, month, archive ? `moved to ${archive}` : "deleted");
    }, options);
    if (flags.json) printJson(world, months);
    return end();
  },
});

function printMonth(world: World, { month, runs, bytes }: PrunedMonth, what: string): void {
  const leaving = counted(leavingOf(runs).length, "run");
  print(world, `${month}: ${leaving} (${humanBytes(bytes)}) ${what}`);
  for (const { run_path, kept } of runs) if (kept) print(world, `    ${run_path} stays: ${kept}`);
}

function notSure(count: number, plan: readonly PrunedMonth[], archive?: string): LedgerError {
  const bytes = plan.reduce((sum, month) => sum + month.bytes, 0);
  return new LedgerError({
    code: "usage",
    message: `this would remove ${counted(count, "run")} (${humanBytes(bytes)})` +
      (archive === undefined ? " for good" : ` after archiving them in ${archive}`),
    hint: "look first: --dry-run; remove: --yes" +
      (archive === undefined ? "; keep them: --archive DIR" : ""),
  });
}
