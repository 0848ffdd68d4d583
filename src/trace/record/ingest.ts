/** Ingest of NDJSON into a store: events that another program traced, one a line. */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { event_bytes_max, trace_buffer_events_max, unsynced_bytes_max } from "../../base/limits.ts";
import type { Input, World } from "../../base/world.ts";
import { blocksOf, type Line, linesOf } from "../../base/files/lines.ts";
import { completeTraced, FreshDefaults, parseTraced } from "../event/complete.ts";
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
  return await new Ingest(world, store, options).run(input);
}

class Ingest {
  readonly #report: IngestReport = { lines: 0, events: 0, bad: 0 };
  readonly #lines = new RecentLines();
  readonly #defaults: FreshDefaults;
  readonly #name: string;

  constructor(world: World, readonly store: TraceStore, readonly options: IngestOptions) {
    this.#defaults = new FreshDefaults(world);
    this.#name = options.name ?? "standard input";
  }

  async run(input: Pick<Input, "read">): Promise<IngestReport> {
    const { store, options: { signal } } = this;
    let unsynced_bytes = 0;
    let syncing: Promise<void> | undefined;
    const onLongLine = () => {
      this.#report.lines++;
      this.#badLine(cannotTrace(TOO_LONG));
    };
    try {
      for await (const block of blocksOf(input, { signal, onLongLine })) {
        for (const line of linesOf(block, 0)) this.#takeLine(line);
        unsynced_bytes += block.length;
        if (unsynced_bytes < unsynced_bytes_max) continue;
        // Syncing goes on beside reading, and is never more than one such span behind it.
        await syncing;
        syncing = store.sync();
        // The next await rethrows it; until then it must not count as unhandled.
        syncing.catch(() => {});
        unsynced_bytes = 0;
      }
      await syncing;
      await store.sync();
      return this.#report;
    } catch (error) {
      await syncing?.catch(() => {});
      let first = error;
      // A disk that takes nothing is worse than a bad line.
      await store.sync().catch((failure) => first = failure);
      const problem = asLedgerError(first);
      throw problem ? this.#withKept(problem) : first;
    }
  }

  /** An error with how much of the stream is kept: ingesting that again would count it twice. */
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
          `after line ${this.#lines.of(events)} of ${this.#name}: what is repeated counts twice`,
      }),
      detail: { durable: events },
    });
  }

  /** Records the event of a line, where it holds one. */
  #takeLine({ text, size_bytes }: Line): void {
    this.#report.lines++;
    if (size_bytes === 0) return;
    let event;
    try {
      if (size_bytes > event_bytes_max) throw cannotTrace(TOO_LONG);
      if (text === undefined) throw cannotTrace("it is not valid UTF-8");
      if (text.trim() === "") return;
      event = completeTraced(parseTraced(text), this.#defaults);
    } catch (cause) {
      const error = asLedgerError(cause);
      if (!error) throw cause;
      return this.#badLine(error);
    }
    this.store.record(event);
    this.#lines.add(++this.#report.events, this.#report.lines);
  }

  /** Counts the line that was read last as bad; throws unless bad lines are passed over. */
  #badLine(error: LedgerError): void {
    this.#report.bad++;
    const placed = error.with({ where: { path: this.#name, line: this.#report.lines } });
    if (this.options.on_error !== "skip") throw placed;
    this.options.onBadLine?.(placed);
  }
}

function cannotTrace(reason: string): LedgerError {
  return new LedgerError({ code: "invalid", message: `cannot trace this event: ${reason}` });
}
