/** Footer metadata: what a Parquet file says of itself, checked against the file. */
import {
  type CompressionCodec,
  type FileMetaData,
  parquetMetadata,
  parquetSchema,
} from "hyparquet";
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { readFully, withOpenFile } from "../base/files/durable.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { parquet_footer_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Row } from "./columns.ts";
import { SUPPORTED_CODECS } from "./pages.ts";
import { valuesOf } from "./values.ts";

export interface ParquetField {
  name: string;
  /** `int64`, `double`, `boolean`, `utf8`, or what else a foreign file holds: `timestamp`, `list`, … */
  type: string;
  nullable: boolean;
}

export interface ParquetFacts {
  rows: number;
  columns: ParquetField[];
  key_values: Record<string, string>;
}

export interface ParquetFile extends ParquetFacts {
  /** Its rows in order, some at a time, or some of their columns. It is open only meanwhile. */
  batches(only?: readonly string[]): AsyncIterable<Row[]>;
}

/** The four bytes at both ends of every Parquet file. */
const MAGIC = "PAR1";
const MAGIC_ENCRYPTED = "PARE";
/** Metadata length and magic. */
const TAIL_BYTES = 8;
/** Magic, metadata of at least a byte, and the tail. */
const FILE_BYTES_MIN = 4 + 1 + TAIL_BYTES;

export function parquetFacts(world: World, path: string): ParquetFacts {
  return withOpenFile(world.files, path, (file) => factsOf(readMetadata(file)));
}

export function factsOf(metadata: FileMetaData): ParquetFacts {
  return {
    rows: Number(metadata.num_rows),
    columns: parquetSchema(metadata).children.map((column) => ({
      name: column.element.name,
      type: valuesOf(column).type,
      nullable: column.element.repetition_type !== "REQUIRED",
    })),
    key_values: Object.fromEntries(
      (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""]),
    ),
  };
}

/** The metadata of an open file; throws what is wrong with it, or is compressed with another codec. */
export function readMetadata(
  file: OpenFile,
  codecs: readonly CompressionCodec[] = SUPPORTED_CODECS,
): FileMetaData {
  const { path } = file;
  const bytes = footerBytes(file);
  let metadata: FileMetaData;
  try {
    metadata = parquetMetadata(bytes, { geoparquet: false });
    const problem = contradiction(metadata, file.facts().size_bytes);
    if (problem) throw damaged(path, problem);
    // What it says of itself may not be of the kind that it should be.
    factsOf(metadata);
  } catch (cause) {
    throw undecodable(path, "its footer", cause);
  }
  const missing = unsupported(metadata, codecs);
  if (missing) throw notForUs(path, missing);
  return metadata;
}

function footerBytes(file: OpenFile): Uint8Array {
  const { path } = file;
  const { size_bytes, is_folder } = file.facts();
  if (is_folder) throw damaged(path, "it is a folder");
  if (size_bytes === 0) throw damaged(path, "it is empty");
  const head = text(readFully(file, new Uint8Array(4), 0));
  if (head === MAGIC_ENCRYPTED) throw notForUs(path, "it is encrypted");
  if (head !== MAGIC) throw damaged(path, `it begins with ${quoted(head)}, not with ${MAGIC}`);
  if (size_bytes < FILE_BYTES_MIN) throw damaged(path, `it is cut short after ${size_bytes} bytes`);
  const tail = readFully(file, new Uint8Array(TAIL_BYTES), size_bytes - TAIL_BYTES);
  const tail_magic = text(tail.subarray(4));
  if (tail_magic === MAGIC_ENCRYPTED) throw notForUs(path, "it is encrypted");
  if (tail_magic !== MAGIC) {
    throw damaged(path, `it is cut short: it ends with ${quoted(tail_magic)}, not with ${MAGIC}`);
  }
  const metadata_bytes = new DataView(tail.buffer).getUint32(0, true);
  const length = `its footer would be ${metadata_bytes} bytes long`;
  if (metadata_bytes > size_bytes - FILE_BYTES_MIN + 1) {
    throw damaged(path, `${length}, the file is ${size_bytes}`);
  }
  if (metadata_bytes > parquet_footer_bytes_max) throw damaged(path, length);
  return bytesOf(file, size_bytes - metadata_bytes - TAIL_BYTES, size_bytes);
}

/** Bytes of a file, whose size was looked at before. */
export function bytesOf(file: OpenFile, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  if (readFully(file, bytes, start).length === bytes.length) return bytes;
  throw damaged(file.path, "it became shorter while it was read");
}

/** Where a footer disagrees with itself or with its file: rows would come out wrong, or never end. */
function contradiction(metadata: FileMetaData, size_bytes: number): string | undefined {
  const columns = parquetSchema(metadata).children;
  const names = columns.map(({ element }) => element.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return `two of its columns are named ${quoted(twice)}`;
  let rows = 0n;
  for (const group of metadata.row_groups) {
    rows += group.num_rows;
    if (group.num_rows < 0n) return `a row group has ${group.num_rows} rows`;
    const present = new Set(group.columns.map(({ meta_data }) => meta_data?.path_in_schema[0]));
    const absent = names.find((name) => !present.has(name));
    if (absent !== undefined) return `a row group lacks the column ${quoted(absent)}`;
    for (const { meta_data } of group.columns) {
      const { data_page_offset, num_values, total_compressed_size } = meta_data!;
      if (group.num_rows === 0n && num_values === 0n) continue;
      if (data_page_offset < 4n || total_compressed_size < 0n) return "a column lies nowhere";
      if (data_page_offset > BigInt(size_bytes)) return "a column lies behind the end of the file";
    }
  }
  if (rows === metadata.num_rows) return undefined;
  return `it says ${metadata.num_rows} rows, and its row groups have ${rows}`;
}

function unsupported(
  metadata: FileMetaData,
  codecs: readonly CompressionCodec[],
): string | undefined {
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data, file_path } of columns) {
      if (file_path) return `its columns lie in other files (${quoted(file_path)})`;
      if (!meta_data) return "its columns are encrypted";
      if (!codecs.includes(meta_data.codec)) {
        return `it is compressed with ${meta_data.codec}; known are ${codecs.join(", ")}`;
      }
    }
  }
}

export function damaged(path: string, found: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read ${path} as Parquet: ${found}`,
    where: { path },
    hint: "restore it from a backup, or write it again",
    cause,
  });
}

function notForUs(path: string, found: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot read ${path}: ${found}`,
    where: { path },
    hint: "write it again without that, for example with DuckDB: COPY (…) TO 'new.parquet'",
  });
}

/**
 * The error of what does not decode: of ours as it is, of a library by the first line of its message, unless
 * that tells of the library alone.
 */
export function undecodable(path: string, what: string, cause: unknown): LedgerError {
  const [said] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  const why = cause instanceof TypeError ? "" : ` (${said})`;
  return asLedgerError(cause) ?? damaged(path, `${what} does not decode${why}`, cause);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
