/** The runs of a ledger: their folders, the catalog of them, and the events that tell of both. */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { fresh_sync_ms_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { RegistryReader } from "../log/event/registry.ts";
import { ledgerPaths } from "../log/mod.ts";
import type { CatalogSyncOptions, CatalogSyncReport } from "../runs/catalog/catalog.ts";
import type { AlertsReport, AlertsSyncOptions } from "../runs/catalog/alerts.ts";
import type { CompactReport } from "../runs/upkeep/compact.ts";
import type { Rerun } from "../runs/evidence/rerun.ts";
import type { RunsReport } from "../runs/upkeep/verify.ts";
import type { PrunedMonth, PruneRequest } from "../runs/upkeep/prune.ts";
import type { NewRun, RunEvents } from "../runs/directory/run_lifecycle.ts";
import type { ArtifactUse, SaidOfRun } from "./annotations.ts";
import type { Claim, Claimed, LoggedClaim } from "./claims.ts";
import { RunQuestions } from "./run_questions.ts";
import type { FinishedRun, RunEnding } from "./finish_run.ts";
import type { KnownRun } from "./known_run.ts";
import type { RunDirectory, RunPlace } from "../runs/directory/directory.ts";
import { runsDir } from "../base/build.ts";
import type { ArtifactTypes } from "../runs/artifacts/types.ts";

/** Whether the log hears of what is done to a run. Default: it does. */
export interface TellOptions {
  events?: boolean;
}

/** How a run is looked for. */
export interface LocateOptions extends TellOptions {
  /** Whether the log may first be taken into the index for a run that is not there. Default: it may. */
  sync?: boolean;
}

/** Gets what is worth a line. */
interface NoticeOptions {
  onNotice?: (message: string) => void;
}

/** Which runs are verified, and how closely. */
export interface RunsToVerify extends NoticeOptions {
  run_id?: string;
  deep?: boolean;
  inputs?: boolean;
  rehash?: boolean;
  /** Gets how much is read of inputs, of so much. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** The runs of one ledger. Everything here loads what it needs when it is first asked. */
export class LedgerRuns extends RunQuestions {
  /** The folder of runs. */
  readonly dir: string;
  readonly #registry: RegistryReader;
  #types?: ArtifactTypes;

  constructor(
    readonly world: World,
    readonly ledger_dir: string,
    dir: string | undefined,
    readonly events: RunEvents & { sync(options?: NoticeOptions): Promise<unknown> },
  ) {
    super();
    this.dir = runsDir(world, dir);
    this.#registry = new RegistryReader(world, ledger_dir);
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
    const { hasNoFolder, lookAt } = await import("./known_run.ts");
    throw hasNoFolder(await lookAt(this, run), this.dir);
  }

  /** A run that log or folder know, by its id, the beginning of its id or its name; its folder, if there is one. */
  async locate(
    beginning: string,
    { sync = true, ...options }: LocateOptions = {},
  ): Promise<{ run_id: string; directory?: RunDirectory }> {
    const { RunDirectory } = await import("../runs/directory/directory.ts");
    const { wholeRunId } = await import("../runs/manifest/layout.ts");
    const { namesOfRuns } = await import("./known_run.ts");
    const place = await this.#place(options);
    const directory = RunDirectory.find(place, beginning);
    if (directory) return { run_id: beginning, directory };
    const known = () => namesOfRuns(() => this.openStates());
    let indexed = await known();
    // Ids stay; the log may know another name, or a run, that the index does not know yet.
    if (sync && !indexed.some(({ run_id }) => run_id === beginning)) {
      const is_name = indexed.some(({ name }) => name === beginning);
      if (await this.#trySyncIndex(is_name ? Infinity : undefined)) indexed = await known();
    }
    const run_id = wholeRunId(this.world.files, this.dir, beginning, indexed);
    return { run_id, directory: RunDirectory.find(place, run_id) };
  }

  /** Everything that log, index and folder say of a run. */
  async look(beginning: string, onNotice?: (message: string) => void): Promise<KnownRun> {
    const { lookAt } = await import("./known_run.ts");
    return await lookAt(this, await this.locate(beginning), onNotice);
  }

  /** Ends a run: in its folder, or where it has none by an event. Returns its folder and status. */
  async finish(beginning: string, end: RunEnding, options?: TellOptions): Promise<FinishedRun> {
    const { finishRun } = await import("./finish_run.ts");
    const { RunDirectory } = await import("../runs/directory/directory.ts");
    if (!RunDirectory.find(await this.#place(options), beginning)) {
      // What is known of a run without a folder is in the log, also what was emitted a moment ago.
      await this.#syncIndex(Infinity);
    }
    return await finishRun(this, await this.locate(beginning, options), end, options?.events);
  }

  /** Says something about a run, which stays as it is: tags, a note, a name, a pin, its group, links. */
  async annotate(
    beginning: string,
    said: SaidOfRun,
    onNotice?: (message: string) => void,
  ): Promise<string> {
    const { annotateRun } = await import("./annotations.ts");
    // The name may have been given to another run a moment ago.
    if (said.name) await this.#trySyncIndex();
    return await annotateRun(this, beginning, said, onNotice);
  }

  /** Notes that a run has read an artifact of another: the only one, or the one that is named. */
  async noteUse(beginning: string, used: string, artifact_type?: string): Promise<ArtifactUse> {
    const { noteUse } = await import("./annotations.ts");
    return await noteUse(this, beginning, used, artifact_type);
  }

  /** Claims what a run, or a group of runs, is to show, before its trials. Returns the event. */
  async claim(
    claimed: Claimed,
    claim: Claim,
    onNotice?: (message: string) => void,
  ): Promise<Record<string, unknown>> {
    const { makeClaim } = await import("./claims.ts");
    return await makeClaim(this, claimed, claim, onNotice);
  }

  /** The claims about a run and its group, or about a group, and whether they stand before its trials. */
  async claims(claimed: Claimed): Promise<LoggedClaim[]> {
    const { claimsOf } = await import("./claims.ts");
    return await claimsOf(this, claimed);
  }

  /** Brings the catalog up to date with the manifests. */
  async sync(options?: CatalogSyncOptions): Promise<CatalogSyncReport> {
    await this.#mustBeThere();
    const { syncCatalog } = await import("../runs/catalog/catalog.ts");
    return await syncCatalog(this.world, this.dir, this.indexPath("catalog"), options);
  }

  /** What brings a run's code, inputs and arguments back, and what cannot be brought back. */
  async planRerun(beginning: string): Promise<Rerun> {
    const { planRerun } = await import("../runs/evidence/rerun.ts");
    const run = await this.find(beginning);
    return await planRerun(this.world, run.readManifest(), run.folder);
  }

  /**
   * Whether runs are whole: all of them, or one by its id. `deep` compares digests, `inputs` what they
   * read; with `rehash` also large files that stand as they did when they were last read.
   */
  async verify(options: RunsToVerify = {}): Promise<RunsReport> {
    const { verifyRuns } = await import("../runs/upkeep/verify.ts");
    const { run_id, deep, inputs, rehash, onNotice, onProgress } = options;
    const only = run_id === undefined ? undefined : (await this.find(run_id)).path;
    const types = await this.artifactTypes();
    const cache = inputs ? await this.inputCache() : undefined;
    const reading = inputs ? { cache, rehash, onNotice, onProgress } : undefined;
    const report = await verifyRuns(this.world, this.dir, { only, deep, types, inputs: reading });
    cache?.save();
    return report;
  }

  /** What `prune` would do with these words. */
  async planPrune(request: PruneRequest, options?: NoticeOptions): Promise<PrunedMonth[]> {
    const { planPrune } = await import("../runs/upkeep/prune.ts");
    await this.#checkArchives(request);
    const pinned = await this.#pinned(options);
    return await planPrune(this.world, this.dir, { ...request, pinned });
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
    const pinned = await this.#pinned(options);
    const months = await prune(this.world, this.dir, { ...request, pinned }, onMonth);
    await this.sync(options);
    return months;
  }

  /** The pins as the log has them now: what cannot tell them, a prune does not go on without. */
  async #pinned(options?: NoticeOptions): Promise<Set<string>> {
    await this.#syncIndex(Infinity, options);
    return await this.pinnedRuns();
  }

  /** Brings `alerts.duckdb` up to date with the catalog. */
  async syncAlerts(options?: AlertsSyncOptions): Promise<AlertsReport> {
    const { syncAlerts } = await import("../runs/catalog/alerts.ts");
    const { SnapshotStore } = await import("../duckdb/snapshot_swap.ts");
    const fingerprint = new SnapshotStore(this.world, this.indexPath("catalog")).fingerprint();
    await using catalog = await this.openCatalog({ sql: "" });
    const from = { catalog, fingerprint };
    return await syncAlerts(this.world, from, this.dir, this.indexPath("alerts"), options);
  }

  /** Puts a month's artifacts together, for questions to thousands of runs. */
  async compact(month: string, options?: CatalogSyncOptions): Promise<CompactReport> {
    const { compactMonth } = await import("../runs/upkeep/compact.ts");
    const report = await compactMonth(this.world, this.dir, month, await this.artifactTypes());
    await this.sync(options);
    return report;
  }

  /** Takes what is new in the log into the index, where that is quick; whether there was something. */
  async #syncIndex(
    quick_ms_max = fresh_sync_ms_max,
    options?: NoticeOptions,
  ): Promise<boolean> {
    if (!this.world.files.facts(ledgerPaths(this.ledger_dir).events)) return false;
    const { lagOfIndex } = await import("../index/watermark.ts");
    const lag = lagOfIndex(this.world, this.ledger_dir);
    if (!lag || lag.cost_ms > quick_ms_max) return false;
    await this.events.sync({ onNotice: options?.onNotice });
    return true;
  }

  /** The same, where the index may also stay as it is: of a ledger that is only read, say. */
  async #trySyncIndex(quick_ms_max?: number): Promise<boolean> {
    try {
      return await this.#syncIndex(quick_ms_max);
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      return false;
    }
  }

  /** Not even a lock, nor a library, is left where a folder was mistyped. */
  async #mustBeThere(): Promise<void> {
    const { world: { files }, dir, ledger_dir } = this;
    const is_ledger = [ledgerPaths(ledger_dir).events, this.indexPath("catalog")]
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

  /** The artifact types that there are: the built-in ones, and those registered in this ledger. */
  async artifactTypes(): Promise<ArtifactTypes> {
    return (await this.#artifactTypes())();
  }

  async #artifactTypes(): Promise<() => ArtifactTypes> {
    const { artifactTypesOf } = await import("../runs/artifacts/registered.ts");
    return () => {
      const changed = this.#registry.readIfChanged();
      if (changed || !this.#types) {
        this.#types = artifactTypesOf((changed ?? this.#registry.read()).artifacts);
      }
      return this.#types;
    };
  }

  async #place({ events = true }: TellOptions = {}): Promise<RunPlace> {
    const { world, dir, ledger_dir } = this;
    const artifactTypes = await this.#artifactTypes();
    const told = events ? { events: this.events } : {};
    const inputCache = () => this.inputCache();
    return { world, runs_dir: dir, ledger_dir, artifactTypes, inputCache, ...told };
  }
}
