import { defineCommand } from "../command.ts";
import { count, format, required, runsFlags, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { printRows, rowFormat, showTime } from "../output.ts";

export default defineCommand({
  name: "runs rank",
  summary: "the best runs, by a metric of their summaries",
  description: "Orders the catalogued runs by a metric, the largest first. Reads the catalog, " +
    "which has every run's summary, and opens no result file.",
  examples: {
    "ledger runs rank --by avg_return_bps": "the best by average return",
    'ledger runs rank --by stop_out_rate --ascending --where "trades_count >= 100"':
      "the fewest stop-outs, among runs with enough trades",
  },
  flags: {
    "by": required(
      text("METRIC", "a column of the summary"),
      "by which metric? For example: --by avg_return_bps",
    ),
    "ascending": toggle("the smallest first", { aliases: ["asc"] }),
    "where": text("SQL", "only runs for which this holds; columns are those of run_summaries"),
    "limit": count("at most so many (default: 20)", { short: "n" }),
    "format": format(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const { by, ascending, where, limit } = flags;
    const rows = await ledger.runs.rank({ by, ascending, where, limit });
    const format = rowFormat(flags);
    const titled = (title: string) => format === "table" ? title : undefined;
    printRows(world, rows, [
      { field: "rank", right: true },
      { field: "run_id" },
      { field: "run_type" },
      { field: "value", title: titled(by), right: true },
      { field: "trades_count", title: "trades", right: true },
      { field: "stop_out_rate", right: true },
      { field: "created_at_ms", title: titled("created"), right: true, show: showTime(world) },
    ], format);
  },
});
