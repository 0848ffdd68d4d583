/**
 * Brings `catalog.duckdb` up to date with the manifests on the disk. The catalog is a function of
 * those files: whatever the order in which they came, and however often this was interrupted, the
 * rows are the same. Runs that are gone from the disk stay, marked as missing.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { writeFully } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { SnapshotStore } from "../../duckdb/snapshot_swap.ts";
import { readArchived, readCompacted, scanArchived, scanCompacted } from "./month_files.ts";
import {
  type Change,
  changeOf,
  isAlreadySo,
  type Known,
  type KnownKind,
  type OpenRun,
  type Previous,
  type SkippedRun,
  standing,
} from "./change.ts";
import { artifactRows, runRow, type Whereabouts, withSummary } from "./rows.ts";
import * as sql from "./schema.ts";
import { idOfPath } from "../manifest/layout.ts";
import { manifestTime, type RunManifest } from "../manifest/manifest.ts";
import { classifyRun, scanRuns } from "../manifest/scan.ts";
import { stateOfOpen } from "../manifest/liveness_lock.ts";

/** How to sync. */
export interface CatalogSyncOptions {
  lock_wait_ms?: number;
  /** From when on a run that nobody owned, and nobody wrote to, is stale. */
  stale_after_ms?: number;
  /** Build from nothing. */
  full?: boolean;
  onNotice?: (message: string) => void;
  /** Told how many runs have been looked at, and of how many. */
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
  seconds: number;
}

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

  constructor(
    readonly world: World,
    readonly runs_dir: string,
    readonly store: SnapshotStore,
    readonly options: CatalogSyncOptions,
  ) {}

  async run(): Promise<Omit<CatalogSyncReport, "seconds">> {
    return await this.store.buildFromLive({
      name: "the catalog",
      read: this.options.full ? undefined : () => this.#readPrevious(),
      build: (previous, keep_aside) => this.#sync(previous, keep_aside),
      onNotice: this.options.onNotice,
    });
  }

  async #sync(
    previous: Previous | undefined,
    keep_aside: boolean,
  ): Promise<Omit<CatalogSyncReport, "seconds">> {
    const before = previous?.known ?? new Map<string, Known>();
    const known = this.#look(before);
    const change = changeOf(before, known, await this.#openRuns(known));
    if (!previous || !isAlreadySo(previous, change)) {
      await this.#build(change, previous !== undefined, keep_aside);
    }
    return {
      path: this.store.path,
      initialized: previous === undefined,
      registered: change.registered.size,
      updated: change.updated.size,
      missing: change.gone.length,
      skipped: [...change.skipped],
    };
  }

  /** What the live catalog holds. */
  async #readPrevious(): Promise<Previous> {
    await using database = await this.store.openLive(sql.VERSION, sql.CATALOG_VERSION);
    const files = await database.rows<Record<string, string | null>>(sql.ALL_FILES);
    const open = await database.rows<Record<string, string>>(sql.ALL_OPEN);
    return {
      known: new Map(files.map((row) => [row.run_path!, {
        stamp: row.stamp!,
        kind: row.kind as KnownKind,
        run_id: row.run_id ?? undefined,
        reason: row.reason ?? undefined,
      }])),
      open: new Map(open.map((row) => [row.run_path, standing(row.state, row.last_written_ms)])),
    };
  }

  /** What stands on the disk. Only what is new, other, or unfinished is read. */
  #look(before: ReadonlyMap<string, Known>): Map<string, Known> {
    const known = new Map<string, Known>();
    const glances = scanRuns(this.world, this.runs_dir);
    for (const [at, glance] of glances.entries()) {
      this.options.onProgress?.(at, glances.length);
      const old = before.get(glance.path);
      // What could not be used is looked at again: it may have been the disk's fault.
      if (old?.stamp === glance.stamp && old.kind === "ended") {
        known.set(glance.path, old);
        continue;
      }
      const verdict = classifyRun(this.world, this.runs_dir, glance);
      const { stamp } = glance;
      if (verdict.kind === "unusable") {
        const run_id = idOfPath(glance.path);
        known.set(glance.path, { stamp, kind: "unusable", run_id, reason: verdict.reason });
        continue;
      }
      const { manifest } = verdict;
      this.#manifests.set(glance.path, manifest);
      known.set(glance.path, { stamp, kind: verdict.kind, run_id: manifest.run_id });
    }
    for (const { path, stamp } of scanArchived(this.world, this.runs_dir)) {
      const old = before.get(path);
      const reason = old?.stamp === stamp && old.kind === "archived"
        ? old.reason
        : this.#damageOf(path);
      known.set(path, { stamp, kind: "archived", reason });
    }
    for (const { path, stamp } of scanCompacted(this.world, this.runs_dir)) {
      known.set(path, { stamp, kind: "compacted" });
    }
    return known;
  }

  /** What is wrong with a month's file about archived runs. */
  #damageOf(path: string): string | undefined {
    const { damage } = readArchived(this.world, this.runs_dir, path);
    if (damage.length === 0) return undefined;
    const [{ line, reason }] = damage;
    const more = damage.length > 1 ? `, and ${damage.length - 1} more like it` : "";
    return `line ${line} tells of no archived run (${reason})${more}`;
  }

  async #openRuns(known: ReadonlyMap<string, Known>): Promise<OpenRun[]> {
    const open: OpenRun[] = [];
    for (const [path, { kind }] of known) {
      if (kind !== "open") continue;
      const manifest = this.#manifests.get(path)!;
      const { stale_after_ms } = this.options;
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
    const { known, winners, registered, updated, withdrawn, gone } = change;
    const touched = [...registered, ...updated];
    const mark = async (run_ids: Iterable<string>, statements: readonly string[]) => {
      await database.run(sql.TOUCH_NONE);
      await database.run(sql.TAKE_TOUCHED, [JSON.stringify([...run_ids])]);
      for (const statement of statements) await database.run(statement);
    };
    await mark(gone, sql.MARK_MISSING);
    await mark([...touched, ...withdrawn], sql.FORGET_TOUCHED);
    const runs: unknown[] = [];
    const artifacts: unknown[] = [];
    const add = (manifest: RunManifest, where: Whereabouts) => {
      runs.push(runRow(manifest, where));
      artifacts.push(...artifactRows(this.world, this.runs_dir, manifest, where));
    };
    for (const run_id of touched) {
      const run_path = winners.get(run_id)!;
      const manifest = await withSummary(
        this.world,
        join(this.runs_dir, run_path),
        this.#manifestOf(run_path, known),
      );
      add(manifest, { run_path, presence: "present" });
    }
    const archived = this.#archived(known, winners);
    await mark(archived.keys(), sql.FORGET_TOUCHED);
    await database.run(sql.FORGET_ARCHIVED);
    for (const { manifest, where } of archived.values()) add(manifest, where);
    await this.#take(database, sql.TAKE_RUNS, runs);
    await this.#take(database, sql.TAKE_ARTIFACTS, artifacts);
  }

  /** Runs that are only in archives now. */
  #archived(
    known: ReadonlyMap<string, Known>,
    winners: ReadonlyMap<string, string>,
  ): Map<string, { manifest: RunManifest; where: Whereabouts }> {
    const archived = new Map<string, { manifest: RunManifest; where: Whereabouts }>();
    for (const [path, { kind }] of known) {
      if (kind !== "archived") continue;
      const { runs } = readArchived(this.world, this.runs_dir, path);
      for (const { manifest, run_path, archive } of runs) {
        if (winners.has(manifest.run_id)) continue;
        const where = { run_path, presence: "archived" as const, archive };
        archived.set(manifest.run_id, { manifest, where });
      }
    }
    return archived;
  }

  async #writeCompacted(database: Database, { known }: Change): Promise<void> {
    const rows: Record<string, string>[] = [];
    for (const [list_path, { kind }] of known) {
      if (kind !== "compacted") continue;
      const { files } = readCompacted(this.world, this.runs_dir, list_path.split("/")[0]);
      for (const [artifact_type, { path, runs }] of Object.entries(files)) {
        if (!this.world.files.facts(join(this.runs_dir, path))?.is_file) continue;
        for (const [run_id, sha256] of Object.entries(runs)) {
          rows.push({ artifact_type, path, run_id, sha256 });
        }
      }
    }
    await database.run(sql.FORGET_COMPACTED);
    await this.#take(database, sql.TAKE_COMPACTED, rows);
  }

  #manifestOf(path: string, known: ReadonlyMap<string, Known>): RunManifest {
    const read = this.#manifests.get(path);
    if (read) return read;
    const verdict = classifyRun(this.world, this.runs_dir, { path, stamp: known.get(path)!.stamp });
    if (verdict.kind === "unusable") {
      throw new LedgerError({
        code: "io",
        message: `${path} changed while the catalog was synced: ${verdict.reason}`,
        hint: "sync again",
      });
    }
    return verdict.manifest;
  }

  async #writeState(database: Database, { known, open, skipped }: Change): Promise<void> {
    await database.run(sql.FORGET_FILES);
    await this.#take(
      database,
      sql.TAKE_FILES,
      [...known].map(([run_path, facts]) => ({ run_path, ...facts })),
    );
    await database.run(sql.FORGET_OPEN);
    await database.runForEach(
      sql.ADD_OPEN,
      open.map(({ manifest, state, last_written_ms, reason, path }) => [
        manifest.run_id,
        manifest.run_type,
        manifest.status,
        state,
        manifestTime(manifest.created_at),
        last_written_ms,
        reason,
        path,
      ]),
    );
    await database.run(sql.FORGET_SKIPPED);
    await database.runForEach(
      sql.ADD_SKIPPED,
      skipped.map(({ run_path, reason }) => [run_path, reason]),
    );
  }

  /** Thousands of rows go in through a file, which takes a hundredth of one by one. */
  async #take(database: Database, statement: string, rows: readonly unknown[]): Promise<void> {
    if (rows.length === 0) return;
    const { files } = this.world;
    const path = join(this.store.work_folder, "staged");
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
