/** Streaming parser of NDJSON and JSON: each row is cut out of the text and parsed alone, so memory is bounded. */
import { type LedgerError, quoted } from "../../base/error.ts";
import { json } from "../../base/json.ts";
import { input_row_bytes_max } from "../../base/limits.ts";
import { BadLine, parseObject } from "../../log/event/validate.ts";
import type { Row } from "../../parquet/mod.ts";
import { BatchBuilder, inputError, type RowBatch, type RowContext, rowError } from "./batch.ts";

/** A whole number past 2^53, perhaps: then the slow way is worth it. */
const LONG_DIGITS = /[:,[\s-](?:\d{17,}|9\d{15})\s*[,}\]]/;

/** A reviver that makes bigints of whole numbers past 2^53. */
export const keepDigits = (_: string, value: unknown, { source }: { source?: string }) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? "")
    ? BigInt(source!)
    : value;

/** Batches of rows that are parsed from their texts; whole numbers past 2^53 come out as bigints. */
class JsonBatch extends BatchBuilder {
  constructor(readonly context: RowContext) {
    super();
  }

  addText(text: string, line: number): void {
    const parsed = parseObject(text);
    if (parsed instanceof BadLine) {
      throw this.wrong(line, `is no row: ${parsed.reason}`, "give one JSON object for each row");
    }
    this.add(LONG_DIGITS.test(text) ? json.parse(text, keepDigits) as Row : parsed, line);
  }

  wrong(line: number, words: string, hint?: string): LedgerError {
    return rowError(this.context, { row: this.next_row, line }, words, hint);
  }

  tooLong(line: number): LedgerError {
    return this.wrong(
      line,
      `is longer than ${input_row_bytes_max} bytes`,
      "a row is one call, trade or error: keep what is larger in a file of its own",
    );
  }
}

/** One object a line; blank lines are passed over. */
export async function* ndjsonRows(
  texts: AsyncIterable<string>,
  context: RowContext,
): AsyncGenerator<RowBatch> {
  const batch = new JsonBatch(context);
  let line = 0;
  let rest = "";
  const take = (text: string) => {
    line++;
    if (text.trim() !== "") batch.addText(text, line);
  };
  for await (const chunk of texts) {
    let start = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", start)) {
      take(rest + chunk.slice(start, end));
      rest = "";
      start = end + 1;
      if (batch.is_full) yield batch.take();
    }
    rest += chunk.slice(start);
    if (rest.length > input_row_bytes_max) throw batch.tooLong(line + 1);
  }
  take(rest);
  if (!batch.is_empty) yield batch.take();
}

const QUOTE = 34, BACKSLASH = 92, COMMA = 44, NEWLINE = 10;
const OPEN_BRACE = 123, CLOSE_BRACE = 125, OPEN_BRACKET = 91, CLOSE_BRACKET = 93;

/** An array of objects, or objects one after another, each over as many lines as it likes. */
export async function* jsonRows(
  texts: AsyncIterable<string>,
  context: RowContext,
): AsyncGenerator<RowBatch> {
  const batch = new JsonBatch(context);
  const scanner = new ObjectScanner(batch);
  for await (const chunk of texts) {
    for (const { text, line } of scanner.push(chunk)) {
      batch.addText(text, line);
      if (batch.is_full) yield batch.take();
    }
  }
  scanner.end();
  if (!batch.is_empty) yield batch.take();
}

/** Cuts objects out of a text that comes in pieces. It knows brackets and quotes; the rest is for JSON. */
class ObjectScanner {
  /** What may stand between objects here. */
  #expecting: "start" | "first row" | "row" | "comma" | "next object" | "end" = "start";
  #line = 1;
  /** Of the object that is open: its text so far, its depth, the line that it began in. */
  #open = "";
  #depth = 0;
  #open_line = 0;
  #is_in_string = false;
  #is_escaped = false;

  constructor(readonly batch: JsonBatch) {}

  *push(chunk: string): Generator<{ text: string; line: number }> {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at);
      if (code === NEWLINE) this.#line++;
      if (this.#depth === 0) {
        if (this.#begins(code, chunk, at)) start = at;
      } else if (this.#ends(code)) {
        yield { text: this.#open + chunk.slice(start, at + 1), line: this.#open_line };
        this.#open = "";
      }
    }
    if (this.#depth === 0) return;
    this.#open += chunk.slice(start);
    if (this.#open.length > input_row_bytes_max) throw this.batch.tooLong(this.#open_line);
  }

  end(): void {
    if (this.#depth > 0) {
      throw this.batch.wrong(this.#open_line, "is cut off: the input ends within it");
    }
    if (!["start", "next object", "end"].includes(this.#expecting)) {
      throw this.#problem("ends before the ] of its array");
    }
  }

  /** Inside an object: whether it ends here. */
  #ends(code: number): boolean {
    if (this.#is_in_string) {
      if (this.#is_escaped) this.#is_escaped = false;
      else if (code === BACKSLASH) this.#is_escaped = true;
      else if (code === QUOTE) this.#is_in_string = false;
      return false;
    }
    if (code === QUOTE) this.#is_in_string = true;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) return --this.#depth === 0;
    return false;
  }

  /** Between objects: whether one begins here. */
  #begins(code: number, chunk: string, at: number): boolean {
    if (code === 32 || (code >= 9 && code <= 13)) return false;
    const expecting = this.#expecting;
    if (code === OPEN_BRACE && expecting !== "comma" && expecting !== "end") {
      this.#depth = 1;
      this.#open_line = this.#line;
      const is_in_array = expecting === "first row" || expecting === "row";
      this.#expecting = is_in_array ? "comma" : "next object";
      return true;
    }
    if (code === OPEN_BRACKET && expecting === "start") this.#expecting = "first row";
    else if (code === COMMA && expecting === "comma") this.#expecting = "row";
    else if (code === CLOSE_BRACKET && (expecting === "comma" || expecting === "first row")) {
      this.#expecting = "end";
    } else {
      const found = quoted(chunk.slice(at, at + 20));
      if (expecting === "row" || expecting === "first row") {
        throw this.batch.wrong(this.#line, `is no row: ${found} stands where an object should be`);
      }
      const line = `in line ${this.#line}, where a row or the end should be`;
      throw this.#problem(`has ${found} ${line}`);
    }
    return false;
  }

  #problem(words: string): LedgerError {
    const { context } = this.batch;
    const hint = "give a JSON array of objects, or one object a line";
    return inputError(context, `${context.source} ${words}`, hint, this.#line);
  }
}
