/**
 * Events -> files that DuckDB reads, a handful at a time. A line goes one of three ways, and which one
 * is a function of the line alone, so that the same line always makes the same row: trials in plain
 * JSON, which are nearly all there is, are read by DuckDB itself; others as rows of texts; what no
 * file can carry is put in one by one.
 */
import { join } from "@std/path";
import { writeFully } from "../base/files/durable.ts";
import { spool_bytes_max, spool_flush_chars } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { type EventRecord, type PartExtent, type PartId, partStem } from "../log/mod.ts";
import { isPlain, rowOf, stagedLine, type StagedRow, stagedTrial } from "./rows.ts";

/** Events that are ready to be taken in together. */
export interface Handful {
  /** A compacted part: its trials are taken from its columns, and its other lines come as events. */
  compacted?: { path: string; day: string; part: string };
  /** A file of trials, and one of other rows; whoever takes them in removes them. */
  trials?: string;
  rows?: string;
  /** Rows that no file can carry. */
  held: StagedRow[];
  /** The parts that trials name by number, and were not named before: number, day, name. */
  parts: [number, string, string][];
}

/** Takes a handful; the next one may be handed over when the promise resolves. */
export type Hand = (handful: Handful) => Promise<void>;

const encoder = new TextEncoder();

/** Lines on their way into a file. */
class StagedLines {
  readonly #bytes = new Uint8Array(spool_bytes_max + 6 * spool_flush_chars);
  #lines: string[] = [];
  #chars = 0;
  filled = 0;

  /** True when enough has come together for a pause. */
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
    if (read < text.length) throw new RangeError("the staging buffer is too small");
    this.filled += written;
    this.#lines = [];
    this.#chars = 0;
  }

  /** Everything since the last time. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.filled);
    this.filled = 0;
    return bytes;
  }
}

/** Puts events into handfuls. */
export class Staging {
  readonly #trials = new StagedLines();
  readonly #rows = new StagedLines();
  #held: StagedRow[] = [];
  #held_chars = 0;
  readonly #parts = new Map<PartId, number>();
  #new_parts: [number, string, string][] = [];
  #files = 0;

  constructor(readonly world: World, readonly folder: string, readonly hand: Hand) {}

  /** Stages an event; the returned promise, if there is one, has to be waited for. */
  add(record: EventRecord): Promise<void> | undefined {
    const plain = isPlain(record.text);
    const trial = stagedTrial(record, this.#numberOf(record.part), plain);
    if (trial !== undefined) return this.#trials.push(trial) ? this.#handWhenFull() : undefined;
    const row = rowOf(record, record.part.day, partStem(record.part), plain);
    const line = stagedLine(row, plain);
    if (line !== undefined) return this.#rows.push(line) ? this.#handWhenFull() : undefined;
    this.#held.push(row);
    this.#held_chars += record.text.length;
    return this.#held_chars < spool_bytes_max ? undefined : this.#handOver(true);
  }

  /** Has the trials of a compacted part taken from its columns. */
  async addCompacted({ path, part }: PartExtent): Promise<void> {
    const compacted = { path, day: part.day, part: partStem(part) };
    await this.hand({ compacted, held: [], parts: [] });
  }

  /** Hands over what is left. */
  async finish(): Promise<void> {
    await this.#handOver(true);
  }

  #numberOf(part: PartId): number {
    let number = this.#parts.get(part);
    if (number === undefined) {
      this.#parts.set(part, number = this.#parts.size);
      this.#new_parts.push([number, part.day, partStem(part)]);
    }
    return number;
  }

  #handWhenFull(): Promise<void> | undefined {
    if (this.#trials.filled + this.#rows.filled < spool_bytes_max) return undefined;
    // A few rows among many trials can wait for more of them: each file costs several statements.
    return this.#handOver(this.#rows.filled > spool_bytes_max / 4);
  }

  async #handOver(with_rows: boolean): Promise<void> {
    this.#trials.encode();
    this.#rows.encode();
    const trials = this.#writeFile(this.#trials.take());
    const rows = with_rows ? this.#writeFile(this.#rows.take()) : undefined;
    const held = this.#held;
    const parts = this.#new_parts;
    this.#held = [];
    this.#held_chars = 0;
    this.#new_parts = [];
    if (trials ?? rows ?? held[0]) await this.hand({ trials, rows, held, parts });
  }

  #writeFile(bytes: Uint8Array): string | undefined {
    if (bytes.length === 0) return undefined;
    const path = join(this.folder, `staged-${this.#files++}`);
    const file = this.world.files.open(path, "create");
    try {
      writeFully(file, bytes);
    } finally {
      file.close();
    }
    return path;
  }
}
