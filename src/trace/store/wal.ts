/**
 * Write-ahead log of a store: events as they come, and the stamps that come later, as checked
 * records (`base/files/records.ts`). One line each:
 *
 * ```
 * [17,"FILL_…","FILL",timestamp,correlation,causation,source,destination,created,emitted,
 *     version,sequence,partition_key,{…data…},received,processed,CHECK]
 * {"stamps":17,"received_at":…,"processed_at":…,"check":CHECK}
 * {"late_stamps":17, …}      for an event in an earlier segment
 * ```
 *
 * An event is written without the names of its fields, its creation as microseconds after its timestamp
 * and the other stamps as microseconds after its creation. That is two fifths of the bytes, and what
 * writing costs goes by bytes. Version 0.1.0 wrote no checks, and left out stamps at the end that were
 * not taken; it reads these lines as well, and passes over the checks: so null stands for such stamps now.
 *
 * Numbers count the events of a store, over all its segments, and name an event where its id, which
 * another may have too, could not. What waits to be written takes stamps with it that come in time.
 *
 * A write that fails leaves whole lines and nothing else: what follows the last of them is cut off, and
 * where even that fails the segment is left behind for a new one. A line counts as written when all its
 * bytes were taken, so nothing is written twice, whatever fails.
 */
import { noSpaceLeft, notConfirmed } from "../../base/files/file_error.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { RecordGroup } from "../../base/files/records.ts";
import {
  trace_buffer_events_max,
  trace_names_cached_max,
  trace_segment_bytes_max,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { dataText, type TracedEvent } from "../event/event.ts";
import { segmentPath, tracePaths } from "../event/files.ts";

/** The stamps that come later. */
export interface LaterStamps {
  received_at?: number;
  processed_at?: number;
}

/** An event in a write-ahead file, or on its way there. */
export interface WalEntry {
  readonly number: number;
}

/** An event, or later stamps of one, that waits to be written. */
class Waiting implements WalEntry {
  received_at: number | undefined = undefined;
  processed_at: number | undefined = undefined;
  is_written = false;
  /** The last stamps of this event that were not written with it. */
  later: Waiting | undefined = undefined;

  constructor(
    readonly number: number,
    /** The event without its last stamps; undefined for stamps alone. */
    public event_text?: string,
    /** What its stamps count from. */
    readonly base_us = 0,
  ) {}
}

/** How segments are written. */
export interface WalOptions {
  segment_bytes_max?: number;
  buffer_events_max?: number;
}

const NEWLINE = 10;

/** Whether a text stands in JSON as it is. */
const PLAIN = /^[\w .:/-]*$/;

function idText(id: string): string {
  if (id === "") return '"",';
  return PLAIN.test(id) ? `"${id}",` : `${JSON.stringify(id)},`;
}

/** Names come again and again: types, correlations, containers. As they are written, comma included. */
const name_texts = new Map<string, string>();

function nameText(name: string): string {
  let text = name_texts.get(name);
  if (text === undefined) {
    if (name_texts.size >= trace_names_cached_max) name_texts.clear();
    name_texts.set(name, text = `${JSON.stringify(name)},`);
  }
  return text;
}

/** What stands between the stamps of an event and its time, and is mostly that of the event before. */
const between = { source_container: "", destination: "", version: "", text: "" };

function betweenText({ source_container, destination, version }: TracedEvent): string {
  if (
    source_container !== between.source_container || destination !== between.destination ||
    version !== between.version || between.text === ""
  ) {
    const containers = nameText(source_container) + nameText(destination);
    const text = `${containers}0,0,${nameText(version)}`;
    Object.assign(between, { source_container, destination, version, text });
  }
  return between.text;
}

/**
 * An event as it is written, without its number and its last stamps. Put together by hand, of as few
 * pieces as may be, since each piece takes its time again when it is written and when memory is tidied.
 */
function eventText(event: TracedEvent, has_our_id: boolean): string {
  const { event_id, event_type, timestamp, created_at, emitted_at } = event;
  const type_text = nameText(event_type);
  // An id of ours says nothing that its type does not: where that stands as it is, with two quotes and
  // a comma, so does the id.
  const is_plain = has_our_id && type_text.length === event_type.length + 3;
  const head = (is_plain ? `"${event_id}",` : idText(event_id)) + type_text + timestamp + ",";
  const stamped = created_at === timestamp && emitted_at === timestamp
    ? betweenText(event)
    : nameText(event.source_container) + nameText(event.destination) +
      `${since(timestamp, created_at)},${since(baseOf(timestamp, created_at), emitted_at)},` +
      nameText(event.version);
  const tail = event.partition_key === "" ? ',"",' : "," + nameText(event.partition_key);
  return head + nameText(event.correlation_id) + idText(event.causation_id) + stamped +
    event.sequence_number + tail + dataText(event.data);
}

/** The base of an event's stamps, but for that of its creation. */
export function baseOf(timestamp: number, created_at: number | null): number {
  return created_at ?? timestamp;
}

/** A stamp as it is written: as a text where the difference would lose digits. */
function since(base_us: number, stamp: number | null | undefined): string | number {
  if (stamp === null || stamp === undefined) return "null";
  const difference = stamp - base_us;
  return Number.isSafeInteger(difference) ? difference : `"${stamp}"`;
}

function addRecord(group: RecordGroup, each: Waiting, segment_first: number): void {
  const { number, event_text, base_us, received_at, processed_at } = each;
  if (event_text === undefined) {
    const received = received_at === undefined ? "" : `,"received_at":${received_at}`;
    const processed = processed_at === undefined ? "" : `,"processed_at":${processed_at}`;
    const kind = number < segment_first ? "late_stamps" : "stamps";
    return group.addObject(`{"${kind}":${number}${received}${processed}`);
  }
  if (received_at === undefined && processed_at === undefined) {
    return group.addArray(`[${number},${event_text},null,null`);
  }
  const stamps = `${since(base_us, received_at)},${since(base_us, processed_at)}`;
  group.addArray(`[${number},${event_text},${stamps}`);
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
  readonly #group = new RecordGroup();

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

  /** Takes an event. It waits until something is written. */
  addEvent(event: TracedEvent, has_our_id: boolean): WalEntry {
    // Throws the reason why nothing was written; or it works by now.
    if (this.#waiting.length >= this.#buffer_events_max) this.write();
    const text = eventText(event, has_our_id);
    const base_us = baseOf(event.timestamp, event.created_at);
    const entry = new Waiting(this.#next_event++, text, base_us);
    entry.received_at = event.received_at ?? undefined;
    entry.processed_at = event.processed_at ?? undefined;
    this.#waiting.push(entry);
    return entry;
  }

  /**
   * Takes a stamp of an event: false when it still waits, and the stamp is written with it. Its name and
   * its value, and no object of them: there are two for each event that is traced.
   */
  addStamp(entry: WalEntry, name: keyof LaterStamps, stamp: number): boolean {
    const event = entry as Waiting;
    let target = event.is_written ? event.later : event;
    const is_new = target === undefined || target.is_written;
    if (is_new) this.#waiting.push(target = event.later = new Waiting(event.number));
    if (name === "received_at") target!.received_at = stamp;
    else target!.processed_at = stamp;
    return is_new;
  }

  /** Takes back an event that could not be written, so `record` throws. False once it is written. */
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
    for (const each of this.#waiting) addRecord(this.#group, each, this.#segment_first);
    const bytes = this.#group.take();
    let taken = 0;
    try {
      while (taken < bytes.length) {
        const count = file.write(taken === 0 ? bytes : bytes.subarray(taken));
        if (count === 0) throw noSpaceLeft(file.path);
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
    const { wal } = tracePaths(this.#dir);
    const left = this.#left.splice(0);
    try {
      for (const file of this.#file ? [...left, this.#file] : left) {
        await file.syncDataInBackground();
      }
      if (!this.#names_are_durable) {
        this.#names_are_durable = true;
        this.#world.files.syncFolder(wal);
      }
    } catch (cause) {
      this.#names_are_durable = false;
      throw notConfirmed(wal, "traces", cause);
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
