/**
 * `alerts.duckdb`: every call that any catalogued run took in, and which runs did. Derived from the
 * catalog and the runs' `inputs/alerts.parquet`; only files that are new or changed are opened.
 */
import { resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { alert_files_at_once } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/door.ts";
import { SnapshotStore } from "../duckdb/snapshot.ts";
import { rowsOfFiles } from "./artifact_views.ts";

const ALERTS_VERSION = 1;

const SCHEMA = `
  create table alerts_meta (version integer);
  insert into alerts_meta values (${ALERTS_VERSION});
  create table alert_files (run_id varchar, path varchar, stamp varchar, problem varchar);
  create table alert_uses (
    call_id varchar, mint varchar, caller_name varchar, chain varchar, alert_ts_ms bigint,
    created_at varchar, run_id varchar);
  create view alerts as
    select call_id, first(mint order by run_id) as mint,
      first(caller_name order by run_id) as caller_name, first(chain order by run_id) as chain,
      first(alert_ts_ms order by run_id) as alert_ts_ms,
      first(created_at order by run_id) as created_at,
      count(distinct run_id) as run_count, list(distinct run_id order by run_id) as run_ids
    from alert_uses group by call_id;
`;

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

/** Brings `alerts.duckdb` up to date with an open catalog. */
export async function syncAlerts(
  world: World,
  catalog: Database,
  runs_dir: string,
  path: string,
): Promise<AlertsReport> {
  const store = new SnapshotStore(world, path);
  await store.lock();
  try {
    const wanted = await catalogued(catalog);
    const before = await previous(world, store);
    const there = new Map((before ?? []).map((file) => [file.run_id, file]));
    const added = wanted.filter(({ run_id, stamp }) => there.get(run_id)?.stamp !== stamp);
    const kept = new Set(wanted.map(({ run_id }) => run_id));
    const gone = [...there.keys()].filter((run_id) => !kept.has(run_id));
    const report = { path: store.path, added: added.length, removed: gone.length, problems: [] };
    if (before && added.length === 0 && gone.length === 0) return report;
    return { ...report, problems: await build(world, store, runs_dir, !!before, added, gone) };
  } finally {
    store.unlock();
  }
}

async function catalogued(catalog: Database): Promise<AlertFile[]> {
  return await catalog.rows(
    `select a.run_id, a.path, concat_ws(' ', a.path, a.bytes, a.sha256, a.rows) as stamp
     from backtest_artifacts_catalog a
     join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
     where a.artifact_type = 'alerts' and not a.is_missing order by a.run_id`,
  );
}

/** What the live file was made from; undefined when it cannot be used. */
async function previous(world: World, store: SnapshotStore): Promise<AlertFile[] | undefined> {
  if (!world.files.facts(store.path)?.is_file || !store.isAsPublished()) return undefined;
  store.removeForeignWal();
  try {
    await using database = await openDatabase(world, {
      path: store.path,
      access: "read",
      folders: [store.work_folder],
      temp_folder: store.work_folder,
    });
    const version = await database.value<number>("select version from alerts_meta");
    if (version !== ALERTS_VERSION) return undefined;
    return await database.rows("select run_id, path, stamp from alert_files");
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return undefined;
  }
}

async function build(
  world: World,
  store: SnapshotStore,
  runs_dir: string,
  from_live: boolean,
  added: readonly AlertFile[],
  gone: readonly string[],
): Promise<AlertsReport["problems"]> {
  const problems: AlertsReport["problems"] = [];
  const absolute = ({ path }: AlertFile) => resolve(world.cwd(), runs_dir, path);
  const database = await store.openWork(from_live, [resolve(world.cwd(), runs_dir)]);
  try {
    if (!from_live) await database.run(SCHEMA);
    const forgotten = JSON.stringify([...gone, ...added.map(({ run_id }) => run_id)]);
    for (const table of ["alert_uses", "alert_files"]) {
      await database.run(
        `delete from ${table} where run_id in (select unnest(cast($1::json as varchar[])))`,
        [forgotten],
      );
    }
    for (let at = 0; at < added.length; at += alert_files_at_once) {
      const files = added.slice(at, at + alert_files_at_once);
      try {
        await database.run(takeIn(files.map(absolute)));
      } catch (error) {
        if (!asLedgerError(error)) throw error;
        // One of them cannot be read: which one shows when they are taken in by themselves.
        for (const file of files) {
          const problem = await problemOf(database, absolute(file));
          if (problem) problems.push({ path: file.path, problem });
        }
      }
      await database.runForEach(
        "insert into alert_files values ($1, $2, $3, $4)",
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
  store.publish(false);
  return problems;
}

function takeIn(paths: readonly string[]): string {
  return `insert into alert_uses by name
    select call_id, mint, caller_name, chain, alert_ts_ms, created_at, run_id
    from ${rowsOfFiles("alerts", paths)}`;
}

async function problemOf(database: Database, path: string): Promise<string | undefined> {
  try {
    await database.run(takeIn([path]));
  } catch (error) {
    if (error instanceof LedgerError) return error.message.split("\n")[0];
    throw error;
  }
}
