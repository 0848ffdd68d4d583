/**
 * Queries over all traces: Parquet files through DuckDB, write-ahead files through our own reader, merged
 * into one stream in the order of time. A query sees the snapshot of the moment it began, each event
 * once, whatever is flushed or compacted meanwhile. One session, and so one database, serves all the
 * queries of one question.
 */
import { join, resolve } from "@std/path";
import { removeQuietly } from "../../base/files/durable.ts";
import { jsonPointer } from "../../base/json.ts";
import { trace_listings_max, trace_names_bound_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type BoundValue, type Database, literal, openDatabase } from "../../duckdb/connection.ts";
import { TRACED_FIELD_NAMES, type TracedEvent } from "../event/event.ts";
import { listParquet, listPartitions, newSpillFolder, partitionFolder } from "../event/files.ts";
import type { TraceFilter } from "../event/filter.ts";
import { eventOfValues } from "./parquet_file.ts";
import { takeSnapshot, type TraceSnapshot } from "./snapshot.ts";
import type { OnTraceDamage } from "./wal_read.ts";

/** All wanted events at once. */
export async function queryTraces(
  world: World,
  dir: string,
  filter?: TraceFilter,
  onDamage?: OnTraceDamage,
): Promise<TracedEvent[]> {
  using session = new TraceSession(world, dir, onDamage);
  return await session.query(filter);
}

/** A session of queries over the traces in a folder. Its database is opened when the first needs it. */
export class TraceSession implements Disposable {
  #database?: Database;
  #spill?: string;

  constructor(
    readonly world: World,
    readonly dir: string,
    readonly onDamage: OnTraceDamage = () => {},
    /** Where its SQL may read beside the traces. */
    readonly folders: readonly string[] = [],
  ) {}

  /** All wanted events, some at a time, in the order of their time. */
  async *read(filter: TraceFilter = {}): AsyncGenerator<TracedEvent[]> {
    const { recent, stored } = await this.overSnapshot(filter, async ({ recent, files }) => {
      recent.sort(compare);
      if (filter.without_data) { for (const event of recent) event.data = {}; }
      const batches = this.#storedEvents(files, filter);
      // The sort reads all files: none of them is needed once the first batch is there.
      return { recent, stored: resumed(await batches.next(), batches) };
    });
    let left = filter.limit ?? Infinity;
    for await (const batch of merged(recent, stored)) {
      if (batch.length === 0) continue;
      yield batch.length > left ? batch.slice(0, left) : batch;
      left -= batch.length;
      if (left <= 0) return;
    }
  }

  /** All wanted events at once. */
  async query(filter?: TraceFilter): Promise<TracedEvent[]> {
    const events: TracedEvent[] = [];
    for await (const batch of this.read(filter)) {
      for (const event of batch) events.push(event);
    }
    return events;
  }

  /** Takes a snapshot and looks at it; anew where files went away meanwhile, since others replace them. */
  async overSnapshot<Result>(
    filter: TraceFilter,
    look: (snapshot: TraceSnapshot) => Promise<Result>,
  ): Promise<Result> {
    return await this.#anewWhereGone(
      () => takeSnapshot(this.world, this.dir, filter),
      async (snapshot) => {
        const result = await look(snapshot);
        snapshot.damage.forEach(this.onDamage);
        return result;
      },
    );
  }

  /** The same, over all Parquet files alone: also those that write-ahead files or merged ones stand for. */
  async overFiles<Result>(look: (files: readonly string[]) => Promise<Result>): Promise<Result> {
    const { world, dir } = this;
    const take = () => ({
      files: listPartitions(world.files, dir).map((each) => partitionFolder(dir, each))
        .flatMap((folder) => listParquet(world.files, folder).map((name) => join(folder, name))),
    });
    return await this.#anewWhereGone(take, ({ files }) => look(files));
  }

  async #anewWhereGone<Taken extends { files: readonly string[] }, Result>(
    take: () => Taken,
    look: (taken: Taken) => Promise<Result>,
  ): Promise<Result> {
    for (let attempt = 1;; attempt++) {
      const taken = take();
      try {
        return await look(taken);
      } catch (error) {
        const is_gone = taken.files.some((path) => !this.world.files.facts(path));
        if (!is_gone || attempt >= trace_listings_max) throw error;
      }
    }
  }

  /** The database: it may read traces, and has room for what does not fit into memory. */
  async database(): Promise<Database> {
    const folder = resolve(this.world.cwd(), this.dir);
    this.#spill ??= newSpillFolder(this.world, folder);
    return this.#database ??= await openDatabase(this.world, {
      path: ":memory:",
      access: "write",
      folders: [folder, ...this.folders],
      temp_folder: this.#spill,
    });
  }

  /** Streams the values of a statement's rows. */
  async *rows(sql: string, values: BoundValue[]): AsyncGenerator<unknown[][], undefined> {
    const database = await this.database();
    try {
      for await (const chunk of await database.stream(sql, values)) yield chunk.getRows();
    } catch (error) {
      throw database.problem(error, sql);
    }
  }

  [Symbol.dispose](): void {
    this.#database?.close();
    // A disk that is gone must not hide the error that led here.
    if (this.#spill) removeQuietly(this.world.files, this.#spill);
  }

  async *#storedEvents(
    files: readonly string[],
    filter: TraceFilter,
  ): AsyncGenerator<TracedEvent[], undefined> {
    if (files.length === 0) return;
    const { where, values } = wantedRows(filter);
    const { limit } = filter;
    const columns = TRACED_FIELD_NAMES.map((name) =>
      name === "data" && filter.without_data ? `'{}' as data` : name
    );
    const sql = `select ${columns.join(", ")}
       from ${rowsOfTraces(this.world, files)} ${where}
       order by timestamp, sequence_number, event_id
       ${limit === undefined ? "" : `limit $${values.push(BigInt(limit))}`}`;
    for await (const rows of this.rows(sql, values)) yield rows.map(eventOfValues);
  }
}

/** The order in which events come: that of their time, and within it that of their correlation. */
function compare(a: TracedEvent, b: TracedEvent): number {
  return a.timestamp - b.timestamp || a.sequence_number - b.sequence_number;
}

async function* resumed<Item>(
  first: IteratorResult<Item, undefined>,
  others: AsyncGenerator<Item, undefined>,
): AsyncGenerator<Item> {
  if (first.done) return;
  yield first.value;
  yield* others;
}

/** Merges two ordered sources. */
async function* merged(
  recent: readonly TracedEvent[],
  stored: AsyncIterable<TracedEvent[]>,
): AsyncGenerator<TracedEvent[]> {
  let taken = 0;
  for await (const batch of stored) {
    if (taken === recent.length) {
      yield batch;
      continue;
    }
    const both: TracedEvent[] = [];
    for (const event of batch) {
      while (taken < recent.length && compare(recent[taken], event) <= 0) {
        both.push(recent[taken++]);
      }
      both.push(event);
    }
    yield both;
  }
  if (taken < recent.length) yield recent.slice(taken);
}

/** The rows of files, as something to select from. */
export function rowsOfTraces(world: World, paths: readonly string[]): string {
  const list = paths.map((path) => literal(resolve(world.cwd(), path))).join(", ");
  return `read_parquet([${list}], hive_partitioning = false)`;
}

/** The condition that wanted rows of files fulfil, and the values in it. */
export function wantedRows(filter: TraceFilter): { where: string; values: BoundValue[] } {
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const conditions: string[] = [];
  const want = <Value>(value: Value | undefined, condition: (value: Value) => string) => {
    if (value !== undefined) conditions.push(condition(value));
  };
  // Few are compared with what a file says of its rows; many as one list, whatever their number.
  const among = (column: string) => (wanted: readonly string[]) =>
    wanted.length === 0
      ? "false"
      : wanted.length <= trace_names_bound_max
      ? `${column} in (${wanted.map(bind).join(", ")})`
      : `${column} in (select unnest(${bind(JSON.stringify(wanted))}::json::varchar[]))`;
  want(filter.correlation_id, (id) => `correlation_id = ${bind(id)}`);
  want(filter.correlation_ids, among("correlation_id"));
  want(filter.event_types, among("event_type"));
  want(filter.event_ids, among("event_id"));
  want(filter.source, (source) => `source_container = ${bind(source)}`);
  want(filter.since_us, (since_us) => `timestamp >= ${bind(BigInt(since_us))}`);
  want(filter.until_us, (until_us) => `timestamp < ${bind(BigInt(until_us))}`);
  for (const [name, text] of Object.entries(filter.data ?? {})) {
    const at = bind(jsonPointer([name]));
    // The number 7 is not the text "7", here as in write-ahead files.
    conditions.push(`json_type(data, ${at}) = 'VARCHAR' and (data->>${at}) = ${bind(text)}`);
  }
  return { where: conditions.length > 0 ? `where ${conditions.join(" and ")}` : "", values };
}
