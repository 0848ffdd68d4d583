/** Opening an index of a ledger, with what may stand beside it: artifacts' files, a legacy database. */
import { join, resolve } from "@std/path";
import type { World } from "../base/world.ts";
import type { BoundValue, Database } from "../duckdb/connection.ts";
import { mayReadFiles } from "../duckdb/functions.ts";
import { allowWideIntervals } from "../duckdb/intervals.ts";
import { openSnapshot } from "../duckdb/snapshot.ts";
import { attachment, createDualViews, CUTOVER } from "../legacy/attach.ts";
import type { LedgerRuns } from "./runs.ts";
import { ledgerPaths } from "../log/mod.ts";

/** Which index is opened, and what beside it. */
export interface IndexOptions {
  /** Default: runs. */
  db?: "runs" | "alerts" | "catalog";
  /** What will be asked: of the catalog, views of the artifacts that it names. */
  sql?: string;
  /** Whether it may read the files of ledger and runs. Default: where `sql` names such a function. */
  files?: boolean;
  /** A database of the first system: adds the views `all_runs` and `all_run_status`. */
  legacy?: string;
  /** From this day on, the log wins over the legacy database. */
  cutover_day?: string;
}

/** How an index is asked. */
export interface QueryOptions extends IndexOptions {
  /** What stands for `$1`, `$2`, … in the SQL: so a value is a value, whatever it holds. */
  values?: BoundValue[];
}

/** What of a ledger this needs. */
export interface IndexedLedger {
  readonly dir: string;
  readonly runs: LedgerRuns;
}

/** Opens an index for reading. */
export async function openIndexOf(
  world: World,
  { dir, runs }: IndexedLedger,
  options: IndexOptions,
): Promise<Database> {
  const { db = "runs", sql = "", files = mayReadFiles(sql), legacy, cutover_day = CUTOVER } =
    options;
  if (db === "catalog") return await runs.openCatalog({ sql, files });
  const database = await openSnapshot(world, join(ledgerPaths(dir).index, `${db}.duckdb`), {
    hint_when_absent: db === "runs"
      ? "make it: ledger rebuild"
      : "nothing has been catalogued yet: ledger runs sync",
    folders: files ? [dir, runs.dir].map((folder) => resolve(world.cwd(), folder)) : [],
    attached: legacy === undefined ? [] : [attachment(world, legacy)],
  });
  try {
    if (legacy !== undefined) await createDualViews(database, cutover_day);
    await allowWideIntervals(database, sql);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
