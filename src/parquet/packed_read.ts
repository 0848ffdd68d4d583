/** Zero-copy reader: what `packed_write.ts` wrote -> the bytes of its values, where their pages have them. */
import type { ColumnMetaData, FileMetaData } from "hyparquet";
import { viewOf } from "../base/bytes.ts";
import { quoted } from "../base/error.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { packed_group_rows_max } from "../base/limits.ts";
import { bytesOf, damaged, factsOf, readMetadata, undecodable } from "./footer.ts";
import { pageHeaderAt, pagesProblem, placeOf, unpackedZstd } from "./pages.ts";

const UINT32 = 2 ** 32;

/** A column of a row group. Its rows are gone through once, in order. */
export class ColumnCursor {
  /** Where the value lies that `next` came to. */
  readonly bytes: DataView;
  start = 0;
  end = 0;
  #row = 0;
  #at = 0;

  constructor(
    readonly path: string,
    readonly name: string,
    page: Uint8Array,
    /** A byte a row: 1 where a value stands. Undefined when one stands everywhere. */
    readonly levels?: Uint8Array,
  ) {
    this.bytes = viewOf(page);
  }

  /** Goes to the next row's bytes; false where there are none. */
  next(): boolean {
    if (this.#isNull()) return false;
    this.#need(4);
    const length = this.bytes.getUint32(this.#at, true);
    this.start = this.#at + 4;
    this.#at = this.start;
    this.#need(length);
    this.end = this.#at += length;
    return true;
  }

  /** The next row's number in a column of int64; undefined where there is none. */
  nextInt64(): number | undefined {
    if (this.#isNull()) return undefined;
    this.#need(8);
    const low = this.bytes.getUint32(this.#at, true);
    const high = this.bytes.getInt32(this.#at + 4, true);
    this.#at += 8;
    return high * UINT32 + low;
  }

  /** The next row's number in a column of doubles; undefined where there is none. */
  nextDouble(): number | undefined {
    if (this.#isNull()) return undefined;
    this.#need(8);
    this.#at += 8;
    return this.bytes.getFloat64(this.#at - 8, true);
  }

  /** The next row's number in a column of int32; undefined where there is none. */
  nextInt32(): number | undefined {
    if (this.#isNull()) return undefined;
    this.#need(4);
    this.#at += 4;
    return this.bytes.getUint32(this.#at - 4, true);
  }

  /** The next row's boolean, in a column that has one in every row. */
  nextBoolean(): boolean {
    const row = this.#row++;
    this.#at = row >> 3;
    this.#need(1);
    return (this.bytes.getUint8(this.#at) >> row % 8 & 1) === 1;
  }

  #isNull(): boolean {
    const row = this.#row++;
    return this.levels !== undefined && this.levels[row] === 0;
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.bytes.byteLength) return;
    throw damaged(this.path, `a value of column ${quoted(this.name)} lies behind its page`);
  }
}

export interface PackedGroup {
  rows: number;
  column(name: string): ColumnCursor;
}

/** A packed file that is open. The file stays the caller's to close. */
export class PackedReader {
  readonly key_values: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly #metadata: FileMetaData;

  constructor(readonly file: OpenFile) {
    this.#metadata = readMetadata(file);
    const { key_values, rows } = factsOf(this.#metadata);
    this.key_values = key_values;
    this.rows = rows;
  }

  /** The row groups in order. Nothing of a column is read before it is asked for. */
  *groups(): Generator<PackedGroup> {
    for (const { columns, num_rows } of this.#metadata.row_groups) {
      const rows = Number(num_rows);
      if (rows > packed_group_rows_max) {
        throw damaged(this.file.path, `a row group would have ${rows} rows`);
      }
      yield {
        rows,
        column: (name) => {
          const found = columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === name);
          if (!found) throw damaged(this.file.path, `it has no column ${quoted(name)}`);
          return this.#cursor(name, found.meta_data!, rows);
        },
      };
    }
  }

  #cursor(name: string, column: ColumnMetaData, rows: number): ColumnCursor {
    const { path } = this.file;
    try {
      const { page, values } = this.#page(column);
      if (values !== rows) throw damaged(path, `column ${quoted(name)} has ${values} values`);
      const element = this.#metadata.schema.find((each) => each.name === name)!;
      if (element.repetition_type === "REQUIRED") return new ColumnCursor(path, name, page);
      const levels_bytes = new DataView(page.buffer, page.byteOffset).getUint32(0, true);
      const levels = levelsOf(page.subarray(4, 4 + levels_bytes), rows);
      return new ColumnCursor(path, name, page.subarray(4 + levels_bytes), levels);
    } catch (cause) {
      throw undecodable(path, `column ${quoted(name)}`, cause);
    }
  }

  #page(column: ColumnMetaData): { page: Uint8Array; values: number } {
    const { start, end } = placeOf(column);
    const bytes = bytesOf(this.file, start, end);
    const problem = pagesProblem(bytes.buffer, column);
    if (problem) throw damaged(this.file.path, problem);
    const { header, start: at } = pageHeaderAt(bytes.buffer, 0);
    const { data_page_header: data, compressed_page_size, uncompressed_page_size } = header;
    if (data?.encoding !== "PLAIN" || column.codec !== "ZSTD") {
      throw damaged(this.file.path, "its pages are not written as this program writes them");
    }
    const compressed = bytes.subarray(at, at + compressed_page_size);
    return { page: unpackedZstd(compressed, uncompressed_page_size), values: data.num_values };
  }
}

/** A byte a row: 1 where a value stands. Undefined when one stands everywhere. */
function levelsOf(runs: Uint8Array, rows: number): Uint8Array | undefined {
  const levels = new Uint8Array(rows);
  let row = 0;
  for (let at = 0; at < runs.length;) {
    let length = 0;
    for (let factor = 1;; factor *= 128) {
      if (at >= runs.length) throw new Error("its levels end within a run");
      const byte = runs[at++];
      length += byte % 128 * factor;
      if (byte < 128) break;
    }
    const count = length / 2;
    if (!Number.isInteger(count) || row + count > rows) throw new Error("its levels are no runs");
    if (count === rows && runs[at] === 1) return undefined;
    levels.fill(runs[at++], row, row + count);
    row += count;
  }
  if (row !== rows) throw new Error(`${row} levels where ${rows} rows are`);
  return levels;
}
