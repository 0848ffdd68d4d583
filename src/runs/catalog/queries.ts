/** Queries of an open catalog. Values are bound; names of columns come from constant lists. */
import { join } from "@std/path";
import { LedgerError, quoted } from "../../base/error.ts";
import { jsonPointer } from "../../base/json.ts";
import { runs_found_max } from "../../base/limits.ts";
import { systemWorld } from "../../base/world.ts";
import { type BoundValue, type Database, literal } from "../../duckdb/connection.ts";
import { sortSql } from "../../filter/selection.ts";
import { filterSql } from "../../filter/sql.ts";
import { type Listing, listingOf, type ListingText, readListing } from "./listing.ts";

/** Which runs are wanted. */
export interface RunFilter extends ListingText {
  /** One run, by its id; or all whose ids begin so, when none has this one. */
  run_id?: string;
  run_type?: string;
  /**
   * completed or failed; or, of those that have not ended, running, pending, crashed, stale,
   * unfinished; or any. Default: completed and failed.
   */
  status?: string;
  /** Created at or after this. */
  from_ms?: number;
  /** Created before this. */
  until_ms?: number;
  git_branch?: string;
  /** The commit, or its beginning. */
  git_commit?: string;
  /** Parameters, by name or by dotted path, and the value that each has to have. */
  parameters?: Readonly<Record<string, string>>;
  limit?: number;
}

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
}

/**
 * Runs, as `runs query` lists them. Without a status, those that have ended. The database has the view
 * `run_states`.
 */
export async function queryRuns(database: Database, filter: RunFilter = {}): Promise<RunRow[]> {
  const { rows } = await listRuns(database, { ...filter, columns: undefined });
  return rows as unknown as RunRow[];
}

/** The same, with the columns that were asked for; `fields` are undefined where none were. */
export async function listRuns(database: Database, filter: RunFilter = {}): Promise<Listing> {
  const listing = await readListing(database, filter);
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const wanted: string[] = [];
  const want = <Value>(value: Value | undefined, condition: (value: Value) => string) => {
    if (value !== undefined) wanted.push(condition(value));
  };
  // A condition on the status is meant to find what has it.
  const is_free = listing.fields.some(({ column }) => column === "status");
  if (filter.status === undefined && !is_free) wanted.push(`status in ('completed', 'failed')`);
  want(filter.status, (status) => status === "any" ? "true" : `status = ${bind(status)}`);
  want(filter.run_id, (run_id) => {
    const id = bind(run_id);
    return `starts_with(run_id, ${id}) and
      (run_id = ${id} or ${id} not in (select run_id from run_states))`;
  });
  want(filter.run_type, (run_type) => `run_type = ${bind(run_type)}`);
  want(filter.from_ms, (from_ms) => `epoch_ms(created_at) >= ${bind(from_ms)}`);
  want(filter.until_ms, (until_ms) => `epoch_ms(created_at) < ${bind(until_ms)}`);
  want(filter.git_branch, (branch) => `git_branch = ${bind(branch)}`);
  want(filter.git_commit, (commit) => `starts_with(git_commit, ${bind(commit)})`);
  for (const [name, value] of Object.entries(filter.parameters ?? {})) {
    const key = bind(jsonPointer([name]));
    const path = bind(jsonPointer(name.split(".")));
    wanted.push(`coalesce(params->>${key}, params->>${path}) = ${bind(value)}`);
  }
  want(listing.condition, (condition) => filterSql(condition, bind));
  const rows = await database.rows(
    `select ${listing.columns} from run_states where ${["true", ...wanted].join(" and ")}
     order by ${sortSql(listing.order, bind)}, run_id
     limit ${bind(filter.limit ?? runs_found_max)}`,
    values,
  );
  return listingOf(rows, listing.shown);
}

/** Tells an open catalog where the runs are that it lists, as paths from the current folder begin. */
export async function noteRunsDir(catalog: Database, runs_dir: string): Promise<void> {
  await catalog.run(`set variable runs_dir = ${literal(runs_dir)}`);
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
      hint: `give more of it: ${ids.slice(0, 3).join(", ")}${ids[3] ? ", …" : ""}`,
    });
  }
  const path = await cataloguedPath(catalog, run.run_id, artifact_type);
  return path === undefined ? undefined : { run_id: run.run_id, path, archive: run.archive };
}

/** What the catalog holds, in numbers. */
export interface CatalogStats {
  total_runs: number;
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

/** Counts what the catalog holds. */
export async function getCatalogStats(catalog: Database): Promise<CatalogStats> {
  const counted = async (column: string, table: string) => {
    const rows = await catalog.rows<{ name: string; count: bigint }>(
      `select ${column} as name, count(*) as count from ${table} group by all order by all`,
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
  };
  const by_status = await counted("status", "backtest_runs_catalog");
  const by_presence = await counted("presence", "backtest_runs_catalog");
  const artifacts_by_type = await counted("artifact_type", "backtest_artifacts_catalog");
  const sum = (counts: Record<string, number>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  return {
    total_runs: sum(by_status),
    completed: by_status.completed ?? 0,
    failed: by_status.failed ?? 0,
    runs_by_type: await counted("run_type", "backtest_runs_catalog"),
    total_artifacts: sum(artifacts_by_type),
    artifacts_by_type,
    artifacts_missing: Number(
      await catalog.value<bigint>(
        `select count(*) from backtest_artifacts_catalog a join backtest_runs_catalog r
           on r.run_id = a.run_id and r.presence = 'present' where a.is_missing`,
      ),
    ),
    missing: by_presence.missing ?? 0,
    archived: by_presence.archived ?? 0,
    in_progress: await counted("state", "runs_in_progress"),
  };
}
