/**
 * A fleet over days, as requests and facts. Table logs, checkpoints, what is merged and what is swept are
 * decided by the program's own code; shippers and chains of segments are played by count, as
 * `tests/scripts/fleet_model_test.ts` sees the program ask. One fold job, boxes that write evenly.
 */
import {
  fold_bytes_max,
  lake_sweep_every_ms,
  segment_bytes_max,
  segment_flush_ms,
  store_heads_at_once,
} from "../../src/base/limits.ts";
import { watermarkOf } from "../../src/fleet/chain.ts";
import {
  checkpointIfDue,
  type CheckpointPlace,
  openTable,
} from "../../src/fleet/lake/checkpoint.ts";
import { type FleetTable, LAKE_TABLES } from "../../src/fleet/lake/lake.ts";
import { dueMerges, isMerged } from "../../src/fleet/lake/merge.ts";
import { sweepTable } from "../../src/fleet/lake/sweep.ts";
import { type DataFile, DeltaTable, type TableSnapshot } from "../../src/fleet/lake/table.ts";
import { MeteredStore, pagesOf } from "./metered_store.ts";

/** What is played. */
export interface FleetLoad {
  boxes: number;
  events_a_day: number;
  /** How often each box sends what is new. */
  flush_ms?: number;
  /** How often the fold job runs. */
  fold_every_ms?: number;
}

/** Sizes of what such a load makes, as the program writes it. */
export interface LoadSizes {
  line_bytes: number;
  /** Of one segment. */
  segment_bytes: number;
  /** Of the tables that have rows. */
  tables: Readonly<Record<string, RowSizes>>;
}

interface RowSizes {
  /** For each event. */
  rows: number;
  row_bytes: number;
  /** As a file of it has them. */
  stats: string;
}

interface PlayedTable {
  table: DeltaTable;
  lake: FleetTable;
  place: CheckpointPlace;
  snapshot?: TableSnapshot;
  /** How many segments of each box it has. */
  marks: Int32Array;
}

const START_MS = Date.UTC(2026, 0, 1);
const FOLD_EVERY_MS = 5 * 60_000;

/** How many segments a box sends at a time, and how much is in each. */
export function segmentsOf(load: FleetLoad, line_bytes: number): { count: number; events: number } {
  const { boxes, events_a_day, flush_ms = segment_flush_ms } = load;
  const events = events_a_day / boxes * flush_ms / 86_400_000;
  const count = Math.ceil(events * line_bytes / segment_bytes_max);
  return { count, events: events / count };
}

/** The fleet, from its first event on. */
export class FleetModel {
  readonly clock = { now_ms: START_MS };
  readonly store = new MeteredStore(this.clock);
  readonly #tables: readonly PlayedTable[];
  readonly #fold_every_ms: number;
  readonly #flush_ms: number;
  readonly #segment: { count: number; events: number };
  /** Segments that each box has sent. */
  #head = 0;
  #swept_ms = -Infinity;
  /** Where the chains ended that a fold has followed to there. */
  readonly #ends = new Map<string, number>();

  constructor(readonly load: FleetLoad, readonly sizes: LoadSizes, work_folder: string) {
    this.#fold_every_ms = load.fold_every_ms ?? FOLD_EVERY_MS;
    this.#flush_ms = load.flush_ms ?? segment_flush_ms;
    this.#segment = segmentsOf(load, sizes.line_bytes);
    this.#tables = LAKE_TABLES.map((lake) => {
      const table = new DeltaTable(this.store, lake);
      const place = { store: this.store, table_folder: table.folder, work_folder };
      return { table, lake, place, marks: new Int32Array(load.boxes) };
    });
  }

  /** Files that the tables have. */
  get files(): number {
    return this.#tables.reduce((sum, { snapshot }) => sum + (snapshot?.files.size ?? 0), 0);
  }

  /** Plays so many days more. */
  async play(days: number): Promise<void> {
    const end_ms = this.clock.now_ms + days * 86_400_000;
    while (this.clock.now_ms < end_ms) {
      this.clock.now_ms += this.#fold_every_ms;
      for (let n = 0; n < this.#fold_every_ms / this.#flush_ms; n++) this.#ship();
      await this.#fold();
    }
  }

  #ship(): void {
    const { store, load: { boxes }, sizes } = this;
    const { count } = this.#segment;
    store.asker = "ship";
    // Its claim; the last segment that it knows of, and the one after it.
    store.count("GET", boxes);
    store.count("HEAD", 2 * boxes);
    // A box that knows of none asks where its chain begins.
    if (this.#head === 0) store.count("LIST", boxes);
    store.holdSegments(boxes * count, boxes * count * sizes.segment_bytes);
    this.#head += count;
  }

  async #fold(): Promise<void> {
    const { store } = this;
    store.asker = "fold";
    store.count("GET", 1);
    this.#ends.clear();
    for (const played of this.#tables) {
      if (played.lake.source) { while (await this.#lift(played)); }
      else if (!played.snapshot) await this.#read(played);
    }
    store.asker = "upkeep";
    const is_sweep_due = this.clock.now_ms - this.#swept_ms >= lake_sweep_every_ms;
    for (const played of this.#tables) {
      await this.#merge(played);
      if (is_sweep_due) await sweepTable(played.place, await this.#read(played));
    }
    if (is_sweep_due) this.#swept_ms = this.clock.now_ms;
  }

  async #read(played: PlayedTable): Promise<TableSnapshot> {
    const { lake, place } = played;
    const { snapshot } = await openTable(this.store, lake, place.work_folder, played.snapshot);
    await played.table.create(snapshot);
    return played.snapshot = snapshot;
  }

  /** One commit of a fold job; false where there is nothing for it. */
  async #lift(played: PlayedTable): Promise<boolean> {
    const snapshot = await this.#read(played);
    const { events, watermarks } = this.#take(played);
    const sizes = this.sizes.tables[played.lake.name];
    if (watermarks.size === 0) return false;
    const add = [this.#putFile(played, {
      // What comes in a fold is of the day before it.
      log_day: dayOf(this.clock.now_ms - 1),
      size_bytes: events * sizes.rows * sizes.row_bytes,
      rows: events * sizes.rows,
    })];
    await this.#commit(played, snapshot, { add, watermarks, is_data_change: true });
    return true;
  }

  /** What a fold job asks for on its way through the chains of all boxes. */
  #take({ lake, marks }: PlayedTable): { events: number; watermarks: Map<string, number> } {
    const { store, load: { boxes }, sizes } = this;
    const { events } = this.#segment;
    const watermarks = new Map<string, number>();
    const lines_bytes = events * sizes.line_bytes;
    const head = lake.source === "log" ? this.#head : 0;
    let taken = 0;
    store.count("LIST", pagesOf(boxes));
    for (let box = 0; box < boxes && taken * lines_bytes < fold_bytes_max; box++) {
      const chain = `${lake.source} ${box}`;
      const waiting = head - marks[box];
      if (waiting === 0 && this.#ends.has(chain)) continue;
      store.count("LIST", pagesOf(waiting));
      if (waiting === 0) this.#ends.set(chain, head);
      if (waiting === 0) continue;
      store.count("GET", 1);
      if (marks[box] > 0) store.count("HEAD", 1);
      let of_box = 0;
      while (of_box < waiting && taken * lines_bytes < fold_bytes_max) {
        if (of_box % store_heads_at_once === 0) {
          store.count("HEAD", Math.min(store_heads_at_once, waiting - of_box));
        }
        of_box++;
        taken++;
      }
      store.count("GET", of_box);
      store.count("fetched_bytes", of_box * sizes.segment_bytes);
      watermarks.set(watermarkOf(`box-${String(box).padStart(4, "0")}`), marks[box] += of_box);
      if (taken * lines_bytes < fold_bytes_max) this.#ends.set(chain, head);
    }
    return { events: taken * events, watermarks };
  }

  async #merge(played: PlayedTable): Promise<void> {
    const { table } = played;
    const snapshot = await this.#read(played);
    for (const { log_day, groups } of dueMerges(snapshot.files.values(), this.clock.now_ms)) {
      if (played.lake.name === "events") await this.#settle(snapshot, table, log_day);
      for (const group of groups) {
        this.#fetch(table, group);
        await table.refresh(snapshot);
        const add = [this.#putFile(played, {
          log_day,
          size_bytes: group.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
          rows: group.reduce((sum, { stats }) => sum + JSON.parse(stats).numRecords, 0),
          prefix: "merged-",
        })];
        await this.#commit(played, snapshot, { add, remove: group, is_data_change: false });
      }
    }
  }

  /** Ids that repeat are looked for among all files of a day; here none does. */
  async #settle(snapshot: TableSnapshot, table: DeltaTable, log_day: string): Promise<void> {
    await this.#read(this.#tables.find(({ lake }) => lake.name === "duplicates")!);
    const of_day = snapshot.files.values().filter((file) => file.log_day === log_day).toArray();
    this.#fetch(table, of_day.filter((file) => !isMerged(file)));
    this.#fetch(table, of_day.filter(isMerged));
  }

  #fetch({ folder }: DeltaTable, files: readonly DataFile[]): void {
    for (const { path } of files) this.store.getFacts(`${folder}${path}`);
  }

  #putFile(
    { table, lake }: PlayedTable,
    { log_day, size_bytes, rows, prefix = "" }: {
      log_day: string;
      size_bytes: number;
      rows: number;
      prefix?: string;
    },
  ): DataFile {
    const path = `log_day=${log_day}/${prefix}${crypto.randomUUID()}.parquet`;
    const size = Math.round(size_bytes);
    const stats = this.sizes.tables[lake.name].stats
      .replace(/"numRecords":\d+/, `"numRecords":${Math.round(rows)}`);
    this.store.putFacts(`${table.folder}${path}`, size);
    return { path, log_day, size_bytes: size, modified_ms: this.clock.now_ms, stats };
  }

  async #commit(
    { table, place }: PlayedTable,
    snapshot: TableSnapshot,
    change: Omit<Parameters<DeltaTable["commitWhile"]>[1], "operation">,
  ): Promise<void> {
    const operation = change.is_data_change ? "WRITE" : "OPTIMIZE";
    await table.commitWhile(snapshot, { ...change, operation }, () => true);
    await checkpointIfDue(place, snapshot);
  }
}

function dayOf(time_ms: number): string {
  return new Date(time_ms).toISOString().slice(0, 10);
}
