import { defineCommand } from "../command.ts";
import {
  asIs,
  columns,
  count,
  format,
  required,
  runsFlags,
  text,
  toggle,
  where,
} from "../flags.ts";
import { listedFields } from "../listed_fields.ts";
import { freshen, openFor } from "../open.ts";
import { type Column, fieldColumns, printRows, rowFormat, say, showTime } from "../output.ts";
import { usage } from "../parse.ts";

const OTHERS = ["failed", "crashed", "stale", "unfinished", "running", "pending"];

export default defineCommand({
  name: "runs rank",
  summary: "the best runs, by a metric of their summaries",
  description: "Orders completed runs by a metric, the best first: the largest, or the smallest " +
    "of what is better when it is less (drawdown, loss, stop_out, adverse, exposed, names in _ms). " +
    "Beside it stand the parameters in which the runs differ. Opens no result file.",
  examples: {
    "ledger runs rank --by avg_return_bps": "the best by average return",
    'ledger runs rank --by stop_out_rate --where "trades_count >= 100"':
      "the fewest stop-outs, among runs with enough trades",
  },
  flags: {
    "by": required(
      text("METRIC", "a metric of the summary, or a number elsewhere: timing.total_ms"),
      "by which metric? For example: --by avg_return_bps",
    ),
    "asc": toggle("the smallest first", { aliases: ["ascending"] }),
    "desc": toggle("the largest first", { aliases: ["descending"] }),
    "include": text("STATUSES", `rank these too, between commas: ${OTHERS.join(", ")}`),
    "where": where(),
    "columns": columns(),
    "limit": count("at most so many (default: 20)", { short: "n" }),
    "format": format(),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const { by, asc, desc, where, columns, limit } = flags;
    if (asc && desc) throw usage("runs rank", "it is either --asc or --desc");
    const include = flags.include?.split(",").map((status) => status.trim());
    const unknown = include?.find((status) => !OTHERS.includes(status));
    if (unknown !== undefined) {
      const problem = `--include has ${JSON.stringify(unknown)}; it has to be of`;
      throw usage("runs rank", `${problem} ${OTHERS.join(", ")}`);
    }
    await freshen(world, ledger, flags, "log", "runs");
    const onNotice = (message: string) => say(world, message);
    const ascending = asc || desc ? asc : undefined;
    const ranking = { by, ascending, include, where, columns, limit, onNotice };
    const { rows, fields, ascending: is_ascending } = await ledger.runs.leaderboard(ranking);
    if (ascending === undefined && is_ascending) {
      say(world, `less of ${by} is better: the smallest first (--desc: the largest)`);
    }
    const format = rowFormat(flags);
    const titled = (title: string) => format === "table" ? title : undefined;
    const usual: Column[] = [
      ...fieldColumns("run_type"),
      { field: "trades_count", title: titled("trades"), right: true },
      { field: "stop_out_rate", right: true },
      { field: "created_at_ms", title: titled("created"), right: true, show: showTime(world) },
    ];
    printRows(world, rows, [
      { field: "rank", right: true },
      { field: "run_id" },
      { field: "status", cut: false },
      { field: "value", title: titled(by), right: true },
      ...listedFields(world, fields, rows, format, columns === undefined),
      ...(columns === undefined ? usual : []).map((column) => ({ ...column, optional: true })),
    ], format);
  },
});
