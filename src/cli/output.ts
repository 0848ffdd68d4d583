/** How answers look: rows in the format that was asked for, JSON, and plain sentences. */
import { table_width_rows } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { RowFormat } from "./flags.ts";
import { type Column, plain, printTable, type Row, type TableLayout, titleOf } from "./table.ts";
import { print, write } from "./print.ts";

export {
  ago,
  counted,
  escaped,
  humanBytes,
  humanCount,
  humanDuration,
  humanNumber,
  runCountsText,
  utc,
} from "../base/format.ts";
export { shortened, wrapped } from "../base/text_width.ts";
export { bytesColumn, type Column, countColumn, fieldColumns, plain } from "./table.ts";
export { Progress, withProgress } from "./progress.ts";
export { paintFor, print, printJson, say, showTime, showTracedTime, write } from "./print.ts";

/** The format to print rows in: as asked, JSON where `--json` was, else what suits the output. */
export function rowFormat(
  flags: { format?: RowFormat; json: boolean },
  fallback: RowFormat = "table",
): RowFormat {
  return flags.format ?? (flags.json ? "json" : fallback);
}

/** A path as people type it in the current folder, if it lies below. */
export function typedPath(world: World, path: string): string {
  const folder = `${world.cwd()}/`;
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

/** Prints rows that are all there. */
export function printRows(
  world: World,
  rows: readonly object[],
  columns: readonly Column[],
  format: RowFormat = "table",
): void {
  if (format === "table") return void printTable(world, rows as Row[], columns);
  const printer = new RowPrinter(world, columns, format);
  for (const row of rows) printer.print(row as Row);
  printer.end();
}

/** Prints rows one at a time. */
export class RowPrinter {
  #count = 0;
  /** Rows of a table whose layout is not decided yet. */
  #waiting: Row[] = [];
  #layout?: TableLayout;

  constructor(
    readonly world: World,
    readonly columns: readonly Column[],
    readonly format: RowFormat,
    readonly toJson: (row: Row) => string = JSON.stringify,
  ) {}

  print(row: Row): void {
    const { world, columns, format } = this;
    if (format === "table") return this.#printInTable(row);
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
    const { world, columns, format } = this;
    if (format === "table") {
      this.#layout ??= printTable(world, this.#waiting, columns);
      return;
    }
    if (this.#count === 0) this.#printHeading();
    if (format === "json") world.stdout.write(this.#count === 0 ? "]\n" : "\n]\n");
  }

  #printInTable(row: Row): void {
    const { world, columns } = this;
    if (this.#layout) printTable(world, [row], columns, this.#layout);
    else if (this.#waiting.push(row) === table_width_rows) {
      this.#layout = printTable(world, this.#waiting, columns);
    }
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
  // An empty text is quoted, so that readers of CSV tell it from null.
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
