/**
 * An artifact's Parquet file: staged from rows, each checked on the way; and read back, for its first
 * row or to compare it with its manifest.
 */
import { asLedgerError } from "../../base/error.ts";
import { withNumbers } from "../../base/json.ts";
import { uniqueName, type World } from "../../base/world.ts";
import {
  commitStaged,
  type ParquetCodec,
  type ParquetFile,
  type ParquetOptions,
  type ParquetWritten,
  readParquet,
  type Row,
  type StagedParquet,
  stageParquet,
} from "../../parquet/mod.ts";
import { applyStep } from "../../log/event/registry.ts";
import type { ArtifactEntry } from "../manifest/manifest.ts";
import { differenceOf } from "../manifest/attached.ts";
import { type RowBatch, type RowContext, shown } from "./batch.ts";
import { type ArtifactDefinition, footerNotes, VERSION_KEY } from "./definitions.ts";
import { FeatureColumns, KeptRows, rounded } from "./features.ts";
import { ArtifactInput, type ArtifactSource, batched, sourceName } from "./input.ts";
import { RowChecker } from "./row_checker.ts";
import { type StagedArtifact, stageParquetInput, stageText } from "./stage_input.ts";
import { fits, type Misfit, misfitText } from "./stored_type.ts";

/** What is stored, and where. */
export interface ArtifactToWrite {
  definition: ArtifactDefinition;
  run_id: string;
  /** The file that is written; its folder has to exist. */
  target: string;
  source: ArtifactSource;
  codec?: ParquetCodec;
}

/** Writes an artifact's file beside its target. Throws at the first row that is not of the type. */
export async function stageArtifactFile(
  world: World,
  { definition, run_id, target, source, codec }: ArtifactToWrite,
): Promise<StagedArtifact> {
  const context: RowContext = { definition, run_id, source: sourceName(source) };
  const options: ParquetOptions = {
    codec,
    key_values: footerNotes(definition, run_id),
  };
  const stageRows = async (rows: AsyncIterable<RowBatch>) => {
    const checker = new RowChecker(context);
    const staged = definition.is_open
      ? await stageOpen(world, checker, target, rows, options)
      : await stageParquet(world, target, definition.columns, checkedRows(checker, rows), options);
    return { ...staged, findings: checker.findings(), notes: [] };
  };
  if ("rows" in source) return await stageRows(batched(source.rows));
  const scratch = `${target}.${uniqueName(world)}.input.tmp`;
  await using input = await ArtifactInput.open(world, source, context, scratch);
  if (input.format === "parquet") {
    return await stageParquetInput(input, target, options, stageRows);
  }
  return await stageText(input, target, options) ?? await stageRows(input.rows());
}

/** Writes an artifact's file: whole and durable, or not at all. */
export async function writeArtifactFile(
  world: World,
  artifact: ArtifactToWrite,
): Promise<ParquetWritten> {
  return commitStaged(await stageArtifactFile(world, artifact));
}

async function* checkedRows(
  checker: RowChecker,
  rows: AsyncIterable<RowBatch>,
): AsyncGenerator<Row[]> {
  for await (const batch of rows) yield checker.check(batch);
  checker.end();
}

/** Two passes: the types of the columns are known only after the last row. */
async function stageOpen(
  world: World,
  checker: RowChecker,
  target: string,
  rows: AsyncIterable<RowBatch>,
  options: ParquetOptions,
): Promise<StagedParquet> {
  const { context } = checker;
  const features = new FeatureColumns(context);
  const kept = new KeptRows(world, `${target}.${uniqueName(world)}.rows.tmp`);
  try {
    for await (const batch of rows) {
      const before = checker.count;
      kept.add(
        checker.check(batch).map((row, at) =>
          features.look(row, { row: before + at + 1, line: batch.lines?.[at] })
        ),
      );
    }
    checker.end();
    const columns = features.columns();
    const { rounded_names } = features;
    const batches = function* () {
      for (const rows of kept.batches()) yield rounded(rows, rounded_names);
    };
    return await stageParquet(world, target, columns, batches(), options);
  } finally {
    kept.dispose();
  }
}

/** The first row of a file, as JSON has it; undefined when it has none. */
export async function readFirstRow(
  world: World,
  path: string,
): Promise<Record<string, unknown> | undefined> {
  for await (const [row] of readParquet(world, path).batches()) {
    if (row) return withNumbers(row);
  }
}

/** What a look at an artifact's file found. */
interface ArtifactLook {
  /** What is wrong with it; absent when it is what the manifest says. */
  problem?: string;
  /** What is unusual, and loses nothing. */
  notes: string[];
}

/** Compares an artifact's file with its manifest, and with its type where that is known. */
export async function lookAtArtifact(
  world: World,
  path: string,
  definition: ArtifactDefinition | undefined,
  entry: ArtifactEntry,
  run_id: string,
  deep: boolean,
): Promise<ArtifactLook> {
  const wrong = (problem: string): ArtifactLook => ({ problem, notes: [] });
  const difference = differenceOf(world.files, path, entry, false);
  if (difference) return wrong(difference);
  let look: ArtifactLook = { notes: [] };
  try {
    const file = readParquet(world, path);
    const { rows, key_values } = file;
    if (rows !== entry.rows) {
      return wrong(`it has ${rows} rows, and the manifest says ${entry.rows}`);
    }
    const written_for = key_values["ledger.run_id"] ?? run_id;
    if (written_for !== run_id) return wrong(`it was written for run ${written_for}`);
    if (definition) look = await lookAtColumns(file, definition);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return wrong(problem.message);
  }
  const changed = look.problem ? undefined : differenceOf(world.files, path, entry, deep);
  return changed ? wrong(changed) : look;
}

/** Values that are stored as another type are looked at: the first system typed a column by its first row. */
async function lookAtColumns(
  file: ParquetFile,
  { columns: wanted, version, migrations = [] }: ArtifactDefinition,
): Promise<ArtifactLook> {
  const written_in = Number(file.key_values[VERSION_KEY] ?? 1);
  // Each column as it is called today, with the name that this file has for it.
  const there: Record<string, unknown> = Object.fromEntries(
    file.columns.map(({ name }) => [name, name]),
  );
  for (const { version, steps } of migrations) {
    if (version <= written_in) continue;
    for (const step of steps) if (!("default" in step)) applyStep(there, step);
  }
  const types = new Map(file.columns.map(({ name, type }) => [name, type]));
  // What a later version asks for, an earlier one need not have.
  const lacking = written_in >= version &&
    wanted.find(({ name, nullable }) => !nullable && !Object.hasOwn(there, name));
  if (lacking) return { problem: `it has no column ${lacking.name}`, notes: [] };
  const columns = wanted.filter(({ name }) => Object.hasOwn(there, name))
    .map((column) => ({ ...column, name: there[column.name] as string }));
  const other = columns.filter(({ name, type }) => types.get(name) !== type);
  if (other.length === 0) return { notes: [] };
  const misfits = new Map<string, Misfit>();
  for await (const rows of file.batches()) {
    for (const { name: column, type } of other) {
      for (const row of rows) {
        if (fits(type, row[column])) continue;
        const example = shown(row[column]);
        misfits.getOrInsertComputed(column, () => ({ column, type, values: 0, example })).values++;
      }
    }
  }
  const notes = other.filter(({ name }) => !misfits.has(name)).map(({ name, type }) =>
    `its column ${name} is ${types.get(name)} in place of ${type}: every value can be read as one`
  );
  const problems = [...misfits.values()].map((misfit) =>
    `it is ${types.get(misfit.column)} where ${misfit.type} should be: ${misfitText(misfit)}`
  );
  return { ...(problems.length > 0 ? { problem: problems.join("; ") } : {}), notes };
}
