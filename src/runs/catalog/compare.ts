/** Which runs are compared, and what the catalog and the log know of each. */
import { LedgerError, quoted } from "../../base/error.ts";
import { firstNames } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_compared_max } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { ComparedRun } from "./diff.ts";
import { ALL_COLUMNS, withObjects } from "./listing.ts";
import { queryRuns } from "./queries.ts";
import type { RunFilter } from "./run_filter.ts";

/** The runs to compare: those that are named, then those that a filter takes. */
export interface RunsToCompare extends Omit<RunFilter, "columns" | "run_id"> {
  /** Ids, or their beginnings. */
  run_ids?: readonly string[];
}

/** Loads runs for `diffRuns`, in their order. The database has the view `run_states`. */
export async function loadCompared(
  database: Database,
  { run_ids = [], ...filter }: RunsToCompare,
): Promise<ComparedRun[]> {
  const named: string[] = [];
  for (const run_id of run_ids) named.push(await wholeId(database, run_id));
  const is_filtered = filter.where !== undefined || filter.sort !== undefined ||
    filter.limit !== undefined;
  const found = is_filtered
    ? await queryRuns(database, { ...filter, limit: filter.limit ?? runs_compared_max + 1 })
    : [];
  const ids = [...new Set([...named, ...found.map(({ run_id }) => run_id)])];
  if (ids.length < 2 || ids.length > runs_compared_max) {
    const count = ids.length > runs_compared_max ? `more than ${runs_compared_max}` : ids.length;
    throw new LedgerError({
      code: "usage",
      message: `cannot compare ${count} runs: it takes 2 to ${runs_compared_max}`,
      hint: ids.length < 2
        ? "name them, or choose them: --where FILTER"
        : `the best of them: --sort -summary.METRIC --limit ${runs_compared_max}`,
    });
  }
  const list = JSON.stringify(ids);
  const rows = await database.rows(
    `select ${ALL_COLUMNS} from run_states where run_id in
       (select unnest(cast($1::json as varchar[])))`,
    [list],
  );
  const artifacts = await database.rows<ArtifactRow>(
    `select * from run_artifacts where run_id in (select unnest(cast($1::json as varchar[])))
     order by artifact_type`,
    [list],
  );
  return ids.map((run_id) => {
    const row = withObjects(withNumbers(rows.find((row) => row.run_id === run_id)!));
    const { run_type, status, git_branch, git_commit, git_dirty, data_fingerprint, error } = row;
    const facts = { run_type, status, git_branch, git_commit, git_dirty, data_fingerprint, error };
    const inventory = artifacts.filter((artifact) => artifact.run_id === run_id)
      .map(({ artifact_type, rows, bytes, sha256 }) => {
        // Where the content is known, its size says no more.
        const content = sha256 ? { sha256 } : { bytes };
        return [artifact_type, said(withNumbers({ rows, ...content }))];
      });
    return {
      run_id,
      facts: said(facts),
      dataset: row.dataset,
      params: row.params,
      timing: row.timing,
      summary: row.summary,
      artifacts: Object.fromEntries(inventory),
    };
  });
}

interface ArtifactRow {
  run_id: string;
  artifact_type: string;
  rows: bigint | null;
  bytes: bigint | null;
  sha256: string | null;
}

/** What is there: a column that has no value says nothing. */
function said(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}

async function wholeId(database: Database, run_id: string): Promise<string> {
  const found = await database.rows<{ run_id: string }>(
    `select run_id from run_states where starts_with(run_id, $1)
     order by run_id = $1 desc, run_id limit 4`,
    [run_id],
  );
  const ids = found.map(({ run_id }) => run_id);
  if (ids.length === 1 || ids[0] === run_id) return ids[0];
  if (ids.length > 1) {
    throw new LedgerError({
      code: "not_found",
      message: `several runs have ids that begin with ${quoted(run_id)}`,
      hint: `give more of it: ${firstNames(ids)}`,
    });
  }
  const all = await database.rows<{ run_id: string }>(`select run_id from run_states`);
  const near = nearest(run_id, all.map(({ run_id }) => run_id));
  throw new LedgerError({
    code: "not_found",
    message: `neither log nor folder has a run ${quoted(run_id)}`,
    hint: near ? `did you mean ${near}?` : "to list them: ledger runs query --status any",
  });
}
