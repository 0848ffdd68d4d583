/** Batches of an input's rows, the place of each row in its input, and errors that name place and value. */
import { type ErrorPlace, LedgerError, quoted } from "../../base/error.ts";
import { input_batch_rows, quoted_chars_max } from "../../base/limits.ts";
import type { Row } from "../../parquet/mod.ts";
import type { ArtifactDefinition } from "./definitions.ts";

/** Some rows of an input. */
export interface RowBatch {
  rows: readonly Row[];
  /** The line that each of them begins in, where the input is text. */
  lines?: readonly number[];
}

/** Where rows come from, and which run they are stored for. */
export interface RowContext {
  definition: ArtifactDefinition;
  run_id: string;
  /** What the input is called in errors; absent where a program hands rows over. */
  source?: string;
}

/** A row's place in its input. */
export interface RowPlace {
  /** Counted from 1; a heading is no row. */
  row: number;
  line?: number;
}

/** Gathers the rows of a text into batches. */
export class BatchBuilder {
  #rows: Row[] = [];
  #lines: number[] = [];
  #before = 0;

  add(row: Row, line: number): void {
    this.#rows.push(row);
    this.#lines.push(line);
  }

  /** The number of the next row. */
  get next_row(): number {
    return this.#before + this.#rows.length + 1;
  }

  get is_full(): boolean {
    return this.#rows.length >= input_batch_rows;
  }

  get is_empty(): boolean {
    return this.#rows.length === 0;
  }

  take(): RowBatch {
    const [rows, lines] = [this.#rows, this.#lines];
    this.#before += rows.length;
    this.#rows = [];
    this.#lines = [];
    return { rows, lines };
  }
}

/** An error about a row: `row 3 (line 4) has …`. */
export function rowError(
  context: RowContext,
  { row, line }: RowPlace,
  words: string,
  hint = "nothing was stored; correct it and repeat",
): LedgerError {
  const in_line = line === undefined ? "" : ` (line ${line})`;
  return inputError(context, `row ${row}${in_line} ${words}`, hint, line, row);
}

/** An error about an input. */
export function inputError(
  context: RowContext,
  words: string,
  hint: string,
  line?: number,
  row?: number,
): LedgerError {
  const where: ErrorPlace = {};
  if (context.source !== undefined) where.path = context.source;
  if (line !== undefined) where.line = line;
  return new LedgerError({
    code: "invalid",
    message: `cannot store ${context.definition.type}: ${words}`,
    where,
    hint,
    detail: row === undefined ? undefined : { row },
  });
}

/** A value as a message quotes it, whatever it is. */
export function shown(value: unknown): string {
  // As it stood in the input: the n is ours.
  if (typeof value === "bigint") return quoted(String(value)).slice(1, -1);
  if (typeof value !== "object" || value === null) return quoted(value);
  // JSON would show NaN as null, and could not show a bigint at all.
  const text = Deno.inspect(value, { depth: 2, compact: true, breakLength: Infinity });
  return text.length > quoted_chars_max ? `${text.slice(0, quoted_chars_max - 1)}…` : text;
}
