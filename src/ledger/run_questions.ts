/**
 * The reading half of a ledger's runs: questions to the catalog and to the index of the log. Everything
 * here loads what it needs when it is first asked.
 */
import { join, resolve } from "@std/path";
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { standOf } from "../base/files/seam.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { ledgerPaths } from "../log/mod.ts";
import type {
  ArtifactPlace,
  CatalogStats,
  RunCounts,
  RunListing,
  RunRow,
} from "../runs/catalog/queries.ts";
import type { RunFilter } from "../runs/catalog/run_filter.ts";
import type { Leaderboard, Ranking } from "../runs/catalog/rank.ts";
import type { GroupQuestion, GroupStatistics } from "../runs/catalog/group_statistics.ts";
import type { RunsToCompare } from "../runs/catalog/compare.ts";
import type { ComparedRun, DiffRow, Directions } from "../runs/catalog/diff.ts";
import type { InputCache } from "../runs/evidence/input_cache.ts";
import type { RunLineage } from "./run_lineage.ts";
import type { ArtifactTypes } from "../runs/artifacts/types.ts";

/** How the catalog is opened. */
interface CatalogOptions {
  /** What will be asked: there are views of the artifacts that it names. */
  sql?: string;
  /** Whether it may read the files of ledger and runs. Default: where `sql` names such a function. */
  files?: boolean;
  /** Gets what a view is without: files that are gone, values that are not of their column's type. */
  onNotice?: (message: string) => void;
}

/** What can be asked of the runs of one ledger. */
export abstract class RunQuestions {
  abstract readonly world: World;
  abstract readonly ledger_dir: string;
  abstract readonly dir: string;
  #counted?: { made_of: string; counts: RunCounts };

  abstract locate(beginning: string): Promise<{ run_id: string }>;
  abstract artifactTypes(): Promise<ArtifactTypes>;

  /**
   * Opens the catalog for reading; it stays as it is while it is open. Close it when done. For a
   * query that names artifacts (`trades`, `alerts`, …), there are views of them over all runs; for one
   * that names `run_states`, or without a query, that view too.
   */
  async openCatalog(options: CatalogOptions = {}): Promise<Database> {
    const { sql = "", onNotice } = options;
    const { mayReadFiles } = await import("../duckdb/sandbox.ts");
    const views = await import("../runs/catalog/artifact_views.ts");
    const types = await this.artifactTypes();
    const { openHalf } = await import("./run_states.ts");
    const { literal } = await import("../duckdb/connection.ts");
    const runs_dir = resolve(this.world.cwd(), this.dir);
    // What DuckDB may read it may also write, so a question about no file is let into no folder.
    const folders = options.files ?? mayReadFiles(sql)
      ? [runs_dir, resolve(this.world.cwd(), this.ledger_dir)]
      : views.mentionedArtifacts(types, sql).length > 0
      ? [runs_dir]
      : [];
    const catalog = await openHalf(this.#sources(), "catalog", { sql: options.sql, folders });
    try {
      // `getArtifactPath` begins its paths with it.
      await catalog.run(`set variable runs_dir = ${literal(this.dir)}`);
      const named = await views.namedArtifacts(types, catalog, sql);
      await views.createArtifactViews(this.world, catalog, runs_dir, named, { onNotice });
      const { allowWideIntervals } = await import("../duckdb/query.ts");
      await allowWideIntervals(catalog, sql);
      return catalog;
    } catch (error) {
      catalog.close();
      throw error;
    }
  }

  /** Opens a database with the view `run_states`: all runs that log or folder know. Close it when done. */
  async openStates(): Promise<Database> {
    const { openRunStates } = await import("./run_states.ts");
    return await openRunStates(this.#sources());
  }

  /** Runs that have ended, or those of a status. */
  async query(filter?: RunFilter): Promise<RunRow[]> {
    const { queryRuns } = await import("../runs/catalog/queries.ts");
    await using database = await this.openStates();
    return await queryRuns(database, await this.#readFilter(filter));
  }

  /** The same, with the columns that are asked for. */
  async list(filter?: RunFilter): Promise<RunListing> {
    const { listRuns } = await import("../runs/catalog/queries.ts");
    await using database = await this.openStates();
    return await listRuns(database, await this.#readFilter(filter));
  }

  /** A path of a run's artifact that opens from the current folder; null where there is no such file. */
  async artifactPath(run_id: string, artifact_type: string): Promise<string | null> {
    const found = await this.findArtifact(run_id, artifact_type);
    return found && this.world.files.facts(found.path)?.is_file ? found.path : null;
  }

  /** Where it is or was, and the archive that the run was put into, if it was. */
  async findArtifact(run_id: string, artifact_type: string): Promise<ArtifactPlace | undefined> {
    const { findArtifact } = await import("../runs/catalog/queries.ts");
    await using catalog = await this.openCatalog({ sql: "" });
    const found = await findArtifact(catalog, run_id, artifact_type);
    if (found) return found;
    // A name, which the catalog does not have: that is in the log.
    const located = await this.locate(run_id).catch((error) => {
      if (!asLedgerError(error)) throw error;
      return { run_id };
    });
    if (located.run_id.startsWith(run_id)) return undefined;
    return await findArtifact(catalog, located.run_id, artifact_type);
  }

  /** How many runs have ended, and are known; undefined where no index tells, and why if one is there. */
  async counts(onTrouble?: (problem: LedgerError) => void): Promise<RunCounts | undefined> {
    const { countRuns } = await import("../runs/catalog/queries.ts");
    // They are a function of the indexes, and a daemon is asked for them again and again.
    const made_of = (["runs", "catalog"] as const).map((name) => {
      const facts = this.world.files.facts(this.indexPath(name));
      return facts ? standOf(facts) : "";
    }).join("\n");
    if (this.#counted?.made_of === made_of) return this.#counted.counts;
    let counts: RunCounts;
    try {
      await using database = await this.openStates();
      counts = await countRuns(database);
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      if (problem.code !== "not_found") onTrouble?.(problem);
      return undefined;
    }
    this.#counted = { made_of, counts };
    return counts;
  }

  /** The runs that are pinned, as far as the index knows. */
  protected async pinnedRuns(): Promise<Set<string>> {
    if (!this.world.files.facts(this.indexPath("runs"))) return new Set();
    const { openHalf } = await import("./run_states.ts");
    const { PINNED_RUNS } = await import("../index/run_views.ts");
    await using index = await openHalf(this.#sources(), "runs", { sql: PINNED_RUNS, folders: [] });
    const rows = await index.rows<{ run_id: string }>(PINNED_RUNS);
    return new Set(rows.map(({ run_id }) => run_id));
  }

  /** What there is, in numbers. */
  async stats(): Promise<CatalogStats> {
    const { getCatalogStats } = await import("../runs/catalog/queries.ts");
    await using catalog = await this.openCatalog();
    return await getCatalogStats(catalog);
  }

  /** Runs in the order of a metric, the best first. */
  async rank(ranking: Ranking): Promise<Record<string, unknown>[]> {
    return (await this.leaderboard(ranking)).rows;
  }

  /** The same, with what is shown of each. */
  async leaderboard(ranking: Ranking): Promise<Leaderboard> {
    const { rankRuns } = await import("../runs/catalog/rank.ts");
    await using database = await this.openStates();
    return await rankRuns(database, { now_ms: this.world.now_ms(), ...ranking });
  }

  /** What a run rests on, and what rests on it: uses of artifacts, and links. */
  async lineage(beginning: string): Promise<RunLineage> {
    const { lineageOf } = await import("./run_lineage.ts");
    const { run_id } = await this.locate(beginning);
    await using database = await this.openStates();
    return await lineageOf(database, run_id);
  }

  /** A metric over the runs of a group: mean, standard deviation and 95 % interval for each setting. */
  async group(question: GroupQuestion): Promise<GroupStatistics> {
    const { groupStatistics } = await import("../runs/catalog/group_statistics.ts");
    await using database = await this.openStates();
    return await groupStatistics(database, { now_ms: this.world.now_ms(), ...question });
  }

  /** Runs to be compared, by ids or their beginnings, with what log and folder know of each. */
  async compared(runs: RunsToCompare): Promise<ComparedRun[]> {
    const { loadCompared } = await import("../runs/catalog/compare.ts");
    const run_ids: string[] = [];
    for (const asked of runs.run_ids ?? []) run_ids.push((await this.locate(asked)).run_id);
    await using database = await this.openStates();
    return await loadCompared(this, database, { now_ms: this.world.now_ms(), ...runs, run_ids });
  }

  /** What of them differs from the first of them, and what does not. */
  async diff(runs: RunsToCompare, directions?: Directions): Promise<DiffRow[]> {
    const { diffRuns } = await import("../runs/catalog/diff.ts");
    return diffRuns(await this.compared(runs), directions);
  }

  /** A filter whose input, where it names a file that is there, is the file's content. */
  async #readFilter(filter: RunFilter = {}): Promise<RunFilter> {
    const { world } = this;
    const { input } = filter;
    const now = { now_ms: world.now_ms(), ...filter };
    if (typeof input !== "string") return now;
    const { isDigest, notAnInput } = await import("../runs/catalog/run_filter.ts");
    const path = resolve(world.cwd(), input);
    const facts = world.files.facts(path);
    if (input === "" || facts?.is_folder) throw notAnInput(input);
    if (!facts) return isDigest(input) ? now : { ...now, input: { path } };
    const { readInputs } = await import("../runs/evidence/inputs.ts");
    const cache = await this.inputCache();
    const [{ sha256 }] = await readInputs(world, [path], { cache });
    cache.save();
    return { ...now, input: { path, sha256 } };
  }

  /** What was read of large inputs of runs. */
  protected async inputCache(): Promise<InputCache> {
    const { InputCache } = await import("../runs/evidence/input_cache.ts");
    return new InputCache(this.world, ledgerPaths(this.ledger_dir));
  }

  #sources() {
    const { world, ledger_dir, dir } = this;
    return { world, index_dir: ledgerPaths(ledger_dir).index, runs_dir: dir };
  }

  protected indexPath(name: "runs" | "catalog" | "alerts"): string {
    return join(ledgerPaths(this.ledger_dir).index, `${name}.duckdb`);
  }
}
