/** Columnar reader: a Parquet file -> rows, a row group at a time. */
import {
  type AsyncBuffer,
  type FileMetaData,
  type ParquetScan,
  parquetScan,
  parquetSchema,
} from "hyparquet";
import { LedgerError, quoted } from "../base/error.ts";
import { openOwn, withOpenFile } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { row_batch_rows } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Row } from "./columns.ts";
import {
  bytesOf,
  damaged,
  factsOf,
  type ParquetFile,
  readMetadata,
  undecodable,
} from "./footer.ts";
import { DECOMPRESSORS, pagesProblem, placeOf } from "./pages.ts";
import { decodable, PARSERS, valuesOf } from "./values.ts";

/** Reads a file's footer; its rows are read when they are asked for. */
export function readParquet(world: World, path: string): ParquetFile {
  const { facts, identity } = withOpenFile(world.files, path, (file) => ({
    facts: factsOf(readMetadata(file)),
    identity: file.facts().identity,
  }));
  return {
    ...facts,
    async *batches(only) {
      using file = openOwn(world.files, path);
      if (file.facts().identity !== identity) {
        throw new LedgerError({
          code: "io",
          message: `cannot read ${path}: another file took its place while it was read`,
          where: { path },
          hint: "read it again",
        });
      }
      yield* rowsOf(world, file, readMetadata(file), only);
    },
  };
}

async function* rowsOf(
  world: World,
  file: OpenFile,
  metadata: FileMetaData,
  only?: readonly string[],
): AsyncGenerator<Row[]> {
  const columns = parquetSchema(metadata).children.map((column): NamedColumn => ({
    name: column.element.name,
    plain: valuesOf(column).plain,
  })).filter(({ name }) => only?.includes(name) ?? true);
  const scan = await scanOf(file, metadata);
  for (const [at, { rowStart, rowEnd }] of scan.ranges.entries()) {
    const count = rowEnd - rowStart;
    const values: ArrayLike<unknown>[] = [];
    for (const { name } of columns) values.push(await scan.values(name, at));
    for (let start = 0; start < count; start += row_batch_rows) {
      yield rowsBetween(file.path, columns, values, start, Math.min(start + row_batch_rows, count));
    }
    await world.turn();
  }
}

/** The texts of one column in the last row group of a file: a look at it, and no reading. */
export async function lastTexts(world: World, path: string, name: string): Promise<string[]> {
  using file = openOwn(world.files, path);
  const scan = await scanOf(file, readMetadata(file));
  if (scan.ranges.length === 0) return [];
  const values = await scan.values(name, scan.ranges.length - 1);
  return Array.from(values, plainText).filter((text) => text !== undefined);
}

function plainText(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" ? value : undefined;
}

/** A file whose columns are decoded a row group at a time. */
interface FileScan {
  /** The rows of each group that has some. */
  ranges: ParquetScan["ranges"];
  values(name: string, group: number): Promise<ArrayLike<unknown>>;
}

async function scanOf(file: OpenFile, metadata: FileMetaData): Promise<FileScan> {
  const { path } = file;
  const top_level = new Set(parquetSchema(metadata).children.map(({ element }) => element));
  const schema = metadata.schema.map((element) => decodable(element, top_level.has(element)));
  // Of a group without rows nothing is read.
  const groups = metadata.row_groups.filter(({ num_rows }) => num_rows > 0n);
  const buffer = bufferOf(file);
  const scan = await parquetScan({
    file: buffer,
    metadata: { ...metadata, schema },
    compressors: DECOMPRESSORS,
    parsers: PARSERS,
    geoparquet: false,
    utf8: false,
    useOffsetIndex: false,
  });
  const values = async (name: string, group: number) => {
    const range = scan.ranges[group];
    const count = range.rowEnd - range.rowStart;
    let values: ArrayLike<unknown>;
    try {
      // Pages that are not what they have to be are found before anything is decoded.
      for (const { meta_data } of groups[group].columns) {
        if (meta_data?.path_in_schema[0] !== name) continue;
        const { start, end } = placeOf(meta_data);
        const problem = pagesProblem(buffer.slice(start, end), meta_data);
        if (problem) throw undecodable(path, `column ${quoted(name)}`, problem);
      }
      values = await scan.readColumn({ column: name, ...range });
    } catch (cause) {
      throw undecodable(path, `column ${quoted(name)}`, cause);
    }
    if (values.length === count) return values;
    const found = `${values.length} values where ${count} rows are`;
    throw damaged(path, `column ${quoted(name)} has ${found}`);
  };
  return { ranges: scan.ranges, values };
}

interface NamedColumn {
  name: string;
  plain: (value: unknown) => unknown;
}

function rowsBetween(
  path: string,
  columns: readonly NamedColumn[],
  values: readonly ArrayLike<unknown>[],
  start: number,
  end: number,
): Row[] {
  const rows = Array.from({ length: end - start }, (): Row => ({}));
  for (const [at, { name, plain }] of columns.entries()) {
    const column = values[at];
    try {
      for (let row = start; row < end; row++) {
        const value = column[row];
        rows[row - start][name] = value === null || value === undefined ? null : plain(value);
      }
    } catch (cause) {
      throw undecodable(path, `column ${quoted(name)}`, cause);
    }
  }
  return rows;
}

interface SyncBuffer extends AsyncBuffer {
  slice(start: number, end?: number): ArrayBuffer;
}

/** The file as hyparquet asks for it. What was read last is kept: pages are looked at, then decoded. */
function bufferOf(file: OpenFile): SyncBuffer {
  const { size_bytes } = file.facts();
  let last = { start: 0, bytes: new ArrayBuffer(0) };
  return {
    byteLength: size_bytes,
    slice(start, end = size_bytes) {
      if (start === last.start && end - start === last.bytes.byteLength) return last.bytes;
      if (start < 0 || end < start || end > size_bytes) {
        throw damaged(file.path, `a column would lie at bytes ${start} to ${end} of ${size_bytes}`);
      }
      last = { start, bytes: bytesOf(file, start, end).buffer };
      return last.bytes;
    },
  };
}
