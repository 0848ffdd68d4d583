/** What an index knows of the log, for those who want to take days out of it. */
import { join } from "@std/path";
import type { World } from "../base/world.ts";
import { SnapshotStore } from "../duckdb/snapshot.ts";
import { ledgerPaths } from "../log/mod.ts";
import { readIndexed } from "./archived.ts";
import { labelOf } from "./indexed_part.ts";
import * as queries from "./queries.ts";
import { INDEX_VERSION } from "./schema.ts";

/** What is indexed, and what the days are still needed for. */
export interface IndexStanding {
  /** Up to where each part is indexed, by its label. */
  indexed: ReadonlyMap<string, number>;
  /** By day, the runs that were created or started in it and have not ended. */
  running: ReadonlyMap<string, readonly string[]>;
}

/** Reads it from the live index. Throws when there is none, or none that can be trusted. */
export async function readStanding(
  world: World,
  root: string,
  lock_wait_ms?: number,
): Promise<IndexStanding> {
  const store = new SnapshotStore(world, join(ledgerPaths(root).index, "runs.duckdb"));
  await store.lock(lock_wait_ms);
  try {
    await using database = await store.openLive(queries.VERSION, INDEX_VERSION);
    const { parts } = await readIndexed(database);
    const running = new Map<string, string[]>();
    for (
      const { run_id, log_day } of await database.rows<Record<string, unknown>>(
        queries.RUNNING_RUNS,
      )
    ) {
      running.set(String(log_day), [...running.get(String(log_day)) ?? [], String(run_id)]);
    }
    return { indexed: new Map(parts.map((part) => [labelOf(part), part.indexed_to])), running };
  } finally {
    store.unlock();
  }
}
