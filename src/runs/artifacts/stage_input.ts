/** Which way an input is stored: by columns where DuckDB reads it as our own parsers do, else by rows. */
import { resolve } from "@std/path";
import { asLedgerError, type ErrorCode } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { ParquetOptions, StagedParquet } from "../../parquet/mod.ts";
import type { Finding } from "../manifest/manifest.ts";
import type { RowBatch, RowContext } from "./batch.ts";
import {
  ColumnarStage,
  type InputTable,
  mayLack,
  openWithFiles,
  type PlannedColumn,
} from "./columnar.ts";
import type { ArtifactDefinition } from "./definitions.ts";
import { ArtifactInput, type ArtifactSource, batched } from "./input.ts";
import { csvHeading, csvTable } from "./input_csv.ts";
import { ndjsonTable } from "./input_ndjson.ts";
import { ParquetInput } from "./input_parquet.ts";

/** An artifact's file under a temporary name, what is odd of its values, and what was left out. */
export interface StagedArtifact extends StagedParquet {
  findings: readonly Finding[];
  notes: readonly string[];
}

/** Failures of the machine; after any other one, the parser of rows decides about the input. */
const OF_THE_MACHINE: readonly ErrorCode[] = ["busy", "disk_full", "io", "no_permission"];

/** Whether rows of a type can be checked by columns alone. */
function hasPlainColumns({ columns, is_single_row, is_open }: ArtifactDefinition): boolean {
  return !is_single_row && !is_open && columns.every(({ kind }) => kind !== "object");
}

/** A text as DuckDB reads it, and how many rows it has to find there, where that is known. */
interface TextTable extends InputTable {
  counted?: string;
}

/** A long text as a table; undefined where DuckDB and our own parser might not read it alike. */
async function tableOf(input: ArtifactInput): Promise<TextTable | undefined> {
  const { world, context, format, head } = input;
  const pathOf = async () => resolve(world.cwd(), await input.file());
  if (format === "ndjson") return ndjsonTable(await pathOf(), head, context.definition);
  const names = format === "csv" ? csvHeading(head, context) : undefined;
  return names && csvTable(world.files, await pathOf(), names, context.definition);
}

/**
 * Stores a text by columns; undefined where it has to be read row by row: it is short, or is not written
 * as a reader of columns expects it, or has a row that is refused, which is for the check of rows to say.
 */
export async function stageText(
  input: ArtifactInput,
  target: string,
  options: ParquetOptions,
): Promise<StagedArtifact | undefined> {
  const { world, context } = input;
  const { definition } = context;
  if (!input.has_more || !hasPlainColumns(definition)) return undefined;
  const table = await tableOf(input);
  if (table === undefined) return undefined;
  const given = new Map(table.columns.map((column) => [column.name, column]));
  const planned = definition.columns.map(({ name, kind, nullable }): PlannedColumn => {
    return { name, kind, nullable, given: given.get(name) };
  });
  // Each row lacks it: which one is the first, and what it has to hold, the check of rows says.
  if (planned.some((column) => !column.given && !mayLack(column))) return undefined;
  await using stage = new ColumnarStage(world, target, resolve(world.cwd(), await input.file()));
  try {
    const rows = table.counted && await rowsIn(await stage.database(), table.counted);
    const staged = rows !== null && await stage.write(context, table, planned, options);
    if (staged && (!rows || staged.written.rows === Number(rows))) return { ...staged, notes: [] };
    stage.abandon();
  } catch (error) {
    stage.abandon();
    const code = asLedgerError(error)?.code;
    if (code === undefined || OF_THE_MACHINE.includes(code)) throw error;
  }
}

/** How many rows a text has; null where something else is among them. */
async function rowsIn(database: Database, counted: string): Promise<bigint | null> {
  const [{ fit, other }] = await database.rows<{ fit: bigint; other: bigint }>(counted);
  return other > 0n ? null : fit;
}

/** Stores Parquet: by columns, or by rows where a type has more to it. */
export async function stageParquetInput(
  input: ArtifactInput,
  target: string,
  options: ParquetOptions,
  stageRows: (rows: AsyncIterable<RowBatch>) => Promise<StagedArtifact>,
): Promise<StagedArtifact> {
  const { world, context } = input;
  const path = resolve(world.cwd(), await input.file());
  const parquet = ParquetInput.inspect(world, context, path);
  await using stage = new ColumnarStage(world, target, path);
  try {
    const database = await stage.database();
    await parquet.columns(database);
    const { notes } = parquet;
    if (parquet.is_for_rows) {
      stage.abandon();
      return { ...await stageRows(parquet.rows(database)), notes };
    }
    const planned = parquet.planned();
    const staged = await stage.write(context, parquet.table, planned, options)
      .catch((error) => parquet.refuse(database, planned, error));
    parquet.checkCount(staged.written.rows);
    return { ...staged, notes };
  } catch (error) {
    stage.abandon();
    throw error;
  }
}

/**
 * The rows of a source one by one, for what is no file of columns; the scratch path is free. What is left
 * out is added to the notes.
 */
export async function* rowsOfSource(
  world: World,
  source: ArtifactSource,
  context: RowContext,
  scratch_path: string,
  notes: string[],
): AsyncGenerator<RowBatch> {
  if ("rows" in source) return yield* batched(source.rows);
  await using input = await ArtifactInput.open(world, source, context, scratch_path);
  if (input.format !== "parquet") return yield* input.rows();
  const path = resolve(world.cwd(), await input.file());
  const parquet = ParquetInput.inspect(world, context, path);
  const spill = resolve(world.cwd(), `${scratch_path}.spill`);
  await using database = await openWithFiles(world, [path], spill);
  await parquet.columns(database);
  notes.push(...parquet.notes);
  yield* parquet.rows(database);
}
