/**
 * One run's folder, from its creation to its end. Each step is atomic: the manifest is replaced in one
 * go, an artifact is staged and then committed under the manifest's lock, and `_SUCCESS` comes last. The
 * log hears of each step after it is durable, under ids that make publishing it again harmless.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { appendDurably, makeFolderDurably, replaceFile } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { systemWorld, uniqueName, type World } from "../../base/world.ts";
import type { Row } from "../../parquet/mod.ts";
import type { ArtifactSource } from "../artifacts/input.ts";
import type { ArtifactTypes } from "../artifacts/types.ts";
import type { EvidenceFile } from "../evidence/changes.ts";
import type { InputCache } from "../evidence/input_cache.ts";
import { writeEvidence } from "../evidence/provenance.ts";
import { type MetricPlace, MetricsLog } from "../metrics/log.ts";
import type { MetricSeries } from "../metrics/points.ts";
import type { ReadMetricsOptions } from "../metrics/read.ts";
import { METRICS } from "../metrics/segments.ts";
import { withChangeMarked } from "../manifest/change_mark.ts";
import { checkRunId, monthOf, pathOfRun, RUN_FILES, runPath } from "../manifest/layout.ts";
import { stateOfOpen, takeRunLock } from "../manifest/liveness_lock.ts";
import {
  hasEnded,
  ManifestFile,
  noteFindings,
  parseManifest,
  type RunManifest,
  type StoredArtifact,
} from "../manifest/manifest.ts";
import { abandonUnnamed, placeFiles, removeHalfWritten } from "../manifest/waiting.ts";
import { attachFile, type AttachOptions, type FileSource, type NewFile } from "./attach.ts";
import {
  begunAgain,
  begunBefore,
  checkBeginning,
  checkRunType,
  newManifest,
  type NewRun,
  noteEnd,
  refuseOtherBeginning,
  refuseOtherSummary,
  type RunEnd,
  RunEventPublisher,
  type RunEvents,
  summaryRow,
  withoutFiles,
} from "./run_lifecycle.ts";
import {
  ifAny,
  type NotedArtifact,
  noteStored,
  type RunToStore,
  storeArtifact,
  type WrittenArtifact,
} from "./store_artifact.ts";

/** Where runs are, and where their events go. */
export interface RunPlace {
  world: World;
  runs_dir: string;
  /** What lies in it is no code. */
  ledger_dir?: string;
  /** Absent where the caller emits the events itself. */
  events?: RunEvents;
  /** The artifact types there are now; absent: the built-in ones. */
  artifactTypes?: () => ArtifactTypes;
  /** What was read of large inputs is kept here, where there is a ledger. */
  inputCache?: () => Promise<InputCache>;
}

/** One run's folder. */
export class RunDirectory implements AsyncDisposable {
  #owner?: OpenFile;
  readonly #manifest: ManifestFile;
  readonly #log: RunEventPublisher;
  readonly #metrics: MetricsLog;

  private constructor(
    readonly place: RunPlace,
    /** Below the folder of runs. */
    readonly path: string,
    readonly run_id: string,
  ) {
    this.#manifest = new ManifestFile(place.world, this.folder, run_id);
    this.#log = new RunEventPublisher(place.events, run_id, this.folder);
    this.#metrics = new MetricsLog(place.world, this.folder, run_id, (body) => {
      return this.#manifest.locked(() => {
        this.refuseIfEnded();
        return body();
      });
    });
  }

  get folder(): string {
    return join(this.place.runs_dir, this.path);
  }

  /** Makes a run's folder and its manifest, and publishes that. */
  static async create(place: RunPlace, run: NewRun): Promise<RunDirectory> {
    const { world } = place;
    checkRunType(run.run_type, run.onNotice);
    const run_id = run.run_id ?? world.random_uuid();
    checkRunId(run_id);
    const now_ms = world.now_ms();
    const path = begunBefore(world, place.runs_dir, run_id) ?? runPath(monthOf(now_ms), run_id);
    const directory = new RunDirectory(place, path, run_id);
    const cache = run.inputs?.length ? await place.inputCache?.() : undefined;
    const own_folders = [place.runs_dir, place.ledger_dir].filter((path) => path !== undefined);
    const begins_at = new Date(now_ms).toISOString();
    const { manifest, files } = await newManifest(
      world,
      run,
      { run_id, begins_at, own_folders },
      cache,
    );
    checkBeginning(manifest, directory.#manifest.path);
    makeFolderDurably(world.files, directory.folder);
    try {
      if (run.owned) directory.#owner = await takeRunLock(world, directory.folder);
      await directory.#change(() => directory.#begin(manifest, files));
    } catch (error) {
      await directory.close();
      throw error;
    }
    cache?.save();
    return directory;
  }

  /** Until its event is in the log a run is pending, and creating it again goes on from there. */
  async #begin(manifest: RunManifest, evidence: EvidenceFile[]): Promise<void> {
    const { files } = this.place.world;
    const there = this.#manifest.exists() ? this.readManifest() : undefined;
    if (there) refuseOtherBeginning(there, manifest, this.folder);
    // Left by an owner that was killed before the run had begun.
    const lock_path = join(this.folder, RUN_FILES.owner_lock);
    if (!this.#owner && files.facts(lock_path)) files.remove(lock_path);
    const begun = there ? begunAgain(there, manifest) : manifest;
    // Until its files are replaced, a manifest names none of them.
    if (there) this.#manifest.write({ ...begun, code: withoutFiles(begun), status: "pending" });
    writeEvidence(this.place.world, this.folder, evidence);
    if (this.place.events) {
      this.#manifest.write({ ...begun, status: "pending" });
      await this.#log.created(begun);
    }
    this.#manifest.write({ ...begun, status: "running" });
  }

  /** A run that has a folder, by its whole id. */
  static find(place: RunPlace, run_id: string): RunDirectory | undefined {
    const path = pathOfRun(place.world.files, place.runs_dir, run_id);
    return path === undefined ? undefined : new RunDirectory(place, path, run_id);
  }

  /** Reads the manifest in a run's folder. */
  static readManifest(folder: string, world: World = systemWorld()): RunManifest {
    const path = join(folder, RUN_FILES.manifest);
    return parseManifest(world.files.readText(path), path);
  }

  readManifest(): RunManifest {
    return this.#manifest.read();
  }

  /** Whether the run ended well, and all it left is there. */
  isComplete(): boolean {
    return this.place.world.files.facts(join(this.folder, RUN_FILES.success)) !== undefined;
  }

  #hasEnded({ status }: RunManifest): boolean {
    return hasEnded(status, () => this.isComplete());
  }

  /** Its state right now: the status of one that ended, else that of `stateOfOpen`. */
  async state(): Promise<string> {
    const { world, runs_dir } = this.place;
    const manifest = this.readManifest();
    if (this.#hasEnded(manifest)) return manifest.status;
    return (await stateOfOpen(world, runs_dir, this.path, manifest)).state;
  }

  /** Changes the run under its manifest's lock, so that readers of the mark know that it changed. */
  async #change<T>(body: () => T | Promise<T>): Promise<T> {
    const { world: { files }, runs_dir } = this.place;
    return await this.#manifest.locked(() => withChangeMarked(files, runs_dir, body));
  }

  /** Changes the manifest under its lock. */
  async updateManifest(change: (manifest: RunManifest) => void): Promise<RunManifest> {
    return await this.#change(() => {
      const manifest = this.readManifest();
      change(manifest);
      this.#manifest.write(manifest);
      return manifest;
    });
  }

  /** Throws when the run has ended: what it left does not change any more. */
  refuseIfEnded(
    hint = "results of a finished run are final; create a new run for new ones",
  ): RunManifest {
    const manifest = this.readManifest();
    if (manifest.status !== "completed" && manifest.status !== "failed") return manifest;
    throw new LedgerError({
      code: "invalid",
      message: `cannot write to run ${this.run_id}: it has ended (${manifest.status})`,
      where: { path: this.folder },
      hint,
    });
  }

  /**
   * Stores an artifact. One of the same type that is there is replaced; but metrics are added, and become an
   * artifact when the run ends.
   */
  async writeArtifact(
    type: string,
    source: ArtifactSource | Iterable<Row> | AsyncIterable<Row>,
    options: { codec?: "snappy" | "zstd" } = {},
  ): Promise<WrittenArtifact> {
    this.refuseIfEnded();
    const is_rows = Symbol.iterator in source || Symbol.asyncIterator in source;
    const given = is_rows ? { rows: source } : source;
    if (type === METRICS) {
      const { addTable } = await import("../metrics/table.ts");
      const { findings, notes, ...added } = await addTable(this.#metrics, given);
      return { ...added, ...ifAny({ findings, notes }) };
    }
    return await storeArtifact(this.#run, type, given, options);
  }

  /** Attaches a file of any kind: a plot, a model. One of the same name that is there is replaced. */
  async attachFile(source: FileSource, options: AttachOptions = {}): Promise<NewFile> {
    return await attachFile(this.#run, source, options);
  }

  /** What attaching and storing need of it. */
  get #run(): RunToStore {
    return {
      ...this.place,
      folder: this.folder,
      manifest: this.#manifest,
      log: this.#log,
      refuseIfEnded: (hint) => this.refuseIfEnded(hint),
      change: (body) => this.#change(body),
    };
  }

  /** Logs values of metrics at a step: all of them or none. They are durable when it resolves. */
  logMetrics(values: Readonly<Record<string, number>>, place: MetricPlace): Promise<void> {
    return this.#metrics.log(values, place);
  }

  /** The metrics that were logged so far, or those of some names. Damaged places are left out. */
  async readMetrics(options?: ReadMetricsOptions): Promise<MetricSeries[]> {
    const { readMetrics } = await import("../metrics/read.ts");
    return await readMetrics(this.place.world, this.folder, options);
  }

  /** Notes an artifact that is in place, and publishes that. */
  async noteArtifact(...artifact: NotedArtifact): Promise<void> {
    await this.#change(() => noteStored(this.#run, this.refuseIfEnded(), undefined, ...artifact));
  }

  /** Appends to what the run printed. Durable when it returns. */
  async appendLog(
    stream: "stdout" | "stderr",
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<{ path: string; bytes: number }> {
    this.refuseIfEnded();
    const path = join(this.folder, RUN_FILES[stream]);
    const bytes = await appendDurably(this.place.world.files, path, chunks);
    await this.updateManifest((manifest) => {
      manifest.logs = { ...manifest.logs, [stream]: RUN_FILES[stream] };
    });
    return { path, bytes };
  }

  /** The run ended well: the manifest says so, the log hears it, and `_SUCCESS` comes last. */
  async markSuccess(end: RunEnd = {}): Promise<RunManifest> {
    const { world } = this.place;
    return await this.#finish(async (manifest) => {
      refuseOtherSummary(this.run_id, await summaryRow(world, this.folder, manifest), end.summary);
      noteEnd(manifest, end, world.now_ms());
      // Parquet is loaded only for artifacts that can disagree.
      if (manifest.artifacts.trades || manifest.artifacts.equity) {
        const { disagreements } = await import("../artifacts/agreement.ts");
        const found = await disagreements(world, this.folder, manifest);
        noteFindings(manifest, found, ({ kind }) => kind === "disagreement");
      }
      manifest.status = "completed";
      delete manifest.error;
      this.#manifest.write(manifest);
      await this.#log.completed(manifest);
      const success = join(this.folder, RUN_FILES.success);
      replaceFile(world.files, success, new Uint8Array(), uniqueName(world));
    });
  }

  /** The run failed: the manifest says why, the log hears it, and the manifest's status comes last. */
  async markFailed(error: string | Error, end: RunEnd = {}): Promise<RunManifest> {
    const reason = typeof error === "string" ? error : error.message || error.name;
    return await this.#finish(async (manifest) => {
      noteEnd(manifest, end, this.place.world.now_ms());
      manifest.status = "running";
      manifest.error = reason;
      this.#manifest.write(manifest);
      await this.#log.failed(manifest);
      manifest.status = "failed";
      this.#manifest.write(manifest);
    });
  }

  /** Lets go of the run. One that was owned and has not ended counts as crashed from here on. */
  async close(): Promise<void> {
    await this.#metrics.settled();
    this.#owner?.close();
    this.#owner = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A command that was interrupted may be given again; a run cannot end in two ways. */
  async #finish(body: (manifest: RunManifest) => Promise<void>): Promise<RunManifest> {
    await this.#metrics.settled();
    const finished = await this.#change(async () => {
      const manifest = this.readManifest();
      const { status, completed_at } = manifest;
      if (this.#hasEnded(manifest)) {
        throw new LedgerError({
          code: "invalid",
          message: `cannot finish run ${this.run_id}: it has ended already (${status}, ` +
            `${completed_at})`,
          where: { path: this.folder },
          hint: "a run ends once; begin a new one: ledger runs create",
        });
      }
      // The process that created it was killed before the log heard of it.
      if (status === "pending") await this.#log.created(manifest);
      placeFiles(this.place.world, manifest, this.#manifest);
      const noted = manifest.artifacts[METRICS] as StoredArtifact | undefined;
      await this.#metrics.finish(
        noted && (() => this.#log.stored(METRICS, noted)),
        ({ entry, staged }, findings) =>
          noteStored(this.#run, manifest, staged, METRICS, entry, undefined, findings).catch(
            (error) => {
              if (staged) abandonUnnamed(this.#manifest, staged);
              throw error;
            },
          ),
      );
      await body(manifest);
      // Not before: a run that is refused its end goes on, and others may be writing into it.
      removeHalfWritten(this.place.world, this.#manifest);
      return manifest;
    });
    await this.close();
    return finished;
  }
}
