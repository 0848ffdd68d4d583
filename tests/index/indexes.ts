/** What the tests of the index share: a sync in this process, and rows as they came out. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../../src/base/world.ts";
import type { Database } from "../../src/duckdb/connection.ts";
import { openSnapshot } from "../../src/duckdb/snapshot_swap.ts";
import { syncIndex, type SyncOptions, type SyncReport } from "../../src/index/sync.ts";
import { memoryFolder, testWorld } from "../harness.ts";

/** A folder for a ledger. */
export const ledgerFolder = memoryFolder;

/** Syncs the index of a ledger; returns what was reported and what was noticed. */
export async function sync(
  dir: string,
  options: SyncOptions = {},
  world: World = testWorld(),
): Promise<SyncReport & { notices: string[] }> {
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const report = await syncIndex(world, dir, { count: true, onNotice, ...options });
  return { ...report, notices };
}

/** Fails unless the tables of the live index are those of an index that is built from nothing. */
export async function assertLikeBuiltAnew(dir: string, live: SyncReport): Promise<void> {
  using elsewhere = ledgerFolder();
  const path = join(elsewhere.path, "anew.duckdb");
  const anew = await sync(dir, { path });
  assertEquals(anew.kind, "full");
  assertEquals(live.tables, anew.tables, "the live index is not what a full build gives");
  assertEquals(live.total, anew.total);
}

/** Opens the live index of a ledger. */
export function openLive(dir: string): Promise<Database> {
  return openSnapshot(testWorld(), join(dir, "index", "runs.duckdb"), { hint_when_absent: "" });
}

/** Rows of the live index, with whole numbers as numbers. */
export async function rowsOf(dir: string, sql: string): Promise<Record<string, unknown>[]> {
  await using database = await openLive(dir);
  return (await database.rows(sql)).map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === "bigint" ? Number(value) : value,
      ]),
    )
  );
}

/** A line of a log. */
export function line(event: Record<string, unknown>): string {
  return JSON.stringify(event) + "\n";
}
