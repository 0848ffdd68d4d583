/**
 * Membership index of event ids: those of write-ahead files in memory, read on from where it stopped, and
 * those of Parquet files asked for, many at once. Write-ahead files are read first: one that is gone by
 * then has all of its Parquet files in place.
 */
import { asLedgerError } from "../../base/error.ts";
import { openOwn } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import { listSegments, segmentPath, segmentStem } from "../event/files.ts";
import { rowsOfTraces, TraceSession, wantedRows } from "./query.ts";
import { readIds } from "./wal_read.ts";

/** The ids that are stored, for one store that asks before it records. */
export class StoredIds implements Disposable {
  readonly #waiting = new Set<string>();
  /** How far each write-ahead file was read. */
  readonly #read_bytes = new Map<string, number>();
  readonly #session: TraceSession;

  constructor(readonly world: World, readonly dir: string, readonly own_store: string) {
    this.#session = new TraceSession(world, dir);
  }

  /** Takes an id that the store records; false where it had it already. */
  add(event_id: string): boolean {
    const { size } = this.#waiting;
    return this.#waiting.add(event_id).size > size;
  }

  /** Looks which of these ids other stores have recorded, or files hold; from then on `add` knows. */
  async look(event_ids: readonly string[]): Promise<void> {
    this.#readOn();
    const unknown = event_ids.filter((event_id) => !this.#waiting.has(event_id));
    if (unknown.length === 0) return;
    await this.#session.overFiles(async (files) => {
      if (files.length === 0) return;
      const { where, values } = wantedRows({ event_ids: unknown });
      const sql = `select event_id from ${rowsOfTraces(this.world, files)} ${where}`;
      for await (const rows of this.#session.rows(sql, values)) {
        for (const [event_id] of rows) this.#waiting.add(event_id as string);
      }
    });
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
        for (const event_id of event_ids) this.#waiting.add(event_id);
      } catch (error) {
        // Since it was listed, Parquet files took its place.
        if (asLedgerError(error)?.code !== "not_found") throw error;
      }
    }
  }
}
