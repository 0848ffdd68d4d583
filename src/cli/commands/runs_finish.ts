import { LedgerError, quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { defineCommand, runWord } from "../command.ts";
import { sayFindings } from "../exit_code.ts";
import { choice, jsonObject, noEvents, runsFlags, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanDuration, print, printJson } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs finish",
  summary: "end a run: completed, or failed",
  description: "Records in the manifest how the run ended, appends the event to the log, and " +
    "then creates _SUCCESS in the folder of a completed run. Its artifacts are held against each " +
    "other (summary and trades, equity and returns): where they disagree, the manifest notes both " +
    "numbers. After an interruption, run it " +
    "again. A run that was only emitted has no folder: its end is an event, its timing events of " +
    "phases.",
  examples: {
    [`ledger runs finish demo-1 --timing '{"execution_ms":1840}' --summary '{"avg_return_bps":31.5,"sharpe":1.4}'`]:
      "it completed",
    "ledger runs finish demo-2 --status failed --error 'no candles for 2026-01-04'": "it failed",
  },
  positionals: [runWord()],
  flags: {
    "status": choice(["completed", "failed"], "how it ended (default: completed)"),
    "error": text("TEXT", "why it failed; required with --status failed"),
    "timing": jsonObject(
      "how long its steps took: plan_ms, execution_ms, total_ms, or any name that ends in _ms",
    ),
    "summary": jsonObject("metrics, beside those of its summary artifact"),
    "no-events": noEvents(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [run_id] }) => {
    const failed = flags.status === "failed";
    if (failed && !flags.error) {
      throw usage("runs finish", "a failed run needs a reason: --error TEXT");
    }
    if (!failed && flags.error !== undefined) {
      throw usage("runs finish", "--error is for failed runs: --status failed");
    }
    const end = {
      timing: flags.timing === undefined ? undefined : checkedTiming(JSON.parse(flags.timing)),
      summary: flags.summary === undefined
        ? undefined
        : parseKeepingDigits(flags.summary) as Record<string, unknown>,
    };
    await using ledger = openFor(world, flags);
    const error = failed ? flags.error : undefined;
    const events = !flags["no-events"];
    const { total_ms, ...finished } = await ledger.runs.finish(run_id, { ...end, error }, {
      events,
    });
    if (flags.json) printJson(world, finished);
    else {
      print(world, `${finished.run_id} ${finished.status} after ${humanDuration(total_ms)}`);
      sayFindings(world, finished.findings);
    }
  },
});

function checkedTiming(timing: Record<string, unknown>): Record<string, number> {
  for (const [name, value] of Object.entries(timing)) {
    const is_timing = /._ms$/.test(name);
    if (is_timing && typeof value === "number" && value >= 0) continue;
    throw new LedgerError({
      code: "invalid",
      message: is_timing
        ? `--timing has ${name} ${quoted(value)}; it has to be a number of ms, 0 or more`
        : `--timing has ${quoted(name)}; the name of a duration ends in _ms`,
      hint: `for example: --timing '{"simulate_ms":1840}'`,
    });
  }
  return timing as Record<string, number>;
}
