/**
 * Index of many boxes: segments of their logs, as files of a cache -> one database with the tables and views of a
 * log's own index, each row with its box. Rows and the numbers of the segments that they came from commit
 * together. What is derived is not worth a failure: an index that cannot be trusted is built anew.
 */
import { LedgerError } from "../base/error.ts";
import { withNumbers } from "../base/json.ts";
import { index_compacted_factor } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { SnapshotStore } from "../duckdb/snapshot_swap.ts";
import { loadAll, OrderChanged } from "./load.ts";
import { loadSql, VERSION } from "./load_sql.ts";
import { viewsOf } from "./run_views.ts";
import { INDEX_VERSION, tablesOf } from "./tables.ts";

/** A segment of a box's log, as a file. */
export interface BoxSegment {
  box: string;
  seq: number;
  path: string;
  size_bytes: number;
}

/** What is indexed, and how. */
interface BoxIndexOptions {
  /** The folder that all segments are in. */
  folder: string;
  lock_wait_ms?: number;
  signal?: AbortSignal;
  onNotice?: (message: string) => void;
}

/** What was done to an index of many boxes, and what is in it. */
export interface BoxIndexReport {
  kind: "full" | "increment" | "nothing new";
  path: string;
  new_segments: number;
  total: { events: number; rejected: number };
}

/** Segments of a box without a gap, from one number to another. */
interface SegmentRange {
  box: string;
  from_seq: number;
  to_seq: number;
}

const SQL = loadSql("boxes");

/** Takes the segments into the index that are not in it yet. All that it holds have to be among them. */
export async function syncBoxIndex(
  world: World,
  path: string,
  segments: readonly BoxSegment[],
  options: BoxIndexOptions,
): Promise<BoxIndexReport> {
  const store = new SnapshotStore(world, path);
  await store.lock(options.lock_wait_ms, options.signal);
  try {
    return await new BoxIndexSync(world, store, segments, options).run();
  } finally {
    store.unlock();
  }
}

/** What an index holds. */
interface Indexed {
  segments: ReadonlySet<string>;
  total: BoxIndexReport["total"];
}

class BoxIndexSync {
  constructor(
    readonly world: World,
    readonly store: SnapshotStore,
    readonly segments: readonly BoxSegment[],
    readonly options: BoxIndexOptions,
  ) {}

  async run(): Promise<BoxIndexReport> {
    const { store, options: { onNotice } } = this;
    const name = "the fleet's index";
    const read = () => this.#read();
    const build = (live: Indexed | undefined, keep_aside: boolean) => this.#build(live, keep_aside);
    try {
      return await store.buildFromLive({ name, read, build, onNotice });
    } catch (error) {
      if (!(error instanceof OrderChanged)) throw error;
      const reason = "an event came that sorts before its indexed twin";
      onNotice?.(store.anewNotice(name, reason, false));
      return await build(undefined, false);
    }
  }

  /** Throws "damaged" where the index holds what the cache does not: then it is of another one. */
  async #read(): Promise<Indexed> {
    await using database = await this.store.openLive(VERSION, INDEX_VERSION);
    const here = new Set(this.segments.map(nameOf));
    const segments = new Set<string>();
    for (const row of await database.rows("from index_segments")) {
      const { box, from_seq, to_seq } = withNumbers<SegmentRange>(row);
      for (let seq = from_seq; seq <= to_seq; seq++) {
        const name = nameOf({ box, seq });
        if (!here.has(name)) {
          const message = `segment ${seq} of box ${box} is gone from the cache`;
          throw new LedgerError({ code: "damaged", message });
        }
        segments.add(name);
      }
    }
    return { segments, total: await totalOf(database) };
  }

  async #build(live: Indexed | undefined, keep_aside: boolean): Promise<BoxIndexReport> {
    const { world, store, options: { folder } } = this;
    const fresh = this.segments.filter((segment) => !live?.segments.has(nameOf(segment)));
    const { path } = store;
    if (live && fresh.length === 0) {
      return { kind: "nothing new", path, new_segments: 0, total: live.total };
    }
    const database = await store.openWork(live !== undefined, [folder]);
    let total: BoxIndexReport["total"];
    try {
      if (!live) await database.run(tablesOf("boxes") + viewsOf("boxes"));
      // In one transaction, large inserts go straight into the file, without the detour of a log.
      await database.run("begin");
      await database.run(SQL.TOUCH_NOTHING);
      const request = {
        segments: fresh.map(({ box, path }) => ({ box, path })),
        folder: store.work_folder,
        from_nothing: live === undefined,
      };
      const packed_bytes = fresh.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
      const total_bytes = packed_bytes * index_compacted_factor;
      await loadAll(world, database, SQL, request, { total_bytes });
      for (const statement of SQL.DERIVE) await database.run(statement);
      await database.run("delete from index_segments");
      const ranges = rangesOf(this.segments)
        .map(({ box, from_seq, to_seq }) => [box, from_seq, to_seq]);
      await database.runForEach("insert into index_segments values ($1, $2, $3)", ranges);
      total = await totalOf(database);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    store.publish(keep_aside);
    return { kind: live ? "increment" : "full", path, new_segments: fresh.length, total };
  }
}

async function totalOf(database: Database): Promise<BoxIndexReport["total"]> {
  const [row] = await database.rows(`select (select count(*) from events) as events,
    (select count(*) from rejected_lines) as rejected`);
  return withNumbers<BoxIndexReport["total"]>(row);
}

function nameOf({ box, seq }: Pick<BoxSegment, "box" | "seq">): string {
  return `${box}/${seq}`;
}

/** The same as ranges; segments come in order, box by box. */
function rangesOf(segments: readonly BoxSegment[]): SegmentRange[] {
  const ranges: SegmentRange[] = [];
  for (const { box, seq } of segments) {
    const last = ranges.at(-1);
    if (last?.box === box && last.to_seq === seq - 1) last.to_seq = seq;
    else ranges.push({ box, from_seq: seq, to_seq: seq });
  }
  return ranges;
}
