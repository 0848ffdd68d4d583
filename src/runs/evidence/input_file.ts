/**
 * One pass over an input of a run: its digest, and what its format tells of its rows. A file that changes
 * while it is read is refused, so that a digest is always that of bytes that were there together.
 */
import { createHash } from "node:crypto";
import { asLedgerError, type ErrorFacts, LedgerError, quoted } from "../../base/error.ts";
import { readFully } from "../../base/files/durable.ts";
import { openRegular } from "../../base/files/outside.ts";
import { type FileFacts, type OpenFile, standOf } from "../../base/files/seam.ts";
import { input_read_bytes, input_turn_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { RunInput } from "../manifest/manifest.ts";
import { CsvScan } from "./csv_facts.ts";
import { msPerUnit, spanOf, timeColumn, timeOfText, type TimeSpan } from "./time_column.ts";

/** What is known of an input's content. */
export type InputContent = Omit<RunInput, "path">;

/** Whose rows are counted as they pass; what a Parquet file says of its own is asked of any other. */
export function formatOf(path: string): "csv" | "other" {
  return /\.[ct]sv$/i.test(path) ? "csv" : "other";
}

/** What was read, and of a file that stood how. */
interface ReadInput {
  content: InputContent;
  facts: FileFacts;
}

/** A file to read, and the count of bytes that all threads have read so far. */
export interface InputRequest {
  path: string;
  read: BigInt64Array<SharedArrayBuffer>;
}

/** Reads a file; where that cannot be, why. `onRead` hears after each piece that the count grew. */
export async function tryReadInput(
  world: World,
  { path, read }: InputRequest,
  onRead: () => void = () => {},
): Promise<InputOutcome> {
  try {
    return await readInput(world, path, (bytes) => {
      Atomics.add(read, 0, BigInt(bytes));
      onRead();
    });
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return { problem: problem.toJSON() };
  }
}

/** What came of an input: another one is read all the same. */
export type InputOutcome = ReadInput | { problem: ErrorFacts };

/** Reads a file from its start to its end. */
async function readInput(
  world: World,
  path: string,
  onRead: (bytes: number) => void,
): Promise<ReadInput> {
  using file = openRegular(world.files, path, Infinity);
  const before = file.facts();
  const { sha256, bytes, scan } = await digestOf(world, file, formatOf(path) === "csv", onRead);
  const facts = scan ? scan.facts() : await parquetFactsOf(file);
  const named = world.files.facts(path);
  if (bytes !== before.size_bytes || !named || standOf(named) !== standOf(before)) {
    throw hasChanged(path);
  }
  return { content: { bytes, sha256, ...facts }, facts: before };
}

async function digestOf(
  world: World,
  file: OpenFile,
  is_csv: boolean,
  onRead: (bytes: number) => void,
) {
  const hash = createHash("sha256");
  const scan = is_csv ? new CsvScan() : undefined;
  const buffer = new Uint8Array(input_read_bytes);
  let bytes = 0, until_turn = input_turn_bytes;
  for (let kept = 0;;) {
    const read = readFully(file, buffer.subarray(kept), bytes);
    bytes += read.length;
    hash.update(read);
    onRead(read.length);
    const filled = kept + read.length;
    const is_end = filled < buffer.length;
    if (scan) {
      const taken = scan.take(buffer.subarray(0, filled), is_end);
      buffer.copyWithin(0, taken, filled);
      kept = filled - taken;
    }
    if (is_end) return { sha256: hash.digest("hex"), bytes, scan };
    if ((until_turn -= read.length) > 0) continue;
    until_turn = input_turn_bytes;
    await world.turn();
  }
}

/** The error for a file that is written to while it is read. */
export function hasChanged(path: string): LedgerError {
  return new LedgerError({
    code: "busy",
    message: `cannot take ${quoted(path)} as an input: it changed while it was read`,
    where: { path },
    hint: "repeat it once its writer is done, or give a copy",
  });
}

/** What a Parquet file's footer tells; nothing of another file, or of one that is damaged. */
async function parquetFactsOf(file: OpenFile): Promise<Omit<InputContent, "bytes" | "sha256">> {
  const magic = readFully(file, new Uint8Array(4), 0);
  if (new TextDecoder().decode(magic) !== "PAR1") return {};
  const { parquetStatistics } = await import("../../parquet/mod.ts");
  try {
    const { rows, columns, rangeOf } = parquetStatistics(file);
    const column = columns[timeColumn(columns)];
    const range = column === undefined ? undefined : rangeOf(column);
    return { rows, ...(range && spanOfValues(column, range)) };
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return {};
  }
}

function spanOfValues(name: string, [least, greatest]: readonly unknown[]): TimeSpan | undefined {
  const msOf = (value: unknown) => {
    if (value instanceof Date) return value.getTime();
    if (typeof value === "string") return timeOfText(value);
    const number = Number(value);
    return number * (msPerUnit(name, number) ?? NaN);
  };
  return spanOf(msOf(least), msOf(greatest));
}
