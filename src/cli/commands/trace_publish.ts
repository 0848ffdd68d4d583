import { parseKeepingDigits } from "../../base/json.ts";
import type { JsonObject } from "../../ledger/event_log.ts";
import { noEventsOf } from "../../trace/event/filter.ts";
import { defineCommand } from "../command.ts";
import { jsonObject, runsFlags, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, printJson } from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace publish",
  summary: "append the results of a traced run to the log",
  description: "Emits a trace.published event with the given metrics and the latencies of the " +
    "correlation's events. The index has it in backtest_analytics.backtest_runs and " +
    "backtest_analytics.event_latencies. If published again, the last one counts.",
  examples: {
    [`ledger trace publish bt1 --run-id r1 --metrics '{"sharpe_ratio":1.4,"total_trades":12}'`]:
      "metrics of a run",
    "ledger trace publish bt1 --status failed --json": "the answer as JSON",
  },
  positionals: [{ name: "CORRELATION", summary: "the correlation's id", required: true }],
  flags: {
    "run-id": text("ID", "the run, known to log or folder (default: $LEDGER_RUN_ID)"),
    "metrics": jsonObject("total_return, sharpe_ratio, max_drawdown, total_trades, and others"),
    "config-file": text("PATH", "the run's configuration file"),
    "strategy-type": text("NAME", "the strategy"),
    "status": text("STATUS", "how it ended (default: completed)"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    // An event of the log cannot be taken back, and a name may be mistyped.
    const [known] = await ledger.traces.query({ correlation_id, limit: 1, without_data: true });
    sayWhatIsMissing(world, ledger.traces.damage);
    if (!known) {
      throw noEventsOf(ledger.traces.dir, correlation_id).with({
        hint: "list some: ledger trace query --limit 10; for a run that was not traced: " +
          "ledger emit trace.published",
      });
    }
    const fields = {
      run_id: flags["run-id"] ?? (world.env("LEDGER_RUN_ID") || undefined),
      metrics: flags.metrics && parseKeepingDigits(flags.metrics) as JsonObject,
      config_file: flags["config-file"],
      strategy_type: flags["strategy-type"],
      status: flags.status,
    };
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const event = await ledger.traces.publish(correlation_id, Object.fromEntries(given));
    if (flags.json) return printJson(world, event);
    const events = counted(event.event_count as number, "event");
    print(world, `${event.event_id} ${events} of ${correlation_id}`);
  },
});
