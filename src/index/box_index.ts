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

/** A segment of a box, as a file. */
export interface BoxSegment {
  box: string;
  seq: number;
  path: string;
  size_bytes: number;
}

/** Tables that come from other chains of the boxes than their logs. */
export interface TablesBeside {
  source: string;
  segments: readonly BoxSegment[];
  /** Creates the tables. */
  sql: string;
  /** Adds the rows of segments, which are new; returns those that could be taken. */
  load(
    database: Database,
    segments: readonly BoxSegment[],
    folder: string,
  ): Promise<readonly BoxSegment[]>;
}

/** What is indexed, and how. */
interface BoxIndexOptions {
  /** The folder that all segments are in. */
  folder: string;
  /** What is indexed beside the logs. */
  beside?: readonly TablesBeside[];
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

const LOG = "log";

/** Segments of a chain without a gap, from one number to another. */
interface SegmentRange {
  source: string;
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
    const chains = [{ source: LOG, segments: this.segments }, ...this.options.beside ?? []];
    const here = new Set(chains.flatMap(({ source, segments }) => {
      return segments.map((segment) => nameOf(source, segment));
    }));
    const segments = new Set<string>();
    for (const row of await database.rows("from index_segments")) {
      const { source, box, from_seq, to_seq } = withNumbers<SegmentRange>(row);
      for (let seq = from_seq; seq <= to_seq; seq++) {
        const name = nameOf(source, { box, seq });
        if (!here.has(name)) {
          const message = `segment ${seq} of box ${box} (${source}) is gone from the cache`;
          throw new LedgerError({ code: "damaged", message });
        }
        segments.add(name);
      }
    }
    return { segments, total: await totalOf(database) };
  }

  async #build(live: Indexed | undefined, keep_aside: boolean): Promise<BoxIndexReport> {
    const { world, store, options: { folder, beside = [] } } = this;
    const freshOf = (source: string, segments: readonly BoxSegment[]) =>
      segments.filter((segment) => !live?.segments.has(nameOf(source, segment)));
    const fresh = freshOf(LOG, this.segments);
    const fresh_beside = beside.map(({ source, segments }) => freshOf(source, segments));
    const new_segments = [fresh, ...fresh_beside].reduce((sum, { length }) => sum + length, 0);
    const { path } = store;
    if (live && new_segments === 0) {
      return { kind: "nothing new", path, new_segments: 0, total: live.total };
    }
    const database = await store.openWork(live !== undefined, [folder]);
    let total: BoxIndexReport["total"];
    try {
      if (!live) {
        await database.run(tablesOf("boxes") + viewsOf("boxes"));
        for (const { sql } of beside) await database.run(sql);
      }
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
      const ranges = rangesOf(LOG, this.segments);
      for (const [at, { source, segments, load }] of beside.entries()) {
        const taken = new Set(await load(database, fresh_beside[at], store.work_folder));
        const left = new Set(fresh_beside[at].filter((segment) => !taken.has(segment)));
        ranges.push(...rangesOf(source, segments.filter((segment) => !left.has(segment))));
      }
      await database.run("delete from index_segments");
      await database.runForEach("insert into index_segments values ($1, $2, $3, $4)", ranges);
      total = await totalOf(database);
      await database.run("commit");
      await database.run("checkpoint");
    } finally {
      database.close();
    }
    store.publish(keep_aside);
    return { kind: live ? "increment" : "full", path, new_segments, total };
  }
}

async function totalOf(database: Database): Promise<BoxIndexReport["total"]> {
  const [row] = await database.rows(`select (select count(*) from events) as events,
    (select count(*) from rejected_lines) as rejected`);
  return withNumbers<BoxIndexReport["total"]>(row);
}

function nameOf(source: string, { box, seq }: Pick<BoxSegment, "box" | "seq">): string {
  return `${source}/${box}/${seq}`;
}

/** The same as ranges: source, box, from, to. Segments come in order, box by box. */
function rangesOf(source: string, segments: readonly BoxSegment[]) {
  const ranges: [source: string, box: string, from_seq: number, to_seq: number][] = [];
  for (const { box, seq } of segments) {
    const last = ranges.at(-1);
    if (last?.[1] === box && last[3] === seq - 1) last[3] = seq;
    else ranges.push([source, box, seq, seq]);
  }
  return ranges;
}
