/**
 * Texts and whole numbers -> a Parquet file, straight from the bytes they are in. What a value costs
 * is copying it; `write.ts`, which takes rows of any values, takes ten times as long.
 *
 * One page a column and row group, plain encoding, zstd: what any reader of Parquet reads.
 */
import { constants, zstdCompressSync } from "node:zlib";
import type { ColumnChunk, RowGroup } from "hyparquet";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { buildFacts } from "../base/build.ts";
import type { OpenFile } from "../base/files.ts";
import { PHYSICAL, schemaOf } from "./columns.ts";
import { MAGIC } from "./facts.ts";
import { FileBytes } from "./file_bytes.ts";

/** What a packed column holds. Its numbers are never negative, and below 2^53. */
export type PackedType = "int32" | "int64" | "boolean" | "utf8" | "bytes";

/** A column of a packed file. */
export interface PackedColumn {
  name: string;
  type: PackedType;
  nullable: boolean;
}

const BUFFER_BYTES = 1 << 20;
const UINT32 = 2 ** 32;
/** The usual level, 3, takes half as long again, for a few per cent. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** The values of one column, as they will stand in its page. */
export class ColumnBuffer {
  /** Values and nulls. */
  rows = 0;
  /** How much the values take. */
  size_bytes = 0;
  #bytes = new Uint8Array(BUFFER_BYTES);
  #view = new DataView(this.#bytes.buffer);
  /** Whether a value stands there: lengths of runs, beginning with one of values. */
  #runs: number[] = [0];
  #in_values = true;
  #bits = 0;

  constructor(readonly column: PackedColumn) {}

  /** Adds bytes of a larger piece. */
  addBytes(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length + 4);
    this.#view.setUint32(this.size_bytes, length, true);
    copyBytes(from, start, end, this.#bytes, this.size_bytes + 4);
    this.size_bytes += length + 4;
    this.#note(true);
  }

  addNumber(value: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.size_bytes, value >>> 0, true);
    if (this.column.type === "int64") {
      this.#view.setUint32(this.size_bytes + 4, Math.floor(value / UINT32), true);
      this.size_bytes += 4;
    }
    this.size_bytes += 4;
    this.#note(true);
  }

  /** Bits stand eight to a byte, so a column of them has no nulls here. */
  addBoolean(value: boolean): void {
    const bit = this.rows % 8;
    this.#bits = bit === 0 ? Number(value) : this.#bits | Number(value) << bit;
    this.#reserve(1);
    this.#bytes[this.rows >> 3] = this.#bits;
    this.size_bytes = (this.rows >> 3) + 1;
    this.#note(true);
  }

  addNull(): void {
    this.#note(false);
  }

  /** The page: where values stand, then the values. */
  page(): Uint8Array {
    const values = this.#bytes.subarray(0, this.size_bytes);
    if (!this.column.nullable) return values;
    const levels = this.#levels();
    const page = new Uint8Array(4 + levels.length + values.length);
    new DataView(page.buffer).setUint32(0, levels.length, true);
    page.set(levels, 4);
    page.set(values, 4 + levels.length);
    return page;
  }

  clear(): void {
    this.rows = this.size_bytes = 0;
    this.#runs = [0];
    this.#in_values = true;
  }

  #note(is_value: boolean): void {
    this.rows++;
    if (is_value === this.#in_values) this.#runs[this.#runs.length - 1]++;
    else {
      this.#runs.push(1);
      this.#in_values = is_value;
    }
  }

  /** Runs as Parquet writes them: twice the length, as a number of seven bits a byte, then the level. */
  #levels(): Uint8Array {
    const bytes: number[] = [];
    for (const [at, length] of this.#runs.entries()) {
      if (length === 0) continue;
      let rest = length * 2;
      for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
      bytes.push(rest, at % 2 === 0 ? 1 : 0);
    }
    return Uint8Array.from(bytes);
  }

  #reserve(more: number): void {
    const needed = this.size_bytes + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.size_bytes));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const FEW_BYTES = 48;

/** Copies bytes. For few of them, a loop takes a third of what a view on them would. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): void {
  if (end - start > FEW_BYTES) to.set(from.subarray(start, end), at);
  else while (start < end) to[at++] = from[start++];
}

/** A packed file on its way to the disk. */
export class PackedWriter<Name extends string> {
  /** Fill each of them with as many rows, then write the group. */
  readonly columns: Readonly<Record<Name, ColumnBuffer>>;
  readonly #all: ColumnBuffer[];
  readonly #out: FileBytes;
  readonly #groups: RowGroup[] = [];

  constructor(file: OpenFile, columns: readonly (PackedColumn & { name: Name })[]) {
    this.#all = columns.map((column) => new ColumnBuffer(column));
    this.columns = Object.fromEntries(
      this.#all.map((buffer) => [buffer.column.name, buffer]),
    ) as Record<Name, ColumnBuffer>;
    this.#out = new FileBytes(file);
    this.#out.appendBytes(new TextEncoder().encode(MAGIC));
  }

  /** How much waits to be written. */
  get waiting_bytes(): number {
    return this.#all.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  }

  /** Writes what waits as a row group. */
  writeGroup(): void {
    const { rows } = this.#all[0];
    if (rows === 0) return;
    const start = this.#out.offset;
    const columns = this.#all.map((buffer) => this.#writeColumn(buffer));
    this.#out.flush();
    this.#groups.push({
      columns,
      num_rows: BigInt(rows),
      total_byte_size: columns.reduce(
        (sum, { meta_data }) => sum + meta_data!.total_uncompressed_size,
        0n,
      ),
      file_offset: BigInt(start),
      total_compressed_size: BigInt(this.#out.offset - start),
    });
  }

  /** Writes the end of the file, which is the caller's to sync and to put in place; returns its size. */
  finish(key_values: Readonly<Record<string, string>>): number {
    this.writeGroup();
    writeMetadata(this.#out, {
      version: 2,
      created_by: `ledger ${buildFacts().version}`,
      schema: schemaOf(this.#all.map(({ column }) => column)),
      num_rows: this.#groups.reduce((sum, { num_rows }) => sum + num_rows, 0n),
      row_groups: this.#groups,
      key_value_metadata: Object.entries(key_values).map(([key, value]) => ({ key, value })),
      metadata_length: 0,
    });
    this.#out.appendBytes(new TextEncoder().encode(MAGIC));
    this.#out.flush();
    return this.#out.offset;
  }

  #writeColumn(buffer: ColumnBuffer): ColumnChunk {
    const page = buffer.page();
    const { column: { name, type }, rows } = buffer;
    const compressed = zstdCompressSync(page, FAST);
    const start = this.#out.offset;
    writePageHeader(this.#out, {
      type: "DATA_PAGE",
      uncompressed_page_size: page.length,
      compressed_page_size: compressed.length,
      data_page_header: {
        num_values: rows,
        encoding: "PLAIN",
        definition_level_encoding: "RLE",
        repetition_level_encoding: "RLE",
      },
    });
    const header_bytes = this.#out.offset - start;
    this.#out.appendBytes(compressed);
    buffer.clear();
    return {
      file_offset: BigInt(start),
      meta_data: {
        type: PHYSICAL[type].type!,
        encodings: ["PLAIN", "RLE"],
        path_in_schema: [name],
        codec: "ZSTD",
        num_values: BigInt(rows),
        total_compressed_size: BigInt(header_bytes + compressed.length),
        total_uncompressed_size: BigInt(header_bytes + page.length),
        data_page_offset: BigInt(start),
      },
    };
  }
}
