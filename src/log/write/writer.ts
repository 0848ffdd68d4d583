/** Group commit: appends that arrive together share one write and one sync; each is answered on its own. */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import {
  lock_wait_ms,
  open_days_max,
  part_bytes_max,
  small_group_bytes,
  turn_ms_max,
  write_bytes_max,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import {
  DayAppender,
  type LineBatch,
  type WriterCounters,
  type WriteResult,
  type WrittenLines,
} from "./day_appender.ts";
import { checkWriterName } from "../format/layout.ts";

/** What an acknowledgement promises: on the disk, or handed to the operating system. */
export type Durability = "fsync" | "os";

export interface Acknowledgement {
  event_id: string;
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
  /** Byte offset of the line in its part. */
  offset: number;
  durability: Durability;
}

export interface WriterOptions {
  /** A name for parts that are private to this writer; "" shares the day's parts. */
  writer?: string;
  durability?: Durability;
  lock_wait_ms?: number;
  part_bytes_max?: number;
  onWrite?: (message: string) => void;
  /** Called when the torn tail of a killed writer was moved to quarantine. */
  onTornTail?: (path: string, quarantined_as: string) => void;
}

interface Waiting {
  event_id: string;
  line: string;
  resolve: (acknowledgement: Acknowledgement) => void;
  reject: (error: LedgerError) => void;
}

const encoder = new TextEncoder();
const NEWLINE = 10;

export class LogWriter {
  readonly counters: WriterCounters = {
    ...{ events: 0, bytes: 0, writes: 0, syncs: 0 },
    ...{ lock_waits: 0, torn_tails_moved: 0 },
  };
  readonly durability: Durability;
  readonly #writer: string;
  /** An LRU cache: in the order of their last use. */
  readonly #days = new Map<string, DayAppender>();
  #queue = new Map<string, Waiting[]>();
  #flushing?: Promise<void>;
  /** The write that the next one has to wait for. */
  #turn?: Promise<unknown>;
  #closed = false;
  #last_turn_ms = 0;
  /** Small groups are encoded into it, one after the other. */
  readonly #buffer = new Uint8Array(small_group_bytes);

  constructor(readonly world: World, readonly root: string, readonly options: WriterOptions = {}) {
    this.#writer = options.writer ? checkWriterName(options.writer) : "";
    this.durability = options.durability ?? "fsync";
  }

  /** Appends one line (without its newline) to a day; resolves once it is durable. */
  append(day: string, event_id: string, line: string): Promise<Acknowledgement> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const waiting = { event_id, line, resolve, reject };
      const same_day = this.#queue.get(day);
      if (same_day) same_day.push(waiting);
      else this.#queue.set(day, [waiting]);
      // Appends of the same turn of the event loop share the write.
      this.#flushing ??= Promise.resolve().then(() => this.#flush());
    });
  }

  /**
   * Writes a batch of lines to a day, in turn with all other writes; `makeDurable` makes it durable.
   * Synchronous, unless it has to wait for a write, or for the day's lock longer than a thread may block.
   */
  write(day: string, batch: LineBatch): WrittenLines | Promise<WrittenLines> {
    if (this.#closed) throw closedError();
    return this.#inTurn(() => {
      const written = this.#dayAppender(day).append(batch);
      return written instanceof Promise
        ? written.then((lines) => this.#counted(lines))
        : this.#counted(written);
    });
  }

  #counted(written: WrittenLines): WrittenLines {
    for (const { first_line, end_line, offset, file } of written.results) {
      const lines = end_line - first_line;
      this.counters.events += lines;
      this.options.onWrite?.(`wrote ${lines} lines at byte ${offset} of ${file.label}`);
    }
    return written;
  }

  /** Makes results durable and releases their files. Throws "durability unknown" if a sync fails. */
  async makeDurable(results: WriteResult[]): Promise<void> {
    const files = new Set(results.map((result) => result.file.file));
    try {
      if (this.durability === "os") return;
      for (const file of files) {
        this.counters.syncs++;
        await file.syncDataInBackground();
      }
    } catch (cause) {
      throw this.#durabilityUnknown(results, cause);
    } finally {
      for (const result of results) result.file.release();
    }
  }

  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    this.#closed = true;
    await this.#turn;
    for (const day of this.#days.values()) day.close();
    this.#days.clear();
  }

  async #flush(): Promise<void> {
    while (this.#queue.size > 0) {
      // A program that emits in a loop and awaits each answer never yields its thread, since the answers
      // are there at once: now and then one of them waits for a turn of the event loop.
      if (this.world.elapsed_ms() - this.#last_turn_ms >= turn_ms_max) {
        await this.world.turn();
        this.#last_turn_ms = this.world.elapsed_ms();
      }
      const queue = this.#queue;
      this.#queue = new Map();
      for (const [day, waiting] of queue) {
        for (const group of inGroups(waiting)) {
          const committed = this.#commit(day, group);
          if (committed) await committed;
        }
      }
    }
    this.#flushing = undefined;
  }

  /** Writes, syncs and answers a group: synchronously, unless the write has to wait. */
  #commit(day: string, group: Waiting[]): void | Promise<void> {
    try {
      const batch = encodeLines(group, this.#buffer);
      const written = this.write(day, batch);
      if (!(written instanceof Promise)) return this.#answer(group, batch, written);
      return written.then((lines) => this.#answer(group, batch, lines))
        .catch((error) => refuse(group, error));
    } catch (error) {
      refuse(group, error);
    }
  }

  #answer(group: Waiting[], { ends }: LineBatch, { results, failure }: WrittenLines): void {
    for (const result of results) this.#syncAndAnswer(result, group, ends);
    if (failure) refuse(group.slice(results.at(-1)?.end_line ?? 0), failure);
  }

  /** All callers wait for this sync, so the thread blocks on it: that halves the time it takes. */
  #syncAndAnswer(result: WriteResult, group: Waiting[], ends: number[]): void {
    const { first_line, end_line } = result;
    try {
      if (this.durability === "fsync") {
        this.counters.syncs++;
        result.file.file.syncData();
      }
    } catch (cause) {
      const error = this.#durabilityUnknown([result], cause);
      for (let line = first_line; line < end_line; line++) group[line].reject(error);
      return;
    } finally {
      result.file.release();
    }
    const part = result.file.label;
    const { durability } = this;
    let { offset } = result;
    for (let line = first_line; line < end_line; line++) {
      group[line].resolve({ event_id: group[line].event_id, part, offset, durability });
      offset += ends[line] - (line === 0 ? 0 : ends[line - 1]);
    }
  }

  #durabilityUnknown(results: WriteResult[], cause: unknown): LedgerError {
    // After a failed sync this descriptor proves nothing any more. Nothing is cut back: other writers may
    // have appended since.
    for (const { file } of results) this.#days.get(file.part.day)?.forgetPart();
    const parts = results.map(({ file, offset }) => `${file.label} from byte ${offset}`);
    return new LedgerError({
      code: "durability_unknown",
      message: `durability unknown: written, but the disk did not confirm it (${
        (cause as Error).message
      }); the lines stand in ${parts.join(", ")}`,
      where: { path: results[0].file.label, offset: results[0].offset },
      hint: "check the disk (dmesg), then emit again with the same event_id: it counts once",
      cause,
    });
  }

  #dayAppender(day: string): DayAppender {
    const known = this.#days.get(day);
    if (known && this.#days.size > 1) {
      this.#days.delete(day);
      this.#days.set(day, known);
    }
    if (known) return known;
    if (this.#days.size >= open_days_max) {
      const [oldest, appender] = this.#days.entries().next().value!;
      appender.close();
      this.#days.delete(oldest);
    }
    const appender = new DayAppender(this.world, {
      root: this.root,
      day,
      writer: this.#writer,
      lock_wait_ms: this.options.lock_wait_ms ?? lock_wait_ms,
      part_bytes_max: this.options.part_bytes_max ?? part_bytes_max,
      onTornTail: this.options.onTornTail ?? (() => {}),
    }, this.counters);
    this.#days.set(day, appender);
    return appender;
  }

  #inTurn<T>(body: () => T | Promise<T>): T | Promise<T> {
    const result = this.#turn ? this.#turn.then(body) : body();
    if (!(result instanceof Promise)) return result;
    const done = () => {
      if (this.#turn === turn) this.#turn = undefined;
    };
    const turn: Promise<unknown> = result.then(done, done);
    this.#turn = turn;
    return result;
  }
}

function refuse(group: Waiting[], thrown: unknown): void {
  const error = asLedgerError(thrown) ??
    new LedgerError({ code: "io", message: String(thrown), cause: thrown });
  for (const waiting of group) waiting.reject(error);
}

function closedError(): LedgerError {
  return new LedgerError({ code: "usage", message: "cannot append: this ledger has been closed" });
}

/** Cuts what waits into groups of at most `write_bytes_max`. */
function inGroups(waiting: Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  let start = 0;
  let chars = 0;
  for (let at = 0; at < waiting.length; at++) {
    chars += waiting[at].line.length + 1;
    if (chars > write_bytes_max && at > start) {
      groups.push(waiting.slice(start, at));
      start = at;
      chars = waiting[at].line.length + 1;
    }
  }
  groups.push(start === 0 ? waiting : waiting.slice(start));
  return groups;
}

/** The batch may stand in the buffer: it is valid until the next group is encoded. */
function encodeLines(group: Waiting[], buffer: Uint8Array): LineBatch {
  let text = "";
  for (const { line } of group) text += line + "\n";
  // A character takes three bytes at most. With memory of its own, encoding takes three times as long.
  const bytes = text.length * 3 <= buffer.length
    ? buffer.subarray(0, encoder.encodeInto(text, buffer).written)
    : encoder.encode(text);
  const ends: number[] = [];
  let end = 0;
  for (const { line } of group) {
    // One byte a character is the usual case; where it is not, the newline has to be looked for.
    end = bytes.length === text.length ? end + line.length + 1 : bytes.indexOf(NEWLINE, end) + 1;
    ends.push(end);
  }
  return { bytes, ends };
}
