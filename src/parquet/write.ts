/** Columnar writer: rows -> a Parquet file, a row group at a time; staged, then renamed into place. */
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import type { KeyValue, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { buildFacts } from "../base/build.ts";
import { beginReplacement, writeFully } from "../base/files/durable.ts";
import { row_group_bytes_max, row_group_rows_max } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import {
  type AnyColumn,
  checkColumns,
  ColumnValues,
  type ParquetColumn,
  type Row,
  schemaOf,
} from "./columns.ts";

export type ParquetCodec = "snappy" | "zstd";

export interface ParquetOptions {
  codec?: ParquetCodec;
  /** The file's own notes, in its footer. */
  key_values?: Readonly<Record<string, string>>;
  row_group_rows?: number;
}

export interface ParquetWritten {
  rows: number;
  bytes: number;
  sha256: string;
}

/** Buffered output: what is written is handed on a row group at a time, in a buffer that is used again. */
export class FileBytes extends ByteWriter {
  constructor(readonly write: (bytes: Uint8Array) => void) {
    super();
  }

  flush(): void {
    this.write(this.getBytes());
    // `offset` goes on counting from the start of the file.
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}

/** A writer of a file's head, row groups and footer, signed by this program. */
export function parquetWriter(
  writer: FileBytes,
  schema: SchemaElement[],
  { codec, key_values = {} }: ParquetOptions = {},
): ParquetWriter {
  return new ParquetWriter({
    writer,
    schema,
    codec: codec === "zstd" ? "ZSTD" : "SNAPPY",
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
    kvMetadata: keyValuesOf(key_values),
    createdBy: `ledger ${buildFacts().version}`,
  });
}

/** A file's own notes, as its footer has them. */
export function keyValuesOf(key_values: Readonly<Record<string, string>>): KeyValue[] {
  return Object.entries(key_values).map(([key, value]) => ({ key, value }));
}

/** Rows, some at a time. */
type RowBatches = AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;

class RowGroups {
  rows = 0;
  readonly #columns: ColumnValues[];
  readonly #writer: ParquetWriter;
  readonly #rows_max: number;
  #gathered = 0;

  constructor(
    path: string,
    columns: readonly AnyColumn[],
    writer: FileBytes,
    options: ParquetOptions,
  ) {
    this.#columns = columns.map((column) => new ColumnValues(path, column));
    this.#rows_max = Math.max(1, options.row_group_rows ?? row_group_rows_max);
    this.#writer = parquetWriter(writer, schemaOf(columns), options);
  }

  /** Takes rows; true when that filled a row group, which then was written. */
  add(rows: readonly Row[]): boolean {
    let wrote = false;
    for (let start = 0; start < rows.length;) {
      const end = Math.min(rows.length, start + this.#rows_max - this.#gathered);
      for (const column of this.#columns) column.add(rows, start, end, this.rows);
      this.#gathered += end - start;
      this.rows += end - start;
      start = end;
      if (this.#gathered === this.#rows_max || this.#bytes() >= row_group_bytes_max) {
        this.#write();
        wrote = true;
      }
    }
    return wrote;
  }

  finish(): void {
    if (this.#gathered > 0) this.#write();
    this.#writer.finish();
  }

  #bytes(): number {
    const texts = this.#columns.reduce((sum, column) => sum + column.text_bytes, 0);
    return texts + this.#gathered * this.#columns.length * 8;
  }

  #write(): void {
    this.#writer.write({
      columnData: this.#columns.map(({ column, values }) => ({
        name: column.name,
        data: values,
        // Its dictionary takes 0 and -0 for one value.
        encoding: column.type === "double" ? "PLAIN" as const : undefined,
      })),
      rowGroupSize: this.#gathered,
    });
    for (const column of this.#columns) column.clear();
    this.#gathered = 0;
  }
}

/** Writes rows as the bytes of a file; returns how many there were. */
async function writeRows(
  world: World,
  path: string,
  columns: readonly AnyColumn[],
  batches: RowBatches,
  out: FileBytes,
  options: ParquetOptions = {},
): Promise<number> {
  const groups = new RowGroups(path, columns, out, options);
  for await (const rows of batches) {
    // Encoding a row group takes a while, and batches may all be there: others get their turn.
    if (groups.add(rows)) await world.turn();
  }
  groups.finish();
  return groups.rows;
}

/** Prints rows as a file on an output: a reader takes no part of it for the whole. */
export async function printParquet(
  world: World,
  columns: readonly AnyColumn[],
  batches: RowBatches,
): Promise<void> {
  const name = "this answer as Parquet";
  checkColumns(name, columns);
  const out = new FileBytes((bytes) => world.stdout.write(bytes.slice()));
  await writeRows(world, name, columns, batches, out);
}

/** A file that is whole and durable under a temporary name. */
export interface StagedParquet {
  readonly written: ParquetWritten;
  readonly path: string;
  /** Puts it in the place of the target, durably. */
  commit(): void;
  /** On the way out of an error: the target stays as it was. */
  abandon(): void;
}

/**
 * Writes rows into a file beside its target, for a caller that commits it under a lock. The folder has
 * to exist. No batch is asked for before the one before it was taken.
 */
export async function stageParquet(
  world: World,
  path: string,
  columns: readonly ParquetColumn[],
  batches: RowBatches,
  options: ParquetOptions = {},
): Promise<StagedParquet> {
  checkColumns(path, columns);
  const replacement = beginReplacement(world.files, path, uniqueName(world));
  try {
    const hash = createHash("sha256");
    const out = new FileBytes((bytes) => {
      writeFully(replacement.file, bytes);
      hash.update(bytes);
    });
    const rows = await writeRows(world, path, columns, batches, out, options);
    replacement.settle();
    const written = { rows, bytes: out.offset, sha256: hash.digest("hex") };
    const { file: { path: staged }, putInPlace: commit, abandon } = replacement;
    return { written, path: staged, commit, abandon };
  } catch (error) {
    replacement.abandon();
    throw error;
  }
}

/**
 * Writes rows into a file that takes the place of its target: whole, or not at all.
 *
 * ```ts
 * import { systemWorld } from "../base/world.ts";
 * import { readParquet } from "./read.ts";
 *
 * const path = `${await Deno.makeTempDir()}/fills.parquet`;
 * const columns = [{ name: "price", type: "double", nullable: false }] as const;
 * const { rows } = await writeParquet(systemWorld(), path, columns, [[{ price: 1.5 }]]);
 * if (rows !== readParquet(systemWorld(), path).rows) throw new Error("lost");
 * ```
 */
export async function writeParquet(
  ...given: Parameters<typeof stageParquet>
): Promise<ParquetWritten> {
  return commitStaged(await stageParquet(...given));
}

/** Commits a staged file; one that cannot be put in place goes. */
export function commitStaged({ written, commit, abandon }: StagedParquet): ParquetWritten {
  try {
    commit();
    return written;
  } catch (error) {
    abandon();
    throw error;
  }
}
