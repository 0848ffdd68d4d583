/** How answers look: rows in the form that was asked for; and the words that tell the rest. */
import type { World } from "../base/world.ts";
import type { RowFormat } from "./flags.ts";
import { type Column, plain, printTable, type Row, type TableLayout, titleOf } from "./table.ts";
import { print, write } from "./terminal.ts";

export {
  ago,
  counted,
  escaped,
  humanBytes,
  humanCount,
  humanDuration,
  utc,
} from "../base/format.ts";
export { type Column, plain, type TableLayout } from "./table.ts";
export { Progress, withProgress } from "./progress.ts";
export { paintFor, print, say, showTime, showTracedTime, write } from "./terminal.ts";

/** The format to print in: as asked, JSON when `--json` was, else what suits the output. */
export function rowFormat(
  asked: RowFormat | undefined,
  as_json: boolean,
  fallback: RowFormat,
): RowFormat {
  return asked ?? (as_json ? "json" : fallback);
}

/** Prints rows that are all there. Returns how a table's columns lie. */
export function printRows(
  world: World,
  rows: readonly Row[],
  columns: readonly Column[],
  format: RowFormat,
  /** Of a table that these rows continue: then it gets no heading. */
  so_far?: TableLayout,
): TableLayout | undefined {
  if (format === "table") return printTable(world, rows, columns, so_far);
  const printer = new RowPrinter(world, columns, format);
  for (const row of rows) printer.print(row);
  printer.end();
}

/** Prints rows one at a time, in the formats that do not have to see all of them first. */
export class RowPrinter {
  #count = 0;

  constructor(
    readonly world: World,
    readonly columns: readonly Column[],
    readonly format: RowFormat,
    readonly toJson: (row: Row) => string = JSON.stringify,
  ) {}

  print(row: Row): void {
    const { world, columns, format } = this;
    const first = this.#count++ === 0;
    if (first) this.#printHeading();
    switch (format) {
      case "json":
        return write(world.stdout, `${first ? "" : ",\n"}  ${this.toJson(row)}`);
      case "csv":
        return print(world, columns.map((column) => csvCell(row[column.field])).join(","));
      case "markdown": {
        const cells = columns.map((column) => plain(row[column.field]).replaceAll("|", "\\|"));
        return print(world, `| ${cells.join(" | ")} |`);
      }
      default:
        return print(world, this.toJson(row));
    }
  }

  end(): void {
    if (this.#count === 0) this.#printHeading();
    if (this.format === "json") this.world.stdout.write(this.#count === 0 ? "]\n" : "\n]\n");
  }

  #printHeading(): void {
    const { world, columns, format } = this;
    if (format === "json") world.stdout.write("[\n");
    if (format === "csv") print(world, columns.map((column) => csvCell(column.field)).join(","));
    if (format === "markdown") {
      print(world, `| ${columns.map(titleOf).join(" | ")} |`);
      print(world, `| ${columns.map(({ right }) => (right ? "--:" : "---")).join(" | ")} |`);
    }
  }
}

function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
