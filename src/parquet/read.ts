/** A Parquet file -> rows, a row group at a time. */
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetScan,
  parquetSchema,
  type RowGroup,
} from "hyparquet";
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { openOwn, readFully, withOpenFile } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { row_batch_rows } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { DECOMPRESSORS } from "./codecs.ts";
import type { Row } from "./columns.ts";
import { damaged, factsOf, type ParquetFile, readMetadata, said } from "./facts.ts";
import { pagesProblem, placeOf } from "./pages.ts";
import { decodable, PARSERS, valuesOf } from "./values.ts";

/** Reads a file's footer; its rows are read when they are asked for. */
export function readParquet(world: World, path: string): ParquetFile {
  const { facts, identity } = withOpenFile(world.files, path, (file) => ({
    facts: factsOf(readMetadata(file)),
    identity: file.facts().identity,
  }));
  return {
    ...facts,
    async *batches() {
      const file = openOwn(world.files, path);
      try {
        if (file.facts().identity !== identity) throw replaced(path);
        yield* rowsOf(world, file, readMetadata(file));
      } finally {
        file.close();
      }
    },
  };
}

interface NamedColumn {
  name: string;
  plain: (value: unknown) => unknown;
}

async function* rowsOf(
  world: World,
  file: OpenFile,
  metadata: FileMetaData,
): AsyncGenerator<Row[]> {
  const { children } = parquetSchema(metadata);
  const columns = children.map((column): NamedColumn => ({
    name: column.element.name,
    plain: valuesOf(column).plain,
  }));
  const buffer = bufferOf(file);
  const scan = await scanOf(buffer, metadata);
  // Of a group without rows nothing is read.
  const groups = metadata.row_groups.filter(({ num_rows }) => num_rows > 0n);
  for (const [at, range] of scan.ranges.entries()) {
    const count = range.rowEnd - range.rowStart;
    const values: ArrayLike<unknown>[] = [];
    for (const { name } of columns) {
      checkPages(file.path, buffer, groups[at], name);
      values.push(
        await decoded(file.path, name, count, scan.readColumn({ column: name, ...range })),
      );
    }
    for (let start = 0; start < count; start += row_batch_rows) {
      yield rowsBetween(file.path, columns, values, start, Math.min(start + row_batch_rows, count));
    }
    await world.turn();
  }
}

async function scanOf(buffer: SyncBuffer, metadata: FileMetaData) {
  const top_level = new Set(parquetSchema(metadata).children.map(({ element }) => element));
  const schema = metadata.schema.map((element) => decodable(element, top_level.has(element)));
  return await parquetScan({
    file: buffer,
    metadata: { ...metadata, schema },
    compressors: DECOMPRESSORS,
    parsers: PARSERS,
    geoparquet: false,
    utf8: false,
    useOffsetIndex: false,
  });
}

/** The texts of one column in the last row group of a file: a look at it, and no reading. */
export async function lastTexts(world: World, path: string, name: string): Promise<string[]> {
  const file = openOwn(world.files, path);
  try {
    const metadata = readMetadata(file);
    const group = metadata.row_groups.findLast(({ num_rows }) => num_rows > 0n);
    if (!group) return [];
    const buffer = bufferOf(file);
    const scan = await scanOf(buffer, metadata);
    const range = scan.ranges.at(-1)!;
    checkPages(path, buffer, group, name);
    const column = scan.readColumn({ column: name, ...range });
    const values = await decoded(path, name, range.rowEnd - range.rowStart, column);
    return Array.from(values, (value) => plainText(value)).filter((text) => text !== undefined);
  } finally {
    file.close();
  }
}

function plainText(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" ? value : undefined;
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
    for (let row = start; row < end; row++) {
      const given = column[row];
      const value = given === null || given === undefined
        ? null
        : plainOr(path, name, plain, given);
      rows[row - start][name] = value;
    }
  }
  return rows;
}

function plainOr(
  path: string,
  name: string,
  plain: (value: unknown) => unknown,
  given: unknown,
): unknown {
  try {
    return plain(given);
  } catch (cause) {
    throw undecodable(path, name, cause);
  }
}

/** Throws when a column's pages are not what they have to be, before anything is decoded. */
function checkPages(path: string, buffer: SyncBuffer, group: RowGroup, name: string): void {
  for (const { meta_data } of group.columns) {
    if (meta_data?.path_in_schema[0] !== name) continue;
    const { start, end } = placeOf(meta_data);
    let problem: string | undefined;
    try {
      problem = pagesProblem(buffer.slice(start, end), meta_data);
    } catch (cause) {
      throw asLedgerError(cause) ?? undecodable(path, name, cause);
    }
    if (problem) throw undecodable(path, name, problem);
  }
}

async function decoded(
  path: string,
  name: string,
  count: number,
  column: Promise<ArrayLike<unknown>>,
): Promise<ArrayLike<unknown>> {
  let values: ArrayLike<unknown>;
  try {
    values = await column;
  } catch (cause) {
    throw asLedgerError(cause) ?? undecodable(path, name, cause);
  }
  if (values.length === count) return values;
  throw damaged(path, `column ${quoted(name)} has ${values.length} values where ${count} rows are`);
}

function undecodable(path: string, name: string, cause: unknown): LedgerError {
  return damaged(path, `column ${quoted(name)} does not decode (${said(cause)})`, cause);
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
      const bytes = new Uint8Array(end - start);
      if (readFully(file, bytes, start).length < bytes.length) {
        throw damaged(file.path, "it became shorter while it was read");
      }
      last = { start, bytes: bytes.buffer };
      return bytes.buffer;
    },
  };
}

function replaced(path: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `cannot read ${path}: another file took its place while it was read`,
    where: { path },
    hint: "read it again",
  });
}
