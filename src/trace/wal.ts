/**
 * The write-ahead file of a store: events as they come, and the stamps that come later. One line each:
 *
 * ```
 * {"event":17,"event_id":"FILL_…","event_type":"FILL", … ,"data":{…}}
 * {"stamps":17,"received_at":…,"processed_at":…}
 * {"late_stamps":17, …}      for an event in an earlier segment
 * ```
 *
 * Numbers count the events of a store, over all its segments, and name an event where its id, which
 * another may have too, could not. What waits to be written takes stamps with it that come in time.
 *
 * A write that fails leaves whole lines and nothing else: what follows the last of them is cut off, and
 * where even that fails the segment is left behind for a new one. A line counts as written when all its
 * bytes were taken, so nothing is written twice, whatever fails.
 */
import { LedgerError } from "../base/error.ts";
import { fileError, type OpenFile } from "../base/files.ts";
import { trace_buffer_events_max, trace_segment_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { dataText, type TracedEvent } from "./event.ts";
import { segmentPath, tracePaths } from "./files.ts";

/** The stamps that come later. */
export interface LaterStamps {
  received_at?: number;
  processed_at?: number;
}

/** An event in a write-ahead file, or on its way there. */
export interface WalEntry {
  readonly number: number;
}

interface Waiting {
  number: number;
  /** The event without its closing brace; undefined for stamps alone. */
  event_text: string | undefined;
  stamps: LaterStamps;
  is_written: boolean;
  /** The last stamps of this event that were not written with it. */
  later?: Waiting;
}

/** How segments are written. */
export interface WalOptions {
  segment_bytes_max?: number;
  buffer_events_max?: number;
}

const encoder = new TextEncoder();
const NEWLINE = 10;

/** An event as it is written, without its number and up to where stamps may follow. */
export function eventText(event: TracedEvent): string {
  const head = JSON.stringify({
    event_id: event.event_id,
    event_type: event.event_type,
    timestamp: event.timestamp,
    correlation_id: event.correlation_id,
    causation_id: event.causation_id,
    source_container: event.source_container,
    destination: event.destination,
    created_at: event.created_at,
    emitted_at: event.emitted_at,
    version: event.version,
    sequence_number: event.sequence_number,
    partition_key: event.partition_key,
  });
  return `${head.slice(1, -1)},"data":${dataText(event.data)}${
    stampsText(event.received_at, event.processed_at)
  }`;
}

function stampsText(received_at?: number | null, processed_at?: number | null): string {
  return (received_at === null || received_at === undefined
    ? ""
    : `,"received_at":${received_at}`) +
    (processed_at === null || processed_at === undefined ? "" : `,"processed_at":${processed_at}`);
}

function lineOf(waiting: Waiting, segment_first: number): string {
  const { number, event_text, stamps: { received_at, processed_at } } = waiting;
  const stamps = stampsText(received_at, processed_at);
  if (event_text !== undefined) return `{"event":${number},${event_text}${stamps}}\n`;
  return `{"${number < segment_first ? "late_stamps" : "stamps"}":${number}${stamps}}\n`;
}

/** Writes the segments of one store. All of it is synchronous, but for syncing. */
export class WalWriter {
  readonly #world: World;
  readonly #dir: string;
  readonly #store: string;
  readonly #segment_bytes_max: number;
  readonly #buffer_events_max: number;
  #waiting: Waiting[] = [];
  #next_event = 0;
  #file?: OpenFile;
  #segment_number = 0;
  #segment_bytes = 0;
  /** Number of the first event that can be in the current segment. */
  #segment_first = 0;
  /** Files that have been left for the next one, and are not known to be durable. */
  readonly #left: OpenFile[] = [];
  #names_are_durable = true;

  constructor(world: World, dir: string, store: string, options: WalOptions = {}) {
    this.#world = world;
    this.#dir = dir;
    this.#store = store;
    this.#segment_bytes_max = options.segment_bytes_max ?? trace_segment_bytes_max;
    this.#buffer_events_max = options.buffer_events_max ?? trace_buffer_events_max;
  }

  /** How many events and stamps are not written yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes an event: text as `eventText` makes it. It waits until something is written. */
  addEvent(text: string): WalEntry {
    if (this.#waiting.length >= this.#buffer_events_max) {
      // The reason why nothing was written is what the caller has to hear; or it works by now.
      this.write();
    }
    const number = this.#next_event++;
    const entry: Waiting = { number, event_text: text, stamps: {}, is_written: false };
    this.#waiting.push(entry);
    return entry;
  }

  /** Takes stamps of an event. Those of one that still waits are written with it. */
  addStamps(entry: WalEntry, stamps: LaterStamps): void {
    const event = entry as Waiting;
    const before = event.is_written ? event.later : event;
    if (before && !before.is_written) {
      Object.assign(before.stamps, stamps);
      return;
    }
    const { number } = event;
    event.later = { number, event_text: undefined, stamps: { ...stamps }, is_written: false };
    this.#waiting.push(event.later);
  }

  /** Takes back an event that could not be written: its giver was told so. False once it is written. */
  takeBack(entry: WalEntry): boolean {
    const at = this.#waiting.indexOf(entry as Waiting);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  /** Writes all that waits, in one write. What could not be written waits on; throws why. */
  write(): void {
    if (this.#waiting.length === 0) return;
    if (this.#segment_bytes >= this.#segment_bytes_max) this.#leaveSegment();
    const file = this.#file ??= this.#openSegment();
    let text = "";
    for (const each of this.#waiting) text += lineOf(each, this.#segment_first);
    const bytes = encoder.encode(text);
    let taken = 0;
    try {
      while (taken < bytes.length) {
        const count = file.write(taken === 0 ? bytes : bytes.subarray(taken));
        if (count === 0) throw noSpace(file.path);
        taken += count;
      }
    } catch (error) {
      this.#keepWholeLines(file, bytes.subarray(0, taken));
      throw error;
    }
    this.#segment_bytes += bytes.length;
    this.#settle(this.#waiting.length);
  }

  /** Makes everything that was written durable. */
  async sync(): Promise<void> {
    const left = this.#left.splice(0);
    try {
      for (const file of this.#file ? [...left, this.#file] : left) {
        await file.syncDataInBackground();
      }
      if (!this.#names_are_durable) {
        this.#names_are_durable = true;
        this.#world.files.syncFolder(tracePaths(this.#dir).wal);
      }
    } catch (cause) {
      this.#names_are_durable = false;
      throw durabilityUnknown(tracePaths(this.#dir).wal, cause);
    } finally {
      for (const file of left) file.close();
    }
  }

  /** Closes the files. What waits is lost. */
  close(): void {
    this.#leaveSegment();
    for (const file of this.#left.splice(0)) file.close();
  }

  #openSegment(): OpenFile {
    const number = this.#segment_number + 1;
    const path = segmentPath(this.#dir, { store: this.#store, number });
    const file = this.#world.files.open(path, "create");
    this.#segment_number = number;
    this.#segment_bytes = 0;
    const first = this.#waiting.find(({ event_text }) => event_text !== undefined);
    this.#segment_first = first?.number ?? this.#next_event;
    this.#names_are_durable = false;
    return file;
  }

  #leaveSegment(): void {
    if (this.#file) this.#left.push(this.#file);
    this.#file = undefined;
    this.#segment_bytes = 0;
  }

  /** After a failure: the lines of which all bytes were taken are written, the rest is cut off. */
  #keepWholeLines(file: OpenFile, taken: Uint8Array): void {
    const end = taken.lastIndexOf(NEWLINE) + 1;
    this.#segment_bytes += end;
    let lines = 0;
    for (let at = 0; at < end; at = taken.indexOf(NEWLINE, at) + 1) lines++;
    this.#settle(lines);
    try {
      file.truncate(this.#segment_bytes);
    } catch {
      // What comes next must not be glued to half a line.
      this.#leaveSegment();
    }
  }

  #settle(count: number): void {
    for (const each of this.#waiting.splice(0, count)) {
      each.is_written = true;
      // Events are held for as long as they are processed, and their text is not needed any more.
      each.event_text = undefined;
    }
  }
}

function noSpace(path: string): LedgerError {
  return fileError("write", path, Object.assign(new Error("no space left"), { code: "ENOSPC" }));
}

function durabilityUnknown(path: string, cause: unknown): LedgerError {
  return new LedgerError({
    code: "durability_unknown",
    message: `durability unknown: traces were written, but the disk did not confirm it (${
      (cause as Error).message
    })`,
    where: { path },
    hint: "check the disk (dmesg); until a power cut what was written is there",
    cause,
  });
}
