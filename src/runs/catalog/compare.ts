/** Which runs are compared, and what the catalog and the log know of each. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted, shellWord } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_compared_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { attachedFiles } from "../manifest/attached.ts";
import { codeOf } from "../manifest/code_facts.ts";
import { inputsOf, type RunManifest } from "../manifest/manifest.ts";
import type { ComparedRun } from "./diff.ts";
import { ALL_COLUMNS, withObjects } from "./listing.ts";
import { manifestOfRun } from "./month_files.ts";
import { queryRuns } from "./queries.ts";
import { isFiltered, type RunFilter } from "./run_filter.ts";

/** The runs to compare: those that are named, then those that a filter takes. */
export interface RunsToCompare extends Omit<RunFilter, "columns" | "run_id"> {
  /** Their ids. */
  run_ids?: readonly string[];
}

/** Where runs are. */
interface RunsFolder {
  world: World;
  dir: string;
}

/** Loads runs for `diffRuns`, in their order. The database has the view `run_states`. */
export async function loadCompared(
  { world, dir }: RunsFolder,
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
  /** Content stands beside itself, also where another run read it under another path. */
  const path_of = new Map<string, string>();
  return ids.map((run_id) => {
    const found = rows.find((row) => row.run_id === run_id);
    if (!found) throw notCatalogued(run_id);
    const row = withObjects(withNumbers<CataloguedRow>(found));
    // Two runs of which nothing is known do not agree.
    if (row.data_fingerprint === "unknown") row.data_fingerprint = null;
    const { run_type, status, git_branch, git_commit, git_dirty, data_fingerprint, error } = row;
    const { name, group, tags } = row;
    const inventory = artifacts.filter((artifact) => artifact.run_id === run_id)
      .map(({ artifact_type, rows, bytes, sha256 }) => {
        // Where the content is known, its size says no more.
        const content = sha256 ? { sha256 } : { bytes };
        return [artifact_type, said(withNumbers({ rows, ...content }))];
      });
    const manifest = manifestOfRun(world, dir, row as unknown as CataloguedRow, filter.onNotice);
    return {
      run_id,
      facts: said({
        ...{ run_type, status, name, group, tags: (tags as string[]).length > 0 ? tags : null },
        ...{ git_branch, git_commit, git_dirty, data_fingerprint, error },
      }),
      code: manifest && codeSaid(manifest),
      inputs: manifest && inputDigests(manifest, path_of),
      dataset: row.dataset,
      params: row.params,
      timing: row.timing,
      summary: row.summary,
      artifacts: Object.fromEntries(inventory),
      files: Object.fromEntries(attachedFiles(manifest).map(({ name, sha256 }) => [name, sha256])),
    };
  });
}

/** What a manifest says of the code, beside commit and branch. */
function codeSaid(manifest: RunManifest): Record<string, unknown> {
  const { patch, files, lock_files, argv, seed, ...code } = codeOf(manifest);
  const { versions, env, host, system } = code;
  return {
    patch: patch?.sha256,
    changed_files: files?.sha256,
    lock_files: lock_files &&
      Object.fromEntries(lock_files.map((file) => [file.path, file.sha256])),
    command: argv?.map((word) => shellWord(word)).join(" "),
    // That of the parameters is compared with them.
    seed: seed === manifest.parameters.seed ? undefined : seed,
    ...{ versions, env, host, system },
  };
}

/** Digests of inputs by path: by the one under which a run before read the same, if one did. */
function inputDigests(
  manifest: RunManifest,
  path_of: Map<string, string>,
): Record<string, string> {
  const inputs = inputsOf(manifest);
  const own = new Set(inputs.map(({ path }) => path));
  return Object.fromEntries(inputs.map(({ path, sha256 }) => {
    const before = path_of.get(sha256) ?? path;
    const shown = own.has(before) ? path : before;
    path_of.set(sha256, shown);
    return [shown, sha256];
  }));
}

interface CataloguedRow extends Record<string, unknown> {
  run_id: string;
  run_path: string | null;
  presence: string | null;
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
