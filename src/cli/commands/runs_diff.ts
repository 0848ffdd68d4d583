import { shortDigest } from "../../base/format.ts";
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
  typedPath,
} from "../output.ts";

export default defineCommand({
  name: "runs diff",
  summary: "compare runs: code, inputs, parameters, timings, metrics, artifacts, files",
  description: "Compares 2 to 20 runs with the first of them, whatever is known of each by its " +
    "folder or by the log; inputs, attached files and changes of the code by their digests. Lists what differs, or everything with --all; for numbers, also by how " +
    "much, and for metrics, which is better: more, but of drawdown, loss, stop_out, adverse, " +
    "exposed and names in _ms less. Data formats have a row for each run and name.",
  examples: {
    "ledger runs diff demo-1 demo-2": "what differs",
    "ledger runs diff demo-1 demo-2 --all --format markdown": "everything, for a report",
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

/** How runs stand side by side: each is narrower than the one before. */
interface Layout {
  /** Under headings, names are without what they are in. */
  is_grouped: boolean;
  /** The percentage alone says the change. */
  is_short: boolean;
  /** A, B, … stand for the ids. */
  has_letters: boolean;
}

const LAYOUTS: readonly [Layout, ...Layout[]] = [
  { is_grouped: false, is_short: false, has_letters: false },
  { is_grouped: false, is_short: true, has_letters: false },
  { is_grouped: true, is_short: true, has_letters: false },
  { is_grouped: false, is_short: false, has_letters: true },
  { is_grouped: true, is_short: true, has_letters: true },
];

/** A row for each name, a column for each run. */
function printSideBySide(
  world: World,
  runs: readonly ComparedRun[],
  rows: readonly DiffRow[],
  format: RowFormat,
): void {
  const named = rows.map((row) =>
    row.about === "inputs" ? { ...row, name: typedPath(world, row.name) } : row
  );
  const tried = LAYOUTS.map((layout) => ({
    columns: columnsIn(layout, runs),
    cells: cellsIn(layout, named, format),
    layout,
  }));
  const { columns, cells, layout } = format === "table"
    ? tried.find(({ cells, columns }) => fits(world, cells, columns)) ?? tried.at(-1)!
    : tried[0];
  if (layout.has_letters) {
    for (const [index, { run_id }] of runs.entries()) {
      print(world, `${letterOf(index)}  ${plain(run_id)}`);
    }
    print(world, "");
  }
  printRows(world, cells, columns, format);
}

function columnsIn({ has_letters }: Layout, runs: readonly ComparedRun[]): Column[] {
  return [
    { field: "name", cut: false },
    ...runs.map(({ run_id }, index) => {
      const title = has_letters ? letterOf(index) : plain(run_id);
      return { field: `run_${index}`, title, right: true, cut: true };
    }),
    ...(runs.length === 2 ? [{ field: "change", right: true }, { field: "verdict" }] : []),
  ];
}

function letterOf(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

function cellsIn(
  { is_grouped, is_short }: Layout,
  rows: readonly DiffRow[],
  format: RowFormat,
): Record<string, string>[] {
  const cells = rows.map(({ about, name, values }): Record<string, string> => ({
    name: about === "facts" ? name : is_grouped ? `  ${name}` : `${about}.${name}`,
    ...Object.fromEntries(values.map((value, index) => {
      const verdict = values.length === 2 || !value.verdict ? "" : ` ${value.verdict}`;
      return [`run_${index}`, `${valueText(value.value, format)}${verdict}`];
    })),
    change: changeText(values[1], is_short),
    verdict: values[1].verdict ?? "",
  }));
  if (!is_grouped) return cells;
  return cells.flatMap((cell, index) => {
    const { about } = rows[index];
    const is_first = about !== "facts" && about !== rows[index - 1]?.about;
    return is_first ? [{ name: about }, cell] : [cell];
  });
}

function fits(world: World, cells: readonly Record<string, string>[], columns: Column[]): boolean {
  if (!world.stdout.is_terminal) return true;
  const widths = columns.map(({ field, title = field }) =>
    Math.max(columnsOf(title), ...cells.map((row) => columnsOf(row[field] ?? "")))
  );
  return widths.reduce((total, width) => total + width + 2, -2) <= world.stdout.columns;
}

/** A digest tells contents apart by its beginning. */
const DIGEST = /^[0-9a-f]{40,64}$/;

function valueText(value: unknown, format: RowFormat): string {
  if (value === undefined) return "–";
  if (DIGEST.test(String(value))) return shortDigest(String(value));
  return typeof value === "number" && format === "table" ? humanNumber(value) : plain(value);
}

function changeText({ change, change_percent }: ComparedValue, is_short: boolean): string {
  if (change === undefined) return "";
  const sign = change > 0 ? "+" : "";
  const text = `${sign}${humanNumber(change)}`;
  if (change_percent === undefined) return text;
  const percent = `${sign}${change_percent.toFixed(1)} %`;
  return is_short ? percent : `${text} (${percent})`;
}
