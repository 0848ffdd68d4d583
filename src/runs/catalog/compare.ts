/** Which runs are compared, and what the catalog and the log know of each. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_compared_max } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { ComparedRun } from "./diff.ts";
import { ALL_COLUMNS, withObjects } from "./listing.ts";
import { queryRuns } from "./queries.ts";
import { isFiltered, type RunFilter } from "./run_filter.ts";

/** The runs to compare: those that are named, then those that a filter takes. */
export interface RunsToCompare extends Omit<RunFilter, "columns" | "run_id"> {
  /** Their ids. */
  run_ids?: readonly string[];
}

/** Loads runs for `diffRuns`, in their order. The database has the view `run_states`. */
export async function loadCompared(
  database: Database,
  { run_ids = [], ...filter }: RunsToCompare,
): Promise<ComparedRun[]> {
  const found = isFiltered(filter)
    ? await queryRuns(database, { ...filter, limit: filter.limit ?? runs_compared_max + 1 })
    : [];
  const ids = [...new Set([...run_ids, ...found.map(({ run_id }) => run_id)])];
  if (ids.length < 2 || ids.length > runs_compared_max) {
    const count = ids.length > runs_compared_max
      ? `more than ${runs_compared_max} runs`
      : counted(ids.length, "run");
    throw new LedgerError({
      code: "usage",
      message: `cannot compare ${count}: it takes 2 to ${runs_compared_max}`,
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
    const found = rows.find((row) => row.run_id === run_id);
    if (!found) throw notCatalogued(run_id);
    const row = withObjects(withNumbers(found));
    // Two runs of which nothing is known do not agree.
    if (row.data_fingerprint === "unknown") row.data_fingerprint = null;
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

/** Its folder is there: what another program made is seen by a sync. */
function notCatalogued(run_id: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `cannot compare run ${quoted(run_id)}: the catalog does not have it`,
    hint: "to catalogue what other programs made: ledger runs sync",
  });
}
