/**
 * Pipeline: a stream of NDJSON into the log. While one block of lines is being synced, the next is read,
 * checked and written; one sync then covers all that was written meanwhile.
 */
import { grown } from "../../base/bytes.ts";
import { LedgerError } from "../../base/error.ts";
import { unsynced_bytes_max, unsynced_files_max } from "../../base/limits.ts";
import type { Input } from "../../base/world.ts";
import type { LogWriter } from "./writer.ts";
import type { PartFile, WrittenLines } from "./day_appender.ts";
import { blocksOf, type Line, linesOf } from "../../base/files/lines.ts";
import { type EmitCheck, refused, type RefusedEvent } from "../event/emit_check.ts";
import { tooLong } from "../event/validate.ts";
import { dayOf } from "../format/layout.ts";

export interface StreamOptions {
  /** Whether a bad line ends the stream (what came before it is durable) or is passed over. */
  on_error?: "stop" | "skip";
  /** Checks every line and writes none. */
  dry_run?: boolean;
  /** Gets the ids of events once they are durable; those of one day in the order they came. */
  onDurable?: (event_ids: string[]) => void;
  /**
   * Gets the answers to lines, in their order: every line has one, also when it is refused or blank. Only
   * a stream that fails leaves lines at its end without one.
   */
  onAnswers?: (answers: LineAnswer[]) => void;
  onBadLine?: (error: LedgerError) => void;
  /** Ends the stream early; what was read until then is made durable. */
  signal?: AbortSignal;
  name?: string;
}

export interface StreamReport {
  lines: number;
  /** Lines that are events and may be written. */
  valid: number;
  durable: number;
  bad: number;
}

const NEWLINE = 10;
/** Room for the fields that a few lines get added, */
const LINE_GROWTH_BYTES = 256;
/** and for each further day of a block, which may hold lines of thousands. */
const FURTHER_DAY_BYTES = 4096;
const encoder = new TextEncoder();

class DayBatch {
  bytes: Uint8Array;
  size = 0;
  ends: number[] = [];
  ids: string[] = [];
  /** In which line of the stream each event stood. */
  stream_lines: number[] = [];

  constructor(expected_bytes: number) {
    this.bytes = new Uint8Array(expected_bytes);
  }

  addBytes(line: Uint8Array, event_id: string, stream_line: number): void {
    this.#makeRoom(line.length + 1);
    this.bytes.set(line, this.size);
    this.#endLine(line.length, event_id, stream_line);
  }

  addText(line: string, event_id: string, stream_line: number): void {
    this.#makeRoom(line.length * 3 + 1);
    const { written } = encoder.encodeInto(line, this.bytes.subarray(this.size));
    this.#endLine(written, event_id, stream_line);
  }

  #endLine(length: number, event_id: string, stream_line: number): void {
    this.bytes[this.size + length] = NEWLINE;
    this.ends.push(this.size += length + 1);
    this.ids.push(event_id);
    this.stream_lines.push(stream_line);
  }

  #makeRoom(more: number): void {
    if (this.size + more <= this.bytes.length) return;
    this.bytes = grown(this.bytes, Math.max(this.bytes.length * 2, this.size + more));
  }
}

/** Appends every line of an input. Throws at a bad line unless `on_error` skips it; see `detail.durable`. */
export function appendStream(
  input: Pick<Input, "read">,
  writer: LogWriter,
  check: EmitCheck,
  options: StreamOptions = {},
): Promise<StreamReport> {
  return new StreamAppender(writer, check, options).run(input);
}

/** Events in the order of their write; without the bytes, since many wait for their sync. */
type StreamedEvents = Pick<DayBatch, "ids" | "stream_lines">;

class StreamAppender {
  readonly #report: StreamReport = { lines: 0, valid: 0, durable: 0, bad: 0 };
  readonly #name: string;
  readonly #answers?: LineAnswers;
  #unsynced: { written: WrittenLines; events: StreamedEvents; count: number }[] = [];
  #unsynced_bytes = 0;
  readonly #unsynced_files = new Set<PartFile>();
  /** Never rejects: a failure is kept in `#failure`. */
  #syncing?: Promise<void>;
  #failure?: unknown;
  #failed = Promise.withResolvers<never>();

  constructor(
    readonly writer: LogWriter,
    readonly check: EmitCheck,
    readonly options: StreamOptions,
  ) {
    this.#name = options.name ?? "standard input";
    this.#failed.promise.catch(() => {});
    if (options.onAnswers) this.#answers = new LineAnswers(options.onAnswers);
  }

  async run(input: Pick<Input, "read">): Promise<StreamReport> {
    try {
      const blocks = blocksOf(input, {
        signal: this.options.signal,
        // A sync that fails while a read waits ends the stream at once, not with the next line.
        failed: this.#failed.promise,
        onLongLine: (size_bytes) => {
          this.#report.lines++;
          this.#badLine(cannotEmit(tooLong(size_bytes).reason));
          this.#answer();
        },
      });
      for await (const block of blocks) await this.#takeBlock(block);
      await this.#allDurable();
      return this.#report;
    } catch (error) {
      await this.#allDurable().catch(() => {});
      this.#answer();
      // A failed sync is graver: lines may be there that were never acknowledged.
      const worst = this.#failure ?? error;
      if (!(worst instanceof LedgerError)) throw worst;
      const { durable } = this.#report;
      const kept = this.writer.durability === "os" ? "written" : "durable";
      const so_far = durable === 1 ? `1 event is ${kept}` : `${durable} events are ${kept}`;
      throw worst.with({ message: `${worst.message}. ${so_far}`, detail: { durable } });
    }
  }

  async #takeBlock(bytes: Uint8Array): Promise<void> {
    const batches = new Map<string, DayBatch>();
    let bad: LedgerError | undefined;
    for (const line of linesOf(bytes, 0)) {
      this.#report.lines++;
      const refused = this.#takeLine(line, bytes, batches);
      if (!refused) continue;
      const error = await refused.explain();
      if (this.options.on_error !== "skip") {
        bad = error;
        break;
      }
      this.#badLine(error);
    }
    for (const [day, batch] of batches) await this.#write(day, batch);
    if (bad) this.#badLine(bad);
    this.#answer();
  }

  #takeLine(
    line: Line,
    bytes: Uint8Array,
    batches: Map<string, DayBatch>,
  ): RefusedEvent | undefined {
    const { text, offset, size_bytes } = line;
    if (text === undefined) return refused(() => cannotEmit("it is not valid UTF-8"));
    const { lines: number } = this.#report;
    const is_blank = size_bytes === 0 || text.trim() === "";
    const ready = is_blank ? undefined : this.check.fromLine(text);
    if (ready && !ready.ok) return ready;
    if (ready) this.#report.valid++;
    if (!ready || this.options.dry_run) {
      this.#answers?.settle({ line: number, event_id: null });
      return undefined;
    }
    const day = dayOf(ready.timestamp_ms);
    let batch = batches.get(day);
    if (!batch) {
      const expected_bytes = batches.size === 0 ? bytes.length : FURTHER_DAY_BYTES;
      batches.set(day, batch = new DayBatch(expected_bytes + LINE_GROWTH_BYTES));
    }
    // What needed nothing added goes to the log as the bytes it came in.
    if (ready.untouched) {
      batch.addBytes(bytes.subarray(offset, offset + size_bytes), ready.event_id, number);
    } else batch.addText(ready.line, ready.event_id, number);
    return undefined;
  }

  /** Refuses the last line; throws unless bad lines are passed over. */
  #badLine(error: LedgerError): void {
    this.#report.bad++;
    this.#answers?.settle({ line: this.#report.lines, error });
    const placed = error.with({ where: { path: this.#name, line: this.#report.lines } });
    if (this.options.on_error !== "skip") throw placed;
    this.options.onBadLine?.(placed);
  }

  async #write(day: string, batch: DayBatch): Promise<void> {
    const lines = { bytes: batch.bytes.subarray(0, batch.size), ends: batch.ends };
    const written = await this.writer.write(day, lines);
    const count = written.results.at(-1)?.end_line ?? 0;
    this.#expect(written, batch, count);
    if (written.failure) throw written.failure;
    if (
      this.#unsynced_bytes > unsynced_bytes_max || this.#unsynced_files.size >= unsynced_files_max
    ) {
      await this.#syncing;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Hands written lines to the background sync; starts it when none runs. */
  #expect(written: WrittenLines, batch: DayBatch, count: number): void {
    const { ids, stream_lines, size } = batch;
    this.#unsynced.push({ written, events: { ids, stream_lines }, count });
    this.#unsynced_bytes += size;
    for (const { file } of written.results) this.#unsynced_files.add(file);
    this.#syncing ??= this.#syncAll();
  }

  async #syncAll(): Promise<void> {
    try {
      while (this.#unsynced.length > 0) {
        const group = this.#unsynced;
        this.#unsynced = [];
        this.#unsynced_bytes = 0;
        this.#unsynced_files.clear();
        const results = group.flatMap((entry) => entry.written.results);
        await this.writer.makeDurable(results);
        for (const { first_line, end_line } of results) {
          this.#report.durable += end_line - first_line;
        }
        for (const { events, count } of group) this.#acknowledge(events, count);
        this.#answer();
      }
    } catch (error) {
      this.#fail(error);
      for (const { written } of this.#unsynced.splice(0)) {
        for (const result of written.results) result.file.release();
      }
    } finally {
      this.#syncing = undefined;
    }
  }

  /** A callback may throw: what is written by then is made durable all the same, and counted. */
  #acknowledge({ ids, stream_lines }: StreamedEvents, count: number): void {
    if (count === 0 || this.#failure) return;
    for (let at = 0; this.#answers && at < count; at++) {
      this.#answers.settle({ line: stream_lines[at], event_id: ids[at] });
    }
    try {
      this.options.onDurable?.(ids.slice(0, count));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Hands over the answers that wait for no line before them. */
  #answer(): void {
    if (this.#failure) return;
    try {
      this.#answers?.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#failed.reject(error);
  }

  async #allDurable(): Promise<void> {
    while (this.#syncing) await this.#syncing;
    if (this.#failure) throw this.#failure;
  }
}

function cannotEmit(reason: string): LedgerError {
  return new LedgerError({ code: "invalid", message: `cannot emit this event: ${reason}` });
}

/** What became of a line: a durable event, a refusal, or, of a blank one, nothing. */
export type LineAnswer =
  | { line: number; event_id: string | null; error?: undefined }
  | { line: number; event_id?: undefined; error: LedgerError };

/** Reorder buffer: holds each answer back until all lines before it have theirs. */
class LineAnswers {
  /** The first line without an answer yet, from 1. */
  #next = 1;
  #waiting: (LineAnswer | undefined)[] = [];

  constructor(readonly onAnswers: (answers: LineAnswer[]) => void) {}

  settle(answer: LineAnswer): void {
    const at = answer.line - this.#next;
    while (this.#waiting.length < at) this.#waiting.push(undefined);
    this.#waiting[at] = answer;
  }

  flush(): void {
    const open = this.#waiting.indexOf(undefined);
    const ready = this.#waiting.splice(0, open < 0 ? this.#waiting.length : open);
    this.#next += ready.length;
    if (ready.length > 0) this.onAnswers(ready as LineAnswer[]);
  }
}
