/**
 * Rows -> files that DuckDB reads. While it takes one file in, on threads of its own, the next one is
 * filled here. Rows that no file can carry are held back and put in one by one.
 */
import { join } from "@std/path";
import { writeFully } from "../base/files.ts";
import { staged_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/door.ts";
import {
  COUNT_STAGED_BEFORE_TWIN,
  DROP_KNOWN,
  DROP_REPEATED,
  STAGE_FILE,
  STAGE_NOTHING,
  STAGE_ONE,
  STAGED_AGAIN,
  TAKE_OUT_REPEATED,
  TAKE_STAGED,
} from "./queries.ts";
import type { EventRecord } from "../log/mod.ts";
import { isPlain, rowOf, stagedLine, type StagedRow } from "./rows.ts";

/** An event came that sorts before its indexed twin: the first in log order is another one now. */
export class OrderChanged extends Error {}

const FLUSH_CHARS = 1 << 20;
const encoder = new TextEncoder();

/** Takes rows into one database. */
export class Stage {
  /** Joined and encoded many at a time, which costs half of doing it one by one. */
  #lines: string[] = [];
  #chars = 0;
  #bytes = new Uint8Array(staged_bytes_max + 6 * FLUSH_CHARS);
  #filled = 0;
  #files = 0;
  #taking: Promise<void> = Promise.resolve();
  #held: StagedRow[] = [];
  #held_chars = 0;

  constructor(
    readonly world: World,
    readonly database: Database,
    readonly folder: string,
    /** Whether events are indexed already that staged ones may repeat. */
    readonly has_events: boolean,
  ) {}

  /** Stages an event; the returned promise, if there is one, has to be waited for. */
  add(record: EventRecord, day: string, part: string): Promise<void> | undefined {
    const plain = isPlain(record.text);
    const row = rowOf(record, day, part, plain);
    const line = stagedLine(row, plain);
    if (line === undefined) {
      this.#held.push(row);
      this.#held_chars += record.text.length;
      return this.#held_chars < staged_bytes_max ? undefined : this.#takeHeld();
    }
    this.#lines.push(line);
    this.#chars += line.length + 1;
    if (this.#chars < FLUSH_CHARS) return undefined;
    this.#encode();
    // DuckDB works on its own threads, but hears of its next statement only when this one pauses.
    return this.#filled < staged_bytes_max ? this.world.pause(0) : this.#flush();
  }

  /** Takes in what is left. */
  async finish(): Promise<void> {
    this.#encode();
    await this.#flush();
    await this.#takeHeld();
    await this.#taking;
    // Built from nothing, it is cheaper to look for repeated events once than at every file.
    if (!this.has_events) {
      for (const statement of TAKE_OUT_REPEATED) await this.database.run(statement);
    }
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

  #encode(): void {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join("\n") + "\n";
    const { read, written } = encoder.encodeInto(text, this.#bytes.subarray(this.#filled));
    if (read < text.length) throw new RangeError("the staging buffer is too small");
    this.#filled += written;
    this.#lines = [];
    this.#chars = 0;
  }

  /** Hands the filled buffer to DuckDB, once it is done with the one before. */
  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    const path = join(this.folder, `staged-${this.#files++}`);
    const file = this.world.files.open(path, "create");
    try {
      writeFully(file, this.#bytes.subarray(0, this.#filled));
    } finally {
      file.close();
    }
    this.#filled = 0;
    await this.#taking;
    this.#taking = this.#takeFile(path);
    // A failure is thrown where the promise is waited for: at the next flush, or at the end.
    this.#taking.catch(() => {});
  }

  async #takeFile(path: string): Promise<void> {
    await this.database.run(STAGE_FILE, [path]);
    this.world.files.remove(path);
    await this.#takeStaged();
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
