/**
 * `alerts.duckdb`: every call that any catalogued run took in, and which runs did. Derived from the
 * catalog and the runs' `inputs/alerts.parquet`; only files that are new or changed are opened.
 */
import { resolve } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { alert_files_at_once } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { SnapshotStore } from "../../duckdb/snapshot.ts";
import * as sql from "./alerts_schema.ts";

/** How to sync. */
export interface AlertsSyncOptions {
  /** Told what is worth a line: that the alerts were set aside, and why. */
  onNotice?: (message: string) => void;
}

/** What a sync of the alerts did. */
export interface AlertsReport {
  path: string;
  /** Runs whose alerts were taken in, and runs whose alerts went. */
  added: number;
  removed: number;
  /** Files that could not be read, and why. */
  problems: { path: string; problem: string }[];
}

interface AlertFile {
  run_id: string;
  path: string;
  stamp: string;
}

/** What a sync changes. */
interface Change {
  added: readonly AlertFile[];
  gone: readonly string[];
}

/** Brings `alerts.duckdb` up to date with an open catalog. */
export async function syncAlerts(
  world: World,
  catalog: Database,
  runs_dir: string,
  path: string,
  options: AlertsSyncOptions = {},
): Promise<AlertsReport> {
  const store = new SnapshotStore(world, path);
  await store.lock();
  try {
    const wanted = await catalog.rows<AlertFile>(sql.CATALOGUED_FILES);
    return await store.buildFromLive({
      name: "the index of alerts",
      read: () => readLive(store),
      build: async (before, keep_aside) => {
        const change = changeOf(before ?? [], wanted);
        const { added, gone } = change;
        const is_same = before && added.length === 0 && gone.length === 0;
        const problems = is_same
          ? []
          : await build(store, runs_dir, before !== undefined, keep_aside, change);
        return { path: store.path, added: added.length, removed: gone.length, problems };
      },
      onNotice: options.onNotice,
    });
  } finally {
    store.unlock();
  }
}

/** What the live file was made from. */
async function readLive(store: SnapshotStore): Promise<AlertFile[]> {
  await using database = await store.openLive(sql.VERSION, sql.ALERTS_VERSION);
  return await database.rows(sql.ALL_FILES);
}

function changeOf(before: readonly AlertFile[], wanted: readonly AlertFile[]): Change {
  const stamps = new Map(before.map(({ run_id, stamp }) => [run_id, stamp]));
  const kept = new Set(wanted.map(({ run_id }) => run_id));
  return {
    added: wanted.filter(({ run_id, stamp }) => stamps.get(run_id) !== stamp),
    gone: [...stamps.keys()].filter((run_id) => !kept.has(run_id)),
  };
}

async function build(
  store: SnapshotStore,
  runs_dir: string,
  from_live: boolean,
  keep_aside: boolean,
  { added, gone }: Change,
): Promise<AlertsReport["problems"]> {
  const problems: AlertsReport["problems"] = [];
  const folder = resolve(store.world.cwd(), runs_dir);
  const absolute = ({ path }: AlertFile) => resolve(folder, path);
  const database = await store.openWork(from_live, [folder]);
  try {
    if (!from_live) await database.run(sql.ALERTS_SCHEMA);
    const forgotten = JSON.stringify([...gone, ...added.map(({ run_id }) => run_id)]);
    for (const statement of sql.FORGET_RUNS) await database.run(statement, [forgotten]);
    for (let at = 0; at < added.length; at += alert_files_at_once) {
      const files = added.slice(at, at + alert_files_at_once);
      try {
        await database.run(sql.takeAlerts(files.map(absolute)));
      } catch (error) {
        if (!asLedgerError(error)) throw error;
        // One of them cannot be read: which one shows when they are taken in by themselves.
        for (const file of files) {
          const problem = await problemOf(database, absolute(file));
          if (problem) problems.push({ path: file.path, problem });
        }
      }
      await database.runForEach(
        sql.ADD_FILE,
        files.map(({ run_id, path, stamp }) => [
          run_id,
          path,
          stamp,
          problems.find((problem) => problem.path === path)?.problem ?? null,
        ]),
      );
    }
    await database.run("checkpoint");
  } finally {
    database.close();
  }
  store.publish(keep_aside);
  return problems;
}

async function problemOf(database: Database, path: string): Promise<string | undefined> {
  try {
    await database.run(sql.takeAlerts([path]));
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return problem.message.split("\n")[0];
  }
}
