import { defineCommand } from "../command.ts";
import {
  asIs,
  columns,
  count,
  format,
  include,
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
    "ledger runs rank --by avg_return_bps --per group":
      "the best run of each group, and of how many it is the best",
  },
  flags: {
    "by": required(
      text("METRIC", "a metric of the summary, or a number elsewhere: timing.total_ms"),
      "by which metric? For example: --by avg_return_bps",
    ),
    "per": text("NAME", "only the best run for each: group, run_type, params.NAME"),
    "asc": toggle("the smallest first", { aliases: ["ascending"] }),
    "desc": toggle("the largest first", { aliases: ["descending"] }),
    "include": include(),
    "where": where(),
    "columns": columns(),
    "limit": count("at most so many (default: 20)", { short: "n" }),
    "format": format(),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const { by, per, asc, desc, where, columns, limit } = flags;
    if (asc && desc) throw usage("runs rank", "it is either --asc or --desc");
    await freshen(world, ledger, flags, "log", "runs");
    const onNotice = (message: string) => say(world, message);
    const ascending = asc || desc ? asc : undefined;
    const ranking = { by, per, ascending, include: flags.include, where, columns, limit, onNotice };
    const board = await ledger.runs.leaderboard(ranking);
    const { rows, fields, ascending: is_ascending } = board;
    if (ascending === undefined && is_ascending) {
      say(world, `less of ${by} is better: the smallest first (--desc: the largest)`);
    }
    const format = rowFormat(flags);
    const titled = (title: string) => format === "table" ? title : undefined;
    // Runs of many kinds have no trades, or no stops.
    const of_trades: Column[] = [
      { field: "trades_count", title: titled("trades"), right: true },
      { field: "stop_out_rate", right: true },
    ];
    const usual: Column[] = [
      ...fieldColumns("run_type"),
      ...of_trades.filter(({ field }) => {
        return format !== "table" || rows.some((row) => row[field] !== null);
      }),
      { field: "created_at_ms", title: titled("created"), right: true, show: showTime(world) },
    ];
    const best_of: Column[] = board.per
      ? [{ field: "runs", title: titled("of"), right: true }]
      : [];
    printRows(world, rows, [
      { field: "rank", right: true },
      ...listedFields(world, board.per ? [board.per] : [], rows, format),
      { field: "run_id" },
      { field: "status", cut: false },
      { field: "value", title: titled(by), right: true },
      ...best_of,
      ...listedFields(world, fields, rows, format, columns === undefined),
      ...(columns === undefined ? usual : []).map((column) => ({ ...column, optional: true })),
    ], format);
  },
});
