/** Bulk loading: batches of spooled events -> the tables that hold events one to one. */
import { ids_at_once_max, spool_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database, Statement } from "../duckdb/connection.ts";
import { concurrentlyRemoved } from "../log/mod.ts";
import { ingest, ingestOnThread, type IngestRequest, type IngestResult } from "./ingest.ts";
import { COUNT_EVENTS, type LoadSql, REPEAT_NO_HASHES } from "./load_sql.ts";
import type { Batch, PackedTrials } from "./spool.ts";

/** An event came that sorts before its indexed twin: the first in log order is another one now. */
export class OrderChanged extends Error {}

class Loader {
  #loading: Promise<void> = Promise.resolve();
  #load_trials?: Statement;

  constructor(
    readonly world: World,
    readonly database: Database,
    readonly sql: LoadSql,
    /** Whether events are indexed already that new ones may repeat. */
    readonly has_events: boolean,
  ) {}

  async begin(): Promise<void> {
    await this.database.run(this.sql.SPOOL_NO_PARTS);
    if (!this.has_events) this.#load_trials = await this.database.prepare(this.sql.LOAD_TRIALS);
  }

  /** Waits for the batch before, and begins with this one: meanwhile, the next can be read. */
  async take(batch: Batch): Promise<void> {
    await this.#loading;
    if (batch.parts.length > 0) {
      await this.database.runForEach(this.sql.ADD_SPOOLED_PART, batch.parts);
    }
    this.#loading = this.#load(batch);
    // A failure is thrown where the promise is awaited: at the next batch, or at the end.
    this.#loading.catch(() => {});
  }

  /** Waits for the last batch, and looks over all of them. */
  async finish(): Promise<void> {
    await this.#loading;
    await this.close();
    // Built from nothing, it is cheaper to look for repeated events once than at every file.
    if (!this.has_events) await this.#deleteRepeated();
  }

  /** Lets go of the database, which cannot be closed before. */
  async close(): Promise<void> {
    await this.#loading.catch(() => {});
    this.#load_trials?.[Symbol.dispose]();
    this.#load_trials = undefined;
  }

  async #deleteRepeated(): Promise<void> {
    const events = Number(await this.database.value<bigint>(COUNT_EVENTS));
    const passes = Math.max(1, Math.ceil(events / ids_at_once_max));
    await this.database.run(REPEAT_NO_HASHES);
    for (let pass = 0; pass < passes; pass++) {
      await this.database.run(this.sql.ADD_REPEATED_HASHES, [passes, pass]);
    }
    await this.#runAll(this.sql.DELETE_REPEATED);
  }

  async #load({ packed, trials, rows, held }: Batch): Promise<void> {
    const { database } = this;
    if (packed) await this.#loadPacked(packed);
    const at_once = trials !== undefined && this.#load_trials !== undefined;
    if (at_once) await this.#load_trials!.run([trials]);
    if (rows !== undefined || (trials !== undefined && !at_once)) {
      if (rows !== undefined) await database.run(this.sql.READ_SPOOLED_ROWS, [rows]);
      else await database.run(this.sql.SPOOL_NOTHING);
      if (trials !== undefined && !at_once) {
        await database.run(this.sql.ADD_SPOOLED_TRIALS, [trials]);
      }
      await this.#loadSpooled();
    }
    for (const path of [trials, rows]) if (path !== undefined) this.world.files.remove(path);
    if (held.length === 0) return;
    await database.run(this.sql.SPOOL_NOTHING);
    await database.runForEach(this.sql.ADD_SPOOLED_ROW, held);
    await this.#loadSpooled();
  }

  async #loadPacked({ path, day, part, box }: PackedTrials): Promise<void> {
    try {
      const of_box = box === undefined ? [] : [box];
      await this.database.run(this.sql.LOAD_PACKED_TRIALS, [path, day, part, ...of_box]);
    } catch (error) {
      if (!this.world.files.facts(path)) throw concurrentlyRemoved(`day=${day}/${part}.jsonl`);
      throw error;
    }
  }

  async #loadSpooled(): Promise<void> {
    if (this.has_events) {
      const before = await this.database.value<bigint>(this.sql.COUNT_SPOOLED_BEFORE_TWIN);
      if (before > 0n) throw new OrderChanged();
      await this.#runAll(this.sql.DROP_KNOWN);
      const again = await this.database.value<bigint>(this.sql.COUNT_SPOOLED_AGAIN);
      if (again > 0n) await this.#runAll(this.sql.DROP_REPEATED);
    }
    await this.#runAll(this.sql.LOAD_SPOOLED);
  }

  async #runAll(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.database.run(statement);
  }
}

/** What was loaded. */
interface Loaded extends Omit<IngestResult, "rejected"> {
  rejected: number;
}

/** Reads lines and loads them, while the next ones are read. */
export async function loadAll(
  world: World,
  database: Database,
  sql: LoadSql,
  request: IngestRequest,
  { total_bytes, onRead }: { total_bytes: number; onRead?: (bytes: number) => void },
): Promise<Loaded> {
  const loader = new Loader(world, database, sql, !request.from_nothing);
  const sink = (batch: Batch) => loader.take(batch);
  try {
    await loader.begin();
    // Another thread takes a moment to start.
    const { rejected, ...read } = world.has_threads && total_bytes > spool_bytes_max
      ? await ingestOnThread(request, sink, onRead)
      : await ingest(world, request, sink, onRead);
    await loader.finish();
    await database.runForEach(sql.ADD_REJECTED, rejected);
    return { ...read, rejected: rejected.length };
  } finally {
    await loader.close();
  }
}
