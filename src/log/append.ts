/**
 * The writer: lines in, acknowledgements out. Calls that arrive together share one write and one
 * sync (group commit); each is answered on its own.
 */
import { asLedgerError, LedgerError } from "../base/error.ts";
import {
  lock_wait_ms,
  open_days_max,
  part_bytes_max,
  turn_ms_max,
  write_bytes_max,
} from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { DayAppender, type Landing, type LineBatch, type WriterCounters } from "./day.ts";
import { checkWriterName, partLabel } from "./layout.ts";

/** What an acknowledgement promises: on the disk, or only with the operating system. */
export type Durability = "fsync" | "os";

/** The answer to an append. */
export interface Acknowledgement {
  event_id: string;
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
  /** Byte offset of the line in its part. */
  offset: number;
  durability: Durability;
}

/** How a writer writes. */
export interface WriterOptions {
  /** A name for parts that are private to this writer; "" shares the day's parts with everyone. */
  writer?: string;
  durability?: Durability;
  lock_wait_ms?: number;
  part_bytes_max?: number;
  /** Called for each write, for those who want to see it. */
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

/** Lines that stand in the log and become durable by `makeDurable`. */
export interface WrittenLines {
  landings: Landing[];
  /** Why not all lines were written, when they were not. */
  failure?: LedgerError;
}

const encoder = new TextEncoder();
const NEWLINE = 10;

/** Appends lines to one ledger. Close it when done. */
export class LogWriter {
  readonly counters: WriterCounters = {
    events: 0,
    bytes: 0,
    writes: 0,
    syncs: 0,
    lock_waits: 0,
    torn_tails_moved: 0,
  };
  readonly durability: Durability;
  readonly #world: World;
  readonly #root: string;
  readonly #options: WriterOptions;
  readonly #writer: string;
  /** In the order of their last use, so that the first is the one to close. */
  readonly #days = new Map<string, DayAppender>();
  #queue = new Map<string, Waiting[]>();
  #flushing?: Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  #last_turn_ms = 0;

  constructor(world: World, root: string, options: WriterOptions = {}) {
    this.#world = world;
    this.#root = root;
    this.#options = options;
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
      // Whoever else calls before this turn of the event loop is over shares the write.
      this.#flushing ??= Promise.resolve().then(() => this.#flush());
    });
  }

  /** Writes a batch of lines to a day, in turn with all other writes. Not durable yet. */
  async write(day: string, batch: LineBatch): Promise<WrittenLines> {
    if (this.#closed) throw closedError();
    const { landings, failure } = await this.#inTurn(() => this.#dayAppender(day).append(batch));
    for (const landing of landings) {
      this.counters.events += landing.end_line - landing.first_line;
      this.#options.onWrite?.(
        `wrote ${landing.end_line - landing.first_line} lines at byte ${landing.offset} of ` +
          partLabel(landing.part),
      );
    }
    return { landings, failure };
  }

  /** Makes landings durable and lets go of their files. Throws "durability unknown" if a sync fails. */
  async makeDurable(landings: Landing[]): Promise<void> {
    const files = new Set(landings.map((landing) => landing.file.file));
    try {
      if (this.durability === "os") return;
      for (const file of files) {
        this.counters.syncs++;
        await file.syncDataInBackground();
      }
    } catch (cause) {
      throw this.#durabilityUnknown(landings, cause);
    } finally {
      for (const landing of landings) landing.file.release();
    }
  }

  /** Waits for everything that was appended, then closes the files. */
  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    this.#closed = true;
    await this.#turn;
    for (const day of this.#days.values()) day.close();
    this.#days.clear();
  }

  async #flush(): Promise<void> {
    while (this.#queue.size > 0) {
      await this.#letOthersHaveATurn();
      const queue = this.#queue;
      this.#queue = new Map();
      for (const [day, waiting] of queue) {
        for (const group of inGroups(waiting)) await this.#commit(day, group);
      }
    }
    this.#flushing = undefined;
  }

  /**
   * A program that emits in a loop and awaits each answer never lets go of its thread, since the
   * answers are there at once. So now and then one of them waits for a turn of the event loop.
   */
  async #letOthersHaveATurn(): Promise<void> {
    const now_ms = this.#world.elapsed_ms();
    if (now_ms - this.#last_turn_ms < turn_ms_max) return;
    await this.#world.turn();
    this.#last_turn_ms = this.#world.elapsed_ms();
  }

  async #commit(day: string, group: Waiting[]): Promise<void> {
    let answered = 0;
    try {
      const batch = encodeLines(group);
      const { landings, failure } = await this.write(day, batch);
      for (const landing of landings) {
        answered = landing.end_line;
        this.#syncAndAnswer(landing, group, batch.ends);
      }
      if (failure) throw failure;
    } catch (thrown) {
      const error = asLedgerError(thrown) ??
        new LedgerError({ code: "io", message: String(thrown), cause: thrown });
      for (const waiting of group.slice(answered)) waiting.reject(error);
    }
  }

  /** The callers wait for the sync, so the thread may as well: that halves the time it takes. */
  #syncAndAnswer(landing: Landing, group: Waiting[], ends: number[]): void {
    const { first_line, end_line } = landing;
    try {
      if (this.durability === "fsync") {
        this.counters.syncs++;
        landing.file.file.syncData();
      }
    } catch (cause) {
      const error = this.#durabilityUnknown([landing], cause);
      for (let line = first_line; line < end_line; line++) group[line].reject(error);
      return;
    } finally {
      landing.file.release();
    }
    const part = partLabel(landing.part);
    const { durability } = this;
    let { offset } = landing;
    for (let line = first_line; line < end_line; line++) {
      group[line].resolve({ event_id: group[line].event_id, part, offset, durability });
      offset += ends[line] - (line === 0 ? 0 : ends[line - 1]);
    }
  }

  #durabilityUnknown(landings: Landing[], cause: unknown): LedgerError {
    // What else this descriptor would answer means nothing now; nor is anything cut back, since
    // others may have appended since.
    for (const { part } of landings) this.#days.get(part.day)?.forgetPart();
    const parts = landings.map((landing) =>
      `${partLabel(landing.part)} from byte ${landing.offset}`
    );
    return new LedgerError({
      code: "durability_unknown",
      message: `durability unknown: written, but the disk did not confirm it (${
        (cause as Error).message
      }); the lines stand in ${parts.join(", ")}`,
      where: { path: partLabel(landings[0].part), offset: landings[0].offset },
      hint: "check the disk (dmesg), then emit again with the same event_id: it counts once",
      cause,
    });
  }

  #dayAppender(day: string): DayAppender {
    const known = this.#days.get(day);
    if (known) {
      if (this.#days.size > 1) {
        this.#days.delete(day);
        this.#days.set(day, known);
      }
      return known;
    }
    if (this.#days.size >= open_days_max) {
      const [oldest, appender] = this.#days.entries().next().value!;
      appender.close();
      this.#days.delete(oldest);
    }
    const appender = new DayAppender(this.#world, {
      root: this.#root,
      day,
      writer: this.#writer,
      lock_wait_ms: this.#options.lock_wait_ms ?? lock_wait_ms,
      part_bytes_max: this.#options.part_bytes_max ?? part_bytes_max,
      onTornTail: this.#options.onTornTail ?? (() => {}),
    }, this.counters);
    this.#days.set(day, appender);
    return appender;
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(body, body);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function closedError(): LedgerError {
  return new LedgerError({ code: "usage", message: "cannot append: this ledger has been closed" });
}

/** Cuts what waits into groups that one write may carry. */
function* inGroups(waiting: Waiting[]): Generator<Waiting[]> {
  let start = 0;
  let chars = 0;
  for (let at = 0; at < waiting.length; at++) {
    chars += waiting[at].line.length + 1;
    if (chars > write_bytes_max && at > start) {
      yield waiting.slice(start, at);
      start = at;
      chars = waiting[at].line.length + 1;
    }
  }
  yield start === 0 ? waiting : waiting.slice(start);
}

function encodeLines(group: Waiting[]): LineBatch {
  let text = "";
  for (const { line } of group) text += line + "\n";
  const bytes = encoder.encode(text);
  const ends: number[] = [];
  let end = 0;
  for (const { line } of group) {
    // One byte a character is the usual case; where it is not, the newline has to be looked for.
    end = bytes.length === text.length ? end + line.length + 1 : bytes.indexOf(NEWLINE, end) + 1;
    ends.push(end);
  }
  return { bytes, ends };
}
