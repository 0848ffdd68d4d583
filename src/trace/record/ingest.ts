/**
 * Ingest of NDJSON into a store: events that another program traced, one a line. It is idempotent: an
 * event whose `event_id` is stored already is passed over, whatever stored it. So ids are compared and
 * recorded under a lock, in batches: while one batch is at it, the next is read.
 */
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import { blocksOf, type Line, linesOf } from "../../base/files/lines.ts";
import {
  event_bytes_max,
  lock_wait_ms,
  trace_buffer_events_max,
  trace_ingest_bytes_max,
  trace_ingest_events_max,
  unsynced_bytes_max,
} from "../../base/limits.ts";
import { DURATION, typedTime } from "../../base/format.ts";
import type { Input, World } from "../../base/world.ts";
import { completeTraced, FreshDefaults, hasOurId, parseTraced } from "../event/complete.ts";
import {
  cannotTrace,
  TRACED_FIELD_NAMES,
  TRACED_FIELDS,
  type TracedEvent,
} from "../event/event.ts";
import { tracePaths } from "../event/files.ts";
import { StoredIds } from "../store/stored_ids.ts";
import type { TraceStore } from "../store/store.ts";

/** How a stream is taken in. */
export interface IngestOptions {
  /** What a bad line does: ends the stream (what came before it is kept), or is passed over. */
  on_error?: "stop" | "skip";
  /** Gets each bad line that is passed over. */
  onBadLine?: (error: LedgerError) => void;
  /** Ends the stream early; what was read until then is kept. */
  signal?: AbortSignal;
  /** What the stream is called in errors. */
  name?: string;
}

/** What became of a stream. */
export interface IngestReport {
  lines: number;
  /** Events that are durable. */
  events: number;
  /** Events that were passed over, since their ids are stored already. */
  duplicates: number;
  bad: number;
}

const TOO_LONG = `it is longer than ${event_bytes_max} bytes`;

/** Ring buffer of the lines that the last events stood on: more of them than can wait to be written. */
class RecentLines {
  readonly #lines = new Array<number>(trace_buffer_events_max + 1).fill(0);

  /** The n-th event, from 1, stood on this line. */
  add(event: number, line: number): void {
    this.#lines[event % this.#lines.length] = line;
  }

  /** The line of the n-th event; 0 before the first. */
  of(event: number): number {
    return event === 0 ? 0 : this.#lines[event % this.#lines.length];
  }
}

/** Takes in every line of an input; durable when it returns. Throws at a bad line, or skips it. */
export async function ingestStream(
  world: World,
  store: TraceStore,
  input: Pick<Input, "read">,
  options: IngestOptions = {},
): Promise<IngestReport> {
  using ids = new StoredIds(world, store.dir, store.name);
  return await new Ingest(world, store, ids, options).run(input);
}

/** An event that was read, and is not recorded yet. */
interface ReadEvent {
  event: TracedEvent;
  line: number;
  /** Its id was made here, so no other event has it. */
  has_our_id: boolean;
}

class Ingest {
  readonly #report: IngestReport = { lines: 0, events: 0, duplicates: 0, bad: 0 };
  readonly #lines = new RecentLines();
  readonly #defaults: FreshDefaults;
  readonly #name: string;
  #batch: ReadEvent[] = [];
  #batch_bytes = 0;
  #recording?: Promise<void>;
  readonly #failed = Promise.withResolvers<never>();
  #unsynced_bytes = 0;
  #syncing?: Promise<void>;

  constructor(
    readonly world: World,
    readonly store: TraceStore,
    readonly ids: StoredIds,
    readonly options: IngestOptions,
  ) {
    this.#defaults = new FreshDefaults(world);
    this.#name = options.name ?? "standard input";
    // A read that waits is rejected with it, and nothing else looks at it.
    this.#failed.promise.catch(() => {});
  }

  async run(input: Pick<Input, "read">): Promise<IngestReport> {
    const { store, options: { signal } } = this;
    const onLongLine = () => {
      this.#report.lines++;
      this.#badLine(cannotTrace(TOO_LONG));
    };
    const { promise: failed } = this.#failed;
    try {
      for await (const block of blocksOf(input, { signal, failed, onLongLine })) {
        try {
          for (const line of linesOf(block, 0)) this.#takeLine(line);
        } finally {
          this.#batch_bytes += block.length;
          if (this.#batch.length > 0) this.#beginRecording();
        }
        const is_full = this.#batch.length >= trace_ingest_events_max ||
          this.#batch_bytes >= trace_ingest_bytes_max;
        if (is_full) await this.#recording;
      }
      await this.#recording;
      await this.#syncing;
      await store.sync();
      return this.#report;
    } catch (error) {
      let first = error;
      // A disk that takes nothing is worse than a bad line.
      const worse = (failure: unknown) => void (first = failure);
      await this.#recording?.catch(worse);
      await this.#syncing?.catch(() => {});
      await store.sync().catch(worse);
      const problem = asLedgerError(first);
      throw problem ? this.#withKept(problem) : first;
    }
  }

  /** An error with how much of the stream is kept. */
  #withKept(error: LedgerError): LedgerError {
    if (error.code === "durability_unknown") return error;
    const events = this.#report.events - this.store.waiting;
    const kept = events === 1 ? "1 event is kept" : `${events} events are kept`;
    const end = /[.?!]$/.test(error.message) ? "" : ".";
    const is_of_line = error.where?.line !== undefined;
    return error.with({
      message: `${error.message}${end} ${kept}`,
      ...(is_of_line || events === 0 ? {} : {
        where: { ...error.where, line: undefined },
        hint: `${error.code === "disk_full" ? "free some space, then " : ""}take in what comes ` +
          `after line ${this.#lines.of(events)} of ${this.#name}: an event without an event_id ` +
          "that is repeated counts twice",
      }),
      detail: { durable: events },
    });
  }

  /** Reads the event of a line, where it holds one. */
  #takeLine({ text, size_bytes }: Line): void {
    this.#report.lines++;
    if (size_bytes === 0) return;
    try {
      if (size_bytes > event_bytes_max) throw cannotTrace(TOO_LONG);
      if (text === undefined) throw cannotTrace("it is not valid UTF-8");
      if (text.trim() === "") return;
      const given = withMicroseconds(parseTraced(text));
      const event = completeTraced(given, this.#defaults);
      this.#batch.push({ event, line: this.#report.lines, has_our_id: hasOurId(given) });
    } catch (cause) {
      const error = asLedgerError(cause);
      if (!error) throw cause;
      this.#badLine(error);
    }
  }

  /** Counts the line that was read last as bad; throws unless bad lines are passed over. */
  #badLine(error: LedgerError): void {
    this.#report.bad++;
    const placed = error.with({ where: { path: this.#name, line: this.#report.lines } });
    if (this.options.on_error !== "skip") throw placed;
    this.options.onBadLine?.(placed);
  }

  #beginRecording(): void {
    this.#recording ??= this.#record();
    // The next await rethrows it; until then it must not count as unhandled.
    this.#recording.catch(() => {});
  }

  /** Records what was read, also what is read meanwhile. */
  async #record(): Promise<void> {
    try {
      while (this.#batch.length > 0) {
        const batch = this.#batch;
        this.#unsynced_bytes += this.#batch_bytes;
        this.#batch = [];
        this.#batch_bytes = 0;
        await this.#recordBatch(batch);
        if (this.#unsynced_bytes >= unsynced_bytes_max) await this.#beginSync();
      }
      this.#recording = undefined;
    } catch (error) {
      this.#failed.reject(error);
      throw error;
    }
  }

  async #recordBatch(batch: readonly ReadEvent[]): Promise<void> {
    const given = batch.filter(({ has_our_id }) => !has_our_id);
    // Ours are new: with nothing to compare, no other process has to wait.
    using _lock = given.length > 0 ? await this.#lock() : undefined;
    if (given.length > 0) await this.ids.look(given.map(({ event }) => event.event_id));
    for (const { event, line, has_our_id } of batch) {
      if (!has_our_id && !this.ids.add(event.event_id)) {
        this.#report.duplicates++;
        continue;
      }
      this.store.record(event);
      this.#lines.add(++this.#report.events, line);
    }
    // The next process that compares has to find them.
    this.store.flush();
  }

  async #lock() {
    const { world, store: { dir }, options: { signal } } = this;
    const path = tracePaths(dir).ingest_lock;
    const lock = await takeFileLock(world.files, path, lock_wait_ms, signal);
    if (lock) return lock;
    throw new LedgerError({
      code: signal?.aborted ? "interrupted" : "busy",
      message: "cannot compare ids: another process that ingests traces holds its lock",
      where: { path },
      hint: "try again",
    });
  }

  /** Syncing goes on beside reading, and is never more than one such span behind it. */
  async #beginSync(): Promise<void> {
    await this.#syncing;
    this.#unsynced_bytes = 0;
    this.#syncing = this.store.sync();
    this.#syncing.catch(() => {});
  }
}

const TIMES = TRACED_FIELD_NAMES.filter((name) => ["time", "stamp"].includes(TRACED_FIELDS[name]));

/** An event with microseconds where it has ISO times; UTC, unless they say otherwise. */
function withMicroseconds(given: Record<string, unknown>): Record<string, unknown> {
  for (const name of TIMES) {
    const value = given[name];
    if (typeof value !== "string") continue;
    const time = DURATION.test(value) ? undefined : typedTime(value);
    if (!time) {
      throw cannotTrace(
        `${name} is ${quoted(value)}; it has to be whole microseconds since 1970, or an ISO time ` +
          "such as 2026-01-23T14:30:00.123456Z",
      );
    }
    given[name] = time.us(0);
  }
  return given;
}
