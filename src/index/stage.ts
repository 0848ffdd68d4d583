/**
 * Events -> files that DuckDB reads. While it takes one file in, on threads of its own, the next one
 * is filled here. A line goes one of three ways, and which one is a function of the line alone, so
 * that the same line always makes the same row: trials in plain JSON, which are nearly all there is,
 * are read by DuckDB itself; others as rows of texts; what no file can carry is put in one by one.
 */
import { join } from "@std/path";
import { writeFully } from "../base/files.ts";
import { staged_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database, Statement } from "../duckdb/door.ts";
import {
  ADD_STAGED_PART,
  COUNT_STAGED_BEFORE_TWIN,
  DROP_KNOWN,
  DROP_REPEATED,
  STAGE_FILE,
  STAGE_NO_PARTS,
  STAGE_NOTHING,
  STAGE_ONE,
  STAGE_TRIALS,
  STAGED_AGAIN,
  TAKE_OUT_REPEATED,
  TAKE_STAGED,
  TAKE_TRIALS,
} from "./queries.ts";
import { type EventRecord, type PartId, partStem } from "../log/mod.ts";
import { isPlain, rowOf, stagedLine, type StagedRow, stagedTrial } from "./rows.ts";

/** An event came that sorts before its indexed twin: the first in log order is another one now. */
export class OrderChanged extends Error {}

const FLUSH_CHARS = 1 << 18;
const encoder = new TextEncoder();

/** Lines on their way into a file. */
class StagedLines {
  readonly #bytes = new Uint8Array(staged_bytes_max + 6 * FLUSH_CHARS);
  #lines: string[] = [];
  #chars = 0;
  filled = 0;

  /** True when enough has come together for a pause. */
  push(line: string): boolean {
    this.#lines.push(line);
    this.#chars += line.length + 1;
    if (this.#chars < FLUSH_CHARS) return false;
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

/** Takes events into one database. */
export class Stage {
  readonly #trials = new StagedLines();
  readonly #rows = new StagedLines();
  #held: StagedRow[] = [];
  #held_chars = 0;
  readonly #parts = new Map<PartId, number>();
  #new_parts: [number, string, string][] = [];
  #files = 0;
  #taking: Promise<void> = Promise.resolve();
  #take_trials?: Statement;

  constructor(
    readonly world: World,
    readonly database: Database,
    readonly folder: string,
    /** Whether events are indexed already that staged ones may repeat. */
    readonly has_events: boolean,
  ) {}

  /** Makes the database ready. */
  async begin(): Promise<void> {
    await this.database.run(STAGE_NO_PARTS);
    if (!this.has_events) this.#take_trials = await this.database.prepare(TAKE_TRIALS);
  }

  /** Stages an event; the returned promise, if there is one, has to be waited for. */
  add(record: EventRecord): Promise<void> | undefined {
    const plain = isPlain(record.text);
    const trial = stagedTrial(record, this.#numberOf(record.part), plain);
    if (trial !== undefined) return this.#trials.push(trial) ? this.#flushWhenFull() : undefined;
    const row = rowOf(record, record.part.day, partStem(record.part), plain);
    const line = stagedLine(row, plain);
    if (line !== undefined) return this.#rows.push(line) ? this.#flushWhenFull() : undefined;
    this.#held.push(row);
    this.#held_chars += record.text.length;
    return this.#held_chars < staged_bytes_max ? undefined : this.#takeHeld();
  }

  /** Takes in what is left. */
  async finish(): Promise<void> {
    this.#trials.encode();
    this.#rows.encode();
    await this.#flush(true);
    await this.#takeHeld();
    await this.#taking;
    this.#take_trials?.close();
    // Built from nothing, it is cheaper to look for repeated events once than at every file.
    if (!this.has_events) {
      for (const statement of TAKE_OUT_REPEATED) await this.database.run(statement);
    }
  }

  #numberOf(part: PartId): number {
    let number = this.#parts.get(part);
    if (number === undefined) {
      this.#parts.set(part, number = this.#parts.size);
      this.#new_parts.push([number, part.day, partStem(part)]);
    }
    return number;
  }

  #flushWhenFull(): Promise<void> | undefined {
    if (this.#trials.filled + this.#rows.filled < staged_bytes_max) return undefined;
    return this.#flush(this.#rows.filled > staged_bytes_max / 4);
  }

  async #takeHeld(): Promise<void> {
    await this.#taking;
    if (this.#held.length === 0) return;
    await this.database.run(STAGE_NOTHING);
    await this.database.runForEach(STAGE_ONE, this.#held);
    this.#held = [];
    this.#held_chars = 0;
    await this.#takeStaged();
  }

  /**
   * Hands what is staged to DuckDB, which takes it in while we go on reading. One file at a time, and
   * we do not wait for the event loop in between: in some versions of Deno it stands still for as long
   * as native code is at work.
   */
  async #flush(with_rows: boolean): Promise<void> {
    const trials = this.#writeFile(this.#trials.take());
    // A few rows among many trials can wait for more of them: each file costs several statements.
    const rows = with_rows ? this.#writeFile(this.#rows.take()) : undefined;
    const parts = this.#new_parts;
    this.#new_parts = [];
    await this.#taking;
    if (parts.length > 0) await this.database.runForEach(ADD_STAGED_PART, parts);
    this.#taking = this.#takeFiles(trials, rows);
    // A failure is thrown where the promise is waited for: at a later flush, or at the end.
    this.#taking.catch(() => {});
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

  async #takeFiles(trials: string | undefined, rows: string | undefined): Promise<void> {
    const at_once = trials !== undefined && this.#take_trials !== undefined;
    if (at_once) await this.#take_trials!.run([trials]);
    if (rows !== undefined || !at_once) {
      if (rows !== undefined) await this.database.run(STAGE_FILE, [rows]);
      else await this.database.run(STAGE_NOTHING);
      if (trials !== undefined && !at_once) await this.database.run(STAGE_TRIALS, [trials]);
      await this.#takeStaged();
    }
    for (const path of [trials, rows]) if (path !== undefined) this.world.files.remove(path);
  }

  async #takeStaged(): Promise<void> {
    if (this.has_events) {
      const before = await this.database.value<bigint>(COUNT_STAGED_BEFORE_TWIN);
      if (before > 0n) throw new OrderChanged();
      for (const statement of DROP_KNOWN) await this.database.run(statement);
      if (await this.database.value<bigint>(STAGED_AGAIN) > 0n) {
        for (const statement of DROP_REPEATED) await this.database.run(statement);
      }
    }
    for (const statement of TAKE_STAGED) await this.database.run(statement);
  }
}
