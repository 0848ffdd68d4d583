import { LedgerError, quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { TIMED_STEPS } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { choice, jsonObject, noEvents, runsFlags, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanDuration, print, printJson } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs finish",
  summary: "end a run: completed, or failed",
  description: "Records in the manifest how the run ended, appends the event to the log, and " +
    "then creates _SUCCESS in the folder of a completed run. After an interruption, run it " +
    "again.",
  examples: {
    [`ledger runs finish demo-1 --timing '{"execution_ms":1840}' --summary '{"avg_return_bps":31.5,"sharpe":1.4}'`]:
      "it completed",
    "ledger runs finish demo-2 --status failed --error 'no candles for 2026-01-04'": "it failed",
  },
  positionals: [{ name: "ID", summary: "the run's id, or the beginning of it", required: true }],
  flags: {
    "status": choice(["completed", "failed"], "how it ended (default: completed)"),
    "error": text("TEXT", "why it failed; required with --status failed"),
    "timing": jsonObject(
      "how long its steps took: plan_ms, coverage_ms, slice_ms, execution_ms, optimization_ms, " +
        "total_ms",
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
    const run = await ledger.runs.find(run_id, { events: !flags["no-events"] });
    const manifest = failed ? await run.markFailed(flags.error!, end) : await run.markSuccess(end);
    const { run_id: id, folder } = run;
    const { status } = manifest;
    if (flags.json) printJson(world, { run_id: id, folder, status });
    else print(world, `${id} ${status} after ${humanDuration(manifest.timing?.total_ms ?? 0)}`);
  },
});

function checkedTiming(timing: Record<string, unknown>): Record<string, number> {
  for (const [name, value] of Object.entries(timing)) {
    const is_known = TIMED_STEPS.some((step) => `${step}_ms` === name);
    if (is_known && typeof value === "number" && value >= 0) continue;
    throw new LedgerError({
      code: "invalid",
      message: is_known
        ? `--timing has ${name} ${quoted(value)}; it has to be a number of ms, 0 or more`
        : `--timing has ${quoted(name)}, which is not a timed step`,
      hint: `steps are ${TIMED_STEPS.map((step) => `${step}_ms`).join(", ")}`,
    });
  }
  return timing as Record<string, number>;
}
