/** What an artifact's file says: its only row, or whether it is what the manifest says of it. */
import type { World } from "../../base/world.ts";
import { parquetFacts, readParquet } from "../../parquet/mod.ts";
import { fileDigest } from "../../base/digest.ts";
import { asLedgerError } from "../../base/error.ts";
import { withNumbers } from "../../base/json.ts";
import { artifactDefinition, isArtifactType } from "./definitions.ts";
import type { ArtifactEntry } from "../manifest/manifest.ts";

/** The first row of a file, as JSON has it; undefined when it has none. */
export async function readFirstRow(
  world: World,
  path: string,
): Promise<Record<string, unknown> | undefined> {
  for await (const [row] of readParquet(world, path).batches()) {
    if (row) return withNumbers(row);
  }
}

/** What is wrong with an artifact's file; undefined when it is what the manifest says. */
export function artifactProblem(
  world: World,
  path: string,
  type: string,
  entry: ArtifactEntry,
  run_id: string,
  deep: boolean,
): string | undefined {
  const facts = world.files.facts(path);
  if (!facts) return "it is not there";
  if (!facts.is_file) return "it is not a file";
  if (entry.bytes !== undefined && facts.size_bytes !== entry.bytes) {
    return `it has ${facts.size_bytes} bytes, and the manifest says ${entry.bytes}`;
  }
  try {
    const { rows, columns, key_values } = parquetFacts(world, path);
    if (rows !== entry.rows) return `it has ${rows} rows, and the manifest says ${entry.rows}`;
    const written_for = key_values["ledger.run_id"];
    if (written_for !== undefined && written_for !== run_id) {
      return `it was written for run ${written_for}`;
    }
    const problem = isArtifactType(type) ? schemaProblem(type, columns) : undefined;
    if (problem) return problem;
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return problem.message;
  }
  if (deep && entry.sha256 !== undefined && fileDigest(world.files, path) !== entry.sha256) {
    return "its sha256 is not the one that the manifest says: its bytes have changed";
  }
  return undefined;
}

function schemaProblem(
  type: Parameters<typeof artifactDefinition>[0],
  columns: readonly { name: string; type: string }[],
): string | undefined {
  const definition = artifactDefinition(type);
  const there = new Map(columns.map((column) => [column.name, column.type]));
  for (const column of definition.columns) {
    const is = there.get(column.name);
    if (is === undefined && !column.nullable) return `it has no column ${column.name}`;
    if (is !== undefined && is !== column.type) {
      return `its column ${column.name} is ${is}, and has to be ${column.type}`;
    }
  }
  return undefined;
}
