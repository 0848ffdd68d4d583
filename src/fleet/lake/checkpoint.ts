/**
 * Checkpoint of a Delta log: the state of a table as one Parquet file, so that no reader has to read its commits
 * from the first. Written by one COPY of DuckDB; the hint that names it comes after it, never before.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { writeNewFile } from "../../base/files/durable.ts";
import {
  checkpoint_commits,
  checkpoint_line_bytes_max,
  lake_commit_ms_max,
} from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { literal } from "../../duckdb/sandbox.ts";
import { withDatabase } from "./job_folder.ts";
import {
  applyAction,
  commitVersion,
  DeltaTable,
  emptySnapshot,
  type LakeTable,
  lateAfter,
  stateActions,
  type TableSnapshot,
} from "./table.ts";
import type { ObjectStore } from "../store.ts";

const COLUMNS: Readonly<Record<string, string>> = {
  txn: "STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)",
  add: `STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT,
    modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR))`,
  remove: `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN,
    extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT,
    tags MAP(VARCHAR, VARCHAR))`,
  metaData: `STRUCT(id VARCHAR, name VARCHAR, description VARCHAR,
    format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR,
    partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)`,
  protocol: "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)",
};

/** Where the checkpoints of one table are, and where DuckDB may put a file for a moment. */
export interface CheckpointPlace {
  store: ObjectStore;
  /** The table's folder in the bucket. */
  table_folder: string;
  /** A folder on this disk. */
  work_folder: string;
}

function keyOf({ table_folder }: CheckpointPlace, version: number): string {
  return `${table_folder}_delta_log/${String(version).padStart(20, "0")}.checkpoint.parquet`;
}

/** The version of a checkpoint, by its key. */
export function checkpointVersion(key: string): number | undefined {
  const [, digits] = /\/(\d{20})\.checkpoint\.parquet$/.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function hintKey({ table_folder }: CheckpointPlace): string {
  return `${table_folder}_delta_log/_last_checkpoint`;
}

/** A table, as it was last read. */
export interface OpenTable {
  table: DeltaTable;
  place: CheckpointPlace;
  snapshot: TableSnapshot;
}

/** Opens a table as it is now: read on from what is known of it, or from its newest checkpoint. */
export async function openTable(
  store: ObjectStore,
  lake: LakeTable,
  work_folder: string,
  known?: TableSnapshot,
): Promise<OpenTable> {
  const table = new DeltaTable(store, lake);
  const place = { store, table_folder: table.folder, work_folder };
  const is_fresh = known && store.now_ms() < lateAfter(known);
  const snapshot = await table.refresh(is_fresh ? known : await readCheckpoint(place));
  return { table, place, snapshot };
}

/** The table at its newest checkpoint; before the first one, at nothing. */
export async function readCheckpoint(place: CheckpointPlace): Promise<TableSnapshot> {
  const snapshot = emptySnapshot(place.store.now_ms());
  const hinted = await hintedVersion(place);
  let bytes = hinted === undefined ? undefined : await place.store.get(keyOf(place, hinted));
  const version = bytes ? hinted : await newestVersion(place);
  if (version === undefined) return snapshot;
  bytes ??= await place.store.get(keyOf(place, version));
  if (!bytes) throw damaged(place, `its checkpoint ${version} went while it was read`);
  await withWorkFile(place, "parquet", async (path, database) => {
    writeNewFile(place.store.world.files, path, bytes);
    const rows = await database.rows<{ action: string }>(
      `select to_json(c)::varchar as action from read_parquet(${literal(path)}) c`,
    );
    for (const { action } of rows) {
      const members = Object.entries(JSON.parse(action)).filter(([, value]) => value !== null);
      applyAction(snapshot, Object.fromEntries(members) as Parameters<typeof applyAction>[1]);
    }
  });
  snapshot.version = snapshot.checkpoint = version;
  return snapshot;
}

/** The newest checkpoint in a listing. A log whose beginning is gone, and that has none, is damaged. */
async function newestVersion(place: CheckpointPlace): Promise<number | undefined> {
  let newest: number | undefined;
  let first_commit: number | undefined;
  for await (const { key } of place.store.list(`${place.table_folder}_delta_log/`)) {
    newest = checkpointVersion(key) ?? newest;
    first_commit ??= commitVersion(key);
  }
  if (newest === undefined && first_commit !== undefined && first_commit > 0) {
    throw damaged(place, `its first commit is ${first_commit}, and there is no checkpoint`);
  }
  return newest;
}

function damaged({ table_folder }: CheckpointPlace, problem: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read the table ${table_folder}: ${problem}`,
    hint:
      "try again; if it stays so, the table can be made anew from the segments: stop all fold " +
      `jobs, remove ${table_folder} from the bucket, then ledger fleet fold`,
  });
}

/** The version that the hint names; it may be older than the newest, or no checkpoint's. */
export async function hintedVersion(place: CheckpointPlace): Promise<number | undefined> {
  const hint = await place.store.get(hintKey(place));
  try {
    const { version } = JSON.parse(new TextDecoder().decode(hint));
    return Number.isSafeInteger(version) && version >= 0 ? version : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a checkpoint once enough commits have come since the last. */
export async function checkpointIfDue(
  place: CheckpointPlace,
  snapshot: TableSnapshot,
): Promise<void> {
  // Not at every hundredth version: a job that dies at one would skip it.
  if (snapshot.version - snapshot.checkpoint >= checkpoint_commits) {
    await writeCheckpoint(place, snapshot);
  }
}

/** Writes the checkpoint of a table at its version, then the hint. */
export async function writeCheckpoint(
  place: CheckpointPlace,
  snapshot: TableSnapshot,
): Promise<void> {
  const { store } = place;
  const begun_ms = store.now_ms();
  const actions = stateActions(snapshot, begun_ms);
  const bytes = await withWorkFile(place, "ndjson", async (path, database) => {
    const { files } = store.world;
    const text = actions.map((action) => `${JSON.stringify(action)}\n`).join("");
    writeNewFile(files, path, new TextEncoder().encode(text));
    const types = Object.entries(COLUMNS).map(([name, type]) => `${name}: ${literal(type)}`);
    const out = `${path}.parquet`;
    await database.run(
      `copy (select * from read_json(${literal(path)}, format = 'newline_delimited',
         maximum_object_size = ${checkpoint_line_bytes_max}, columns = {${types}}))
       to ${literal(out)} (format parquet, compression snappy)`,
    );
    return files.readBytes(out) as Uint8Array<ArrayBuffer>;
  });
  const { version } = snapshot;
  // Another job may have written the same: then that one serves.
  await store.put(keyOf(place, version), bytes, { create_only: true, is_recognizable: true });
  snapshot.checkpoint = version;
  const hint = {
    version,
    size: actions.length,
    sizeInBytes: bytes.length,
    numOfAddFiles: snapshot.files.size,
  };
  await store.put(hintKey(place), new TextEncoder().encode(JSON.stringify(hint)), {
    content_type: "application/json",
    // A hint that is written late could name a checkpoint that was swept meanwhile.
    until_ms: begun_ms + lake_commit_ms_max,
  });
}

/** A file for DuckDB in a folder of its own, which goes again. */
async function withWorkFile<T>(
  { store: { world }, work_folder }: CheckpointPlace,
  ending: string,
  body: (path: string, database: Database) => Promise<T>,
): Promise<T> {
  try {
    return await withDatabase(world, work_folder, (database, folder) => {
      return body(join(folder, `checkpoint.${ending}`), database);
    });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw error.with({ message: `cannot make or read a checkpoint: ${error.message}` });
  }
}
