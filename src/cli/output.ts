/** How things look: data on stdout in the form asked for, words on stderr, colours where they show. */
import * as colors from "@std/fmt/colors";
import { humanBytes } from "../base/words.ts";
import type { Output, World } from "../base/world.ts";
import type { RowFormat } from "./flags.ts";

export { ago, counted, humanBytes, humanCount, humanDuration, utc } from "../base/words.ts";

/** Colours for one output; plain text where they would not show or are not wanted. */
export function paintFor(world: World, output: Output) {
  const forced = world.env("FORCE_COLOR");
  const wanted = world.env("NO_COLOR") ? false : forced ? forced !== "0" : output.is_terminal &&
    world.env("TERM") !== "dumb";
  const paint = (color: (text: string) => string) => (text: string) => {
    if (!wanted) return text;
    colors.setColorEnabled(true);
    return color(text);
  };
  return {
    bold: paint(colors.bold),
    dim: paint(colors.dim),
    red: paint(colors.red),
    green: paint(colors.green),
    yellow: paint(colors.yellow),
    cyan: paint(colors.cyan),
  };
}

/** Says something to the person who started the command. */
export function say(world: World, words: string): void {
  world.stderr.write(`${words}\n`);
}

/** Prints a line of data. */
export function print(world: World, line: string): void {
  world.stdout.write(`${line}\n`);
}

/** A column of a table: which field, and what its heading is. */
export interface Column {
  field: string;
  title?: string;
  /** How a value is shown to people; data formats get the value itself. */
  show?: (value: unknown) => string;
  /** Numbers are. */
  right?: boolean;
}

/** A row. */
export type Row = Record<string, unknown>;

/** The format to print in: as asked, JSON when `--json` was, else what suits the output. */
export function rowFormat(
  asked: RowFormat | undefined,
  as_json: boolean,
  fallback: RowFormat,
): RowFormat {
  return asked ?? (as_json ? "json" : fallback);
}

/** Prints rows that are all there. Returns the widths of a table's columns. */
export function printRows(
  world: World,
  rows: readonly Row[],
  columns: readonly Column[],
  format: RowFormat,
  /** Of a table that these rows continue: then it gets no heading. */
  widths?: number[],
): number[] | undefined {
  if (format === "table") return printTable(world, rows, columns, widths);
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
        return world.stdout.write(`${first ? "" : ",\n"}  ${this.toJson(row)}`);
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

function printTable(
  world: World,
  rows: readonly Row[],
  columns: readonly Column[],
  widths_so_far?: number[],
): number[] {
  const paint = paintFor(world, world.stdout);
  const cells = rows.map((row) =>
    columns.map(({ field, show }) => (show ? show(row[field]) : plain(row[field])))
  );
  const widths = widths_so_far ??
    columns.map((column, index) =>
      cells.reduce((width, row) => Math.max(width, row[index].length), titleOf(column).length)
    );
  const lineOf = (texts: string[]) =>
    texts.map((text, index) => {
      const last = index === texts.length - 1;
      if (columns[index].right) return text.padStart(widths[index]);
      return last ? text : text.padEnd(widths[index]);
    }).join("  ");
  if (!widths_so_far) print(world, paint.bold(lineOf(columns.map(titleOf))));
  for (const row of cells) print(world, lineOf(row).trimEnd());
  return widths;
}

function titleOf(column: Column): string {
  return column.title ?? column.field;
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f]+/g, " ");
}

function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** How far long work is, on a terminal only; gone when the work is done. */
export class Progress {
  readonly #started_ms: number;
  #shown = false;

  constructor(readonly world: World) {
    this.#started_ms = world.elapsed_ms();
  }

  show(done_bytes: number, total_bytes: number): void {
    const seconds = (this.world.elapsed_ms() - this.#started_ms) / 1000;
    if (!this.world.stderr.is_terminal || seconds < 0.5) return;
    const rate = done_bytes / seconds;
    const left = Math.max(0, (total_bytes - done_bytes) / rate);
    const percent = Math.min(100, Math.floor(done_bytes / total_bytes * 100));
    this.world.stderr.write(
      `\r\u001b[K${percent} %  ${humanBytes(rate)}/s  ${left.toFixed(0)} s left`,
    );
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.world.stderr.write("\r\u001b[K");
  }
}
