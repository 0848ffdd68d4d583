/**
 * Incremental build with a full rebuild as its fallback: brings the index up to date with the log, or has
 * it built from nothing when there is no index, when it cannot be trusted (damaged, of another version,
 * written to by another program), and when the log no longer continues what is indexed.
 */
import { basename, dirname, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { index_sync_tries_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { SnapshotStore } from "../duckdb/snapshot_swap.ts";
import { checkMayWrite } from "../log/format/reserved_paths.ts";
import { ledgerPaths, type PartExtent, wasConcurrentlyRemoved } from "../log/mod.ts";
import { AwayParts, cannotKeep, missingNotice, NothingToKeep } from "./archived.ts";
import {
  continuesPart,
  type Indexed,
  type IndexedPart,
  indexPath,
  labelOf,
  readIndexed,
} from "./coverage.ts";
import { setFirstSystemAside } from "./first_system.ts";
import { OrderChanged } from "./load.ts";
import { VERSION } from "./load_sql.ts";
import {
  type Build,
  type BuildOptions,
  type BuiltFrom,
  countsOf,
  type IndexReport,
  isLookedAt,
  LoadTransaction,
  partsOfLog,
} from "./load_transaction.ts";
import { INDEX_VERSION } from "./tables.ts";
import { dayTimes, noteLog, type Seen } from "./watermark.ts";

export interface SyncOptions extends BuildOptions {
  full?: boolean;
  path?: string;
  lock_wait_ms?: number;
  /** Ends the wait for another builder when it is aborted; a sync that has begun goes on to its end. */
  signal?: AbortSignal;
  /** Called with what is worth a line: that an index was set aside, and why. */
  onNotice?: (message: string) => void;
}

export interface SyncReport extends IndexReport {
  seconds: number;
}

/** Syncs one index. One process at a time: the others wait, then find little or nothing left to do. */
export async function syncIndex(
  world: World,
  root: string,
  options: SyncOptions = {},
): Promise<SyncReport> {
  const started_ms = world.elapsed_ms();
  const store = new SnapshotStore(world, options.path ?? indexPath(root));
  if (store.path !== resolve(world.cwd(), indexPath(root))) checkMayBeIndex(world, root, store);
  await store.lock(options.lock_wait_ms, options.signal);
  try {
    await setFirstSystemAside(store, options.onNotice);
    const report = await new Sync(world, root, store, options).run();
    return { ...report, seconds: (world.elapsed_ms() - started_ms) / 1000 };
  } finally {
    store.unlock();
  }
}

/** The caller may have mistyped the index's file: nothing that is not ours is replaced. */
function checkMayBeIndex(world: World, root: string, store: SnapshotStore): void {
  const { path } = store;
  const folder = resolve(world.cwd(), ledgerPaths(root).index);
  const is_among_indexes = resolve(world.cwd(), dirname(path)) === folder;
  const is_other_index = ["catalog.duckdb", "alerts.duckdb"].includes(basename(path));
  if (!is_among_indexes || is_other_index) checkMayWrite(world, path, { dir: root });
  if (!world.files.linkFacts(path) || store.wasPublished()) return;
  throw new LedgerError({
    code: "usage",
    message: `cannot build an index as ${path}: the file there is not an index`,
    where: { path },
    hint: "nothing was changed; name another file, or move that one away",
  });
}

class Sync implements Build {
  /** Whether the live index is kept under another name when ours takes its place. */
  #keep_aside: boolean;
  /** How the log stood when it was listed the last time. */
  #seen?: Seen;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly store: SnapshotStore,
    readonly options: SyncOptions,
  ) {
    this.#keep_aside = store.isForeign();
  }

  async run(): Promise<IndexReport> {
    for (let attempt = 1;; attempt++) {
      try {
        const report = await this.#runOnce();
        // An index that was brought up to date from some day on does not know the days before.
        if (this.options.since_day === undefined) noteLog(this.store, this.#seen!);
        return report;
      } catch (error) {
        // A day was archived while we read it: what there is now is the log.
        if (!wasConcurrentlyRemoved(error) || attempt === index_sync_tries_max) throw error;
        this.#keep_aside = this.store.isForeign();
      }
    }
  }

  async #runOnce(): Promise<IndexReport> {
    const { extents, away } = await this.#look();
    const live = this.options.full ? undefined : await this.#continuable(extents, away);
    if (!live) return await this.#buildAnew(extents, away);
    const ends = new Map(live.parts.map((part) => [labelOf(part), part.indexed_to]));
    const grown = extents.some(({ label, size_bytes, part }) =>
      isLookedAt(this.options, part.day) && size_bytes > (ends.get(label) ?? 0)
    );
    try {
      if (grown || !away.isKnownTo(live)) {
        return await this.#build(extents, { before: live.parts });
      }
      const nothing = { new_events: 0, new_bytes: 0, rejected: 0 };
      const { path } = this.store;
      return { kind: "nothing new", path, ...nothing, ...await countsOf(this, path) };
    } catch (error) {
      const problem = asLedgerError(error);
      // What is wrong with the log does not get better by building anew.
      if (problem?.where?.path?.startsWith(ledgerPaths(this.root).events)) throw error;
      if (error instanceof OrderChanged) {
        this.#startOver("an event came that sorts before its indexed twin", false);
      } else if (problem?.code === "damaged" || problem?.code === "busy") {
        // Busy: another program took hold of the file meanwhile; a fresh one needs nothing from it.
        this.#startOver(problem.message, problem.code === "damaged");
      } else throw error;
      const now = await this.#look();
      return await this.#buildAnew(now.extents, now.away);
    }
  }

  /** The parts of the log as they are now, and those that are away. */
  async #look(): Promise<{ extents: PartExtent[]; away: AwayParts }> {
    const { world, root } = this;
    const times = dayTimes(world, root);
    const extents = await partsOfLog(world, root);
    const away = new AwayParts(world, root, extents);
    this.#seen = { times, extents, chain: away.chain };
    return { extents, away };
  }

  /** Builds from nothing but the log, and what the live index has of days that are in archives. */
  async #buildAnew(
    extents: readonly PartExtent[],
    { archived, away }: AwayParts,
  ): Promise<IndexReport> {
    let kept = archived.length > 0 ? await this.#keepable(archived) : [];
    if (kept.length > 0) {
      try {
        return await this.#build(extents, { kept });
      } catch (error) {
        if (!(error instanceof NothingToKeep)) throw error;
        this.#startOver(error.message, true);
        kept = [];
      }
    }
    if (archived.length > kept.length) this.options.onNotice?.(missingNotice(archived, away));
    return await this.#build(extents, {});
  }

  /** The parts of the live index whose rows stand nowhere else. */
  async #keepable(archived: readonly string[]): Promise<IndexedPart[]> {
    if (!this.world.files.linkFacts(this.store.path)) return [];
    try {
      const { parts } = await this.#readIndexed();
      return parts.filter((part) => archived.includes(labelOf(part)));
    } catch (error) {
      const problem = asLedgerError(error);
      if (problem?.code === "busy") throw cannotKeep(problem);
      if (!problem) throw error;
      if (!this.#keep_aside) this.#startOver(problem.message, true);
      return [];
    }
  }

  /** What is indexed, if the log continues it; else undefined, and a line that says why. */
  async #continuable(
    extents: readonly PartExtent[],
    away: AwayParts,
  ): Promise<Indexed | undefined> {
    if (!this.world.files.linkFacts(this.store.path)) return undefined;
    if (this.store.isForeign()) return this.#startOver("another program made it", true);
    if (this.store.removeForeignWal()) {
      this.options.onNotice?.("removed a .wal beside the index, which another program left");
    }
    let indexed: Indexed;
    try {
      indexed = await this.#readIndexed();
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      // Busy: another program has the file open. Ours replaces it by name and needs nothing from it.
      return this.#startOver(problem.message, problem.code !== "busy");
    }
    const by_label = new Map(extents.map((extent) => [extent.label, extent]));
    for (const part of indexed.parts) {
      const label = labelOf(part);
      const extent = by_label.get(label);
      if (!isLookedAt(this.options, part.log_day) || away.isArchived(label)) continue;
      if (!extent) {
        const why = away.isForgotten(label) ? "is to be forgotten" : "is gone from the log";
        return this.#startOver(`${label} ${why}`, false);
      }
      if (!await continuesPart(this.world, extent, part)) {
        return this.#startOver(`${label} has other lines than were indexed`, false);
      }
    }
    return indexed;
  }

  async #readIndexed(): Promise<Indexed> {
    await using database = await this.store.openLive(VERSION, INDEX_VERSION);
    return await readIndexed(database);
  }

  #startOver(reason: string, set_aside: boolean): undefined {
    this.#keep_aside = set_aside || this.store.isForeign();
    this.options.onNotice?.(this.store.anewNotice("the index", reason, this.#keep_aside));
  }

  async #build(extents: readonly PartExtent[], from: BuiltFrom): Promise<IndexReport> {
    return await new LoadTransaction(this).run(extents, from, this.#keep_aside);
  }
}
