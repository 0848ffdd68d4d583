/**
 * Inputs -> rows: NDJSON, JSON, CSV and Parquet, from a file or from standard input, some rows at a time.
 *
 * The format is the one that is named; else the one of the file's extension; else what the first bytes
 * look like. An input with nothing in it is refused, since a producer that died leaves just that: no rows
 * are said as `[]`, as a CSV heading alone, or by naming the format `ndjson`.
 */
import { joined } from "../../base/bytes.ts";
import type { LedgerError } from "../../base/error.ts";
import { removeQuietly, writeFully } from "../../base/files/durable.ts";
import { openInput, piecesOf } from "../../base/files/outside.ts";
import { columnar_bytes_min, input_batch_rows, read_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Row } from "../../parquet/mod.ts";
import { inputError, type RowBatch, type RowContext } from "./batch.ts";
import { csvRows } from "./input_csv.ts";
import { jsonRows, ndjsonRows } from "./input_json.ts";

/** The format of an input. `json` is an array of rows, or rows one after another. */
export type InputFormat = "ndjson" | "json" | "csv" | "parquet";

/** Where the rows of an artifact come from. */
export type ArtifactSource =
  | { path: string; format?: InputFormat }
  | { stdin: true; format?: InputFormat }
  | { rows: Iterable<Row> | AsyncIterable<Row> };

/** What a source is called in errors. */
export function sourceName(source: ArtifactSource): string | undefined {
  return "path" in source ? source.path : "stdin" in source ? "standard input" : undefined;
}

/** Rows that a program hands over, some at a time. */
export async function* batched(
  rows: Iterable<Row> | AsyncIterable<Row>,
): AsyncGenerator<RowBatch> {
  let batch: Row[] = [];
  if (Symbol.iterator in rows) {
    for (const row of rows) {
      if (batch.push(row) < input_batch_rows) continue;
      yield { rows: batch };
      batch = [];
    }
  } else {
    for await (const row of rows) {
      if (batch.push(row) < input_batch_rows) continue;
      yield { rows: batch };
      batch = [];
    }
  }
  if (batch.length > 0) yield { rows: batch };
}

const FORMAT_OF_EXTENSION: Readonly<Record<string, InputFormat>> = {
  ndjson: "ndjson",
  jsonl: "ndjson",
  csv: "csv",
  parquet: "parquet",
};
const PARQUET_MAGIC = "PAR1";

const ROWS_OF = { csv: csvRows, json: jsonRows, ndjson: ndjsonRows };

/** Something to read rows from: its format, its first bytes, and the rest. */
export class ArtifactInput implements AsyncDisposable {
  #spooled = false;

  private constructor(
    readonly world: World,
    readonly context: RowContext,
    readonly format: InputFormat,
    /** What was read so far: all of it, where it is short. */
    readonly head: Uint8Array,
    readonly has_more: boolean,
    readonly rest: AsyncGenerator<Uint8Array>,
    /** The caller's file; absent for what comes through a pipe. */
    readonly own_path: string | undefined,
    readonly scratch_path: string,
  ) {}

  /** The scratch file is made only where a file is needed and the input is none. */
  static async open(
    world: World,
    source: { path: string; format?: InputFormat } | { stdin: true; format?: InputFormat },
    context: RowContext,
    scratch_path: string,
  ): Promise<ArtifactInput> {
    const path = "path" in source ? source.path : undefined;
    const extension = /\.([a-z0-9]+)$/i.exec(path ?? "")?.[1].toLowerCase() ?? "";
    const named = source.format ?? FORMAT_OF_EXTENSION[extension];
    const is_file = path !== undefined && world.files.facts(path)?.is_file === true;
    const chunks = path === undefined ? piecesOf(world.stdin, read_bytes) : fileChunks(world, path);
    const found = await headOf(chunks);
    try {
      const format = named ?? guess(found.head);
      const is_blank = new TextDecoder().decode(found.head).trim() === "";
      if (is_blank && source.format !== "ndjson" && format !== "parquet") throw empty(context);
      return new ArtifactInput(
        ...[world, context, format, found.head, found.has_more, found.rest] as const,
        ...[is_file ? path : undefined, scratch_path] as const,
      );
    } catch (error) {
      await found.rest.return(undefined);
      throw error;
    }
  }

  /** A file with all of it; what comes through a pipe is copied into the scratch file. */
  async file(): Promise<string> {
    if (this.own_path !== undefined) return this.own_path;
    if (this.#spooled) return this.scratch_path;
    using scratch = this.world.files.open(this.scratch_path, "create");
    this.#spooled = true;
    writeFully(scratch, this.head);
    // What does not begin as Parquet is none, and may go on for ever.
    const start = new TextDecoder().decode(this.head.subarray(0, PARQUET_MAGIC.length));
    if (this.format === "parquet" && start !== PARQUET_MAGIC) return this.scratch_path;
    for await (const chunk of this.rest) writeFully(scratch, chunk);
    return this.scratch_path;
  }

  /** The rows of a text, as they stand there; whether they are right is for others to say. */
  async *rows(): AsyncGenerator<RowBatch> {
    const { format, context } = this;
    if (format === "parquet") throw new Error("Parquet is no text");
    const texts = this.#spooled
      ? this.#texts(new Uint8Array(0), fileChunks(this.world, this.scratch_path))
      : this.#texts(this.head, this.rest);
    yield* ROWS_OF[format](texts, context);
  }

  async *#texts(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let lines = 1;
    const decoded = (bytes: Uint8Array | undefined) => {
      try {
        const text = bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
        for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
        return text;
      } catch {
        throw notUtf8(this.context, lines);
      }
    };
    yield decoded(head);
    for await (const chunk of rest) yield decoded(chunk);
    yield decoded(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rest.return(undefined);
    if (this.#spooled) removeQuietly(this.world.files, this.scratch_path);
  }
}

function guess(head: Uint8Array): InputFormat {
  // A character that the end of the block cut in two does not matter here.
  const text = new TextDecoder().decode(head).trimStart();
  if (text.startsWith(PARQUET_MAGIC)) return "parquet";
  if (text.startsWith("[")) return "json";
  if (!text.startsWith("{")) return "csv";
  // One object a line, or objects written over several?
  const [first_line] = text.split("\n", 1);
  try {
    JSON.parse(first_line);
    return "ndjson";
  } catch {
    return "json";
  }
}

async function* fileChunks(world: World, path: string): AsyncGenerator<Uint8Array> {
  const input = openInput(world.files, path);
  try {
    yield* piecesOf(input, read_bytes);
  } finally {
    input.close();
  }
}

function empty(context: RowContext): LedgerError {
  return inputError(
    context,
    `${context.source} is empty`,
    "if there are no rows, say so: with [], with a CSV heading alone, or by naming the format ndjson",
  );
}

function notUtf8(context: RowContext, line: number): LedgerError {
  const words = `${context.source} is not valid UTF-8, in or after line ${line}`;
  return inputError(context, words, "write it as UTF-8", line);
}

/** The first bytes, some of them not blank, as many as say whether an input is long; and what is left. */
async function headOf(
  chunks: AsyncGenerator<Uint8Array>,
): Promise<{ head: Uint8Array; has_more: boolean; rest: AsyncGenerator<Uint8Array> }> {
  const pieces: Uint8Array[] = [];
  for (let size_bytes = 0; size_bytes <= columnar_bytes_min;) {
    const { value, done } = await chunks.next();
    if (done) return { head: joined(...pieces), has_more: false, rest: chunks };
    pieces.push(value);
    size_bytes += value.length;
  }
  return { head: joined(...pieces), has_more: true, rest: chunks };
}
