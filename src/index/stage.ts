/**
 * Rows -> files that DuckDB reads. While it takes one file in, on threads of its own, the next one is
 * filled here. Two kinds of rows are held back for the end: those that no file can carry, and those
 * whose id may have been staged before.
 */
import { join } from "@std/path";
import { writeFully } from "../base/files.ts";
import { staged_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/door.ts";
import { hash53 } from "../log/mod.ts";
import {
  COUNT_STAGED_BEFORE_TWIN,
  DROP_KNOWN,
  DROP_REPEATED,
  STAGE_FILE,
  STAGE_NOTHING,
  STAGE_ONE,
  TAKE_STAGED,
} from "./queries.ts";
import { stagedLine, type StagedRow } from "./rows.ts";

/** An event came that sorts before its indexed twin: the first in log order is another one now. */
export class OrderChanged extends Error {}

const EVENT_ID = 3;
const FLUSH_CHARS = 1 << 20;
const encoder = new TextEncoder();

/** Takes rows into one database. */
export class Stage {
  #text = "";
  #bytes = new Uint8Array(staged_bytes_max + 4 * FLUSH_CHARS);
  #filled = 0;
  #files = 0;
  #taking: Promise<void> = Promise.resolve();
  readonly #held: StagedRow[] = [];
  readonly #ids = new HashSet();

  constructor(
    readonly world: World,
    readonly database: Database,
    readonly folder: string,
    /** Whether events are indexed already that staged ones may repeat. */
    readonly has_events: boolean,
  ) {}

  /** Stages a row; the returned promise, if there is one, has to be waited for. */
  add(row: StagedRow, text: string): Promise<void> | undefined {
    const line = stagedLine(row, text);
    const may_be_repeated = !this.#ids.add(hash53(row[EVENT_ID] as string));
    if (line === undefined || may_be_repeated) {
      this.#held.push(row);
      return undefined;
    }
    this.#text += line + "\n";
    if (this.#text.length < FLUSH_CHARS) return undefined;
    this.#encode();
    // DuckDB works on its own threads, but hears of its next statement only when this one pauses.
    return this.#filled < staged_bytes_max ? this.world.pause(0) : this.#flush();
  }

  /** Takes in what is left. */
  async finish(): Promise<void> {
    this.#encode();
    await this.#flush();
    await this.#taking;
    if (this.#held.length === 0) return;
    await this.database.run(STAGE_NOTHING);
    await this.database.runForEach(STAGE_ONE, this.#held);
    for (const statement of DROP_REPEATED) await this.database.run(statement);
    await this.#takeStaged(true);
  }

  #encode(): void {
    const room = this.#bytes.subarray(this.#filled);
    const { read, written } = encoder.encodeInto(this.#text, room);
    if (read < this.#text.length) throw new RangeError("the staging buffer is too small");
    this.#filled += written;
    this.#text = "";
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
    await this.#takeStaged(this.has_events);
  }

  async #takeStaged(may_be_known: boolean): Promise<void> {
    if (may_be_known) {
      const before = await this.database.value<bigint>(COUNT_STAGED_BEFORE_TWIN);
      if (before > 0n) throw new OrderChanged();
      for (const statement of DROP_KNOWN) await this.database.run(statement);
    }
    for (const statement of TAKE_STAGED) await this.database.run(statement);
  }
}

/** A set of 53-bit hashes in 16 bytes or less each, for millions of them. */
class HashSet {
  #slots = new Float64Array(1 << 16).fill(-1);
  #count = 0;

  /** False when it was there. */
  add(hash: number): boolean {
    if (this.#count * 2 > this.#slots.length) this.#grow();
    const slot = this.#slotOf(hash);
    if (this.#slots[slot] === hash) return false;
    this.#slots[slot] = hash;
    this.#count++;
    return true;
  }

  #slotOf(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = (hash >>> 0) & mask;
    while (this.#slots[slot] !== -1 && this.#slots[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2).fill(-1);
    for (const hash of old) if (hash !== -1) this.#slots[this.#slotOf(hash)] = hash;
  }
}
