/**
 * Streaming parser of CSV (RFC 4180) into rows, typed by the artifact's columns. An empty cell is null,
 * an empty cell in quotes is an empty text. What a cell of a known column says that does not fit its type is left as text, for
 * the check of rows to quote. In a column of features an unquoted cell is a number or a flag where it
 * looks like one; a cell in quotes is text.
 */
import { type LedgerError, quoted } from "../../base/error.ts";
import { blocksOfFile, withOpenFile } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import { input_row_bytes_max } from "../../base/limits.ts";
import { literal } from "../../duckdb/connection.ts";
import { patternOf } from "../../duckdb/sandbox.ts";
import type { Row } from "../../parquet/mod.ts";
import { BatchBuilder, inputError, type RowBatch, type RowContext, rowError } from "./batch.ts";
import { isPlain } from "./casts.ts";
import type { InputTable } from "./columnar.ts";
import type { ArtifactDefinition, ValueKind } from "./definitions.ts";
import { extraColumn } from "./row_checker.ts";

/** A record of a CSV text. */
interface CsvRecord {
  cells: string[];
  is_quoted: boolean[];
  line: number;
}

/** Rows of a CSV text that comes in pieces. */
export async function* csvRows(
  texts: AsyncIterable<string>,
  context: RowContext,
): AsyncGenerator<RowBatch> {
  const records = new CsvRecords(context);
  const batch = new BatchBuilder();
  let columns: CsvColumn[] | undefined;
  const consume = function* (found: Iterable<CsvRecord>): Generator<RowBatch> {
    for (const record of found) {
      if (columns === undefined) columns = columnsOf(record, context);
      else batch.add(rowOf(record, columns, context, batch.next_row), record.line);
      if (batch.is_full) yield batch.take();
    }
  };
  for await (const chunk of texts) yield* consume(records.push(chunk));
  yield* consume(records.push("", true));
  if (!batch.is_empty) yield batch.take();
}

/** The names in the heading; undefined where it is not whole, or has to be read with care. */
export function csvHeading(head: Uint8Array, context: RowContext): string[] | undefined {
  const { value } = new CsvRecords(context).push(new TextDecoder().decode(head)).next();
  // Of a single column an empty line could be a row, and DuckDB takes a blank one for the heading.
  if (!value || value.line !== 1 || value.cells.length === 1) return undefined;
  return columnsOf(value, context).map(({ name }) => name);
}

/** A file as a table of texts; undefined where its quotes could be read in another way. */
export function csvTable(
  files: Files,
  path: string,
  names: readonly string[],
  { columns }: ArtifactDefinition,
): InputTable | undefined {
  const { is_plain, has_line_breaks } = looksOfCsv(files, path);
  if (!is_plain) return undefined;
  const cells = names.map((_, at) => `c${at}`);
  const numbers = new Set(columns.filter(({ kind }) => kind === "number").map(({ name }) => name));
  const texts = cells.filter((_, at) => numbers.has(names[at]));
  return {
    sql: `(select *, ${isPlain("texts")} as plain from
      (select *, concat_ws(${["','", ...texts].join(", ")}, '') as texts from read_csv(${
      literal(patternOf(path))
    }, auto_detect = false, header = true, delim = ',',
      quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, strict_mode = true,
      max_line_size = ${input_row_bytes_max}, compression = 'none', parallel = ${!has_line_breaks},
      columns = {${cells.map((cell) => `${literal(cell)}: 'VARCHAR'`).join(", ")}})))`,
    columns: names.map((name, at) => ({ name, type: "cell", sql: cells[at] })),
  };
}

/** How a CSV is written. */
interface LooksOfCsv {
  /** Each quote opens a cell, closes it, or is doubled in it; DuckDB may take another one silently. */
  is_plain: boolean;
  /** Cells have line breaks: then DuckDB's threads cannot split the file where lines end. */
  has_line_breaks: boolean;
}

const QUOTE = 34, COMMA = 44, NEWLINE = 10, RETURN = 13;

/** Looks at the quotes of a file. */
function looksOfCsv(files: Files, path: string): LooksOfCsv {
  const looks: LooksOfCsv = { is_plain: true, has_line_breaks: false };
  let is_inside = false, has_closed = false, before = NEWLINE;
  return withOpenFile(files, path, (file) => {
    for (const block of blocksOfFile(file)) {
      const start = is_inside || has_closed ? 0 : block.indexOf(QUOTE);
      if (start > 0) before = block[start - 1];
      for (let at = start < 0 ? block.length : start; at < block.length; at++) {
        const byte = block[at];
        if (byte === QUOTE) {
          const may_open = has_closed || before === COMMA || before === NEWLINE;
          if (!is_inside && !may_open) return { ...looks, is_plain: false };
          has_closed = is_inside;
          is_inside = !is_inside;
        } else if (is_inside) {
          if (byte === NEWLINE) looks.has_line_breaks = true;
        } else if (has_closed) {
          if (byte !== COMMA && byte !== NEWLINE && byte !== RETURN) {
            return { ...looks, is_plain: false };
          }
          has_closed = false;
        }
        before = byte;
      }
      before = block[block.length - 1];
    }
    return looks;
  });
}

/** A column of the input: what its cells are made into. */
interface CsvColumn {
  name: string;
  typed: (cell: string, is_quoted: boolean) => unknown;
}

function columnsOf({ cells }: CsvRecord, context: RowContext): CsvColumn[] {
  const { definition } = context;
  const fixed = new Map(definition.columns.map((column) => [column.name, column]));
  const seen = new Set<string>();
  const columns = cells.map((name): CsvColumn => {
    if (name === "") {
      const hint = "name it, or leave it out; pandas writes its index so: to_csv(…, index=False)";
      throw headingError(context, "has a column without a name").with({ hint });
    }
    if (seen.has(name)) throw headingError(context, `names the column ${quoted(name)} twice`);
    seen.add(name);
    const column = fixed.get(name);
    if (column === undefined && !definition.is_open) {
      const free = [...fixed.keys()].filter((known) => !cells.includes(known));
      throw extraColumn(context, name, free).with({ where: { line: 1 } });
    }
    return { name, typed: column ? TYPED[column.kind] : feature };
  });
  const lacking = definition.columns.find(({ name, kind, nullable }) =>
    !nullable && kind !== "run_id" && !seen.has(name)
  );
  if (lacking) throw headingError(context, `lacks the column ${quoted(lacking.name)}`);
  return columns;
}

function headingError(context: RowContext, words: string): LedgerError {
  const hint = `\`ledger runs schema ${context.definition.type}\` lists the columns`;
  return inputError(context, `the heading of ${context.source} ${words}`, hint, 1);
}

function rowOf(record: CsvRecord, columns: CsvColumn[], context: RowContext, row: number): Row {
  const { cells, is_quoted, line } = record;
  if (cells.length !== columns.length) {
    throw rowError(
      context,
      { row, line },
      `has ${cells.length} cells where the heading has ${columns.length}`,
      "a comma within a cell needs quotes around the cell",
    );
  }
  const values: Row = {};
  for (const [at, { name, typed }] of columns.entries()) {
    const cell = cells[at];
    values[name] = cell === "" && !is_quoted[at] ? null : typed(cell, is_quoted[at]);
  }
  return values;
}

const WHOLE = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** As a program writes numbers: with zeros in front it is rather a name. */
const PLAIN_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const FLAG = /^(?:true|false)$/i;

function whole(cell: string): unknown {
  if (!WHOLE.test(cell)) return NUMBER.test(cell) ? Number(cell) : cell;
  const number = Number(cell);
  return Number.isSafeInteger(number) ? number : BigInt(cell.replace("+", ""));
}

function flag(cell: string): unknown {
  return FLAG.test(cell) ? cell.toLowerCase() === "true" : cell;
}

const asIs = (cell: string) => cell;

/** What a cell says, by the kind of its column; one that does not fit stays a text. */
export const TYPED: Readonly<Record<ValueKind, (cell: string) => unknown>> = {
  run_id: asIs,
  text: asIs,
  level: asIs,
  object: asIs,
  whole,
  time: whole,
  number: (cell) => NUMBER.test(cell) ? Number(cell) : cell,
  flag,
};

function feature(cell: string, is_quoted: boolean): unknown {
  if (is_quoted) return cell;
  return PLAIN_NUMBER.test(cell) ? whole(cell) : flag(cell);
}

/** Cuts records out of a text that comes in pieces. */
class CsvRecords {
  #rest = "";
  #line = 1;
  /** The next comma; it may be many rows ahead, and is not looked for in each of them. */
  #comma = -1;

  constructor(readonly context: RowContext) {}

  /** The records that a piece of text ends; at the last one, those that are left. */
  *push(chunk: string, is_last = false): Generator<CsvRecord> {
    const text = this.#rest + chunk;
    this.#comma = -1;
    let at = 0;
    while (at < text.length) {
      const found = this.#record(text, at, is_last);
      if (found === undefined) break;
      at = found.end;
      this.#line += found.lines;
      const { cells, is_quoted } = found.record;
      // A blank line is none: many programs leave one at the end.
      if (cells.length > 1 || cells[0] !== "" || is_quoted[0]) yield found.record;
    }
    this.#rest = text.slice(at);
    if (this.#rest.length > input_row_bytes_max) {
      throw this.#problem(`has a row longer than ${input_row_bytes_max} bytes`);
    }
  }

  /** The record that begins at a place; undefined when more text is needed to know where it ends. */
  #record(text: string, start: number, is_last: boolean) {
    const record: CsvRecord = { cells: [], is_quoted: [], line: this.#line };
    let lines = 0;
    let newline = text.indexOf("\n", start);
    for (let at = start;;) {
      const is_quoted = text[at] === '"';
      let end: number;
      if (is_quoted) {
        const close = closingQuote(text, at);
        if (close < 0) {
          if (is_last) throw this.#problem("opens a quote that is never closed");
          return undefined;
        }
        const cell = text.slice(at + 1, close);
        lines += cell.split("\n").length - 1;
        record.cells.push(cell.replaceAll('""', '"'));
        end = close + 1;
        newline = text.indexOf("\n", end);
      } else {
        if (this.#comma < at) {
          const comma = text.indexOf(",", at);
          this.#comma = comma < 0 ? text.length : comma;
        }
        const line_end = newline < 0 ? text.length : newline;
        end = Math.min(this.#comma, line_end);
        if (newline < 0 && end === line_end && !is_last) return undefined;
        if (end === line_end && text[end - 1] === "\r" && end > at) end--;
        const cell = text.slice(at, end);
        if (cell.includes('"')) throw this.#problem(`has a quote within the cell ${quoted(cell)}`);
        record.cells.push(cell);
      }
      record.is_quoted.push(is_quoted);
      if (text[end] === ",") {
        at = end + 1;
        continue;
      }
      if (text[end] === "\r" && (text[end + 1] === "\n" || end + 1 === text.length)) end++;
      if (end >= text.length && is_last) return { record, end, lines };
      if (text[end] === "\n") return { record, end: end + 1, lines: lines + 1 };
      // What looks like a closing quote at the end of a piece may be the first of two.
      if (end >= text.length) return undefined;
      throw this.#problem(`has ${quoted(text.slice(end, end + 20))} after a closing quote`);
    }
  }

  #problem(words: string): LedgerError {
    return inputError(
      this.context,
      `${this.context.source} ${words}, in the row that begins in line ${this.#line}`,
      "write it as RFC 4180 says: a cell with a comma, a quote or a new line stands in quotes, " +
        "and a quote within it is doubled",
      this.#line,
    );
  }
}

/** Where a quoted cell closes; -1 when that is not in the text. */
function closingQuote(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  return close;
}
