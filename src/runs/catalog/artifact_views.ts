/**
 * Views over an artifact of all catalogued runs, under one name: `trades`, `paths`, `alerts`, … A view
 * reads the runs' own files, and compacted ones where a run is in them. And what there is to query.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { type Database, literal } from "../../duckdb/connection.ts";
import { ARTIFACT_TYPES, artifactDefinition, type ArtifactType } from "../artifacts/definitions.ts";

const DUCKDB_TYPE = { int64: "bigint", double: "double", boolean: "boolean", utf8: "varchar" };

/** The rows of such files, as something to select from. Columns are matched by name. */
export function rowsOfFiles(type: ArtifactType, paths: readonly string[]): string {
  // Alerts do not say whose they are; the name of their folder does.
  return readParquet(
    paths,
    type === "alerts"
      ? "hive_partitioning = true, hive_types = {'run_id': varchar}"
      : "hive_partitioning = false",
  );
}

function readParquet(paths: readonly string[], options: string): string {
  return `read_parquet([${paths.map(literal).join(", ")}], union_by_name = true, ${options})`;
}

/** The artifacts that a query may mean. */
export function namedArtifacts(sql: string): ArtifactType[] {
  return ARTIFACT_TYPES.filter((type) => new RegExp(`\\b${type}\\b`, "i").test(sql));
}

/** Makes the views that a query names. Those of thousands of files take their time to open. */
export async function createArtifactViews(
  files: Files,
  catalog: Database,
  runs_dir: string,
  types: readonly ArtifactType[],
): Promise<void> {
  for (const type of types) await createView(files, catalog, runs_dir, type);
}

/**
 * The catalog follows manifests, so a file may be gone that it knows: then the others still answer.
 * Asking the disk for each of thousands takes its time too, and is done when DuckDB misses one.
 */
async function createView(
  files: Files,
  catalog: Database,
  runs_dir: string,
  type: ArtifactType,
): Promise<void> {
  const isThere = (path: string) => files.facts(path)?.is_file === true;
  const pathsOf = async (sql: string, values: string[]) =>
    (await catalog.rows<{ path: string }>(sql, values)).map(({ path }) => path);
  const compacted_paths = (await pathsOf(
    `select distinct path from compacted_files where artifact_type = $1 order by path`,
    [type],
  )).filter((path) => isThere(join(runs_dir, path)));
  const own = (await pathsOf(
    `select a.path from backtest_artifacts_catalog a
     join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
     left join compacted_files c on c.run_id = a.run_id and c.artifact_type = a.artifact_type
       and c.path in (select unnest(cast($2::json as varchar[])))
     where a.artifact_type = $1 and not a.is_missing and c.run_id is null order by a.path`,
    [type, JSON.stringify(compacted_paths)],
  )).map((path) => join(runs_dir, path));
  const compacted = compacted_paths.map((path) => join(runs_dir, path));
  const create = (own: readonly string[]) =>
    catalog.run(`create or replace temp view ${type} as ${sourceOf(type, own, compacted)}`);
  try {
    await create(own);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const there = own.filter(isThere);
    if (there.length === own.length) throw unreadable(type, problem);
    if (there.length === 0 && compacted.length === 0) throw noneThere(type, runs_dir);
    await create(there).catch((error) => {
      throw unreadable(type, asLedgerError(error) ?? error);
    });
  }
}

function sourceOf(
  type: ArtifactType,
  own: readonly string[],
  compacted: readonly string[],
): string {
  const sources: string[] = [];
  if (own.length > 0) sources.push(`select * from ${rowsOfFiles(type, own)}`);
  if (compacted.length > 0) {
    sources.push(
      `select * from ${readParquet(compacted, "hive_partitioning = false")}
       where run_id in (select run_id from compacted_files where artifact_type = ${literal(type)})`,
    );
  }
  return sources.length === 0 ? noRows(type) : sources.join(" union all by name ");
}

function unreadable(type: ArtifactType, problem: LedgerError): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read the ${type} of all runs: ${problem.message.split("\n")[0]}`,
    hint: "ledger runs verify --all names the files that are not as their manifests say",
    cause: problem,
  });
}

function noneThere(type: ArtifactType, runs_dir: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `cannot read the ${type} of all runs: none of their files is there`,
    where: { path: runs_dir },
    hint:
      "if the runs are elsewhere, name their folder: --runs-dir DIR; if they are gone: ledger runs sync",
  });
}

/** Where there is no file yet, a query still has its columns. */
function noRows(type: ArtifactType): string {
  const columns = artifactDefinition(type).columns
    .map(({ name, type }) => `cast(null as ${DUCKDB_TYPE[type]}) as "${name}"`);
  const run_id = type === "alerts" ? [`cast(null as varchar) as "run_id"`] : [];
  return `select ${[...columns, ...run_id].join(", ")} where false`;
}

/** The views over all runs' artifacts: made when a query names them, so no catalog lists them. */
export function describeArtifactViews(): { name: string; kind: string; columns: string }[] {
  return ARTIFACT_TYPES.map((type) => {
    const names = artifactDefinition(type).columns.map(({ name }) => name);
    if (!names.includes("run_id")) names.push("run_id");
    if (artifactDefinition(type).is_open) names.push("…");
    return { name: type, kind: "view", columns: names.join(", ") };
  });
}

/** Queries to begin with, each with what it answers. */
export const EXAMPLE_QUERIES: Readonly<
  Record<"catalog" | "alerts", readonly { sql: string; shows: string }[]>
> = {
  catalog: [
    {
      sql: "select run_id, run_type, status, created_at from backtest_runs_catalog " +
        "order by created_at desc limit 10",
      shows: "the latest runs that ended",
    },
    {
      sql: "select run_id, avg_return_bps, parameters from run_summaries " +
        "order by avg_return_bps desc nulls last limit 10",
      shows: "the best of them, and what they ran with",
    },
    { sql: "select run_path, reason from runs_skipped", shows: "what is not catalogued, and why" },
    {
      sql:
        "select run_id, count(*) as trades, avg(realized_return_bps) as avg_return from trades " +
        "group by run_id order by avg_return desc",
      shows: "policies side by side, over all their trades",
    },
    {
      sql: "select caller_name, count(*) as calls, avg(hit_2x::int) as hit_rate_2x, " +
        "avg(peak_multiple) as avg_peak from paths group by caller_name order by hit_rate_2x desc",
      shows: "the best callers",
    },
  ],
  alerts: [
    {
      sql: "select * from alerts order by alert_ts_ms desc limit 10",
      shows: "the latest calls, and the runs that used them",
    },
    {
      sql: "select caller_name, count(*) as calls, sum(run_count) as uses from alerts " +
        "group by caller_name order by calls desc",
      shows: "who made how many",
    },
  ],
};
