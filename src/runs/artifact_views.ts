/**
 * One name for an artifact of all catalogued runs: `trades`, `paths`, `alerts`, … A view over the
 * runs' own files, and over compacted ones where a run is in them.
 */
import { join } from "@std/path";
import { type Database, literal } from "../duckdb/door.ts";
import { ARTIFACT_TYPES, artifactDefinition, type ArtifactType } from "./artifacts.ts";

const DUCKDB_TYPE = { int64: "bigint", double: "double", boolean: "boolean", utf8: "varchar" };

/** The rows of such files, as something to select from. Columns are matched by name. */
export function rowsOfFiles(type: ArtifactType, paths: readonly string[]): string {
  const list = `[${paths.map((path) => literal(path)).join(", ")}]`;
  // Alerts do not say whose they are; the name of their folder does.
  const of_run = type === "alerts"
    ? "hive_partitioning = true, hive_types = {'run_id': varchar}"
    : "hive_partitioning = false";
  return `read_parquet(${list}, union_by_name = true, ${of_run})`;
}

/** Makes the views that a query names. Those of thousands of files take their time to open. */
export async function createArtifactViews(
  catalog: Database,
  runs_dir: string,
  sql: string,
): Promise<void> {
  for (const type of ARTIFACT_TYPES) {
    if (new RegExp(`\\b${type}\\b`, "i").test(sql)) await createView(catalog, runs_dir, type);
  }
}

async function createView(catalog: Database, runs_dir: string, type: ArtifactType): Promise<void> {
  const own = await catalog.rows<{ path: string }>(
    `select a.path from backtest_artifacts_catalog a
     join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
     left join compacted_files c on c.run_id = a.run_id and c.artifact_type = a.artifact_type
     where a.artifact_type = $1 and not a.is_missing and c.run_id is null order by a.path`,
    [type],
  );
  const compacted = await catalog.rows<{ path: string }>(
    `select distinct path from compacted_files where artifact_type = $1 order by path`,
    [type],
  );
  const absolute = (rows: readonly { path: string }[]) =>
    rows.map(({ path }) => join(runs_dir, path));
  const sources: string[] = [];
  if (own.length > 0) sources.push(`select * from ${rowsOfFiles(type, absolute(own))}`);
  if (compacted.length > 0) {
    const list = `[${absolute(compacted).map(literal).join(", ")}]`;
    sources.push(
      `select * from read_parquet(${list}, union_by_name = true, hive_partitioning = false)
       where run_id in (select run_id from compacted_files where artifact_type = ${literal(type)})`,
    );
  }
  if (sources.length === 0) sources.push(noRows(type));
  await catalog.run(
    `create or replace temp view ${type} as ${sources.join(" union all by name ")}`,
  );
}

/** Where there is no file yet, a question still has its columns. */
function noRows(type: ArtifactType): string {
  const columns = artifactDefinition(type).columns
    .map(({ name, type }) => `cast(null as ${DUCKDB_TYPE[type]}) as "${name}"`);
  const run_id = type === "alerts" ? [`cast(null as varchar) as "run_id"`] : [];
  return `select ${[...columns, ...run_id].join(", ")} where false`;
}
