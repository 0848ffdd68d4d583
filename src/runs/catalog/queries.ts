/** Queries of an open catalog. Values are bound; names of columns come from constant lists. */
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import { jsonPointer, withNumbers } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import { runs_found_max } from "../../base/limits.ts";
import type { BoundValue, Database } from "../../duckdb/connection.ts";
import { SUMMARY_METRICS } from "./schema.ts";

/** Which runs are wanted. */
export interface RunFilter {
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
  /** A column, or one with `:asc` or `:desc`. Default: the latest first. */
  sort?: string;
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

const SORT_COLUMNS = [
  "created_at",
  "completed_at",
  "run_id",
  "run_type",
  "status",
  "total_ms",
  "artifacts",
  "git_branch",
] as const;

/**
 * Runs, as `runs query` lists them. Without a status, those that have ended. The database has the view
 * `run_states`.
 */
export async function queryRuns(database: Database, filter: RunFilter = {}): Promise<RunRow[]> {
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const wanted: string[] = [];
  const want = <Value>(value: Value | undefined, condition: (value: Value) => string) => {
    if (value !== undefined) wanted.push(condition(value));
  };
  if (filter.status === undefined) wanted.push(`status in ('completed', 'failed')`);
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
  const rows = await database.rows<Record<string, unknown>>(
    `select run_id, run_type, status, source, epoch_ms(created_at) as created_at_ms,
       epoch_ms(completed_at) as completed_at_ms, total_ms, artifacts, git_branch, git_commit,
       git_dirty, presence, run_path
     from run_states
     where ${wanted.join(" and ")} order by ${sortOrder(filter.sort)}, run_id
     limit ${bind(filter.limit ?? runs_found_max)}`,
    values,
  );
  return rows.map(withNumbers<RunRow>);
}

function sortOrder(sort = "created_at:desc"): string {
  const [column, direction = column.endsWith("_at") ? "desc" : "asc"] = sort.split(":");
  if (!(SORT_COLUMNS as readonly string[]).includes(column)) {
    throw unknownColumn("sort by", column, SORT_COLUMNS);
  }
  if (direction !== "asc" && direction !== "desc") {
    throw new LedgerError({
      code: "usage",
      message: `cannot sort ${quoted(direction)}`,
      hint: `say ${column}:asc or ${column}:desc`,
    });
  }
  return `${column} ${direction} nulls last`;
}

function unknownColumn(tried: string, column: string, known: readonly string[]): LedgerError {
  const near = nearest(column, known);
  return new LedgerError({
    code: "usage",
    message: `cannot ${tried} ${quoted(column)}`,
    hint: near ? `did you mean ${near}?` : `there are ${known.join(", ")}`,
  });
}

/** Where a run's artifact is, below the folder of runs; undefined when the catalog has none. */
export async function getArtifactPath(
  catalog: Database,
  run_id: string,
  artifact_type: string,
): Promise<string | undefined> {
  const [row] = await catalog.rows<{ path: string }>(
    `select path from backtest_artifacts_catalog where run_id = $1 and artifact_type = $2`,
    [run_id, artifact_type],
  );
  return row?.path;
}

/** Where an artifact is. */
export interface ArtifactPlace {
  run_id: string;
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
  const path = await getArtifactPath(catalog, run.run_id, artifact_type);
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

/** How runs are ranked. */
export interface Ranking {
  /** A metric of the summary. */
  by: string;
  ascending?: boolean;
  /** A condition in SQL over the columns of `run_summaries`. */
  where?: string;
  limit?: number;
}

/** Runs in the order of a metric, those without it left out. */
export async function rankRuns(
  catalog: Database,
  { by, ascending = false, where, limit = 20 }: Ranking,
): Promise<Record<string, unknown>[]> {
  // The library's door leads here, and must not load DuckDB's room before it is needed.
  const { literal } = await import("../../duckdb/connection.ts");
  const { rowsOfQuery } = await import("../../duckdb/query.ts");
  const is_column = SUMMARY_METRICS.includes(by);
  const [key, path] = [[by], by.split(".")].map((names) => literal(jsonPointer(names)));
  const value = is_column
    ? by
    : `try_cast(coalesce(summary->>${key}, summary->>${path}) as double)`;
  if (where !== undefined) await refuseNoCondition(catalog, where);
  // The condition is the caller's SQL: it gets brackets, and is checked like any query.
  const ranked = rowsOfQuery(
    catalog,
    `select row_number() over (order by value ${ascending ? "asc" : "desc"}, run_id) as rank,
       run_id, run_type, value, trades_count, stop_out_rate, epoch_ms(created_at) as created_at_ms
     from (select *, ${value} as value from run_summaries)
     where isfinite(value) and (${where ?? "true"}
     ) order by rank limit ${Math.max(0, Math.floor(limit))}`,
  );
  const rows = where === undefined ? await ranked : await ranked.catch((error) => {
    throw notCondition(where, error);
  });
  if (rows.length === 0 && !is_column) await refuseUnknownMetric(catalog, by);
  return rows;
}

/** Refuses what becomes a condition only by the brackets around it: `true) or (true`. */
async function refuseNoCondition(catalog: Database, where: string): Promise<void> {
  const error = await catalog.value<string | null>(
    `select json_serialize_sql(cast($1 as varchar))->>'$.error_message'`,
    [`select 1 where ${where}\n`],
  );
  if (error !== null) throw badCondition(where, error);
}

/** DuckDB's error is about the whole query; the caller's is about the condition. */
function notCondition(where: string, error: unknown): unknown {
  const problem = asLedgerError(error);
  if (problem?.code !== "invalid") return error;
  const [said, ...more] = problem.message.replace(/\n\s*LINE \d[^]*$/, "").split("\n");
  return badCondition(where, [said, ...more.map((line) => line.trim())].join(" ").trim(), error);
}

function badCondition(where: string, said: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot rank where ${quoted(where)}: ${said}`,
    hint: "it has to be a condition in SQL, such as: trades_count >= 100",
    cause,
  });
}

async function refuseUnknownMetric(catalog: Database, by: string): Promise<void> {
  const rows = await catalog.rows<{ name: string }>(
    `select distinct unnest(json_keys(summary)) as name from backtest_runs_catalog
     where summary is not null order by all`,
  );
  const known = rows.map(({ name }) => name).filter((name) => name !== "run_id");
  // A path leads into a member; whether it gets anywhere is the runs' to say.
  if (known.length === 0 || known.includes(by) || known.includes(by.split(".")[0])) return;
  throw unknownColumn("rank by", by, known);
}
