import { columnsOf } from "../../base/text_width.ts";
import type { World } from "../../base/world.ts";
import { parseColumns } from "../../filter/selection.ts";
import {
  type ComparedRun,
  type ComparedValue,
  type DiffRow,
  diffRuns,
} from "../../runs/catalog/diff.ts";
import { defineCommand } from "../command.ts";
import {
  asIs,
  columns,
  count,
  format,
  type RowFormat,
  runsFlags,
  text,
  texts,
  toggle,
  where,
} from "../flags.ts";
import { freshen, openFor } from "../open.ts";
import {
  type Column,
  fieldColumns,
  humanNumber,
  plain,
  print,
  printRows,
  rowFormat,
  say,
} from "../output.ts";

export default defineCommand({
  name: "runs diff",
  summary: "compare runs: parameters, timings, metrics, artifacts",
  description: "Compares 2 to 20 runs with the first of them, whatever is known of each by its " +
    "folder or by the log. Lists what differs, or everything with --all; for numbers, also by how " +
    "much, and for metrics, which is better: more, but of drawdown, loss, stop_out, adverse, " +
    "exposed and names in _ms less. Data formats have a row for each run and name.",
  examples: {
    "ledger runs diff demo-1 demo-2": "what differs",
    "ledger runs diff demo-1 demo-2 demo-3 --all --format markdown": "everything, for a report",
    "ledger runs diff --where \"status = 'completed'\" --sort -avg_return_bps --limit 5":
      "the best five, held against the best",
  },
  positionals: [
    { name: "RUN", summary: "ids, or their beginnings; the first is the baseline", many: true },
  ],
  flags: {
    "all": toggle("list also what is the same"),
    "where": where(),
    "sort": text("COLUMNS", "the order of the runs that a filter takes; the first is the baseline"),
    "columns": columns(),
    "limit": count("at most so many of the runs that a filter takes", { short: "n" }),
    "lower": texts("NAME", "less of this metric is better; may be repeated"),
    "higher": texts("NAME", "more of this metric is better; may be repeated"),
    "format": format(),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words }) => {
    await using ledger = openFor(world, flags);
    await freshen(world, ledger, flags, "log", "runs");
    const { where, sort, limit, lower, higher } = flags;
    const runs = await ledger.runs.compared({
      ...{ run_ids: words, where, sort, limit },
      onNotice: (message) => say(world, message),
    });
    const isShown = namesShown(flags.columns);
    const rows = diffRuns(runs, { lower, higher })
      .filter((row) => (flags.all || row.differs) && isShown(row));
    const format = rowFormat(flags);
    if (format === "table" && rows.length === 0) {
      const ids = runs.map(({ run_id }) => run_id);
      return print(world, `${ids.slice(0, -1).join(", ")} and ${ids.at(-1)} do not differ`);
    }
    if (format === "table" || format === "markdown") printSideBySide(world, runs, rows, format);
    else printRows(world, rows.flatMap((row) => rowsOfData(runs, row)), DATA_COLUMNS, format);
  },
});

/** Whether a row is one that `--columns` asks for. */
function namesShown(columns: string | undefined): (row: DiffRow) => boolean {
  if (columns === undefined) return () => true;
  const shown = parseColumns(columns);
  return ({ about, name }) =>
    shown.some((each) =>
      "all_of" in each
        ? each.all_of === about
        : about === "facts"
        ? each.column === name
        : each.column === about && each.ways.some((way) => way.join(".") === name)
    );
}

const DATA_COLUMNS = fieldColumns(
  "about name baseline run_id value change change_percent verdict",
);

/** A row for each run but the first. */
function rowsOfData(runs: readonly ComparedRun[], { about, name, values }: DiffRow) {
  const [{ value: baseline }, ...others] = values;
  return others.map((value, index) => {
    return { about, name, baseline, run_id: runs[index + 1].run_id, ...value };
  });
}

/** A row for each name, a column for each run. */
function printSideBySide(
  world: World,
  runs: readonly ComparedRun[],
  rows: readonly DiffRow[],
  format: RowFormat,
): void {
  const is_pair = runs.length === 2;
  const cells = rows.map(({ about, name, values }) => ({
    name: about === "facts" ? name : `${about}.${name}`,
    ...Object.fromEntries(values.map((value, index) => {
      const verdict = is_pair || !value.verdict ? "" : ` ${value.verdict}`;
      return [`run_${index}`, `${valueText(value.value, format)}${verdict}`];
    })),
    change: changeText(values[1]),
    verdict: values[1].verdict ?? "",
  }));
  const columnsWith = (titles: readonly string[]): Column[] => [
    { field: "name", cut: false },
    ...titles.map((title, index) => ({ field: `run_${index}`, title, right: true, cut: true })),
    ...(is_pair ? [{ field: "change", right: true }, { field: "verdict" }] : []),
  ];
  const ids = runs.map(({ run_id }) => plain(run_id));
  const titles = format === "table" && !fits(world, cells, columnsWith(ids)) ? letters(ids) : ids;
  if (titles !== ids) {
    for (const [index, id] of ids.entries()) print(world, `${titles[index]}  ${id}`);
    print(world, "");
  }
  printRows(world, cells, columnsWith(titles), format);
}

/** A, B, …: short names for as many runs as are compared at once. */
function letters(ids: readonly string[]): string[] {
  return ids.map((_, index) => String.fromCharCode("A".charCodeAt(0) + index));
}

function fits(world: World, cells: readonly Record<string, string>[], columns: Column[]): boolean {
  if (!world.stdout.is_terminal) return true;
  const widths = columns.map(({ field, title = field }) =>
    Math.max(columnsOf(title), ...cells.map((row) => columnsOf(row[field])))
  );
  return widths.reduce((total, width) => total + width + 2, -2) <= world.stdout.columns;
}

function valueText(value: unknown, format: RowFormat): string {
  if (value === undefined) return "–";
  return typeof value === "number" && format === "table" ? humanNumber(value) : plain(value);
}

function changeText({ change, change_percent }: ComparedValue): string {
  if (change === undefined) return "";
  const sign = change > 0 ? "+" : "";
  const text = `${sign}${humanNumber(change)}`;
  return change_percent === undefined ? text : `${text} (${sign}${change_percent.toFixed(1)} %)`;
}
