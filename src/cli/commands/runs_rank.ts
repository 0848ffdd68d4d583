import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, format, runsDir, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { printRows, rowFormat, showTime } from "../output.ts";
import { usage } from "../parse.ts";

const runsRank = defineCommand({
  name: "runs rank",
  summary: "the best runs, by a metric of their summaries",
  description: "Orders the catalogued runs by a metric, the largest first. No result file is " +
    "opened: summaries stand in the manifests, and so in the catalog.",
  examples: [
    { line: "ledger runs rank --by avg_return_bps", shows: "the best by average return" },
    {
      line: `ledger runs rank --by stop_out_rate --ascending --where "trades_count >= 100"`,
      shows: "the calmest, of those that traded enough",
    },
  ],
  flags: z.strictObject({
    "by": text({ value: "METRIC", description: "a member of the summary; has to be given" }),
    "ascending": toggle({ description: "the smallest first", aliases: ["asc"] }),
    "where": text({
      value: "SQL",
      description: "only runs for which this holds; columns are those of run_summaries",
    }),
    "limit": count({ short: "n", description: "at most so many (default: 20)" }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.by === undefined) throw usage(runsRank, "by which metric? --by avg_return_bps, say");
    await using ledger = openFor(world, flags);
    const rows = await ledger.runs.rank({
      by: flags.by,
      ascending: flags.ascending,
      where: flags.where,
      limit: flags.limit,
    });
    const printed = rowFormat(flags.format, flags.json, "table");
    printRows(world, rows, [
      { field: "rank", right: true },
      { field: "run_id" },
      { field: "run_type" },
      { field: "value", title: printed === "table" ? flags.by : "value", right: true },
      { field: "trades_count", title: "trades", right: true },
      { field: "stop_out_rate", right: true },
      {
        field: "created_at_ms",
        title: printed === "table" ? "created" : "created_at_ms",
        right: true,
        show: showTime(world),
      },
    ], printed);
    return EXIT_OK;
  },
});
export default runsRank;
