/** Which way an input is stored: by columns where DuckDB reads it as our own parsers do, else by rows. */
import { resolve } from "@std/path";
import { asLedgerError, type ErrorCode } from "../../base/error.ts";
import { input_row_bytes_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { literal } from "../../duckdb/connection.ts";
import { patternOf } from "../../duckdb/sandbox.ts";
import type { ParquetOptions, StagedParquet } from "../../parquet/mod.ts";
import type { Finding } from "../manifest/manifest.ts";
import type { RowBatch, RowContext } from "./batch.ts";
import { ColumnarStage, type InputTable, openWithFiles, type PlannedColumn } from "./columnar.ts";
import type { ArtifactDefinition } from "./definitions.ts";
import { ArtifactInput, type ArtifactSource, batched } from "./input.ts";
import { csvHeading, looksOfCsv } from "./input_csv.ts";
import { ParquetInput } from "./input_parquet.ts";

/** An artifact's file under a temporary name, what is odd of its values, and what was left out. */
export interface StagedArtifact extends StagedParquet {
  findings: readonly Finding[];
  notes: readonly string[];
}

/** What a failure is where others have to decide about the input: all but those of the machine. */
const OF_THE_MACHINE: readonly ErrorCode[] = ["busy", "disk_full", "no_permission"];

/** Whether rows of a type can be checked by columns alone. */
function hasPlainColumns({ columns, is_single_row, is_open }: ArtifactDefinition): boolean {
  return !is_single_row && !is_open && columns.every(({ kind }) => kind !== "object");
}

/**
 * Stores a long CSV; undefined where it has to be read row by row: it is short, or is not written as DuckDB
 * and our own parser read it alike, or has a row that is refused, which is for that parser to say.
 */
export async function stageCsvInput(
  input: ArtifactInput,
  target: string,
  options: ParquetOptions,
): Promise<StagedArtifact | undefined> {
  const { world, context } = input;
  const { definition } = context;
  if (input.format !== "csv" || !input.has_more || !hasPlainColumns(definition)) return undefined;
  const names = csvHeading(input.head, context);
  if (names === undefined) return undefined;
  const path = resolve(world.cwd(), await input.file());
  const looks = looksOfCsv(world.files, path);
  if (!looks.is_plain) return undefined;
  const cells = names.map((_, at) => `c${at}`);
  const table: InputTable = {
    sql: `read_csv(${
      literal(patternOf(path))
    }, auto_detect = false, header = true, delim = ',', quote = '"',
      escape = '"', nullstr = '', allow_quoted_nulls = false, strict_mode = true,
      max_line_size = ${input_row_bytes_max}, compression = 'none',
      parallel = ${!looks.has_line_breaks},
      columns = {${cells.map((cell) => `${literal(cell)}: 'VARCHAR'`).join(", ")}})`,
    columns: names.map((name, at) => ({ name, type: "cell", sql: cells[at] })),
  };
  const given = new Map(table.columns.map((column) => [column.name, column]));
  const planned = definition.columns.map(({ name, kind, nullable }): PlannedColumn => {
    return { name, kind, nullable, given: given.get(name) };
  });
  await using stage = new ColumnarStage(world, target, path);
  try {
    return { ...await stage.write(context, table, planned, options), notes: [] };
  } catch (error) {
    stage.abandon();
    const code = asLedgerError(error)?.code;
    if (code === undefined || OF_THE_MACHINE.includes(code)) throw error;
    return undefined;
  }
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

/** The rows of a source one by one, for what is no file of columns; the scratch path is free. */
export async function* rowsOfSource(
  world: World,
  source: ArtifactSource,
  context: RowContext,
  scratch_path: string,
): AsyncGenerator<RowBatch> {
  if ("rows" in source) return yield* batched(source.rows);
  await using input = await ArtifactInput.open(world, source, context, scratch_path);
  if (input.format !== "parquet") return yield* input.rows();
  const path = resolve(world.cwd(), await input.file());
  const parquet = ParquetInput.inspect(world, context, path);
  const spill = resolve(world.cwd(), `${scratch_path}.spill`);
  await using database = await openWithFiles(world, [path], spill);
  await parquet.columns(database);
  yield* parquet.rows(database);
}
