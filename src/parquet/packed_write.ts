/**
 * Zero-copy writer: texts and whole numbers -> a Parquet file, from the bytes they are in. A value costs
 * its copy; `write.ts`, which takes rows of any values, takes ten times as long. One page a column and row
 * group, plain encoding, zstd: what any reader of Parquet reads.
 */
import { constants, zstdCompressSync } from "node:zlib";
import type { ColumnChunk } from "hyparquet";
import type { ParquetWriter } from "hyparquet-writer";
import { copyBytes, grown, viewOf } from "../base/bytes.ts";
import { writeFully } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { packed_buffer_bytes } from "../base/limits.ts";
import { PHYSICAL, schemaOf } from "./columns.ts";
import { FileBytes, keyValuesOf, parquetWriter } from "./write.ts";

/** A column of a packed file. Its whole numbers are exact as doubles. */
export interface PackedColumn {
  name: string;
  type: "int32" | "int64" | "double" | "boolean" | "utf8" | "bytes";
  nullable: boolean;
}

/** Where values begin in a buffer: before them there is room to say which rows have one. */
const VALUES_AT = 1 << 17;
const UINT32 = 2 ** 32;
/** The usual level, 3, takes half as long again, for a few per cent. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 1 << 16 };

/** A page header's numbers in Parquet's definition: kinds of pages and encodings, and Thrift's marks. */
const DATA_PAGE = 0, PLAIN = 0, RLE = 3, THRIFT_NEXT_INT32 = 0x15, THRIFT_STRUCT_2_ON = 0x2c;

/** The values of one column, as they will stand in its page. */
export class ColumnBuffer {
  rows = 0;
  #end = VALUES_AT;
  #bytes = new Uint8Array(packed_buffer_bytes);
  #view = viewOf(this.#bytes);
  /** Whether a value stands there: lengths of runs that are over, beginning with one of values. */
  readonly #runs: number[] = [];
  #run_rows = 0;
  #in_values = true;
  #bits = 0;

  constructor(readonly column: PackedColumn) {}

  get size_bytes(): number {
    return this.#end - VALUES_AT;
  }

  addBytes(from: DataView, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length + 4);
    this.#view.setUint32(this.#end, length, true);
    copyBytes(from, start, end, this.#view, this.#end + 4);
    this.#end += length + 4;
    this.#note(true);
  }

  /** The same text in so many rows. */
  addCopies(text: Uint8Array, rows: number): void {
    if (rows === 0) return;
    const length = text.length + 4, size_bytes = length * rows;
    this.#reserve(size_bytes);
    this.#view.setUint32(this.#end, text.length, true);
    this.#bytes.set(text, this.#end + 4);
    for (let done = length; done < size_bytes; done *= 2) {
      const count = Math.min(done, size_bytes - done);
      this.#bytes.copyWithin(this.#end + done, this.#end, this.#end + count);
    }
    this.#end += size_bytes;
    this.#note(true, rows);
  }

  addNumber(value: number): void {
    this.#reserve(8);
    if (this.column.type === "double") {
      this.#view.setFloat64(this.#end, value, true);
      this.#end += 8;
      return this.#note(true);
    }
    this.#view.setUint32(this.#end, value >>> 0, true);
    if (this.column.type === "int64") {
      this.#view.setUint32(this.#end + 4, Math.floor(value / UINT32), true);
      this.#end += 4;
    }
    this.#end += 4;
    this.#note(true);
  }

  /** Bits stand eight to a byte, so a column of them has no nulls here. */
  addBoolean(value: boolean): void {
    const bit = this.rows % 8;
    this.#bits = bit === 0 ? Number(value) : this.#bits | Number(value) << bit;
    this.#reserve(1);
    this.#end = VALUES_AT + (this.rows >> 3) + 1;
    this.#bytes[this.#end - 1] = this.#bits;
    this.#note(true);
  }

  addNull(): void {
    this.#note(false);
  }

  /** The page: where values stand, then the values. Valid until something is added. */
  page(): Uint8Array {
    if (!this.column.nullable) return this.#bytes.subarray(VALUES_AT, this.#end);
    const levels = this.#levels();
    const head_bytes = 4 + levels.length;
    let page = this.#bytes.subarray(VALUES_AT - head_bytes, this.#end);
    if (head_bytes > VALUES_AT) {
      page = new Uint8Array(head_bytes + this.size_bytes);
      page.set(this.#bytes.subarray(VALUES_AT, this.#end), head_bytes);
    }
    viewOf(page).setUint32(0, levels.length, true);
    page.set(levels, 4);
    return page;
  }

  clear(): void {
    this.rows = 0;
    this.#end = VALUES_AT;
    this.#runs.length = this.#run_rows = 0;
    this.#in_values = true;
  }

  #note(is_value: boolean, rows = 1): void {
    this.rows += rows;
    if (is_value !== this.#in_values) {
      this.#runs.push(this.#run_rows);
      this.#run_rows = 0;
      this.#in_values = is_value;
    }
    this.#run_rows += rows;
  }

  /** Runs as Parquet writes them: twice the length, as a number of seven bits a byte, then the level. */
  #levels(): Uint8Array {
    const bytes: number[] = [];
    for (const [at, length] of [...this.#runs, this.#run_rows].entries()) {
      if (length === 0) continue;
      let left = length * 2;
      for (; left > 127; left = Math.floor(left / 128)) bytes.push(left % 128 + 128);
      bytes.push(left, at % 2 === 0 ? 1 : 0);
    }
    return Uint8Array.from(bytes);
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    this.#bytes = grown(this.#bytes, Math.max(needed, this.#bytes.length * 2));
    this.#view = viewOf(this.#bytes);
  }
}

/** The columns of a packed file as they are filled, for one file after another. */
export type ColumnBuffers<Name extends string> = Readonly<Record<Name, ColumnBuffer>>;

export function columnBuffers<Name extends string>(
  columns: readonly (PackedColumn & { name: Name })[],
): ColumnBuffers<Name> {
  const buffers = columns.map((column) => [column.name, new ColumnBuffer(column)]);
  return Object.fromEntries(buffers);
}

export class PackedWriter<Name extends string> {
  readonly #all: ColumnBuffer[];
  readonly #out: FileBytes;
  readonly #writer: ParquetWriter;

  /** Fill each of the columns with as many rows, then write the group. */
  constructor(file: OpenFile, readonly columns: ColumnBuffers<Name>) {
    this.#all = Object.values(columns);
    for (const buffer of this.#all) buffer.clear();
    this.#out = new FileBytes((bytes) => writeFully(file, bytes));
    this.#writer = parquetWriter(this.#out, schemaOf(this.#all.map(({ column }) => column)));
  }

  get waiting_bytes(): number {
    return this.#all.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  }

  writeGroup(): void {
    const { rows } = this.#all[0];
    if (rows === 0) return;
    const start = this.#out.offset;
    const columns = this.#all.map((buffer) => this.#writeColumn(buffer));
    this.#out.flush();
    this.#writer.num_rows += BigInt(rows);
    this.#writer.row_groups.push({
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
    this.#writer.kvMetadata = keyValuesOf(key_values);
    this.#writer.finish();
    return this.#out.offset;
  }

  #writeColumn(buffer: ColumnBuffer): ColumnChunk {
    const page = buffer.page();
    const { column: { name, type }, rows } = buffer;
    const compressed = zstdCompressSync(page, FAST);
    const start = this.#out.offset;
    this.#writePageHeader(page.length, compressed.length, rows);
    const header_bytes = this.#out.offset - start;
    this.#out.appendBytes(compressed);
    buffer.clear();
    return {
      file_offset: BigInt(start),
      meta_data: {
        type: PHYSICAL[type].type,
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

  /** Thrift's compact protocol: before each value a byte of its type and the step to its field's number. */
  #writePageHeader(page_bytes: number, compressed_bytes: number, rows: number): void {
    const out = this.#out;
    const write = (...values: number[]) => {
      for (const value of values) {
        out.appendUint8(THRIFT_NEXT_INT32);
        out.appendZigZag(value);
      }
    };
    write(DATA_PAGE, page_bytes, compressed_bytes);
    out.appendUint8(THRIFT_STRUCT_2_ON);
    write(rows, PLAIN, RLE, RLE);
    // Both structures end.
    out.appendBytes(new Uint8Array(2));
  }
}
