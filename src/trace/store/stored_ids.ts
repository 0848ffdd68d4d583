/**
 * Membership index of event ids: those of write-ahead files, read on from where it stopped, are kept (the
 * latest in memory, the others in a table that may go to the disk); Parquet files are asked, for many at
 * once. Write-ahead files are read first: one that is gone by then has all of its Parquet files in place.
 */
import { asLedgerError } from "../../base/error.ts";
import { openOwn } from "../../base/files/durable.ts";
import { trace_ids_in_memory_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { listSegments, segmentPath, segmentStem } from "../event/files.ts";
import { rowsOfTraces, TraceSession, wantedRows } from "./query.ts";
import { readIds } from "./wal_read.ts";

const TABLE = "known_ids";

/** The ids that are stored, for one store that asks before it records. */
export class StoredIds implements Disposable {
  readonly #known = new Set<string>();
  #has_table = false;
  /** How far each write-ahead file was read. */
  readonly #read_bytes = new Map<string, number>();
  readonly #session: TraceSession;

  constructor(
    readonly world: World,
    readonly dir: string,
    readonly own_store: string,
    readonly in_memory_max = trace_ids_in_memory_max,
  ) {
    this.#session = new TraceSession(world, dir);
  }

  /** Takes an id that the store records; false where it is stored already, as `look` has seen. */
  add(event_id: string): boolean {
    const { size } = this.#known;
    return this.#known.add(event_id).size > size;
  }

  /** Looks which of these ids are stored; from then on, until it looks again, `add` knows. */
  async look(event_ids: readonly string[]): Promise<void> {
    this.#readOn();
    if (this.#known.size > this.in_memory_max) await this.#moveToTable();
    const unknown = event_ids.filter((event_id) => !this.#known.has(event_id));
    if (unknown.length === 0) return;
    const { where, values } = wantedRows({ event_ids: unknown });
    const takeFrom = async (source: string) => {
      const sql = `select event_id from ${source} ${where}`;
      for await (const rows of this.#session.rows(sql, values)) {
        for (const [event_id] of rows) this.#known.add(event_id as string);
      }
    };
    if (this.#has_table) await takeFrom(TABLE);
    await this.#session.overFiles(async (files) => {
      if (files.length > 0) await takeFrom(rowsOfTraces(this.world, files));
    });
  }

  async #moveToTable(): Promise<void> {
    const database = await this.#session.database();
    await database.run(`create table if not exists ${TABLE} (event_id varchar)`);
    const ids = JSON.stringify([...this.#known]);
    await database.run(`insert into ${TABLE} select unnest($1::json::varchar[])`, [ids]);
    this.#has_table = true;
    this.#known.clear();
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  #readOn(): void {
    const { world: { files }, dir } = this;
    for (const segment of listSegments(files, dir)) {
      if (segment.store === this.own_store) continue;
      const stem = segmentStem(segment);
      try {
        using file = openOwn(files, segmentPath(dir, segment));
        const { event_ids, end } = readIds(file, this.#read_bytes.get(stem) ?? 0);
        this.#read_bytes.set(stem, end);
        for (const event_id of event_ids) this.#known.add(event_id);
      } catch (error) {
        // Since it was listed, Parquet files took its place.
        if (asLedgerError(error)?.code !== "not_found") throw error;
      }
    }
  }
}
