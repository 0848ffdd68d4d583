/**
 * Questions to all traces: Parquet files through DuckDB, write-ahead files through our own reader, as
 * one stream in the order of time. A question sees what was there when it was asked, each event once,
 * whatever is converted or merged meanwhile.
 */
import { resolve } from "@std/path";
import { removeQuietly } from "../../base/files/durable.ts";
import { jsonPointer } from "../../base/json.ts";
import { trace_listings_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type BoundValue, type Database, literal, openDatabase } from "../../duckdb/connection.ts";
import type { OnTraceDamage } from "./wal_read.ts";
import { TRACED_FIELD_NAMES, type TracedEvent } from "../event/event.ts";
import { newSpillFolder } from "../event/files.ts";
import type { TraceFilter } from "../event/filter.ts";
import { eventOfValues } from "./parquet_file.ts";
import { takeSnapshot, type TraceSnapshot } from "./snapshot.ts";

/** All wanted events, some at a time, in the order of their time. */
export async function* readTraces(
  world: World,
  dir: string,
  filter: TraceFilter = {},
  onDamage?: OnTraceDamage,
): AsyncGenerator<TracedEvent[]> {
  const { recent, stored } = await begin(world, dir, filter, onDamage);
  let left = filter.limit ?? Infinity;
  try {
    for await (const batch of merged(recent, stored)) {
      if (batch.length === 0) continue;
      yield batch.length > left ? batch.slice(0, left) : batch;
      left -= batch.length;
      if (left <= 0) return;
    }
  } finally {
    await stored?.close();
  }
}

/** All wanted events at once. */
export async function queryTraces(
  world: World,
  dir: string,
  filter: TraceFilter = {},
  onDamage?: OnTraceDamage,
): Promise<TracedEvent[]> {
  const events: TracedEvent[] = [];
  for await (const batch of readTraces(world, dir, filter, onDamage)) {
    for (const event of batch) events.push(event);
  }
  return events;
}

/** The order in which events come: that of their time, and within it that of their correlation. */
function compare(a: TracedEvent, b: TracedEvent): number {
  return a.timestamp - b.timestamp || a.sequence_number - b.sequence_number;
}

interface Begun {
  recent: TracedEvent[];
  stored?: StoredEvents;
}

async function begin(
  world: World,
  dir: string,
  filter: TraceFilter,
  onDamage?: OnTraceDamage,
): Promise<Begun> {
  return await overSnapshot(world, dir, filter, onDamage, async (snapshot) => {
    const recent = snapshot.recent.sort(compare);
    if (filter.without_data) { for (const event of recent) event.data = {}; }
    const stored = snapshot.files.length === 0
      ? undefined
      : await openStored(world, dir, snapshot, filter);
    return { recent, stored };
  });
}

/** Takes a snapshot and looks at it; anew where files went away meanwhile, since others replace them. */
export async function overSnapshot<Result>(
  world: World,
  dir: string,
  filter: TraceFilter,
  onDamage: OnTraceDamage = () => {},
  look: (snapshot: TraceSnapshot) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1;; attempt++) {
    const snapshot = takeSnapshot(world, dir, filter);
    try {
      const result = await look(snapshot);
      snapshot.damage.forEach(onDamage);
      return result;
    } catch (error) {
      const is_gone = snapshot.files.some((path) => !world.files.facts(path));
      if (!is_gone || attempt >= trace_listings_max) throw error;
    }
  }
}

/** Events out of Parquet files, a batch at a time. */
interface StoredEvents {
  next(): Promise<TracedEvent[] | undefined>;
  close(): void;
}

/** A database that may read traces, and has room for what does not fit into memory. */
export async function openForTraces(
  world: World,
  dir: string,
): Promise<{ database: Database; close(): void }> {
  const absolute = resolve(world.cwd(), dir);
  const spill = newSpillFolder(world, absolute);
  const database = await openDatabase(world, {
    path: ":memory:",
    access: "write",
    folders: [absolute],
    temp_folder: spill,
  });
  return {
    database,
    close() {
      database.close();
      if (world.files.facts(spill)) removeQuietly(world.files, spill);
    },
  };
}

/** All files have been read when this returns: they are sorted, and the first may be in the last. */
async function openStored(
  world: World,
  dir: string,
  snapshot: TraceSnapshot,
  filter: TraceFilter,
): Promise<StoredEvents> {
  const { database, close } = await openForTraces(world, dir);
  try {
    const batches = batchesOf(database, rowsOfTraces(world, snapshot.files), filter);
    let first = await batches.next();
    return {
      async next() {
        const { done, value } = first;
        if (done) return undefined;
        first = await batches.next();
        return value;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function* batchesOf(
  database: Database,
  rows: string,
  filter: TraceFilter,
): AsyncGenerator<TracedEvent[], undefined> {
  const { sql, values } = statementFor(rows, filter);
  try {
    const result = await database.stream(sql, values);
    for await (const chunk of result) yield chunk.getRows().map(eventOfValues);
  } catch (error) {
    throw database.problem(error, sql);
  }
}

function statementFor(rows: string, filter: TraceFilter) {
  const { where, values } = wantedRows(filter);
  const { limit } = filter;
  const columns = TRACED_FIELD_NAMES.map((name) =>
    name === "data" && filter.without_data ? `'{}' as data` : name
  );
  const sql = `select ${columns.join(", ")}
     from ${rows} ${where}
     order by timestamp, sequence_number, event_id
     ${limit === undefined ? "" : `limit $${values.push(BigInt(limit))}`}`;
  return { sql, values };
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
  const among = (column: string, wanted: readonly string[]) =>
    wanted.length === 0 ? "false" : `${column} in (${wanted.map(bind).join(", ")})`;
  const conditions: string[] = [];
  const { correlation_id, correlation_ids, event_types, event_ids, source } = filter;
  const { data, since_us, until_us } = filter;
  if (correlation_id !== undefined) conditions.push(`correlation_id = ${bind(correlation_id)}`);
  if (correlation_ids !== undefined) conditions.push(among("correlation_id", correlation_ids));
  if (event_types !== undefined) conditions.push(among("event_type", event_types));
  if (event_ids !== undefined) conditions.push(among("event_id", event_ids));
  if (source !== undefined) conditions.push(`source_container = ${bind(source)}`);
  if (since_us !== undefined) conditions.push(`timestamp >= ${bind(BigInt(since_us))}`);
  if (until_us !== undefined) conditions.push(`timestamp < ${bind(BigInt(until_us))}`);
  for (const [name, text] of Object.entries(data ?? {})) {
    const at = bind(jsonPointer([name]));
    // The number 7 is not the text "7", here as in what was not converted yet.
    conditions.push(`json_type(data, ${at}) = 'VARCHAR' and (data->>${at}) = ${bind(text)}`);
  }
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  return { where, values };
}

/** Two ordered sources as one. */
async function* merged(
  recent: readonly TracedEvent[],
  stored: StoredEvents | undefined,
): AsyncGenerator<TracedEvent[]> {
  let taken = 0;
  for (;;) {
    const batch = await stored?.next();
    if (batch === undefined) {
      if (taken < recent.length) yield recent.slice(taken);
      return;
    }
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
}
