/**
 * Rows as a table for people. On a terminal it fits: columns without a value go first, then the widest
 * texts are shortened with "…", ids, numbers and times never; columns that may be missed go next, and
 * standard error names them. Where even that is too wide, each row is printed as lines of its own. A
 * pipe gets everything.
 */
import { escaped, humanBytes, humanCount, humanNumber } from "../base/format.ts";
import { columnsOf, padEnd, padStart, shortened, wrapped } from "../base/text_width.ts";
import type { World } from "../base/world.ts";
import { paintFor, print, say } from "./print.ts";

/** A column of a table: which field, and what its heading is. */
export interface Column {
  field: string;
  title?: string;
  /** How a value is shown to people; data formats get the value itself. */
  show?: (value: unknown) => string;
  /** Numbers are. */
  right?: boolean;
  /** Whether long texts in it may be shortened. Default: unless it is on the right, or an id of runs. */
  cut?: boolean;
  /** Left out where there is no room; of several the last one first. */
  optional?: boolean;
}

/** Columns that show fields as they are: their names, between blanks. */
export function fieldColumns(names: string): Column[] {
  return names.split(" ").map((field) => ({ field }));
}

/** A column of counts, or of sizes in bytes: figures for people, numbers for programs. */
export function countColumn(field: string, title?: string): Column {
  return { field, title, right: true, show: shownAs(humanCount) };
}
export function bytesColumn(field: string, title?: string): Column {
  return { field, title, right: true, show: shownAs(humanBytes) };
}

function shownAs(shown: (number: number) => string): (value: unknown) => string {
  return (value) => value === undefined || value === null ? "" : shown(Number(value));
}

/** A row. */
export type Row = Record<string, unknown>;

/** How a table's columns lie; for the rows that continue it. */
export interface TableLayout {
  /** Of each column; undefined of one that is left out. */
  widths: readonly (number | undefined)[];
  /** Too wide for the terminal: a field a line. */
  is_stacked: boolean;
}

const GAP = "  ";
/** No text is made shorter than this. */
const TEXT_COLUMNS_MIN = 6;
/** Numbers, times and amounts with units: a part of one would be wrong. */
const FIGURES = /^[-+]?[\d.,]+([-:T.,Z \d]*|( ?[a-zA-Zµ%]{1,6}( ago)?)+)$/;

/** Prints a table, or the continuation of one. */
export function printTable(
  world: World,
  rows: readonly Row[],
  columns: readonly Column[],
  so_far?: TableLayout,
): TableLayout {
  const cells = rows.map((row) =>
    columns.map(({ field, show }) => (show ? show(row[field]) : shown(row[field])))
  );
  const layout = so_far ?? layoutFor(world, cells, columns);
  const { widths, is_stacked } = layout;
  const { bold } = paintFor(world, world.stdout);
  const titles = columns.map(titleOf);
  if (is_stacked) {
    const longest = Math.max(...titles.map(columnsOf));
    for (const [at, row] of cells.entries()) {
      if (at > 0 || so_far) print(world, "");
      for (const [index, text] of row.entries()) {
        if (widths[index] === undefined) continue;
        print(world, `${bold(padEnd(titles[index], longest))}${GAP}${text}`.trimEnd());
      }
    }
    return layout;
  }
  const lineOf = (texts: readonly string[]) =>
    texts.flatMap((text, index) => {
      const [column, width] = [columns[index], widths[index]];
      if (width === undefined) return [];
      const is_cut = world.stdout.is_terminal && mayShorten(column, text);
      const fitting = is_cut ? shortened(text, width) : text;
      return [column.right ? padStart(fitting, width) : padEnd(fitting, width)];
    }).join(GAP).trimEnd();
  if (!so_far) print(world, bold(lineOf(titles)));
  for (const row of cells) print(world, lineOf(row));
  if (!so_far) sayWhatIsLeftOut(world, cells, columns, layout);
  return layout;
}

function sayWhatIsLeftOut(
  world: World,
  cells: readonly string[][],
  columns: readonly Column[],
  { widths }: TableLayout,
): void {
  const missed = columns.filter((_, index) =>
    widths[index] === undefined && cells.some((row) => row[index] !== "")
  );
  if (missed.length > 0) {
    const text = `no room for ${missed.map(titleOf).join(", ")}; --format csv prints all`;
    for (const line of wrapped(text, world.stdout.columns)) say(world, line);
  }
}

function layoutFor(
  world: World,
  cells: readonly string[][],
  columns: readonly Column[],
): TableLayout {
  const longest = (index: number, isCounted: (text: string) => boolean) =>
    cells.map((row) => isCounted(row[index]) ? columnsOf(row[index]) : 0)
      .reduce((most, width) => Math.max(most, width), 0);
  const title_widths = columns.map((column) => columnsOf(titleOf(column)));
  const wanted = columns.map((_, index) =>
    Math.max(title_widths[index], longest(index, () => true))
  );
  const { is_terminal, columns: room } = world.stdout;
  // Without rows there is nothing to tell but the headings.
  if (!is_terminal || cells.length === 0) return { widths: wanted, is_stacked: false };
  const least = columns.map((column, index) => {
    const whole = longest(index, (text) => !mayShorten(column, text));
    return Math.min(wanted[index], Math.max(whole, title_widths[index], TEXT_COLUMNS_MIN));
  });
  let kept = columns.map((_, index) => index);
  const fitKept = () => {
    const of = (widths: readonly number[]) => kept.map((index) => widths[index]);
    return fitted(of(wanted), of(least), room - GAP.length * (kept.length - 1));
  };
  let found = fitKept();
  if (!found || kept.some((index, at) => found![at] < wanted[index])) {
    kept = kept.filter((index) => cells.some((row) => row[index] !== ""));
    found = fitKept();
  }
  const widthsOf = (found: readonly number[]) =>
    columns.map((_, index): number | undefined => found[kept.indexOf(index)]);
  const stacked = {
    widths: widthsOf(kept.map((index) => wanted[index])),
    is_stacked: true,
  };
  while (!found) {
    const last = kept.findLast((index) => columns[index].optional);
    if (last === undefined) return stacked;
    kept = kept.filter((index) => index !== last);
    found = fitKept();
  }
  return { widths: widthsOf(found), is_stacked: false };
}

/** Widths that add up to no more than there is room for, the widest made narrower first. */
function fitted(
  wanted: readonly number[],
  least: readonly number[],
  room: number,
): number[] | undefined {
  const sum = (widths: readonly number[]) => widths.reduce((total, width) => total + width, 0);
  if (sum(least) > room) return undefined;
  const widths = [...wanted];
  for (let over = sum(widths) - room; over > 0; over--) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      if (width > least[index] && (widest < 0 || width > widths[widest])) widest = index;
    }
    widths[widest]--;
  }
  return widths;
}

function mayShorten({ field, right, cut }: Column, text: string): boolean {
  return (cut ?? !(right || field === "run_id")) && !FIGURES.test(text);
}

/** A column's heading. */
export function titleOf(column: Column): string {
  return column.title ?? column.field;
}

/** A value as people read it. */
function shown(value: unknown): string {
  return typeof value === "number" ? humanNumber(value) : plain(value);
}

/** A value as one line of text that does nothing to a terminal. */
export function plain(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return escaped(text.replace(/[\t-\r]+/g, " "));
}
