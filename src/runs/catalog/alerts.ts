/**
 * Sync of `alerts.duckdb`, a materialized view: every call that any catalogued run took in, and which
 * runs did. Derived from the catalog and the runs' `inputs/alerts.parquet`; only files that are new or
 * changed are opened.
 */
import { resolve } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { alert_files_at_once } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { SnapshotStore } from "../../duckdb/snapshot_swap.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";
import { rowsOfFiles } from "./typed_rows.ts";

/** Alerts of another version are taken in anew. */
export const ALERTS_VERSION = 1;

const ALERTS_SCHEMA = `
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

const VERSION = `select version from alerts_meta`;
const ALL_FILES = `select run_id, path, stamp as fingerprint from alert_files`;
const ADD_FILE = `insert into alert_files values ($1, $2, $3, $4)`;

/** The files of alerts that the catalog knows; a file elsewhere has another fingerprint. */
const CATALOGUED_FILES = `
  select a.run_id, a.path, concat_ws(' ', a.path, a.bytes, a.sha256, a.rows) as fingerprint
  from backtest_artifacts_catalog a
  join backtest_runs_catalog r on r.run_id = a.run_id and r.presence = 'present'
  where a.artifact_type = 'alerts' and not a.is_missing order by a.run_id`;

/** Forgets runs, whose ids are one JSON array. */
const FORGET_RUNS = ["alert_uses", "alert_files"].map((table) =>
  `delete from ${table} where run_id in (select unnest(cast($1::json as varchar[])))`
);

function loadAlerts(paths: readonly string[]): string {
  return `insert into alert_uses by name
    select call_id, mint, caller_name, chain, alert_ts_ms, created_at, run_id
    from ${rowsOfFiles(artifactDefinition("alerts"), paths)}`;
}

/** How to sync. */
export interface AlertsSyncOptions {
  lock_wait_ms?: number;
  /** Gets what is worth a line: that the alerts were set aside, and why. */
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
  fingerprint: string;
}

interface Change {
  added: readonly AlertFile[];
  gone: readonly string[];
}

/** Brings `alerts.duckdb` up to date with an open catalog, which had that fingerprint. */
export async function syncAlerts(
  world: World,
  { catalog, fingerprint }: { catalog: Database; fingerprint: string },
  runs_dir: string,
  path: string,
  options: AlertsSyncOptions = {},
): Promise<AlertsReport> {
  const store = new SnapshotStore(world, path);
  await store.lock(options.lock_wait_ms);
  try {
    const wanted = await catalog.rows<AlertFile>(CATALOGUED_FILES);
    const report = await store.buildFromLive({
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
    store.writeWatermark(fingerprint);
    return report;
  } finally {
    store.unlock();
  }
}

async function readLive(store: SnapshotStore): Promise<AlertFile[]> {
  await using database = await store.openLive(VERSION, ALERTS_VERSION);
  return await database.rows(ALL_FILES);
}

function changeOf(before: readonly AlertFile[], wanted: readonly AlertFile[]): Change {
  const old = new Map(before.map(({ run_id, fingerprint }) => [run_id, fingerprint]));
  const kept = new Set(wanted.map(({ run_id }) => run_id));
  return {
    added: wanted.filter(({ run_id, fingerprint }) => old.get(run_id) !== fingerprint),
    gone: [...old.keys()].filter((run_id) => !kept.has(run_id)),
  };
}

async function build(
  store: SnapshotStore,
  runs_dir: string,
  from_live: boolean,
  keep_aside: boolean,
  { added, gone }: Change,
): Promise<AlertsReport["problems"]> {
  const problems = new Map<string, string>();
  const folder = resolve(store.world.cwd(), runs_dir);
  const absolute = ({ path }: AlertFile) => resolve(folder, path);
  const database = await store.openWork(from_live, [folder]);
  try {
    if (!from_live) await database.run(ALERTS_SCHEMA);
    const forgotten = JSON.stringify([...gone, ...added.map(({ run_id }) => run_id)]);
    for (const statement of FORGET_RUNS) await database.run(statement, [forgotten]);
    for (let at = 0; at < added.length; at += alert_files_at_once) {
      const files = added.slice(at, at + alert_files_at_once);
      if (await loadProblem(database, files.map(absolute)) !== undefined) {
        // One of them cannot be read: loaded one by one, they show which.
        for (const file of files) {
          const problem = await loadProblem(database, [absolute(file)]);
          if (problem !== undefined) problems.set(file.path, problem);
        }
      }
      await database.runForEach(
        ADD_FILE,
        files.map(({ run_id, path, fingerprint }) => {
          return [run_id, path, fingerprint, problems.get(path) ?? null];
        }),
      );
    }
    await database.run("checkpoint");
  } finally {
    database.close();
  }
  store.publish(keep_aside);
  return [...problems].map(([path, problem]) => ({ path, problem }));
}

/** Loads files of alerts, and says what keeps one of them from being read. */
async function loadProblem(
  database: Database,
  paths: readonly string[],
): Promise<string | undefined> {
  try {
    await database.run(loadAlerts(paths));
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return problem.message.split("\n")[0];
  }
}
