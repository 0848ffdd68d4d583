/**
 * Delta log: the commits of one table, create-only objects `_delta_log/N.json`. A commit takes effect with its
 * object, whole or not at all; a job that loses the race for a number reads what won, and plans anew. The
 * table asks nothing of its readers: reader 1, writer 2, no features.
 */
import { buildFacts } from "../../base/build.ts";
import { LedgerError } from "../../base/error.ts";
import { lake_commit_ms_max, lake_kept_ms } from "../../base/limits.ts";
import type { ObjectStore } from "../store.ts";

/** The types that every reader of such a table knows. */
export type LakeType = "long" | "double" | "boolean" | "string" | "date";

/** A table's columns, in order. The last is `log_day`, by which files are parted. */
export interface LakeTable {
  name: string;
  columns: readonly { name: string; type: LakeType; nullable: boolean }[];
  /** How a file's rows stand in it, as SQL: what is asked together lies together. */
  order: string;
}

/** A data file of a table. */
export interface DataFile {
  /** Below the table's folder. */
  path: string;
  log_day: string;
  size_bytes: number;
  modified_ms: number;
  /** Statistics as the log has them: JSON text, with `numRecords`. */
  stats: string;
}

/** A file that is a table's no more; it goes a while later. */
interface RemovedFile {
  path: string;
  log_day: string;
  size_bytes: number;
  removed_ms: number;
}

/** A table at a version. */
export interface TableSnapshot {
  /** -1 before the first commit. */
  version: number;
  files: Map<string, DataFile>;
  removed: Map<string, RemovedFile>;
  /** How far each box's segments are in it, by application id. */
  watermarks: Map<string, number>;
  /** The version of the last checkpoint that is known; -1 without one. */
  checkpoint: number;
  /** When its log was last read to the end, by the store's clock. */
  seen_ms: number;
  /** As the first commit said it. */
  metadata?: Record<string, unknown>;
}

/** What a commit changes. */
interface Change {
  add?: readonly DataFile[];
  remove?: readonly DataFile[];
  watermarks?: ReadonlyMap<string, number>;
  /** False where records only move from file to file. */
  is_data_change: boolean;
  operation: string;
}

/** One action of a log: its kind, and what it says. */
type Action = Record<string, Record<string, unknown>>;

const PROTOCOL = { minReaderVersion: 1, minWriterVersion: 2 };

/** The folder of a table, in the bucket. */
export function tableFolder(name: string): string {
  return `lake/${name}/`;
}

const VERSION_DIGITS = 20;
/** The column by which files are parted: a reader takes it from the log of the table. */
export const PARTITION = "log_day";

/** The log of one table. */
export class DeltaTable {
  readonly folder: string;

  constructor(readonly store: ObjectStore, readonly table: LakeTable) {
    this.folder = tableFolder(table.name);
  }

  /** Reads on from a snapshot: the commits that came after it. */
  async refresh(
    snapshot: TableSnapshot = emptySnapshot(this.store.now_ms()),
  ): Promise<TableSnapshot> {
    for (let version = snapshot.version + 1;; version++) {
      const asked_ms = this.store.now_ms();
      const bytes = await this.store.get(this.commitKey(version));
      if (!bytes) {
        // Of what was read long ago, the commits that follow may be swept: this is not the end then.
        if (this.store.now_ms() < lateAfter(snapshot)) snapshot.seen_ms = asked_ms;
        return snapshot;
      }
      for (const action of parseCommit(bytes, this.commitKey(version))) {
        applyAction(snapshot, action);
      }
      snapshot.version = version;
    }
  }

  /** Makes the table where it is none, without rows. */
  async create(snapshot: TableSnapshot): Promise<void> {
    const change = { is_data_change: true, operation: "CREATE TABLE" };
    await this.commitWhile(snapshot, change, () => snapshot.version < 0);
  }

  /**
   * Commits a change on top of what other jobs commit meanwhile, as long as it holds there. False where it holds no
   * more; what was put for it is no part of the table then, and is swept.
   */
  async commitWhile(
    snapshot: TableSnapshot,
    change: Change,
    holds: () => boolean,
  ): Promise<boolean> {
    while (holds() && this.#isInTime(snapshot, change)) {
      if (await this.#commit(snapshot, change)) return true;
      await this.refresh(snapshot);
    }
    return false;
  }

  /**
   * A sweep takes old files that are no part of the table, and commits below old checkpoints: what was put, or
   * read, so long ago may be gone.
   */
  #isInTime(snapshot: TableSnapshot, { add }: Change): boolean {
    return this.store.now_ms() < lateAfter(snapshot, add);
  }

  /** Makes the next commit; false where another job made it first. The snapshot moves with it. */
  async #commit(
    snapshot: TableSnapshot,
    { add = [], remove = [], watermarks = new Map(), is_data_change, operation }: Change,
  ): Promise<boolean> {
    const { world } = this.store;
    const version = snapshot.version + 1;
    const removed_ms = this.store.now_ms();
    const actions: Action[] = [
      {
        commitInfo: {
          timestamp: removed_ms,
          operation,
          operationParameters: {},
          engineInfo: `ledger/${buildFacts().version}`,
          // Two jobs that commit the same are two commits: no object is taken for another's.
          txnId: world.random_uuid(),
        },
      },
      ...version === 0 ? this.#firstActions() : [],
      ...[...watermarks].map(([appId, version]) => ({ txn: { appId, version } })),
      ...remove.map((file) => removeAction({ ...file, removed_ms }, is_data_change)),
      ...add.map((file) => addAction(file, is_data_change)),
    ];
    const text = actions.map((action) => `${JSON.stringify(action)}\n`).join("");
    const bytes = new TextEncoder().encode(text);
    const key = this.commitKey(version);
    const outcome = await this.store.put(key, bytes, {
      create_only: true,
      is_recognizable: true,
      content_type: "application/json",
      until_ms: lateAfter(snapshot, add),
    });
    // Of a commit whose answer was lost, what is there is this one.
    if (outcome !== "stored") {
      const there = await this.store.get(key);
      if (!there || new TextDecoder().decode(there) !== text) return false;
    }
    for (const action of actions) applyAction(snapshot, action);
    snapshot.version = version;
    return true;
  }

  commitKey(version: number): string {
    return `${this.folder}_delta_log/${String(version).padStart(VERSION_DIGITS, "0")}.json`;
  }

  #firstActions(): Action[] {
    const fields = this.table.columns.map(({ name, type, nullable }) => ({
      name,
      type,
      nullable,
      metadata: {},
    }));
    return [
      { protocol: PROTOCOL },
      {
        metaData: {
          id: this.store.world.random_uuid(),
          name: this.table.name,
          format: { provider: "parquet", options: {} },
          schemaString: JSON.stringify({ type: "struct", fields }),
          partitionColumns: [PARTITION],
          configuration: {},
          createdTime: this.store.now_ms(),
        },
      },
    ];
  }
}

/** When it is too late to commit, by the store's clock, for a job that has read and put that. */
export function lateAfter({ seen_ms }: TableSnapshot, add: readonly DataFile[] = []): number {
  return Math.min(seen_ms, ...add.map(({ modified_ms }) => modified_ms)) + lake_commit_ms_max;
}

/** A table before its first commit. */
export function emptySnapshot(seen_ms: number): TableSnapshot {
  return {
    version: -1,
    files: new Map(),
    removed: new Map(),
    watermarks: new Map(),
    checkpoint: -1,
    seen_ms,
  };
}

function addAction(
  { path, log_day, size_bytes, modified_ms, stats }: DataFile,
  is_data_change: boolean,
): Action {
  return {
    add: {
      path,
      partitionValues: { [PARTITION]: log_day },
      size: size_bytes,
      modificationTime: modified_ms,
      dataChange: is_data_change,
      stats,
    },
  };
}

function removeAction(
  { path, log_day, size_bytes, removed_ms }: RemovedFile,
  is_data_change: boolean,
): Action {
  return {
    remove: {
      path,
      deletionTimestamp: removed_ms,
      dataChange: is_data_change,
      extendedFileMetadata: true,
      partitionValues: { [PARTITION]: log_day },
      size: size_bytes,
    },
  };
}

function parseCommit(bytes: Uint8Array, key: string): Action[] {
  try {
    return new TextDecoder().decode(bytes).split("\n").filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch (cause) {
    throw new LedgerError({
      code: "damaged",
      message: `the commit ${key} cannot be read: ${(cause as Error).message}`,
      hint: "it is not one of this program's; look at it in the bucket",
      cause,
    });
  }
}

/** The version of a commit, by its key. */
export function commitVersion(key: string): number | undefined {
  const [, digits] = /\/_delta_log\/(\d{20})\.json$/.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** All of a table's state, as a checkpoint holds it: nothing of it is a change. */
export function stateActions(snapshot: TableSnapshot, now_ms: number): Action[] {
  return [
    { protocol: PROTOCOL },
    ...snapshot.metadata ? [{ metaData: snapshot.metadata }] : [],
    ...[...snapshot.watermarks].map(([appId, version]) => ({ txn: { appId, version } })),
    ...snapshot.removed.values()
      .filter(({ removed_ms }) => removed_ms + lake_kept_ms > now_ms)
      .map((file) => removeAction(file, false)),
    ...[...snapshot.files.values()].map((file) => addAction(file, false)),
  ];
}

/** Takes one action of the log into a snapshot. */
export function applyAction(
  snapshot: TableSnapshot,
  { add, remove, txn, protocol, metaData }: Action,
): void {
  if (protocol) checkProtocol(protocol);
  if (metaData) {
    const said = Object.entries(metaData).filter(([, value]) => value !== null);
    snapshot.metadata = Object.fromEntries(said);
  }
  if (txn) snapshot.watermarks.set(String(txn.appId), Number(txn.version));
  if (remove) {
    const file = fileOf(remove);
    snapshot.files.delete(file.path);
    const removed_ms = Number(remove.deletionTimestamp ?? 0);
    snapshot.removed.set(file.path, { ...file, removed_ms });
  }
  if (add) {
    const file = fileOf(add);
    snapshot.removed.delete(file.path);
    const [modified_ms, stats] = [Number(add.modificationTime), String(add.stats ?? "")];
    snapshot.files.set(file.path, { ...file, modified_ms, stats });
  }
}

/** What both an addition and a removal say of a file. */
function fileOf({ path, partitionValues, size }: Action[string]) {
  const { [PARTITION]: log_day = "" } = Object(partitionValues) as Record<string, string>;
  return { path: String(path), log_day, size_bytes: Number(size ?? 0) };
}

function checkProtocol(protocol: Record<string, unknown>): void {
  const { minReaderVersion, minWriterVersion } = protocol;
  if (Number(minReaderVersion) <= 1 && Number(minWriterVersion) <= 2) return;
  throw new LedgerError({
    code: "newer_format",
    message:
      `the table asks for reader ${minReaderVersion} and writer ${minWriterVersion}, and this ` +
      "program writes tables of reader 1 and writer 2",
    hint: "another program has upgraded the table; fold jobs have to be its only writers",
  });
}
