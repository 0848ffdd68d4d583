/** The runs of a ledger: their folders, the catalog of them, and the events that tell of both. */
import { join, resolve } from "@std/path";
import { buildFacts } from "../base/build.ts";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { fresh_sync_ms_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { ledgerPaths } from "../log/mod.ts";
import type { CatalogSyncOptions, CatalogSyncReport } from "../runs/catalog/catalog.ts";
import type {
  ArtifactPlace,
  CatalogStats,
  RunCounts,
  RunListing,
  RunRow,
} from "../runs/catalog/queries.ts";
import type { RunFilter } from "../runs/catalog/run_filter.ts";
import type { Leaderboard, Ranking } from "../runs/catalog/rank.ts";
import type { RunsToCompare } from "../runs/catalog/compare.ts";
import type { ComparedRun } from "../runs/catalog/diff.ts";
import type { AlertsReport, AlertsSyncOptions } from "../runs/catalog/alerts.ts";
import type { CompactReport } from "../runs/upkeep/compact.ts";
import type { RunsReport } from "../runs/upkeep/verify.ts";
import type { PrunedMonth, PruneRequest } from "../runs/upkeep/prune.ts";
import type { InputCache } from "../runs/evidence/input_cache.ts";
import type { NewRun, RunEvents } from "../runs/directory/run_lifecycle.ts";
import type { FinishedRun, KnownRun, RunEnding } from "./known_run.ts";
import type { RunDirectory, RunPlace } from "../runs/directory/directory.ts";
import type { ArtifactTypes } from "../runs/artifacts/types.ts";

/** Whether the log hears of what is done to a run. Default: it does. */
interface TellOptions {
  events?: boolean;
}

/** How the catalog is opened. */
interface CatalogOptions {
  /** What will be asked: there are views of the artifacts that it names. */
  sql?: string;
  /** Whether it may read the files of ledger and runs. Default: where `sql` names such a function. */
  files?: boolean;
  /** Gets what a view is without: files that are gone, values that are not of their column's type. */
  onNotice?: (message: string) => void;
}

/** The runs of one ledger. Everything here loads what it needs when it is first asked. */
export class LedgerRuns {
  /** The folder of runs. */
  readonly dir: string;
  #counted?: { made_of: string; counts?: RunCounts };

  constructor(
    readonly world: World,
    readonly ledger_dir: string,
    dir: string | undefined,
    readonly events: RunEvents & { sync(): Promise<unknown> },
  ) {
    this.dir = dir ?? (world.env("LEDGER_RUNS_DIR") || buildFacts().runs_dir);
  }

  /** Whether there is a folder of runs: the first run makes it. */
  exists(): boolean {
    return this.world.files.facts(this.dir)?.is_folder ?? false;
  }

  /** Begins a run: its folder, its manifest, and the events that say so. */
  async create(run: NewRun, options?: TellOptions): Promise<RunDirectory> {
    const { RunDirectory } = await import("../runs/directory/directory.ts");
    return await RunDirectory.create(await this.#place(options), run);
  }

  /** A run that has a folder, by its id or the beginning of its id. */
  async find(run_id: string, options?: TellOptions): Promise<RunDirectory> {
    const run = await this.locate(run_id, options);
    if (run.directory) return run.directory;
    const { hasNoFolder } = await import("./known_run.ts");
    throw hasNoFolder(run.run_id, this.dir);
  }

  /** A run that log or folder know, by its id, the beginning of its id or its name; its folder, if there is one. */
  async locate(
    beginning: string,
    options?: TellOptions,
  ): Promise<{ run_id: string; directory?: RunDirectory }> {
    const { RunDirectory } = await import("../runs/directory/directory.ts");
    const { wholeRunId } = await import("../runs/manifest/layout.ts");
    const { namesOfRuns } = await import("./known_run.ts");
    const place = await this.#place(options);
    const directory = RunDirectory.find(place, beginning);
    if (directory) return { run_id: beginning, directory };
    const whole = async () => {
      const indexed = await namesOfRuns(() => this.openStates());
      return wholeRunId(this.world.files, this.dir, beginning, indexed);
    };
    const run_id = await whole().catch(async (error) => {
      // The log may tell of a run that the index does not know yet.
      if (asLedgerError(error)?.code !== "not_found") throw error;
      const is_synced = await this.#syncIndex().catch((problem) => {
        if (!asLedgerError(problem)) throw problem;
        return false;
      });
      if (!is_synced) throw error;
      return await whole();
    });
    return { run_id, directory: RunDirectory.find(place, run_id) };
  }

  /** Everything that log, index and folder say of a run. */
  async look(beginning: string, onNotice?: (message: string) => void): Promise<KnownRun> {
    const { lookAt } = await import("./known_run.ts");
    return await lookAt(this, await this.locate(beginning), onNotice);
  }

  /** Ends a run: in its folder, or where it has none by an event. Returns its folder and status. */
  async finish(beginning: string, end: RunEnding, options?: TellOptions): Promise<FinishedRun> {
    const { finishRun } = await import("./known_run.ts");
    const { RunDirectory } = await import("../runs/directory/directory.ts");
    if (!RunDirectory.find(await this.#place(options), beginning)) {
      // What is known of a run without a folder is in the log, also what was emitted a moment ago.
      await this.#syncIndex(Infinity);
    }
    return await finishRun(this, await this.locate(beginning, options), end, options?.events);
  }

  /** Brings the catalog up to date with the manifests. */
  async sync(options?: CatalogSyncOptions): Promise<CatalogSyncReport> {
    await this.#mustBeThere();
    const { syncCatalog } = await import("../runs/catalog/catalog.ts");
    return await syncCatalog(this.world, this.dir, this.#index("catalog"), options);
  }

  /** Whether runs are whole: all of them, or one by its id. `deep` compares digests. */
  async verify(options: { run_id?: string; deep?: boolean } = {}): Promise<RunsReport> {
    const { verifyRuns } = await import("../runs/upkeep/verify.ts");
    const only = options.run_id === undefined ? undefined : (await this.find(options.run_id)).path;
    const types = await this.artifactTypes();
    return await verifyRuns(this.world, this.dir, { only, deep: options.deep, types });
  }

  /** What `prune` would do with these words. */
  async planPrune(request: PruneRequest): Promise<PrunedMonth[]> {
    const { planPrune } = await import("../runs/upkeep/prune.ts");
    await this.#checkArchives(request);
    return await planPrune(this.world, this.dir, request);
  }

  /** Takes months out of the folder of runs, and brings the catalog up to date. */
  async prune(
    request: PruneRequest,
    onMonth?: (month: PrunedMonth) => void,
    options?: CatalogSyncOptions,
  ): Promise<PrunedMonth[]> {
    const { prune } = await import("../runs/upkeep/prune.ts");
    await this.#checkArchives(request);
    // The catalog has to know the runs before it can remember them.
    await this.sync(options);
    const months = await prune(this.world, this.dir, request, onMonth);
    await this.sync(options);
    return months;
  }

  /** Brings `alerts.duckdb` up to date with the catalog. */
  async syncAlerts(options?: AlertsSyncOptions): Promise<AlertsReport> {
    const { syncAlerts } = await import("../runs/catalog/alerts.ts");
    const { SnapshotStore } = await import("../duckdb/snapshot_swap.ts");
    const fingerprint = new SnapshotStore(this.world, this.#index("catalog")).fingerprint();
    await using catalog = await this.openCatalog({ sql: "" });
    const from = { catalog, fingerprint };
    return await syncAlerts(this.world, from, this.dir, this.#index("alerts"), options);
  }

  /** Puts a month's artifacts together, for questions to thousands of runs. */
  async compact(month: string, options?: CatalogSyncOptions): Promise<CompactReport> {
    const { compactMonth } = await import("../runs/upkeep/compact.ts");
    const report = await compactMonth(this.world, this.dir, month, await this.artifactTypes());
    await this.sync(options);
    return report;
  }

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
      await views.createArtifactViews(this.world.files, catalog, runs_dir, named, { onNotice });
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
    return await queryRuns(database, { now_ms: this.world.now_ms(), ...filter });
  }

  /** The same, with the columns that are asked for. */
  async list(filter?: RunFilter): Promise<RunListing> {
    const { listRuns } = await import("../runs/catalog/queries.ts");
    await using database = await this.openStates();
    return await listRuns(database, { now_ms: this.world.now_ms(), ...filter });
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

  /** How many runs have ended, and are known; undefined where no index tells. */
  async counts(): Promise<RunCounts | undefined> {
    const { countRuns } = await import("../runs/catalog/queries.ts");
    // They are a function of the indexes, and a daemon is asked for them again and again.
    const made_of = (["runs", "catalog"] as const).map((name) => {
      const facts = this.world.files.facts(this.#index(name));
      return facts ? `${facts.identity} ${facts.size_bytes} ${facts.modified_ms}` : "";
    }).join("\n");
    if (this.#counted?.made_of === made_of) return this.#counted.counts;
    let counts: RunCounts | undefined;
    try {
      await using database = await this.openStates();
      counts = await countRuns(database);
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
    this.#counted = { made_of, counts };
    return counts;
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

  /** Runs to be compared, by ids or their beginnings, with what log and folder know of each. */
  async compared(runs: RunsToCompare): Promise<ComparedRun[]> {
    const { loadCompared } = await import("../runs/catalog/compare.ts");
    const run_ids: string[] = [];
    for (const asked of runs.run_ids ?? []) run_ids.push((await this.locate(asked)).run_id);
    await using database = await this.openStates();
    return await loadCompared(database, { now_ms: this.world.now_ms(), ...runs, run_ids });
  }

  /** Takes what is new in the log into the index, where that is quick; whether there was something. */
  async #syncIndex(quick_ms_max = fresh_sync_ms_max): Promise<boolean> {
    if (!this.world.files.facts(ledgerPaths(this.ledger_dir).events)) return false;
    const { lagOfIndex } = await import("../index/watermark.ts");
    const lag = lagOfIndex(this.world, this.ledger_dir);
    if (!lag || lag.cost_ms > quick_ms_max) return false;
    await this.events.sync();
    return true;
  }

  /** Not even a lock, nor a library, is left where a folder was mistyped. */
  async #mustBeThere(): Promise<void> {
    const { world: { files }, dir, ledger_dir } = this;
    const is_ledger = [ledgerPaths(ledger_dir).events, this.#index("catalog")]
      .some((path) => files.facts(path));
    if (is_ledger) return;
    const { scanRuns } = await import("../runs/manifest/scan.ts");
    if (scanRuns(this.world, dir).length > 0) return;
    throw new LedgerError({
      code: "usage",
      message: `there are no runs in ${dir} and no ledger at ${ledger_dir}: nothing to catalogue`,
      where: { path: dir },
      hint: "is this the right folder? for others: --runs-dir DIR and --dir DIR",
    });
  }

  async #checkArchives({ archive }: PruneRequest): Promise<void> {
    if (archive === undefined) return;
    const { checkMayArchiveIn } = await import("../log/format/reserved_paths.ts");
    const { world, ledger_dir, dir } = this;
    checkMayArchiveIn(world, archive, { dir: ledger_dir, runs_dir: dir });
  }

  #sources() {
    const { world, ledger_dir, dir } = this;
    return { world, index_dir: ledgerPaths(ledger_dir).index, runs_dir: dir };
  }

  async #inputCache(): Promise<InputCache> {
    const { InputCache } = await import("../runs/evidence/input_cache.ts");
    const { world, ledger_dir } = this;
    const path = join(ledgerPaths(ledger_dir).index, "input_digests.ndjson");
    return new InputCache(world, ledger_dir, path);
  }

  #index(name: "runs" | "catalog" | "alerts"): string {
    return join(ledgerPaths(this.ledger_dir).index, `${name}.duckdb`);
  }

  /** The artifact types that there are: the built-in ones, and those registered in this ledger. */
  async artifactTypes(): Promise<ArtifactTypes> {
    const { BUILT_IN_TYPES } = await import("../runs/artifacts/types.ts");
    return BUILT_IN_TYPES;
  }

  async #place({ events = true }: TellOptions = {}): Promise<RunPlace> {
    const { world, dir } = this;
    const types = await this.artifactTypes();
    const told = events ? { events: this.events } : {};
    const inputCache = () => this.#inputCache();
    return { world, runs_dir: dir, artifactTypes: () => types, inputCache, ...told };
  }
}
