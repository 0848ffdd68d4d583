/**
 * Appender of one day: its lock, and the part that takes new lines. All that changes a part happens here,
 * under the lock: moving a torn tail, the write, cutting back a write that failed, opening the next part.
 * The lock is released before anything is synced; `mod.ts` says why that is safe.
 */
import { dirname } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { removeQuietly, writeFully } from "../../base/files/durable.ts";
import type { FileFacts, Files, OpenFile } from "../../base/files/seam.ts";
import { folder_time_trusted_after_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { dayFolder, type PartId, partLabel, partPath } from "../format/layout.ts";
import { type DayLock, lockOfWriter } from "../format/lock.ts";
import { moveTornTail } from "../format/quarantine.ts";
import { nextPartNumber, openPartNumber } from "./part_number.ts";

/** Whole lines, each ending in a newline, and where each ends. */
export interface LineBatch {
  bytes: Uint8Array;
  ends: number[];
}

/** Lines that were written to one part in one go. Durable once `file` has been synced. */
export interface WriteResult {
  file: PartFile;
  /** Byte offset in the part of the first of these lines. */
  offset: number;
  /** Which lines of the batch: from, and up to but not including. */
  first_line: number;
  end_line: number;
}

export interface WrittenLines {
  results: WriteResult[];
  failure?: LedgerError;
}

export interface WriterCounters {
  events: number;
  bytes: number;
  writes: number;
  syncs: number;
  lock_waits: number;
  torn_tails_moved: number;
}

/** An open part, reference-counted: closed by its last user. */
export class PartFile {
  readonly label: string;
  #users = 1;

  constructor(readonly part: PartId, readonly file: OpenFile) {
    this.label = partLabel(part);
  }

  hold(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.file.close();
  }
}

const NEWLINE = 10;

interface DayOptions {
  root: string;
  day: string;
  writer: string;
  lock_wait_ms: number;
  part_bytes_max: number;
  onTornTail: (path: string, quarantined_as: string) => void;
}

/** Appends to one day. Not for concurrent calls: the writer above serializes them. */
export class DayAppender {
  readonly #folder: string;
  readonly #lock: DayLock;
  #current?: PartFile;
  /** The folder as it was when the current part was chosen; undefined when that is no proof. */
  #chosen_in?: FileFacts;
  readonly #last_byte = new Uint8Array(1);

  constructor(
    readonly world: World,
    readonly options: DayOptions,
    readonly counters: WriterCounters,
  ) {
    this.#folder = dayFolder(options.root, options.day);
    this.#lock = lockOfWriter(world, options.root, options, options.lock_wait_ms, {
      is_private: options.writer !== "",
      onWait: () => counters.lock_waits++,
    });
  }

  /**
   * Writes whole lines, in one write unless a part fills up; not durable yet. Synchronous, unless the
   * day's lock takes longer to get than a thread may block.
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

  /** The caller has taken the lock; it is released here. */
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
    this.forgetPart();
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
    const room = this.options.part_bytes_max - size_bytes;
    let end_line = linesThatFit(batch.ends, first_line, start + room);
    if (end_line === first_line && size_bytes > 0) {
      part_file = this.#openNextPart();
      size_bytes = 0;
      end_line = linesThatFit(batch.ends, first_line, start + this.options.part_bytes_max);
    }
    // A single event is written whatever its size: the event's own limit has been checked.
    if (end_line === first_line) end_line = first_line + 1;
    const bytes = batch.bytes.subarray(start, batch.ends[end_line - 1]);
    writeOrCutBack(part_file.file, [bytes], size_bytes, () => this.forgetPart());
    this.counters.writes++;
    this.counters.bytes += bytes.length;
    return { file: part_file.hold(), offset: size_bytes, first_line, end_line };
  }

  /** The part that takes the next line, whole to its end. */
  #partForAppend(unchanged?: PartFile): { part_file: PartFile; size_bytes: number } {
    const part_file = unchanged ?? this.#stillCurrent() ?? this.#choosePart();
    const size_bytes = part_file.file.findEnd(this.#last_byte);
    if (size_bytes === 0) {
      // The process that made this part may have died before its name was durable.
      makePartsNameDurable(this.world.files, this.#folder);
      return { part_file, size_bytes };
    }
    if (this.#last_byte[0] === NEWLINE) return { part_file, size_bytes };
    const { root, onTornTail } = this.options;
    const moved = moveTornTail(this.world, root, part_file.part, part_file.file, size_bytes);
    this.counters.torn_tails_moved++;
    onTornTail(part_file.file.path, moved.quarantined_as);
    return { part_file, size_bytes: moved.end };
  }

  /** The part chosen before, if no name in the folder has changed since. */
  #stillCurrent(): PartFile | undefined {
    if (!this.#current || !this.#chosen_in) return undefined;
    const now = this.world.files.facts(this.#folder);
    const same = now?.identity === this.#chosen_in.identity &&
      now.modified_ms === this.#chosen_in.modified_ms;
    return same ? this.#current : undefined;
  }

  #choosePart(): PartFile {
    const { root, day, writer } = this.options;
    const { files } = this.world;
    const folder = files.facts(this.#folder);
    const number = openPartNumber(files, root, day, writer);
    if (number === undefined) return this.#openNextPart();
    const path = partPath(root, { day, writer, number });
    const is_current = this.#current?.part.number === number &&
      files.facts(path)?.identity === this.#current.file.facts().identity;
    return is_current
      ? this.#rememberFolder(this.#current!, folder)
      : this.#adopt({ day, writer, number }, files.open(path, "append"), folder);
  }

  #openNextPart(): PartFile {
    const { root, day, writer } = this.options;
    const { files } = this.world;
    const part: PartId = { day, writer, number: nextPartNumber(files, root, day) };
    const path = partPath(root, part);
    const file = files.open(path, "create");
    try {
      makePartsNameDurable(files, this.#folder);
      return this.#adopt(part, file, files.facts(this.#folder));
    } catch (error) {
      file.close();
      removeQuietly(files, path);
      throw error;
    }
  }

  #adopt(part: PartId, file: OpenFile, folder: FileFacts | undefined): PartFile {
    this.#current?.release();
    this.#current = new PartFile(part, file);
    return this.#rememberFolder(this.#current, folder);
  }

  #rememberFolder(part_file: PartFile, folder: FileFacts | undefined): PartFile {
    // A name made within the same tick of the file system's clock would not show in the folder's
    // time: a time that young is no proof, and the folder is listed again next time.
    const is_settled = folder &&
      this.world.now_ms() - folder.modified_ms > folder_time_trusted_after_ms;
    this.#chosen_in = is_settled ? folder : undefined;
    return part_file;
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

/** Adds whole lines to a part, all of them or none. The caller holds the part's lock. */
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

function linesThatFit(ends: number[], first_line: number, limit: number): number {
  if (ends[ends.length - 1] <= limit) return ends.length;
  let line = first_line;
  while (line < ends.length && ends[line] <= limit) line++;
  return line;
}
