/** Rows of an artifact -> its Parquet file, every row checked on the way. */
import { uniqueName, type World } from "../../base/world.ts";
import {
  type ParquetCodec,
  type ParquetOptions,
  type ParquetWritten,
  type Row,
  writeParquet,
} from "../../parquet/mod.ts";
import { FeatureColumns, KeptRows, rounded } from "./features.ts";
import { type ArtifactSource, rowsOfSource, sourceName } from "./input.ts";
import { RowChecker, type RowContext } from "./rows.ts";
import { ARTIFACT_SCHEMA_VERSION, artifactDefinition, type ArtifactType } from "./definitions.ts";

/** What is stored, and where. */
export interface ArtifactToWrite {
  type: ArtifactType;
  run_id: string;
  /** The file that is written; its folder has to exist. */
  target: string;
  source: ArtifactSource;
  codec?: ParquetCodec;
  /** See the options of Parquet files. */
  place?: ParquetOptions["place"];
}

/**
 * Writes an artifact's file: whole and durable, or not at all. Throws at the first row that is not what
 * the type asks for; then whatever stood there before still does.
 */
export async function writeArtifactFile(
  world: World,
  { type, run_id, target, source, codec, place }: ArtifactToWrite,
): Promise<ParquetWritten> {
  const definition = artifactDefinition(type);
  const context: RowContext = { definition, run_id, source: sourceName(source) };
  const options: ParquetOptions = {
    codec,
    place,
    key_values: {
      "ledger.schema_version": String(ARTIFACT_SCHEMA_VERSION),
      "ledger.artifact_type": type,
      "ledger.run_id": run_id,
    },
  };
  if (definition.is_open) return await writeOpen(world, context, target, source, options);
  return await writeParquet(
    world,
    target,
    definition.columns,
    checkedRows(world, context, source),
    options,
  );
}

async function* checkedRows(
  world: World,
  context: RowContext,
  source: ArtifactSource,
): AsyncGenerator<Row[]> {
  const checker = new RowChecker(context);
  for await (const batch of rowsOfSource(world, source, context)) yield checker.check(batch);
  checker.end();
}

/** The types of the columns are known only after the last row. */
async function writeOpen(
  world: World,
  context: RowContext,
  target: string,
  source: ArtifactSource,
  options: ParquetOptions,
): Promise<ParquetWritten> {
  const checker = new RowChecker(context);
  const features = new FeatureColumns(context);
  const kept = new KeptRows(world, `${target}.${uniqueName(world)}.rows.tmp`);
  try {
    for await (const batch of rowsOfSource(world, source, context)) {
      const before = checker.count;
      const rows = checker.check(batch);
      for (const [at, row] of rows.entries()) {
        features.look(row, { row: before + at + 1, line: batch.lines?.[at] });
      }
      kept.add(rows);
    }
    const columns = features.columns();
    const { roundedNames } = features;
    const batches = function* () {
      for (const rows of kept.batches()) yield rounded(rows, roundedNames);
    };
    return await writeParquet(world, target, columns, batches(), options);
  } finally {
    kept.dispose();
  }
}
