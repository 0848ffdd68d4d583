/** Queries of an open catalog. Values are bound; names of columns come from constant lists. */
import { join } from "@std/path";
import { LedgerError, quoted } from "../../base/error.ts";
import { firstNames } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_found_max } from "../../base/limits.ts";
import { systemWorld } from "../../base/world.ts";
import type { BoundValue, Database } from "../../duckdb/connection.ts";
import { sortSql } from "../../filter/selection.ts";
import { filterSql } from "../../filter/sql.ts";
import { clockOf, type Listing, listingOf, readListing } from "./listing.ts";
import { conditionsOf, explainNone, readFilter, type RunFilter } from "./run_filter.ts";

/** A run as a list of runs shows it. */
export interface RunRow {
  run_id: string;
  run_type: string;
  status: string;
  /** Which of the two know it. */
  source: "log" | "folder" | "both";
  created_at_ms: number;
  completed_at_ms: number | null;
  total_ms: number | null;
  artifacts: number;
  git_branch: string | null;
  git_commit: string | null;
  git_dirty: boolean | null;
  /** Null of a run that has no folder. */
  presence: string | null;
  run_path: string | null;
  /** What people say of it. */
  name: string | null;
  group: string | null;
  pin: boolean;
  tags: string[];
}

/**
 * Runs, as `runs query` lists them. Without a status, those that have ended. The database has the view
 * `run_states`.
 */
export async function queryRuns(database: Database, filter: RunFilter = {}): Promise<RunRow[]> {
  const { rows } = await listRuns(database, { ...filter, columns: undefined });
  return rows as unknown as RunRow[];
}

/** The same, with the columns that were asked for, and how many others there are. */
export async function listRuns(database: Database, given: RunFilter = {}): Promise<RunListing> {
  const now_ms = given.now_ms ?? await clockOf(database);
  const filter = readFilter({ ...given, now_ms });
  const listing = await readListing(database, filter);
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const wanted = conditionsOf(filter, bind);
  if (listing.condition) wanted.push(filterSql(listing.condition, bind));
  const fitting = `from run_states where ${["true", ...wanted].join(" and ")}`;
  // A condition on the status is meant to find what has it.
  const is_default = filter.status === undefined &&
    !listing.fields.some(({ column }) => column === "status");
  const statuses = is_default ? await statusesOf(database, fitting, values) : undefined;
  const of_status = is_default
    ? HAS_ENDED
    : [undefined, "any"].includes(filter.status)
    ? "true"
    : `status = ${bind(filter.status!)}`;
  const rows = await database.rows(
    `select ${listing.columns} ${fitting} and ${of_status}
     order by ${sortSql(listing.order, bind)}, run_id
     limit ${bind(filter.limit ?? runs_found_max)}`,
    values,
  );
  if (rows.length === 0) await explainNone(database, filter);
  return { ...listingOf(rows, listing.shown), statuses };
}

/** Rows, and where those that have ended were asked for: how many runs fit otherwise, by status. */
export interface RunListing extends Listing {
  statuses?: Record<string, number>;
}

const HAS_ENDED = "status in ('completed', 'failed')";

async function statusesOf(
  database: Database,
  fitting: string,
  values: BoundValue[],
): Promise<Record<string, number>> {
  const rows = await database.rows<{ status: string; runs: bigint }>(
    `select status, count(*) as runs ${fitting} group by all order by all`,
    values,
  );
  return Object.fromEntries(rows.map(({ status, runs }) => [status, Number(runs)]));
}

/** A path of a run's artifact that opens from the current folder; null where there is no such file. */
export async function getArtifactPath(
  catalog: Database,
  run_id: string,
  artifact_type: string,
): Promise<string | null> {
  const path = await cataloguedPath(catalog, run_id, artifact_type);
  return path !== undefined && systemWorld().files.facts(path)?.is_file ? path : null;
}

async function cataloguedPath(
  catalog: Database,
  run_id: string,
  artifact_type: string,
): Promise<string | undefined> {
  const [row] = await catalog.rows<{ path: string; runs_dir: string }>(
    `select path, getvariable('runs_dir') as runs_dir from backtest_artifacts_catalog
     where run_id = $1 and artifact_type = $2`,
    [run_id, artifact_type],
  );
  return row && join(row.runs_dir, row.path);
}

/** Where an artifact is, or was. */
export interface ArtifactPlace {
  run_id: string;
  /** From the current folder. */
  path: string;
  /** Where the run was put when it was taken out of the folder of runs. */
  archive: string | null;
}

/** Where an artifact is, of a run that is named by its id or the beginning of it. */
export async function findArtifact(
  catalog: Database,
  run_id: string,
  artifact_type: string,
): Promise<ArtifactPlace | undefined> {
  const runs = await catalog.rows<{ run_id: string; archive: string | null }>(
    `select run_id, archive from backtest_runs_catalog where starts_with(run_id, $1)
     order by run_id = $1 desc, run_id limit 4`,
    [run_id],
  );
  const [run] = runs;
  if (!run) return undefined;
  if (run.run_id !== run_id && runs.length > 1) {
    const ids = runs.map(({ run_id }) => run_id);
    throw new LedgerError({
      code: "not_found",
      message: `several runs have ids that begin with ${quoted(run_id)}`,
      hint: `give more of it: ${firstNames(ids)}`,
    });
  }
  const path = await cataloguedPath(catalog, run.run_id, artifact_type);
  return path === undefined ? undefined : { run_id: run.run_id, path, archive: run.archive };
}

/** How many runs there are. */
export interface RunCounts {
  /** Those whose log or manifest says completed or failed. */
  ended: number;
  /** All, in whatever state. */
  known: number;
}

/** Counts all runs that log or folder know. The database has the view `run_states`. */
export async function countRuns(database: Database): Promise<RunCounts> {
  const [row] = await database.rows<Record<string, unknown>>(
    `select count(*) filter (${HAS_ENDED}) as ended, count(*) as known
     from run_states`,
  );
  return withNumbers<RunCounts>(row);
}

/** All runs in numbers, and the artifacts of those in the catalog. */
export interface CatalogStats {
  /** Runs that have ended; `known_runs` are all. */
  total_runs: number;
  known_runs: number;
  completed: number;
  failed: number;
  runs_by_type: Record<string, number>;
  total_artifacts: number;
  artifacts_by_type: Record<string, number>;
  /** Files that were not there when the runs they belong to, which are there, were catalogued. */
  artifacts_missing: number;
  /** Catalogued runs whose folders are gone, and archived ones. */
  missing: number;
  archived: number;
  /** By how they stand: running, pending, crashed, stale, unfinished. */
  in_progress: Record<string, number>;
}

/** Counts what there is. The database is a catalog, and has the view `run_states`. */
export async function getCatalogStats(catalog: Database): Promise<CatalogStats> {
  const counted = async (column: string, from: string) => {
    const rows = await catalog.rows<{ name: string; count: bigint }>(
      `select ${column} as name, count(*) as count from ${from} group by all order by all`,
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
  };
  const { known, ended: total_runs } = await countRuns(catalog);
  const by_status = await counted("status", "run_states");
  const by_presence = await counted("presence", "run_states where presence is not null");
  const artifacts_by_type = await counted("artifact_type", "backtest_artifacts_catalog");
  return {
    total_runs,
    known_runs: known,
    completed: by_status.completed ?? 0,
    failed: by_status.failed ?? 0,
    runs_by_type: await counted("coalesce(run_type, '')", `run_states where ${HAS_ENDED}`),
    total_artifacts: Object.values(artifacts_by_type).reduce((sum, count) => sum + count, 0),
    artifacts_by_type,
    artifacts_missing: Number(
      await catalog.value<bigint>(
        `select count(*) from backtest_artifacts_catalog a join backtest_runs_catalog r
           on r.run_id = a.run_id and r.presence = 'present' where a.is_missing`,
      ),
    ),
    missing: by_presence.missing ?? 0,
    archived: by_presence.archived ?? 0,
    in_progress: await counted("status", `run_states where not (${HAS_ENDED})`),
  };
}
