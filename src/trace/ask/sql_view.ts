/**
 * SQL view of all traces: `trace_events`, over Parquet files and write-ahead files alike, in a database in
 * memory. Both come from one snapshot, so an event that is being flushed is there once.
 */
import type { DuckDBResult, StatementType } from "@duckdb/node-api";
import { LedgerError } from "../../base/error.ts";
import { trace_listings_max, trace_sql_batch_chars } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type BoundValue, Database } from "../../duckdb/connection.ts";
import { TRACED_FIELD_NAMES, TRACED_FIELDS, type TracedEvent } from "../event/event.ts";
import { rowOf } from "../store/parquet_file.ts";
import { rowsOfTraces, TraceSession } from "../store/query.ts";
import type { TraceSnapshot } from "../store/snapshot.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";

const SQL_TYPES = {
  name: "varchar",
  text: "varchar",
  time: "bigint",
  stamp: "bigint",
  count: "bigint",
  object: "varchar",
};
const STORED_COLUMNS = TRACED_FIELD_NAMES.map((name) =>
  [name, SQL_TYPES[TRACED_FIELDS[name]]] as const
);
const STORED = TRACED_FIELD_NAMES.join(", ");

/** What waits in write-ahead files, as a table; `describeIndex` leaves it out. */
const WAITING_TABLE = `create or replace table waiting_trace_events (${
  STORED_COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ")
})`;
const FILL_WAITING = `insert into waiting_trace_events
  select ${STORED} from (select unnest(from_json($1, '${
  JSON.stringify([Object.fromEntries(STORED_COLUMNS)])
}'), recursive := true))`;

/** The view over what waits and the rows of files. Stamps that are missing make both lengths null. */
function viewOver(sources: readonly string[]): string {
  return `create or replace view trace_events as
    select * exclude (data, version), (processed_at - created_at) / 1000 as latency_ms,
      (received_at - emitted_at) / 1000 as queue_time_ms, version, data::json as data
    from (${sources.map((source) => `select ${STORED} from ${source}`).join(" union all ")})`;
}

/** A database that has the view, for `runQuery`. Close it when done. */
export class TraceDatabase extends Database {
  readonly #session: TraceSession;
  #files: readonly string[] = [];

  private constructor(session: TraceSession, { api, path, instance, connection }: Database) {
    super(api, path, instance, connection);
    this.#session = session;
  }

  /** Opens it over the traces in a folder; a query may also read files in the folders given. */
  static async open(
    world: World,
    dir: string,
    folders: readonly string[],
    onDamage?: OnTraceDamage,
  ): Promise<TraceDatabase> {
    const session = new TraceSession(world, dir, onDamage, folders);
    try {
      const database = new TraceDatabase(session, await session.database());
      await database.#takeSnapshot();
      return database;
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  /** Compaction removes what it has merged: a statement that began too late for that begins anew. */
  override async streamChecked(
    sql: string,
    values: BoundValue[],
    check: (kind: StatementType) => void,
  ): Promise<DuckDBResult> {
    for (let attempt = 1;; attempt++) {
      try {
        return await super.streamChecked(sql, values, check);
      } catch (error) {
        if (attempt >= trace_listings_max || !this.#isOutdated()) throw error;
        await this.#takeSnapshot();
      }
    }
  }

  override problem(error: unknown, sql: string): LedgerError {
    if (!this.#isOutdated()) return super.problem(error, sql);
    return new LedgerError({
      code: "busy",
      message: `cannot go on with this query: the traces in ${this.#session.dir} were compacted`,
      where: { path: this.#session.dir },
      hint: "nothing was changed; ask again",
      cause: error,
    });
  }

  override close(): void {
    this.#session[Symbol.dispose]();
  }

  async #takeSnapshot(): Promise<void> {
    await this.#session.overSnapshot({}, async ({ recent, files }: TraceSnapshot) => {
      await this.run(WAITING_TABLE);
      for (const json of inBatches(recent)) await this.run(FILL_WAITING, [json]);
      const stored = files.length > 0 ? [rowsOfTraces(this.#session.world, files)] : [];
      await this.run(viewOver(["waiting_trace_events", ...stored]));
      this.#files = files;
    });
  }

  #isOutdated(): boolean {
    const { files } = this.#session.world;
    return this.#files.some((path) => !files.facts(path));
  }
}

/** Events as JSON arrays, none of them much longer than the limit. */
function* inBatches(events: readonly TracedEvent[]): Generator<string> {
  let batch: string[] = [];
  let chars = 0;
  for (const event of events) {
    const text = JSON.stringify(rowOf(event));
    batch.push(text);
    if ((chars += text.length) < trace_sql_batch_chars) continue;
    yield `[${batch.join()}]`;
    batch = [];
    chars = 0;
  }
  if (batch.length > 0) yield `[${batch.join()}]`;
}

/** Queries to begin with, each with what it answers. */
export const EXAMPLE_QUERIES: readonly { sql: string; shows: string }[] = [
  {
    sql: "select event_type, count(*) as events, avg(latency_ms) as mean_ms from trace_events " +
      "group by all order by events desc",
    shows: "what was traced, and how long it took",
  },
  {
    sql: "select event_id, make_timestamp(timestamp) as time, data->>'price' as price " +
      "from trace_events where event_type = 'FILL' order by (data->>'slippage')::double desc limit 10",
    shows: "the fills that slipped most",
  },
];
