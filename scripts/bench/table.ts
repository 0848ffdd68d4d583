/** Figures for people: a table whose lines come as they are measured. */
import type { Figure } from "./bench.ts";

const COLUMNS = ["name", "ours", "beside", "ratio", "unit", "goal", "holds"] as const;
const WIDTHS = [28, 11, 11, 7, 9, 34, 5];
const FROM_THE_RIGHT = new Set<string>(["ours", "beside", "ratio"]);

/** The head of the table. */
export function tableHead(): string {
  return line([...COLUMNS]);
}

/** One figure as a line of the table. */
export function tableLine(figure: Figure): string {
  const { name, ours, beside, ratio, unit, goal, holds } = figure;
  const verdict = holds === null ? "–" : holds ? "yes" : "NO";
  return line([
    name,
    readable(ours),
    readable(beside),
    Number.isFinite(ratio) ? `${ratio.toFixed(2)}×` : "–",
    unit,
    goal,
    verdict,
  ]);
}

function line(cells: string[]): string {
  return cells
    .map((cell, at) =>
      FROM_THE_RIGHT.has(COLUMNS[at]) ? cell.padStart(WIDTHS[at]) : cell.padEnd(WIDTHS[at])
    )
    .join("  ")
    .trimEnd();
}

/** As many digits as say something: 412,345 or 38.2 or 0.161. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString(
    "en",
    value >= 100 ? { maximumFractionDigits: 0 } : {
      maximumSignificantDigits: 3,
    },
  );
}
