/**
 * Views over an artifact of all catalogued runs, under one name: `trades`, `paths`, `alerts`, … A view
 * reads the runs' own files, and compacted ones where a run is in them. And what there is to query.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { names_shown_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type Database, literal } from "../../duckdb/connection.ts";
import { namedTables } from "../../duckdb/query_guard.ts";
import { identifier } from "../../duckdb/sandbox.ts";
import type { ArtifactDefinition } from "../artifacts/definitions.ts";
import { misfitText } from "../artifacts/stored_type.ts";
import type { ArtifactTypes } from "../artifacts/types.ts";
import { loadOpenMetrics } from "../metrics/open_runs.ts";
import { METRICS } from "../metrics/segments.ts";
import {
  type FileMisfit,
  isTyped,
  noRows,
  type RowsOf,
  rowsOfCompacted,
  rowsOfFiles,
  typedRows,
} from "./typed_rows.ts";

/** What views are made with. */
interface ViewOptions {
  /** Gets what an answer is without: files that are gone, values that are not of their column's type. */
  onNotice?: (message: string) => void;
}

/** The artifacts that a query may mean, by its words alone. */
export function mentionedArtifacts(types: ArtifactTypes, sql: string): ArtifactDefinition[] {
  return types.all().filter(({ type }) => new RegExp(`\\b${type}\\b`, "i").test(sql));
}

/** The artifacts that a query names as tables. A column may have such a name too. */
export async function namedArtifacts(
  types: ArtifactTypes,
  catalog: Database,
  sql: string,
): Promise<ArtifactDefinition[]> {
  const mentioned = mentionedArtifacts(types, sql);
  if (mentioned.length === 0) return [];
  const named = await namedTables(catalog, sql);
  return mentioned.filter(({ type }) => named.has(type));
}

/** Makes views of artifacts. Those of thousands of files take their time to open. */
export async function createArtifactViews(
  world: World,
  catalog: Database,
  runs_dir: string,
  definitions: readonly ArtifactDefinition[],
  options: ViewOptions = {},
): Promise<void> {
  for (const definition of definitions) {
    await new ArtifactView(world, catalog, runs_dir, definition, options).create();
  }
}

/** Some of a view's files. */
interface ViewFiles {
  paths: readonly string[];
  rowsOf: RowsOf;
  where: string;
}

/**
 * The catalog follows manifests, so a file may be gone that it knows: then the others still answer.
 * Asking the disk for each of thousands takes its time too, and is done when DuckDB misses one.
 */
class ArtifactView {
  constructor(
    readonly world: World,
    readonly catalog: Database,
    readonly runs_dir: string,
    readonly definition: ArtifactDefinition,
    readonly options: ViewOptions,
  ) {}

  async create(): Promise<void> {
    const { type } = this.definition;
    const compacted = await this.#compacted();
    const own = await this.#own(compacted);
    const waiting = type === METRICS ? await this.#addOpenMetrics(own) : [];
    try {
      await this.#createOf(own, compacted, waiting);
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      const there = own.filter((path) => this.#isThere(path));
      if (there.length === own.length) throw unreadable(type, problem);
      if (there.length === 0 && compacted.length === 0) throw noneThere(type, this.runs_dir);
      await this.#createOf(there, compacted, waiting).catch((error) => {
        throw unreadable(type, asLedgerError(error) ?? error);
      });
      this.options.onNotice?.(
        `${own.length - there.length} of ${own.length} files of ${type} are gone: this answer is ` +
          "without them; ledger runs sync catalogues what there is",
      );
    }
  }

  #isThere(path: string): boolean {
    return this.world.files.facts(path)?.is_file === true;
  }

  async #paths(sql: string, values: string[]): Promise<string[]> {
    const rows = await this.catalog.rows<{ path: string }>(sql, values);
    return rows.map(({ path }) => path);
  }

  async #compacted(): Promise<string[]> {
    const known = await this.#paths(
      `select distinct path from compacted_files where artifact_type = $1 order by path`,
      [this.definition.type],
    );
    return known.filter((path) => this.#isThere(join(this.runs_dir, path)));
  }

  /** The runs' own files, of those runs that no compacted file has. */
  async #own(compacted: readonly string[]): Promise<string[]> {
    const known = await this.#paths(
      `select a.path from backtest_artifacts_catalog a
       join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
       left join compacted_files c on c.run_id = a.run_id and c.artifact_type = a.artifact_type
         and c.path in (select unnest(cast($2::json as varchar[])))
       where a.artifact_type = $1 and not a.is_missing and c.run_id is null order by a.path`,
      [this.definition.type, JSON.stringify(compacted)],
    );
    return known.map((path) => join(this.runs_dir, path));
  }

  /** Metrics of runs that have not ended are in none of their manifests. */
  async #addOpenMetrics(own: string[]): Promise<string[]> {
    const { world, catalog, runs_dir } = this;
    const rows = await catalog.rows<{ run_id: string; run_path: string }>(
      "select run_id, run_path from runs_in_progress order by run_path",
    );
    const open = rows.map(({ run_id, run_path }) => ({ run_id, folder: join(runs_dir, run_path) }));
    const { files, waiting, damage } = await loadOpenMetrics(world, catalog, open);
    own.push(...files);
    for (const { path, problem } of damage.slice(0, names_shown_max)) {
      this.options.onNotice?.(`${path.slice(runs_dir.length + 1)}: ${problem}`);
    }
    return waiting === undefined ? [] : [`select * from ${waiting}`];
  }

  async #createOf(
    own: readonly string[],
    compacted: readonly string[],
    waiting: readonly string[],
  ): Promise<void> {
    const { catalog, definition } = this;
    const ids = `select run_id from compacted_files where artifact_type = ${
      literal(definition.type)
    }`;
    const all: ViewFiles[] = [
      { paths: own, rowsOf: (...of) => rowsOfFiles(definition, ...of), where: "" },
      {
        paths: compacted.map((path) => join(this.runs_dir, path)),
        rowsOf: rowsOfCompacted,
        where: ` where run_id in (${ids})`,
      },
    ];
    const there = all.filter(({ paths }) => paths.length > 0);
    if (there.length + waiting.length === 0) return await this.#view([noRows(definition)]);
    // What files say their columns are is looked at one by one only where their union is not right.
    const problem = await this.#view([
      ...there.map(({ paths, rowsOf, where }) => `select * from ${rowsOf(paths)}${where}`),
      ...waiting,
    ]).catch((error) => asLedgerError(error) ?? Promise.reject(error));
    if (problem === undefined && isTyped(definition, await this.#columns())) return;
    const misfits: FileMisfit[] = [];
    const selects: string[] = [];
    for (const { paths, rowsOf, where } of there) {
      const typed = await typedRows(catalog, definition, paths, rowsOf).catch((error) => {
        throw problem ?? error;
      });
      misfits.push(...typed.misfits);
      selects.push(`select * from ${typed.sql}${where}`);
    }
    await this.#view([...selects, ...waiting]);
    this.#notice(misfits);
  }

  async #view(selects: readonly string[]): Promise<void> {
    const { catalog, definition: { type } } = this;
    await catalog.run(
      `create or replace temp view ${identifier(type)} as ${selects.join(" union all by name ")}`,
    );
  }

  async #columns(): Promise<Map<string, string>> {
    const rows = await this.catalog.rows<{ name: string; type: string }>(
      `select lower(column_name) as name, data_type as type from duckdb_columns()
       where database_name = 'temp' and table_name = $1`,
      [this.definition.type],
    );
    return new Map(rows.map(({ name, type }) => [name, type]));
  }

  #notice(misfits: readonly FileMisfit[]): void {
    const { runs_dir, options: { onNotice } } = this;
    for (const misfit of misfits.slice(0, names_shown_max)) {
      const path = misfit.path.slice(runs_dir.length + 1);
      onNotice?.(`${path}: ${misfitText(misfit)}: null or rounded in this answer`);
    }
    const more = misfits.length - names_shown_max;
    if (more > 0) onNotice?.(`and ${more} more columns like it: ledger runs verify --all`);
  }
}

function unreadable(type: string, problem: LedgerError): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read the ${type} of all runs: ${problem.message.split("\n")[0]}`,
    hint: "ledger runs verify --all names the files that are not as their manifests say",
    cause: problem,
  });
}

function noneThere(type: string, runs_dir: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `cannot read the ${type} of all runs: none of their files is there`,
    where: { path: runs_dir },
    hint:
      "if the runs are elsewhere, name their folder: --runs-dir DIR; if they are gone: ledger runs sync",
  });
}

/** The views over all runs' artifacts: made when a query names them, so no catalog lists them. */
export function describeArtifactViews(
  types: ArtifactTypes,
): { name: string; kind: string; columns: string }[] {
  return types.all().map(({ type, columns, is_open }) => {
    const names = columns.map(({ name }) => name);
    if (!names.includes("run_id")) names.push("run_id");
    if (is_open) names.push("…");
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
      sql: "select run_id, path, rows from run_inputs where sha256 like '3a1f%'",
      shows: "which runs read a file",
    },
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
