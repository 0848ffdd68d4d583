/** What the tests of runs share: a lab to work in, manifests put in place by hand, catalogs compared. */
import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import type { Files } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import type { Database } from "../../src/duckdb/connection.ts";
import { openSnapshot } from "../../src/duckdb/snapshot_swap.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import {
  type CatalogSyncOptions,
  type CatalogSyncReport,
  syncCatalog,
} from "../../src/runs/catalog/catalog.ts";
import { runPath } from "../../src/runs/manifest/layout.ts";
import { linesOnDisk, memoryFolder, runIn, testWorld } from "../harness.ts";

/** The month of runs that are put in place by hand. */
export const MONTH = "2026-01";

/** A ledger and a folder of runs that go away at the end of the scope. */
export interface Lab extends Disposable {
  path: string;
  dir: string;
  runs_dir: string;
  catalog: string;
}

/** Makes a lab, in memory where there is such a place: most of these tests are not about disks. */
export function newLab(): Lab {
  const folder = memoryFolder();
  const { path } = folder;
  const dir = join(path, "ledger");
  const catalog = join(dir, "index", "catalog.duckdb");
  return {
    path,
    dir,
    runs_dir: join(path, "runs"),
    catalog,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** The lab's ledger, as a user of the library has it. */
export function ledgerOf(lab: Pick<Lab, "dir" | "runs_dir">, world: World = testWorld()): Ledger {
  return new Ledger({ dir: lab.dir, runs_dir: lab.runs_dir, world });
}

/** Runs a command line on the lab, in this process. */
export function inLab(
  lab: Lab,
  args: string[],
  different: Parameters<typeof runIn>[2] = {},
): ReturnType<typeof runIn> {
  const vars = { LEDGER_RUNS_DIR: lab.runs_dir, ...different.vars };
  return runIn(lab.dir, args, { ...different, vars });
}

/** Asks an index as a user of the command line does; a row is its values. */
export async function ask(lab: Lab, sql: string, db = "catalog"): Promise<unknown[][]> {
  const { code, stdout, stderr } = await inLab(lab, ["query", "--db", db, sql, "--json"]);
  assertEquals(code, 0, stderr);
  return (JSON.parse(stdout) as Record<string, unknown>[]).map((row) => Object.values(row));
}

/** A manifest as our program and its first version write it; pass what should be different. */
export function manifestOf(run_id: string, different: Record<string, unknown> = {}) {
  return {
    run_id,
    run_type: "policy",
    created_at: "2026-01-17T15:52:24.273Z",
    started_at: "2026-01-17T15:52:24.279Z",
    completed_at: "2026-01-17T15:52:24.539Z",
    status: "completed",
    dataset: { interval: "1m" },
    parameters: {},
    schema_version: { manifest: "1.0.0", artifacts: "1.0.0" },
    artifacts: {},
    ...different,
  };
}

/** Puts a run in place as another program might; a text is its manifest as it is. */
export function putRun(
  lab: Pick<Lab, "runs_dir">,
  run_id: string,
  manifest: string | Record<string, unknown> = {},
  { month = MONTH, has_success = true } = {},
): string {
  const path = runPath(month, run_id);
  const folder = join(lab.runs_dir, path);
  Deno.mkdirSync(folder, { recursive: true });
  const text = typeof manifest === "string"
    ? manifest
    : JSON.stringify(manifestOf(run_id, manifest));
  const begun = join(folder, "run.json.begun");
  // Renamed into place, as every writer does: a file of its own each time.
  Deno.writeTextFileSync(begun, text);
  Deno.renameSync(begun, join(folder, "run.json"));
  if (has_success) Deno.writeTextFileSync(join(folder, "_SUCCESS"), "");
  return path;
}

/** Puts any file into a run's folder. */
export function putFile(
  lab: Pick<Lab, "runs_dir">,
  run_path: string,
  name: string,
  text = "x",
): void {
  const path = join(lab.runs_dir, run_path, name);
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

/** Removes a run's folder, or a file in it. */
export function removeFrom(lab: Lab, ...path: string[]): void {
  Deno.removeSync(join(lab.runs_dir, ...path), { recursive: true });
}

/** Syncs the lab's catalog in this process. */
export async function sync(
  lab: Lab,
  options: CatalogSyncOptions = {},
  world: World = testWorld(),
): Promise<CatalogSyncReport & { notices: string[] }> {
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const report = await syncCatalog(world, lab.runs_dir, lab.catalog, { onNotice, ...options });
  return { ...report, notices };
}

/** Opens a catalog for reading. */
export function openCatalog(path: string): Promise<Database> {
  return openSnapshot(testWorld(), path, { hint_when_absent: "" });
}

/** Rows of a catalog, with whole numbers as numbers. */
export async function rowsOf(path: string, sql: string): Promise<Record<string, unknown>[]> {
  await using database = await openCatalog(path);
  return (await database.rows(sql)).map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === "bigint" ? Number(value) : value,
      ]),
    )
  );
}

/** The one value of each row. */
export async function valuesOf(path: string, sql: string): Promise<unknown[]> {
  return (await rowsOf(path, sql)).map((row) => Object.values(row)[0]);
}

/** Why each run is not in the catalog, by its path. */
export async function skippedIn(lab: Lab): Promise<Record<string, string>> {
  const rows = await rowsOf(lab.catalog, "select * from runs_skipped");
  return Object.fromEntries(rows.map(({ run_path, reason }) => [run_path, reason]));
}

const CONTENTS = [
  `select * from backtest_runs_catalog where presence <> 'missing' order by run_id`,
  `select * from backtest_artifacts_catalog where run_id not in
     (select run_id from backtest_runs_catalog where presence = 'missing')
   order by run_id, artifact_type`,
  `select * from runs_in_progress order by run_path`,
  `select * from runs_skipped order by run_path, reason`,
];

/** Everything that a catalog tells, but for the runs that are gone from the disk. */
export async function contentOf(path: string): Promise<string[][]> {
  await using database = await openCatalog(path);
  const tables: string[][] = [];
  for (const sql of CONTENTS) {
    const rows = await database.rows(sql);
    tables.push(
      rows.map((row) =>
        JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value)
      ),
    );
  }
  return tables;
}

/** Fails unless the catalog is what one that is built from nothing says. */
export async function assertLikeBuiltAnew(
  lab: Lab,
  options: CatalogSyncOptions = {},
  world: World = testWorld(),
): Promise<void> {
  using elsewhere = memoryFolder();
  const path = join(elsewhere.path, "catalog.duckdb");
  await syncCatalog(world, lab.runs_dir, path, options);
  assertEquals(await contentOf(lab.catalog), await contentOf(path), "not as built from nothing");
}

/** Which file the catalog is, and since when: the same text is the same file, untouched. */
export function catalogStamp(lab: Lab): string {
  const { ino, mtime, size } = Deno.statSync(lab.catalog);
  return `${ino} ${mtime?.getTime()} ${size}`;
}

/** The log's events of a run, by type, in order. */
export function eventsOf(lab: Lab, run_id: string): Record<string, unknown>[] {
  return linesOnDisk(lab.dir).map((line) => JSON.parse(line))
    .filter((event) => event.run_id === run_id);
}

/** The names in a run's folder, sorted. */
export function namesIn(lab: Lab, run_path: string): string[] {
  return [...Deno.readDirSync(join(lab.runs_dir, run_path))].map(({ name }) => name).sort();
}

/** Files whose locks, of some paths, are waited for in vain; that they are is told at once. */
export function filesInVain(paths: RegExp): Files {
  const system = systemFiles();
  return {
    ...system,
    open: (path, mode) => {
      const file = system.open(path, mode);
      if (!paths.test(path)) return file;
      return new Proxy(file, {
        get: (target, name) => {
          if (name === "tryLock") return () => false;
          if (name === "lock") return () => Promise.resolve(false);
          const value = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}
