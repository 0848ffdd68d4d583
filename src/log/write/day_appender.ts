/**
 * One day's folder as one writer sees it: its lock, and the part that takes new lines.
 *
 * Everything that changes a part happens here, under the day's lock: looking at the tail, moving a
 * torn one out of the way, the write, cutting back a write that failed, opening the next part. The
 * lock is released before anything is synced; see `mod.ts` for why that is safe.
 */
import { dirname } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { removeQuietly, writeFully } from "../../base/files/durable.ts";
import type { FileFacts, Files, OpenFile } from "../../base/files/seam.ts";
import { folder_time_trusted_after_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { dayFolder, parsePartName, type PartId, partLabel, partPath } from "../format/layout.ts";
import { highestSealedNumber } from "../format/chain.ts";
import { type DayLock, lockOfWriter } from "../format/lock.ts";
import { gonePartsOf, partNamesOf } from "../read/parts.ts";
import { moveTornTail } from "../format/torn_tail.ts";
import { readSealed } from "../format/seal_manifest.ts";

/** Whole lines, each ending in a newline, and where each ends. */
export interface LineBatch {
  bytes: Uint8Array;
  ends: number[];
}

/** Lines that were written to one part in one go. Durable once `file` has been synced. */
export interface WriteResult {
  part: PartId;
  /** Byte offset in the part of the first of these lines. */
  offset: number;
  /** Which lines of the batch: from, and up to but not including. */
  first_line: number;
  end_line: number;
  file: PartFile;
}

/** Lines that stand in the log, and are durable once their files have been synced. */
export interface WrittenLines {
  results: WriteResult[];
  /** Why not all lines were written, when they were not. */
  failure?: LedgerError;
}

/** What a writer counts. Readable from the library, for those who watch it. */
export interface WriterCounters {
  events: number;
  bytes: number;
  writes: number;
  syncs: number;
  lock_waits: number;
  torn_tails_moved: number;
}

/** An open part, closed when nobody needs it any more. */
export class PartFile {
  /** `day=2026-01-23/part-000001.jsonl`, as acknowledgements name it. */
  readonly label: string;
  #users = 1;

  constructor(readonly part: PartId, readonly file: OpenFile) {
    this.label = partLabel(part);
  }

  /** Keeps the file open until `release`. */
  hold(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.file.close();
  }
}

const NEWLINE = 10;

/** What a day's appender needs to know. */
interface DayOptions {
  root: string;
  day: string;
  writer: string;
  lock_wait_ms: number;
  part_bytes_max: number;
  /** Told about every torn tail that was moved. */
  onTornTail: (path: string, quarantined_as: string) => void;
}

/** Appends to one day. Not for concurrent calls: the writer above puts them in a row. */
export class DayAppender {
  readonly #world: World;
  readonly #options: DayOptions;
  readonly #counters: WriterCounters;
  readonly #folder: string;
  readonly #lock: DayLock;
  #current?: PartFile;
  /** The folder as it was when the current part was chosen; undefined when that may have changed. */
  #chosen_in?: { identity: string; modified_ms: number };
  readonly #last_byte = new Uint8Array(1);

  constructor(world: World, options: DayOptions, counters: WriterCounters) {
    this.#world = world;
    this.#options = options;
    this.#counters = counters;
    this.#folder = dayFolder(options.root, options.day);
    this.#lock = lockOfWriter(world, options.root, options, options.lock_wait_ms, {
      is_private: options.writer !== "",
      onWait: () => counters.lock_waits++,
    });
  }

  /**
   * Writes whole lines, in one write unless a part fills up. Not durable yet when it is done, which
   * is at once unless the day's lock has to be waited for longer than a thread may stand still.
   */
  append(batch: LineBatch): WrittenLines | Promise<WrittenLines> {
    let unchanged: PartFile | undefined;
    // In a folder where no name has changed, the lock has its name still: one look for both.
    const namesAreUnchanged = () => (unchanged = this.#stillCurrent()) !== undefined;
    try {
      if (this.#lock.takeSoon(namesAreUnchanged)) return this.#appendLocked(batch, unchanged);
      return this.#lock.take(namesAreUnchanged)
        .then(() => this.#appendLocked(batch, unchanged), (error) => failed([], error));
    } catch (error) {
      return failed([], error);
    }
  }

  /** The lock is ours, and is given back. */
  #appendLocked(batch: LineBatch, unchanged?: PartFile): WrittenLines {
    const results: WriteResult[] = [];
    try {
      for (let line = 0; line < batch.ends.length; line = results.at(-1)!.end_line) {
        results.push(this.#writeToOnePart(batch, line, unchanged));
        unchanged = undefined;
      }
    } catch (error) {
      return failed(results, error);
    } finally {
      this.#lock.release();
    }
    return { results };
  }

  close(): void {
    this.#current?.release();
    this.#current = undefined;
    this.#lock.close();
  }

  /** After a sync that failed: the next append opens the part anew. */
  forgetPart(): void {
    this.#current?.release();
    this.#current = undefined;
  }

  #writeToOnePart(batch: LineBatch, first_line: number, unchanged?: PartFile): WriteResult {
    const start = first_line === 0 ? 0 : batch.ends[first_line - 1];
    let { part_file, size_bytes } = this.#partForAppend(unchanged);
    const room = this.#options.part_bytes_max - size_bytes;
    let end_line = linesThatFit(batch.ends, first_line, start + room);
    if (end_line === first_line && size_bytes > 0) {
      part_file = this.#openNextPart();
      size_bytes = 0;
      end_line = linesThatFit(batch.ends, first_line, start + this.#options.part_bytes_max);
    }
    // A single event is written whatever its size: the event's own limit has been checked.
    if (end_line === first_line) end_line = first_line + 1;
    const bytes = batch.bytes.subarray(start, batch.ends[end_line - 1]);
    writeOrCutBack(part_file.file, [bytes], size_bytes, () => this.forgetPart());
    this.#counters.writes++;
    this.#counters.bytes += bytes.length;
    const file = part_file.hold();
    return { part: file.part, offset: size_bytes, first_line, end_line, file };
  }

  /** The part that takes the next line, whole to its end. */
  #partForAppend(unchanged?: PartFile): { part_file: PartFile; size_bytes: number } {
    const part_file = unchanged ?? this.#stillCurrent() ?? this.#choosePart();
    const size_bytes = part_file.file.findEnd(this.#last_byte);
    if (size_bytes === 0) {
      // Whoever made this part may have died before its name was durable.
      makePartsNameDurable(this.#world.files, this.#folder);
      return { part_file, size_bytes };
    }
    if (this.#last_byte[0] === NEWLINE) return { part_file, size_bytes };
    const { root, onTornTail } = this.#options;
    const moved = moveTornTail(this.#world, root, part_file.part, part_file.file, size_bytes);
    this.#counters.torn_tails_moved++;
    onTornTail(part_file.file.path, moved.quarantined_as);
    return { part_file, size_bytes: moved.end };
  }

  /** The part chosen before, if nothing in the folder has got another name since. */
  #stillCurrent(): PartFile | undefined {
    if (!this.#current || !this.#chosen_in) return undefined;
    const now = this.#world.files.facts(this.#folder);
    const same = now?.identity === this.#chosen_in.identity &&
      now.modified_ms === this.#chosen_in.modified_ms;
    return same ? this.#current : undefined;
  }

  #choosePart(): PartFile {
    const { root, day, writer } = this.#options;
    const { files } = this.#world;
    const folder = files.facts(this.#folder);
    const listing = this.#listParts();
    const own = listing.open_parts.at(-1);
    if (own === undefined) return this.#openNextPart();
    const path = partPath(root, { day, writer, number: own });
    if (this.#current?.part.number === own) {
      const there = files.facts(path)?.identity;
      if (there === this.#current.file.facts().identity) {
        this.#rememberFolder(folder);
        return this.#current;
      }
    }
    this.#adopt({ day, writer, number: own }, files.open(path, "append"));
    this.#rememberFolder(folder);
    return this.#current!;
  }

  /** Numbers of the parts that this writer may append to, in order, and the highest of all. */
  #listParts(): { open_parts: number[]; highest: number } {
    const { writer } = this.#options;
    const { root, day } = this.#options;
    const sealed = Object.keys(readSealed(this.#world.files, root, day))
      .map((name) => parsePartName(name)!);
    const names = partNamesOf(this.#world.files, root, day);
    const closed = new Set([
      ...sealed.filter((part) => part.writer === writer).map((part) => part.number),
      ...names.filter((name) => name.format === "parquet" && name.writer === writer)
        .map((name) => name.number),
    ]);
    const open_parts = names
      .filter((name) => name.format === "jsonl" && name.writer === writer)
      .filter((name) => !closed.has(name.number))
      .map((name) => name.number);
    const highest = Math.max(0, ...[...names, ...sealed].map((part) => part.number));
    return { open_parts, highest };
  }

  #openNextPart(): PartFile {
    const { root, day, writer } = this.#options;
    const { files } = this.#world;
    // What is on its way out may come back into the day: so it is looked at before the day is. Parts
    // that were archived have no name here any more; the chain knows their numbers.
    const gone = gonePartsOf(files, root, day).map(({ number }) => number);
    const { highest: here } = this.#listParts();
    const highest = Math.max(here, highestSealedNumber(files, root, day), ...gone);
    const part: PartId = { day, writer, number: highest + 1 };
    const path = partPath(root, part);
    const file = files.open(path, "create");
    try {
      makePartsNameDurable(files, this.#folder);
    } catch (error) {
      file.close();
      removeQuietly(files, path);
      throw error;
    }
    this.#adopt(part, file);
    this.#rememberFolder(files.facts(this.#folder));
    return this.#current!;
  }

  #adopt(part: PartId, file: OpenFile): void {
    this.#current?.release();
    this.#current = new PartFile(part, file);
  }

  #rememberFolder(folder: FileFacts | undefined): void {
    // A name made within the same tick of the file system's clock would not show in the folder's
    // time: a time that young is no proof, and the folder is listed again next time.
    const settled = folder &&
      this.#world.now_ms() - folder.modified_ms > folder_time_trusted_after_ms;
    this.#chosen_in = settled
      ? { identity: folder.identity, modified_ms: folder.modified_ms }
      : undefined;
  }
}

function failed(results: WriteResult[], error: unknown): WrittenLines {
  if (!(error instanceof LedgerError)) throw error;
  return { results, failure: error };
}

/** A part that holds bytes has a durable name: so its folders are synced before its first byte. */
export function makePartsNameDurable(files: Files, day_folder: string): void {
  const events = dirname(day_folder);
  for (const folder of [day_folder, events, dirname(events)]) files.syncFolder(folder);
}

/** Adds whole lines to a part, all of them or none. The caller holds the lock of the part. */
export function writeOrCutBack(
  file: OpenFile,
  pieces: Iterable<Uint8Array>,
  size_before: number,
  onNotCutBack: () => void = () => {},
): void {
  try {
    for (const bytes of pieces) writeFully(file, bytes);
  } catch (thrown) {
    const error = asLedgerError(thrown);
    try {
      file.truncate(size_before);
    } catch (cause) {
      onNotCutBack();
      throw error?.with({
        message: `${error.message}; and what was written could not be cut back ` +
          `(${(cause as Error).message}): ${file.path} may end in a torn line after byte ` +
          `${size_before}, which the next writer moves to quarantine`,
      }) ?? thrown;
    }
    throw error?.with({
      message: `${error.message}; the part is as it was (${size_before} bytes)`,
    }) ?? thrown;
  }
}

/** The line after the last one that ends within `limit`. */
function linesThatFit(ends: number[], first_line: number, limit: number): number {
  if (ends[ends.length - 1] <= limit) return ends.length;
  let line = first_line;
  while (line < ends.length && ends[line] <= limit) line++;
  return line;
}
