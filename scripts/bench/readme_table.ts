/** Figures as `deno task bench --json` prints them -> the documents' tables of them. */
import type { Figure } from "./bench.ts";
import { readable } from "./table.ts";

/** A figure with what its bench measures. */
export type ShownFigure = Figure & { shows: string };

const HEAD = ["bench", "ours", "beside it", "ratio", "goal"];
const FROM_THE_RIGHT = new Set([1, 2, 3]);

/** Figures out of lines of JSON. */
export function figuresIn(ndjson: string): ShownFigure[] {
  return ndjson.split("\n").filter((line) => line !== "").map((line) => {
    // JSON has no word for a number that is none.
    const figure = JSON.parse(line) as ShownFigure;
    return { ...figure, beside: figure.beside ?? NaN, ratio: figure.ratio ?? NaN };
  });
}

/** The table, in the form that `deno fmt` gives it. */
export function readmeTable(figures: readonly ShownFigure[]): string {
  const rows = figures.map(({ name, ours, beside, ratio, unit, goal, holds }) => [
    `\`${name}\``,
    `${readable(ours)} ${unit}`,
    Number.isFinite(beside) ? `${readable(beside)} ${unit}` : "",
    Number.isFinite(ratio) ? `${ratio.toFixed(2)}×` : "",
    holds === false ? `${goal}: **missed**` : goal,
  ]);
  return markdown([HEAD, ...rows], FROM_THE_RIGHT);
}

/** What each bench measures, named by the first of its figures. */
export function legendTable(figures: readonly ShownFigure[]): string {
  const shown = new Map<string, string>();
  for (const { name, shows } of figures) if (!shown.has(shows)) shown.set(shows, `\`${name}\``);
  const legend = [
    ["from", "what is measured"],
    ...[...shown].map(([shows, name]) => [name, shows]),
  ];
  return markdown(legend, new Set());
}

/** The table in short: what each bench measures, ours and what is beside it. */
export function shortTable(figures: readonly ShownFigure[]): string {
  const rows = figures.map(({ ours, beside, unit, shows }) => [
    shows,
    `${readable(ours)} ${unit}`,
    Number.isFinite(beside) ? `${readable(beside)} ${unit}` : "",
  ]);
  return markdown([["what is measured", "ours", "beside it"], ...rows], FROM_THE_RIGHT);
}

const IN_WORDS: Readonly<Record<string, string>> = {
  "lines": "the log as lines",
  "parquet": "the log compacted",
  "query": "a query over all trials",
  "rebuild": "rebuild --full",
  "rebuild.compacted": "rebuild --full, compacted",
  "status.compacted": "status, compacted",
  "verify.deep": "verify --deep",
};

/** The commands of each group, as `ledger help` lists them. */
export function commandTable(groups: Readonly<Record<string, object>>): string {
  const rows = Object.entries(groups).map(([group, commands]) => [
    group,
    Object.keys(commands).map((name) => `\`${name}\``).join(", "),
  ]);
  return markdown([["group", "commands"], ...rows], new Set());
}

/** What `--scale` measured: a row for each step, a column for each size of the log. */
export function scaleTable(figures: readonly Figure[]): string {
  const cells = new Map<string, Map<string, string>>();
  const sizes = new Set<string>();
  for (const { name, ours, unit } of figures) {
    const [, step, size, is_memory] = /^scale\.(.+)\.(\d+M)(\.memory)?$/.exec(name)!;
    sizes.add(size);
    const row = cells.get(step) ?? new Map<string, string>();
    const figure = `${readable(ours)} ${unit}`;
    row.set(size, is_memory ? `${row.get(size)}, ${figure}` : figure);
    cells.set(step, row);
  }
  const rows = [...cells].map(([step, row]) => [
    IN_WORDS[step] ?? step,
    ...[...sizes].map((size) => row.get(size) ?? ""),
  ]);
  const head = ["", ...[...sizes].map((size) => `${size} events`)];
  return markdown([head, ...rows], new Set(head.keys().drop(1)));
}

/** What `--fleet-scale` played: of one of its tables, a row for each need, a column for each fleet. */
export function fleetTable(table: "day" | "growth") {
  return (figures: readonly Figure[]): string => {
    const cells = new Map<unknown, Map<unknown, string>>();
    const columns = new Set<unknown>();
    for (const { row, column, ours, unit, holds, ...figure } of figures) {
      if (figure.table !== table) continue;
      const said = unit === "power"
        ? ours.toFixed(2).replace("-0.00", "0.00")
        : `${readable(ours)} ${unit}`.trim();
      columns.add(column);
      cells.getOrInsertComputed(row, () => new Map())
        .set(column, holds === false ? `${said}: **missed**` : said);
    }
    const rows = [...cells].map(([row, of_row]) => [
      String(row),
      ...[...columns].map((column) => of_row.get(column) ?? ""),
    ]);
    const head = ["", ...[...columns].map(String)];
    return markdown([head, ...rows], new Set(head.keys().drop(1)));
  };
}

function markdown(rows: string[][], from_the_right: ReadonlySet<number>): string {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const line = (row: string[]) =>
    `| ${
      row.map((cell, at) =>
        from_the_right.has(at) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])
      ).join(" | ")
    } |`;
  const rule = widths.map((width, at) =>
    from_the_right.has(at) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
  );
  return [line(rows[0]), `| ${rule.join(" | ")} |`, ...rows.slice(1).map(line)].join("\n");
}
