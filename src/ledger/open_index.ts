/** Opening an index of a ledger, with what may stand beside it: artifacts' files, another database. */
import { join, resolve } from "@std/path";
import type { World } from "../base/world.ts";
import type { BoundValue, Database } from "../duckdb/connection.ts";
import { mayReadFiles } from "../duckdb/sandbox.ts";
import { allowWideIntervals } from "../duckdb/query.ts";
import { openSnapshot } from "../duckdb/snapshot_swap.ts";
import { ledgerPaths } from "../log/mod.ts";
import { openHalf } from "./run_states.ts";
import type { LedgerRuns } from "./runs.ts";
import type { LedgerTraces } from "./traces.ts";

/** A database that is opened read-only beside the index, for one session. */
export interface AttachedDatabase {
  path: string;
  /** What the SQL calls it. */
  name: string;
  /** Makes views over both, once both are open. */
  createViews?(database: Database): Promise<void>;
}

/** Which index is opened, and what beside it. */
export interface IndexOptions {
  /** Default: runs. `fleet` is what was pulled of a fleet: the same, each row with its box. */
  db?: "runs" | "alerts" | "catalog" | "traces" | "fleet";
  /** What will be asked: of the catalog, views of the artifacts that it names. */
  sql?: string;
  /** Whether it may read the files of ledger and runs. Default: where `sql` names such a function. */
  files?: boolean;
  /** What stands beside it; catalog and traces take nothing. */
  attach?: AttachedDatabase;
  /** Gets what the views of artifacts are without. Default: that of the ledger. */
  onNotice?: (message: string) => void;
}

/** How an index is asked. */
export interface QueryOptions extends IndexOptions {
  /** What stands for `$1`, `$2`, … in the SQL: so a value is a value, whatever it holds. */
  values?: BoundValue[];
}

/** What of a ledger this needs. */
interface IndexedLedger {
  readonly dir: string;
  readonly runs: LedgerRuns;
  readonly traces: LedgerTraces;
}

/** Opens an index for reading. */
export async function openIndexOf(
  world: World,
  { dir, runs, traces }: IndexedLedger,
  options: IndexOptions,
): Promise<Database> {
  const { db = "runs", sql = "", files = mayReadFiles(sql), attach, onNotice } = options;
  if (db === "catalog") return await runs.openCatalog({ sql, files, onNotice });
  const { index: index_dir, fleet_index } = ledgerPaths(dir);
  const path = db === "fleet" ? fleet_index : join(index_dir, `${db}.duckdb`);
  const folders = files ? [dir, runs.dir].map((folder) => resolve(world.cwd(), folder)) : [];
  const attached = attach ? [attach] : [];
  const database = db === "traces"
    ? await traces.openDatabase(folders)
    : db === "runs"
    ? await openHalf({ world, index_dir, runs_dir: runs.dir }, db, { sql, folders, attached })
    : await openSnapshot(world, path, {
      hint_when_absent: db === "fleet"
        ? "nothing has been pulled yet: ledger fleet pull"
        : "nothing has been catalogued yet: ledger runs sync",
      folders,
      attached,
    });
  try {
    if (db !== "traces") await attach?.createViews?.(database);
    await allowWideIntervals(database, sql);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
