import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import type { JsonObject } from "../../ledger/emitters.ts";
import { noEventsOf } from "../../trace/event/filter.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, jsonObject, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print } from "../output.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace publish",
  summary: "say in the log what came of a traced run",
  description: "Emits a trace.published event with the metrics given and the latencies of the " +
    "correlation's events. The index has it as backtest_analytics.backtest_runs and " +
    "backtest_analytics.event_latencies. Said again, the last word counts.",
  examples: [
    {
      line:
        `ledger trace publish bt1 --run-id r1 --metrics '{"sharpe_ratio":1.4,"total_trades":12}'`,
      shows: "metrics of a run",
    },
    { line: "ledger trace publish bt1 --status failed --json", shows: "told as JSON" },
  ],
  positionals: [{ name: "CORRELATION", summary: "the correlation's id", required: true }],
  flags: z.strictObject({
    "run-id": text({ value: "ID", description: "the run of the log that it is" }),
    "metrics": jsonObject({
      description: "total_return, sharpe_ratio, max_drawdown, total_trades, and what else there is",
    }),
    "config-file": text({ value: "PATH", description: "what it was configured by" }),
    "strategy-type": text({ value: "NAME", description: "which strategy it tried" }),
    "status": text({ value: "STATUS", description: "how it ended (default: completed)" }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    // What is said in the log cannot be taken back, and a name may be mistyped.
    const [known] = await ledger.traces.query({ correlation_id, limit: 1, without_data: true });
    sayWhatIsMissing(world, ledger.traces.damage);
    if (!known) {
      throw noEventsOf(ledger.traces.dir, correlation_id).with({
        hint:
          "list some: ledger trace query --limit 10; for a run that was not traced: ledger emit " +
          "trace.published",
      });
    }
    const said = await ledger.traces.publish(correlation_id, {
      ...(flags["run-id"] === undefined ? {} : { run_id: flags["run-id"] }),
      ...(flags.metrics === undefined
        ? {}
        : { metrics: parseKeepingDigits(flags.metrics) as JsonObject }),
      ...(flags["config-file"] === undefined ? {} : { config_file: flags["config-file"] }),
      ...(flags["strategy-type"] === undefined ? {} : { strategy_type: flags["strategy-type"] }),
      ...(flags.status === undefined ? {} : { status: flags.status }),
    });
    print(
      world,
      flags.json
        ? JSON.stringify(said)
        : `${said.event_id} ${counted(said.event_count as number, "event")} of ${correlation_id}`,
    );
    return EXIT_OK;
  },
});
