/**
 * Inputs -> rows: NDJSON, JSON, CSV and Parquet, from a file or from standard input, some rows at a time.
 *
 * The format is the one that is named; else the one of the file's extension; else what the first bytes
 * look like. An input with nothing in it is refused, since a producer that died leaves just that: no rows
 * are said as `[]`, as a CSV heading alone, or by naming the format `ndjson`.
 */
import { joined } from "../../base/bytes.ts";
import type { LedgerError } from "../../base/error.ts";
import { kindOf, openInput, piecesOf } from "../../base/files/outside.ts";
import { input_batch_rows, read_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { readParquet, type Row } from "../../parquet/mod.ts";
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

/** The rows of a source, as they stand there; whether they are right is for others to say. */
export function rowsOfSource(
  world: World,
  source: ArtifactSource,
  context: RowContext,
): AsyncIterable<RowBatch> {
  if ("rows" in source) return batched(source.rows);
  return new InputReader(world, source, context).batches();
}

async function* batched(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<RowBatch> {
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

class InputReader {
  readonly #path?: string;

  constructor(
    readonly world: World,
    readonly source: { path: string; format?: InputFormat } | { stdin: true; format?: InputFormat },
    readonly context: RowContext,
  ) {
    this.#path = "path" in source ? source.path : undefined;
  }

  async *batches(): AsyncGenerator<RowBatch> {
    if (this.#path !== undefined && this.#namedFormat() === "parquet") {
      yield* this.#parquetBatches(this.#path);
      return;
    }
    const chunks = this.#path === undefined
      ? piecesOf(this.world.stdin, read_bytes)
      : this.#fileChunks(this.#path);
    const { head, rest } = await headOf(chunks);
    try {
      const format = this.#namedFormat() ?? this.#guess(head);
      if (format === "parquet") {
        if (this.#path === undefined) throw this.#noParquet("standard input is Parquet");
        yield* this.#parquetBatches(this.#path);
        return;
      }
      if (new TextDecoder().decode(head).trim() === "" && this.source.format !== "ndjson") {
        throw this.#empty();
      }
      yield* ROWS_OF[format](this.#texts(head, rest), this.context);
    } finally {
      await rest.return?.(undefined);
    }
  }

  #namedFormat(): InputFormat | undefined {
    const extension = /\.([a-z0-9]+)$/i.exec(this.#path ?? "")?.[1].toLowerCase() ?? "";
    return this.source.format ?? FORMAT_OF_EXTENSION[extension];
  }

  #guess(head: Uint8Array): InputFormat {
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

  async *#texts(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let lines = 1;
    const decoded = (bytes: Uint8Array | undefined) => {
      try {
        const text = bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
        for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
        return text;
      } catch {
        throw this.#notUtf8(lines);
      }
    };
    yield decoded(head);
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      yield decoded(next.value);
    }
    yield decoded(undefined);
  }

  async *#fileChunks(path: string): AsyncGenerator<Uint8Array> {
    const input = openInput(this.world.files, path);
    try {
      yield* piecesOf(input, read_bytes);
    } finally {
      input.close();
    }
  }

  async *#parquetBatches(path: string): AsyncGenerator<RowBatch> {
    const facts = this.world.files.facts(path);
    if (facts && !facts.is_file) throw this.#noParquet(`${path} is ${kindOf(facts)}`);
    const file = readParquet(this.world, path);
    for await (const rows of file.batches()) yield { rows };
  }

  #empty(): LedgerError {
    return inputError(
      this.context,
      `${this.context.source} is empty`,
      "if there are no rows, say so: with [], with a CSV heading alone, or by naming the format ndjson",
    );
  }

  #notUtf8(line: number): LedgerError {
    const words = `${this.context.source} is not valid UTF-8, in or after line ${line}`;
    return inputError(this.context, words, "write it as UTF-8", line);
  }

  #noParquet(found: string): LedgerError {
    const words = `${found}, and Parquet is read from its end`;
    return inputError(this.context, words, "give the path of the file");
  }
}

/** The first block that is not only blank, joined to what came before it, and what is left. */
async function headOf(
  chunks: AsyncGenerator<Uint8Array>,
): Promise<{ head: Uint8Array; rest: AsyncGenerator<Uint8Array> }> {
  let head = new Uint8Array(0);
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return { head, rest: chunks };
    head = joined(head, value);
    const is_enough = head.length >= PARQUET_MAGIC.length && new TextDecoder().decode(head).trim();
    if (is_enough || head.length > read_bytes) return { head, rest: chunks };
  }
}
