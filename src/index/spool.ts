/**
 * Spool files: events -> files that DuckDB reads, a batch at a time. A line goes one of three ways, and
 * which one depends on the line alone, so that it always makes the same row: DuckDB itself reads trials
 * in plain JSON, which are nearly all there is; others go as rows of texts; what no file can carry is
 * inserted row by row.
 */
import { join } from "@std/path";
import { writeNewFile } from "../base/files/durable.ts";
import { spool_bytes_max, spool_flush_chars } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type EventRecord, type PartExtent, type PartId, partStem } from "../log/mod.ts";
import { isPlain, rowLine, rowOf, type SpoolRow, trialLine } from "./rows.ts";

/** A file whose columns hold trials of one part. */
export interface PackedTrials {
  path: string;
  day: string;
  part: string;
  /** Absent where all is of one log. */
  box?: string;
}

export interface Batch {
  /** Packed lines: trials are loaded from their columns, and the other lines come as events. */
  packed?: PackedTrials;
  /** A file of trials, and one of other rows; the loader removes them. */
  trials?: string;
  rows?: string;
  /** Rows that no file can carry. */
  held: SpoolRow[];
  /** The parts that trials name by number, and were not named before: number, box, day, name. */
  parts: (string | number)[][];
}

/** Takes a batch; the next one may come when the promise resolves. */
export type BatchSink = (batch: Batch) => Promise<void>;

const encoder = new TextEncoder();

class SpoolBuffer {
  readonly #bytes = new Uint8Array(spool_bytes_max + 6 * spool_flush_chars);
  #lines: string[] = [];
  #chars = 0;
  filled = 0;

  /** True when enough has come together to look whether the file is full. */
  push(line: string): boolean {
    this.#lines.push(line);
    this.#chars += line.length + 1;
    if (this.#chars < spool_flush_chars) return false;
    this.encode();
    return true;
  }

  /** Joined and encoded many at a time, which costs half of doing it one by one. */
  encode(): void {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join("\n") + "\n";
    const { read, written } = encoder.encodeInto(text, this.#bytes.subarray(this.filled));
    if (read < text.length) throw new RangeError("the spool's buffer is too small");
    this.filled += written;
    this.#lines = [];
    this.#chars = 0;
  }

  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.filled);
    this.filled = 0;
    return bytes;
  }
}

export class Spool {
  readonly #trials = new SpoolBuffer();
  readonly #rows = new SpoolBuffer();
  #held: SpoolRow[] = [];
  #held_chars = 0;
  readonly #parts = new Map<PartId, number>();
  #new_parts: Batch["parts"] = [];
  #files = 0;
  /** The box that events are of; absent where all are of one log. */
  box?: string;

  constructor(readonly world: World, readonly folder: string, readonly sink: BatchSink) {}

  /** The box as the first value of a row, if there is one. */
  get boxes(): string[] {
    return this.box === undefined ? [] : [this.box];
  }

  /** Adds an event; the caller awaits the returned promise, if there is one. */
  add(record: EventRecord): Promise<void> | undefined {
    const plain = isPlain(record.text);
    const trial = trialLine(record, this.#numberOf(record.part), plain);
    if (trial !== undefined) return this.#trials.push(trial) ? this.#sendWhenFull() : undefined;
    const row = [
      ...this.boxes,
      ...rowOf(record, record.part.day, partStem(record.part), plain),
    ];
    const line = rowLine(row, plain);
    if (line !== undefined) return this.#rows.push(line) ? this.#sendWhenFull() : undefined;
    this.#held.push(row);
    this.#held_chars += record.text.length;
    return this.#held_chars < spool_bytes_max ? undefined : this.#send(true);
  }

  /** Has the trials of packed lines loaded from their columns. */
  async addPacked({ path, part }: Pick<PartExtent, "path" | "part">): Promise<void> {
    const packed = { path, day: part.day, part: partStem(part), box: this.box };
    await this.sink({ packed, held: [], parts: [] });
  }

  async finish(): Promise<void> {
    await this.#send(true);
  }

  #numberOf(part: PartId): number {
    let number = this.#parts.get(part);
    if (number === undefined) {
      this.#parts.set(part, number = this.#parts.size);
      this.#new_parts.push([number, ...this.boxes, part.day, partStem(part)]);
    }
    return number;
  }

  #sendWhenFull(): Promise<void> | undefined {
    if (this.#trials.filled + this.#rows.filled < spool_bytes_max) return undefined;
    // A few rows among many trials can wait for more of them: each file costs several statements.
    return this.#send(this.#rows.filled > spool_bytes_max / 4);
  }

  async #send(with_rows: boolean): Promise<void> {
    this.#trials.encode();
    this.#rows.encode();
    const batch: Batch = {
      trials: this.#writeFile(this.#trials.take()),
      rows: with_rows ? this.#writeFile(this.#rows.take()) : undefined,
      held: this.#held,
      parts: this.#new_parts,
    };
    if (!(batch.trials ?? batch.rows ?? batch.held[0])) return;
    this.#held = [];
    this.#held_chars = 0;
    this.#new_parts = [];
    await this.sink(batch);
  }

  #writeFile(bytes: Uint8Array): string | undefined {
    if (bytes.length === 0) return undefined;
    const path = join(this.folder, `spool-${this.#files++}`);
    writeNewFile(this.world.files, path, bytes);
    return path;
  }
}
