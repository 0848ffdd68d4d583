/** Rows -> a Parquet file, a row group at a time. */
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { ParquetWriter } from "hyparquet-writer";
import { buildFacts } from "../base/build.ts";
import { beginReplacement } from "../base/files/durable.ts";
import { row_group_bytes_max, row_group_rows_max } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { checkColumns, ColumnValues, type ParquetColumn, type Row, schemaOf } from "./columns.ts";
import { FileBytes } from "./file_bytes.ts";

/** How pages are compressed. */
export type ParquetCodec = "snappy" | "zstd";

/** How a file is written. */
export interface ParquetOptions {
  codec?: ParquetCodec;
  /** The file's own notes, for whoever reads its footer. */
  key_values?: Readonly<Record<string, string>>;
  /** Rows a row group holds at most. */
  row_group_rows?: number;
}

/** What was written. */
export interface ParquetWritten {
  rows: number;
  bytes: number;
  /** Of the whole file, in hexadecimal. */
  sha256: string;
}

/** Gathers rows by column until there is a row group of them. */
class RowGroups {
  rows = 0;
  readonly #columns: ColumnValues[];
  readonly #writer: ParquetWriter;
  readonly #rows_max: number;
  #gathered = 0;

  constructor(
    path: string,
    columns: readonly ParquetColumn[],
    writer: FileBytes,
    options: ParquetOptions,
  ) {
    this.#columns = columns.map((column) => new ColumnValues(path, column));
    this.#rows_max = Math.max(1, options.row_group_rows ?? row_group_rows_max);
    this.#writer = new ParquetWriter({
      writer,
      schema: schemaOf(columns),
      codec: options.codec === "zstd" ? "ZSTD" : "SNAPPY",
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
      kvMetadata: Object.entries(options.key_values ?? {}).map(([key, value]) => ({ key, value })),
      createdBy: `ledger ${buildFacts().version}`,
    });
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

/** A file that is whole and durable under a temporary name. */
export interface StagedParquet {
  readonly written: ParquetWritten;
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
  batches: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  options: ParquetOptions = {},
): Promise<StagedParquet> {
  checkColumns(path, columns);
  const replacement = beginReplacement(world.files, path, uniqueName(world));
  try {
    const hash = createHash("sha256");
    const bytes = new FileBytes(replacement.file, hash);
    const groups = new RowGroups(path, columns, bytes, options);
    for await (const rows of batches) {
      // Encoding a row group takes a while, and batches may all be there: others get their turn.
      if (groups.add(rows)) await world.turn();
    }
    groups.finish();
    replacement.settle();
    const written = { rows: groups.rows, bytes: bytes.offset, sha256: hash.digest("hex") };
    return { written, commit: replacement.putInPlace, abandon: replacement.abandon };
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
