/**
 * Store of traced events: batched writes to a write-ahead log. The contract:
 *
 * - **A critical event is written before `record` returns**, in one write, together with whatever waits.
 *   The others follow in batches (64 events, or what came within 50 ms); with `durability: "every"` each
 *   is written at once. Written means: it survives the death of this process. What survives a power cut
 *   is what came before the last `sync`; `close` syncs.
 * - **Nothing is made of it while events come.** On close the write-ahead files become Parquet; those of
 *   a process that died do at the next compaction. Until then queries read them as they are.
 * - **Nothing is lost or counted twice**, wherever that is cut off (see `flush.ts`, `compact.ts`).
 * - **A disk that takes nothing** makes `record` of a critical event throw, and that event is not kept.
 *   Others wait in memory, 1,000 of them; then `record` throws for these too.
 */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import {
  trace_batch_events,
  trace_batch_wait_ms,
  trace_clock_look_events,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { OnTraceDamage } from "./wal_read.ts";
import { CRITICAL_TYPES, type TracedEvent } from "../event/event.ts";
import { listStores, newStoreName, storeLockPath, tracePaths } from "../event/files.ts";
import type { TraceFilter } from "../event/filter.ts";
import { takeStoreLock } from "./liveness_lock.ts";
import { type LaterStamps, type WalEntry, type WalOptions, WalWriter } from "./wal.ts";
import type { FlushReport } from "./flush.ts";

/** When events that are not critical are written: in batches, or each at once. */
export type TraceDurability = "batch" | "every";

/** How a store keeps events. */
export interface TraceStoreOptions extends WalOptions {
  durability?: TraceDurability;
  /** Types that must not be lost. */
  critical_types?: readonly string[];
  /** Gets each damaged place in write-ahead files that a query meets. */
  onDamage?: OnTraceDamage;
}

/** What a store did. */
export interface TraceCounters {
  events: number;
  critical: number;
  writes: number;
}

/** Keeps the traced events of one process. Close it when done. */
export class TraceStore implements AsyncDisposable {
  readonly counters: TraceCounters = { events: 0, critical: 0, writes: 0 };
  readonly onDamage?: OnTraceDamage;
  readonly #critical: ReadonlySet<string>;
  readonly #writes_each: boolean;
  readonly #wal: WalWriter;
  readonly #stop = new AbortController();
  /** When the oldest of what waits came. */
  #waiting_since_ms = 0;
  #timer_runs = false;
  #lock?: OpenFile;
  #is_closed = false;

  private constructor(
    readonly world: World,
    readonly dir: string,
    readonly name: string,
    lock: OpenFile,
    options: TraceStoreOptions,
  ) {
    this.#lock = lock;
    this.onDamage = options.onDamage;
    this.#critical = new Set(options.critical_types ?? CRITICAL_TYPES);
    this.#writes_each = options.durability === "every";
    this.#wal = new WalWriter(world, dir, name, options);
  }

  /** Opens a store in the folder of a ledger's traces. Any number of processes may. */
  static async open(
    world: World,
    dir: string,
    options: TraceStoreOptions = {},
  ): Promise<TraceStore> {
    makeFolderDurably(world.files, tracePaths(dir).wal);
    const name = newStoreName(world);
    const path = storeLockPath(dir, name);
    const lock = await takeStoreLock(world, path, "new");
    if (!lock) {
      throw new LedgerError({
        code: "busy",
        message: `cannot open a store of traces: another process holds ${path}`,
        where: { path },
        hint: "try again",
      });
    }
    return new TraceStore(world, dir, name, lock, options);
  }

  /** Keeps an event, whose id may be ours: its type, and letters. Throws when it could not be kept. */
  record(event: TracedEvent, has_our_id = false): WalEntry {
    if (this.#is_closed) throw new Error("cannot trace: this store has been closed");
    const is_critical = this.#critical.has(event.event_type);
    const entry = this.#wal.addEvent(event, has_our_id);
    if (is_critical || this.#writes_each) {
      try {
        this.#write();
      } catch (error) {
        if (this.#wal.takeBack(entry)) throw error;
      }
    } else this.#writeWhenDue();
    this.counters.events++;
    if (is_critical) this.counters.critical++;
    return entry;
  }

  /**
   * Keeps a stamp of an event that was recorded. It waits for the next write, whatever the durability:
   * the event itself is safe, and a disk must not disturb the handler that processes it.
   */
  stamp(entry: WalEntry, name: keyof LaterStamps, stamp: number): void {
    if (!this.#is_closed && this.#wal.addStamp(entry, name, stamp)) this.#writeWhenDue();
  }

  /** Writes whatever waits; throws what keeps it from being written. */
  flush(): void {
    this.#write();
  }

  /** How many events and stamps are not written yet. */
  get waiting(): number {
    return this.#wal.waiting;
  }

  /** Makes everything recorded so far durable; where not all can be written, what was. */
  async sync(): Promise<void> {
    try {
      this.#write();
    } finally {
      await this.#wal.sync();
    }
  }

  /**
   * Writes and syncs what is left, flushes it to Parquet, and gives the store up. After an error it can be
   * closed again. `"later"` leaves the flush to the next compaction: events are as safe, and a query takes
   * longer.
   */
  async close(parquet: "now" | "later" = "now"): Promise<FlushReport> {
    const { Flush } = await import("./flush.ts");
    const flush = new Flush(this.world, this.dir);
    const lock = this.#lock;
    if (!lock) return flush.report;
    this.#is_closed = true;
    this.#stop.abort();
    if (this.#wal.waiting > 0) this.#write();
    await this.#wal.sync();
    this.#wal.close();
    // As they are on the disk: an attempt before this one may have come half the way.
    const segments = listStores(this.world.files, this.dir).get(this.name) ?? [];
    if (parquet === "now" || segments.length === 0) {
      await flush.flushStore(this.name, segments);
    }
    this.#lock = undefined;
    lock.close();
    return flush.report;
  }

  /** Gives the store up as it is, where it cannot be closed: nothing is written or flushed. */
  abandon(): void {
    this.#is_closed = true;
    this.#stop.abort();
    this.#wal.close();
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Wanted events of all stores, those of this one included, in the order of their time. */
  async query(filter: TraceFilter = {}): Promise<TracedEvent[]> {
    this.#write();
    const { queryTraces } = await import("./query.ts");
    return await queryTraces(this.world, this.dir, filter, this.onDamage);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #write(): void {
    if (this.#wal.waiting === 0) return;
    this.counters.writes++;
    this.#wal.write();
  }

  /** A program that never waits never lets the timer run, so the time is looked at here as well. */
  #writeWhenDue(): void {
    const { waiting } = this.#wal;
    if (waiting === 1) {
      this.#waiting_since_ms = this.world.elapsed_ms();
      if (!this.#timer_runs) this.#startTimer();
    } else if (waiting % trace_batch_events === 0) this.#writeOrWait();
    else if (waiting % trace_clock_look_events === 0 && this.#waited_ms >= trace_batch_wait_ms) {
      this.#writeOrWait();
    }
  }

  get #waited_ms(): number {
    return this.world.elapsed_ms() - this.#waiting_since_ms;
  }

  /** What the disk does not take now waits on: the next write tries it again. */
  #writeOrWait(): void {
    try {
      this.#write();
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      this.#waiting_since_ms = this.world.elapsed_ms();
    }
  }

  async #startTimer(): Promise<void> {
    this.#timer_runs = true;
    while (this.#wal.waiting > 0 && !this.#stop.signal.aborted) {
      const waited_ms = this.#waited_ms;
      if (waited_ms >= trace_batch_wait_ms) this.#writeOrWait();
      else await this.world.pause(trace_batch_wait_ms - waited_ms, this.#stop.signal);
    }
    this.#timer_runs = false;
  }
}
