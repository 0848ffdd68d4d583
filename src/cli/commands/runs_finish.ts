import * as z from "zod/mini";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { TIMED_STEPS } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir, jsonObject, noEvents, runsDir, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanDuration, print } from "../output.ts";
import { usage } from "../parse.ts";

const runsFinish = defineCommand({
  name: "runs finish",
  summary: "end a run: completed, or failed",
  description: "Writes how the run ended into its manifest, tells the log, and last of all puts " +
    "_SUCCESS into the folder of one that completed. Interrupted, it can be given again.",
  examples: [
    {
      line:
        `ledger runs finish demo-1 --timing '{"execution_ms":1840}' --summary '{"avg_return_bps":31.5,"sharpe":1.4}'`,
      shows: "it completed",
    },
    {
      line: "ledger runs finish demo-2 --status failed --error 'no candles for 2026-01-04'",
      shows: "it failed",
    },
  ],
  positionals: [{ name: "ID", summary: "the run's id, or the beginning of it", required: true }],
  flags: z.strictObject({
    "status": choice(["completed", "failed"], {
      description: "how it ended (default: completed)",
    }),
    "error": text({ description: "with --status failed: why; has to be given" }),
    "timing": jsonObject({
      description: "how long its steps took: plan_ms, coverage_ms, slice_ms, execution_ms, " +
        "optimization_ms, total_ms",
    }),
    "summary": jsonObject({ description: "metrics, beside those of its summary artifact" }),
    "no-events": noEvents(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words: [run_id] }) => {
    const failed = flags.status === "failed";
    if (failed && !flags.error) throw usage(runsFinish, "a run that failed says why: --error TEXT");
    if (!failed && flags.error !== undefined) {
      throw usage(runsFinish, "--error is for runs that failed: --status failed");
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
    const total_ms = manifest.timing?.total_ms ?? 0;
    print(
      world,
      flags.json
        ? JSON.stringify({ run_id: run.run_id, folder: run.folder, status: manifest.status })
        : `${run.run_id} ${manifest.status} after ${humanDuration(total_ms)}`,
    );
    return EXIT_OK;
  },
});
export default runsFinish;

function checkedTiming(timing: Record<string, unknown>): Record<string, number> {
  for (const [name, value] of Object.entries(timing)) {
    const is_known = TIMED_STEPS.some((step) => `${step}_ms` === name);
    if (is_known && typeof value === "number" && value >= 0) continue;
    throw new LedgerError({
      code: "invalid",
      message: is_known
        ? `--timing has ${name} ${quoted(value)}; it has to be a number of ms, 0 or more`
        : `--timing has ${quoted(name)}, which is no step that is timed`,
      hint: `steps are ${TIMED_STEPS.map((step) => `${step}_ms`).join(", ")}`,
    });
  }
  return timing as Record<string, number>;
}
