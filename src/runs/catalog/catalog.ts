/**
 * Sync of `catalog.duckdb`, a materialized view of the manifests on the disk. The catalog is a function
 * of those files: whatever the order in which they came, and however often this was interrupted, the
 * rows are the same. Runs that are gone from the disk stay, marked as missing.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { writeFully } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { SnapshotStore } from "../../duckdb/snapshot_swap.ts";
import { readChangeMark } from "../manifest/change_mark.ts";
import { type Fingerprinted, idOfPath, isOutside } from "../manifest/layout.ts";
import { stateOfOpen } from "../manifest/liveness_lock.ts";
import { inputsOf, type RunManifest } from "../manifest/manifest.ts";
import { classifyRun, isHiding, type RunClass, scanRuns } from "../manifest/scan.ts";
import {
  type CatalogEntries,
  type CatalogEntry,
  type CatalogSnapshot,
  type Change,
  changeOf,
  isAlreadySo,
  type OpenRun,
  openStatus,
  type SkippedRun,
} from "./change.ts";
import { readArchived, readCompacted, scanArchived, scanCompacted } from "./month_files.ts";
import { artifactRows, withSummary } from "./rows.ts";
import * as sql from "./schema.ts";
import { noteRuns } from "./watermark.ts";

/** How to sync. */
export interface CatalogSyncOptions {
  lock_wait_ms?: number;
  /** From when on a run without an owner, to which nothing is written, is stale. */
  stale_after_ms?: number;
  /** Build from nothing. */
  full?: boolean;
  onNotice?: (message: string) => void;
  /** Gets how many runs have been looked at, and of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** What a sync did. */
export interface CatalogSyncReport {
  path: string;
  /** Whether there was no catalog that could be brought up to date. */
  initialized: boolean;
  /** Runs that are in the catalog now and were not, and those whose rows are others now. */
  registered: number;
  updated: number;
  /** Runs whose folders are gone since the last time. */
  missing: number;
  skipped: SkippedRun[];
  /** The paths of runs that are new and lie outside of any month's folder. */
  outside: string[];
  /** Runs that the disk, or a right that is missing, hides: those that were catalogued stay as they were. */
  unread: SkippedRun[];
  seconds: number;
}

type SyncResult = Omit<CatalogSyncReport, "seconds">;

/** Syncs the catalog. One process at a time; readers are never waited for. */
export async function syncCatalog(
  world: World,
  runs_dir: string,
  path: string,
  options: CatalogSyncOptions = {},
): Promise<CatalogSyncReport> {
  const started_ms = world.elapsed_ms();
  const store = new SnapshotStore(world, path);
  await store.lock(options.lock_wait_ms);
  try {
    const report = await new CatalogSync(world, runs_dir, store, options).run();
    return { ...report, seconds: (world.elapsed_ms() - started_ms) / 1000 };
  } finally {
    store.unlock();
  }
}

class CatalogSync {
  /** Manifests that were read in this sync, by path. */
  readonly #manifests = new Map<string, RunManifest>();
  readonly #unread: SkippedRun[] = [];

  constructor(
    readonly world: World,
    readonly runs_dir: string,
    readonly store: SnapshotStore,
    readonly options: CatalogSyncOptions,
  ) {}

  async run(): Promise<SyncResult> {
    return await this.store.buildFromLive({
      name: "the catalog",
      read: this.options.full ? undefined : () => this.#readSnapshot(),
      build: (before, keep_aside) => this.#sync(before, keep_aside),
      onNotice: this.options.onNotice,
    });
  }

  async #sync(before: CatalogSnapshot | undefined, keep_aside: boolean): Promise<SyncResult> {
    this.#unread.length = 0;
    const mark = readChangeMark(this.world.files, this.runs_dir);
    const old = before?.entries ?? new Map<string, CatalogEntry>();
    const entries = await this.#scan(old);
    const change = changeOf(old, entries, await this.#openRuns(entries));
    if (!before || !isAlreadySo(before, change)) {
      await this.#build(change, before !== undefined, keep_aside);
    }
    // What could not be read may be another at the next look, whatever the mark says.
    if (this.#unread.length === 0) noteRuns(this.store, mark, entries.size);
    return {
      path: this.store.path,
      initialized: before === undefined,
      registered: change.registered.size,
      updated: change.updated.size,
      missing: change.gone.length,
      skipped: [...change.skipped],
      outside: [...change.registered].map((run_id) => change.path_of.get(run_id)!).filter(
        isOutside,
      ),
      unread: this.#unread,
    };
  }

  async #readSnapshot(): Promise<CatalogSnapshot> {
    await using database = await this.store.openLive(sql.VERSION, sql.CATALOG_VERSION);
    const files = await database.rows<Record<string, string | null>>(sql.ALL_FILES);
    const open = await database.rows<Record<string, string>>(sql.ALL_OPEN);
    return {
      entries: new Map(files.map(({ run_path, fingerprint, kind, run_id, reason }) => [run_path!, {
        fingerprint: fingerprint!,
        kind: kind as CatalogEntry["kind"],
        run_id: run_id ?? undefined,
        reason: reason ?? undefined,
      }])),
      open: new Map(open.map((row) => [row.run_path, openStatus(row.state, row.last_written_ms)])),
    };
  }

  /** What stands on the disk. Only what is new, other, or unfinished is read. */
  async #scan(before: CatalogEntries): Promise<Map<string, CatalogEntry>> {
    const { world, runs_dir } = this;
    const entries = new Map<string, CatalogEntry>();
    const runs = scanRuns(world, runs_dir);
    for (const [at, run] of runs.entries()) {
      this.options.onProgress?.(at, runs.length);
      const { path, fingerprint } = run;
      const old = before.get(path);
      // What could not be used is looked at again: it may have been the disk's fault.
      const is_same = old?.fingerprint === fingerprint && old.kind === "ended";
      entries.set(path, is_same ? old : await this.#classify(run, old));
    }
    for (const { path, fingerprint } of scanArchived(world, runs_dir)) {
      const old = before.get(path);
      const is_same = old?.fingerprint === fingerprint && old.kind === "archived";
      const reason = is_same ? old.reason : this.#damageOf(path);
      entries.set(path, { fingerprint, kind: "archived", reason });
    }
    for (const { path, fingerprint } of scanCompacted(world, runs_dir)) {
      entries.set(path, { fingerprint, kind: "compacted" });
    }
    return entries;
  }

  /** What a run is now, as far as it can be read. */
  async #classify(run: Fingerprinted, old: CatalogEntry | undefined): Promise<CatalogEntry> {
    const { path, fingerprint } = run;
    const found = await this.#read(run);
    if (found.kind !== "unusable") {
      this.#manifests.set(path, found.manifest);
      return { fingerprint, kind: found.kind, run_id: found.manifest.run_id };
    }
    const { kind, reason, is_hidden } = found;
    if (is_hidden) this.#unread.push({ run_path: path, reason });
    // With its old fingerprint it is looked at again the next time.
    if (is_hidden && old?.kind === "ended") return old;
    return { fingerprint, kind, reason, run_id: idOfPath(path) };
  }

  /** Reads a run's manifest, and its summary where that stands in a file alone. */
  async #read(run: Fingerprinted): Promise<RunClass> {
    const { world, runs_dir } = this;
    const found = classifyRun(world, runs_dir, run);
    if (found.kind !== "ended") return found;
    try {
      const manifest = await withSummary(world, join(runs_dir, run.path), found.manifest);
      return { kind: "ended", manifest };
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem || !isHiding(problem)) throw error;
      return { kind: "unusable", reason: problem.message, is_hidden: true };
    }
  }

  /** What is wrong with a month's list of archived runs. */
  #damageOf(path: string): string | undefined {
    const { damage } = readArchived(this.world, this.runs_dir, path);
    if (damage.length === 0) return undefined;
    const [{ line, reason }] = damage;
    const more = damage.length > 1 ? `, and ${damage.length - 1} more like it` : "";
    return `line ${line} tells of no archived run (${reason})${more}`;
  }

  async #openRuns(entries: CatalogEntries): Promise<OpenRun[]> {
    const { stale_after_ms } = this.options;
    const open: OpenRun[] = [];
    for (const [path, { kind }] of entries) {
      if (kind !== "open") continue;
      const manifest = this.#manifests.get(path)!;
      const state = await stateOfOpen(this.world, this.runs_dir, path, manifest, stale_after_ms);
      open.push({ path, manifest, ...state });
    }
    return open;
  }

  async #build(change: Change, from_live: boolean, keep_aside: boolean): Promise<void> {
    const database = await this.store.openWork(from_live);
    try {
      if (!from_live) await database.run(sql.CATALOG_SCHEMA);
      await database.run("begin");
      await this.#writeRuns(database, change);
      await this.#writeCompacted(database, change);
      await this.#writeState(database, change);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    this.store.publish(keep_aside);
  }

  async #writeRuns(database: Database, change: Change): Promise<void> {
    const { entries, path_of, registered, updated, withdrawn, gone } = change;
    const mark = async (run_ids: Iterable<string>, statements: readonly string[]) => {
      const ids = JSON.stringify([...run_ids]);
      for (const statement of statements) await database.run(statement, [ids]);
    };
    const runs: unknown[] = [];
    const artifacts: unknown[] = [];
    const inputs: unknown[] = [];
    const add = (manifest: RunManifest, where: sql.RunLocation) => {
      runs.push(sql.runRow(manifest, where));
      artifacts.push(...artifactRows(this.world, this.runs_dir, manifest, where));
      inputs.push(...inputsOf(manifest));
    };
    const touched = [...registered, ...updated];
    await mark(gone, sql.MARK_MISSING);
    await mark([...touched, ...withdrawn], sql.FORGET_RUNS);
    for (const run_id of touched) {
      const run_path = path_of.get(run_id)!;
      const manifest = await this.#manifestOf(run_path, entries);
      add(manifest, { run_path, presence: "present" });
    }
    const archived = this.#archivedAlone(change);
    await mark(archived.keys(), sql.FORGET_RUNS);
    await database.run(sql.FORGET_ARCHIVED);
    for (const { manifest, where } of archived.values()) add(manifest, where);
    await this.#load(database, sql.LOAD_RUNS, runs);
    await this.#load(database, sql.LOAD_ARTIFACTS, artifacts);
    await this.#load(database, sql.LOAD_INPUTS, inputs);
  }

  /** Runs that are only in archives now. */
  #archivedAlone({ entries, path_of }: Change) {
    const archived = new Map<string, { manifest: RunManifest; where: sql.RunLocation }>();
    for (const [path, { kind }] of entries) {
      if (kind !== "archived") continue;
      const { runs } = readArchived(this.world, this.runs_dir, path);
      for (const { manifest, run_path, archive } of runs) {
        if (path_of.has(manifest.run_id)) continue;
        const where = { run_path, presence: "archived" as const, archive };
        archived.set(manifest.run_id, { manifest, where });
      }
    }
    return archived;
  }

  async #writeCompacted(database: Database, { entries }: Change): Promise<void> {
    const rows: Record<string, string>[] = [];
    for (const [list_path, { kind }] of entries) {
      if (kind !== "compacted") continue;
      const { files } = readCompacted(this.world, this.runs_dir, list_path.split("/")[0]);
      for (const [artifact_type, { path, runs }] of Object.entries(files)) {
        if (!this.world.files.facts(join(this.runs_dir, path))?.is_file) continue;
        for (const [run_id, sha256] of Object.entries(runs)) {
          rows.push({ artifact_type, path, run_id, sha256 });
        }
      }
    }
    await database.run("delete from compacted_files");
    await this.#load(database, sql.LOAD_COMPACTED, rows);
  }

  async #manifestOf(path: string, entries: CatalogEntries): Promise<RunManifest> {
    const read = this.#manifests.get(path);
    if (read) return read;
    const { fingerprint } = entries.get(path)!;
    const run = await this.#read({ path, fingerprint });
    if (run.kind !== "unusable") return run.manifest;
    throw new LedgerError({
      code: "io",
      message: `${path} changed while the catalog was synced: ${run.reason}`,
      hint: "sync again",
    });
  }

  async #writeState(database: Database, { entries, open, skipped }: Change): Promise<void> {
    await database.run("delete from catalog_files");
    const files = [...entries].map(([run_path, entry]) => ({ run_path, ...entry }));
    await this.#load(database, sql.LOAD_FILES, files);
    await database.run("delete from runs_in_progress");
    await this.#load(
      database,
      sql.LOAD_OPEN,
      open.map(({ path, manifest, state, last_written_ms, reason }) => ({
        ...sql.runRow(manifest, { run_path: path, presence: "present" }),
        artifacts: Object.keys(manifest.artifacts),
        state,
        last_written_at_ms: last_written_ms,
        reason,
      })),
    );
    await database.run(sql.FORGET_OPEN_INPUTS);
    const inputs = open.flatMap(({ manifest }) => inputsOf(manifest));
    await this.#load(database, sql.LOAD_OPEN_INPUTS, inputs);
    await database.run("delete from runs_skipped");
    const reasons = skipped.map(({ run_path, reason }) => [run_path, reason]);
    await database.runForEach(sql.ADD_SKIPPED, reasons);
  }

  /** Thousands of rows go in through a file, which takes a hundredth of one by one. */
  async #load(database: Database, statement: string, rows: readonly unknown[]): Promise<void> {
    if (rows.length === 0) return;
    const { files } = this.world;
    const path = join(this.store.work_folder, "rows.ndjson");
    const file = files.open(path, "create");
    try {
      const text = rows.map((row) => JSON.stringify(row)).join("\n");
      writeFully(file, new TextEncoder().encode(`${text}\n`));
    } finally {
      file.close();
    }
    await database.run(statement, [path]);
    files.remove(path);
  }
}
