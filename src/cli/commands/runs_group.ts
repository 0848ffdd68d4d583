import { defineCommand } from "../command.ts";
import { asIs, format, include, required, runsFlags, text, where } from "../flags.ts";
import { listedFields } from "../listed_fields.ts";
import { freshen, openFor } from "../open.ts";
import { printRows, rowFormat, say } from "../output.ts";

export default defineCommand({
  name: "runs group",
  summary: "a metric for each setting of a sweep: mean and interval",
  description: "Takes the completed runs of a group, such as those of a sweep, and puts together " +
    "what has the same --by: what differs besides, a seed or a window, is the sample. Prints for " +
    "each how many runs it has, the mean of the metric, the sample's standard deviation, and the " +
    "95 % interval of the mean (Student's t: for independent runs); the best mean first. One " +
    "run alone has no interval. Two settings whose intervals overlap may well be the same.",
  examples: {
    "ledger runs group sweep7 --by dataset.interval --metric avg_return_bps":
      "which interval is better, and how sure that is",
    "ledger runs group sweep7 --by run_type,dataset.interval --metric sharpe --json":
      "for each pair of values",
  },
  positionals: [{ name: "GROUP", summary: "the group's name", required: true }],
  flags: {
    "by": required(
      text("NAMES", "what tells settings apart: params.x, or several between commas"),
      "by which parameter? For example: --by params.stop_loss_bps",
    ),
    "metric": required(
      text("METRIC", "a metric of the summary, or a number elsewhere: timing.total_ms"),
      "which metric? For example: --metric avg_return_bps",
    ),
    "include": include(),
    "where": where(),
    "format": format(),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [group] }) => {
    await using ledger = openFor(world, flags);
    await freshen(world, ledger, flags, "log", "runs");
    const { by, metric, where } = flags;
    const onNotice = (message: string) => say(world, message);
    const question = { group, by, metric, include: flags.include, where, onNotice };
    const { fields, rows } = await ledger.runs.group(question);
    const format = rowFormat(flags);
    const titled = (title: string) => format === "table" ? title : undefined;
    printRows(world, rows, [
      ...listedFields(world, fields, rows, format),
      { field: "runs", right: true },
      { field: "mean", title: titled(`mean ${metric}`), right: true },
      { field: "standard_deviation", title: titled("deviation"), right: true },
      { field: "low", title: titled("95 % from"), right: true },
      { field: "high", title: titled("to"), right: true },
    ], format);
  },
});
