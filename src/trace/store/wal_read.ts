/** Reader of the write-ahead log: the records of a segment, put together, with damage as values. */
import {
  bytesOfRecords,
  type CorruptBytes,
  type ReadRecord,
  readRecords,
  type RecordDamage,
} from "../../base/files/records.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { json, parseKeepingDigits } from "../../base/json.ts";
import { trace_event_values_max, trace_segment_read_bytes_max } from "../../base/limits.ts";
import { type TracedEvent, tracedProblem } from "../event/event.ts";
import { baseOf, type LaterStamps } from "./wal.ts";

/** A damaged place in a write-ahead file. */
export type TraceDamage = CorruptBytes;

/** Gets each piece of damage that a query meets. */
export type OnTraceDamage = (damage: TraceDamage) => void;

/** What is in a segment. */
export interface SegmentContent {
  /** In the order in which they were traced, with all their stamps that stand in this segment. */
  events: TracedEvent[];
  /** What is no record, or cannot be what was written. */
  damage: RecordDamage[];
  /** Records without a checksum: those of version 0.1.0. */
  unchecked: number;
}

/** Stamps by the number of their event. */
export type StampsByEvent = Map<number, LaterStamps>;

/** Reads a segment that is as long as it is now: its store may still write to it. */
export function readSegment(file: OpenFile, late: StampsByEvent): SegmentContent {
  const reading = new SegmentReading();
  const bytes = allBytes(file);
  for (const each of readRecords(bytes)) {
    if (each.kind === "record") reading.take(each, bytes);
    else reading.damage.push(each);
  }
  for (const [number, stamps] of late) reading.stamp(number, stamps);
  return reading;
}

/** Reads only the stamps in a segment that are for events in the segments before it. */
export function readLateStamps(file: OpenFile, into: StampsByEvent): void {
  for (const each of readRecords(allBytes(file))) {
    if (each.kind !== "record" || !each.text.startsWith('{"late_stamps":')) continue;
    const record = recordOf(each.text);
    if (record?.kind !== "late_stamps") continue;
    into.set(record.number, { ...into.get(record.number), ...record.stamps });
  }
}

/** The ids of the events that a segment holds from a place on, and where its last whole line ends. */
export function readIds(file: OpenFile, offset: number): { event_ids: string[]; end: number } {
  const bytes = allBytes(file, offset);
  const length = bytes.lastIndexOf(NEWLINE) + 1;
  const event_ids: string[] = [];
  for (const each of length > 0 ? readRecords(bytes.subarray(0, length)) : []) {
    const record = each.kind === "record" ? recordOf(each.text) : undefined;
    if (record?.kind === "event") event_ids.push(record.event.event_id);
  }
  return { event_ids, end: offset + length };
}

const NEWLINE = 10;

/**
 * The records of a segment, put together. A number names an event, and never decides whether there is
 * one: where two events have the same number, one of them was damaged, and both count.
 */
class SegmentReading implements SegmentContent {
  readonly events: TracedEvent[] = [];
  readonly damage: RecordDamage[] = [];
  unchecked = 0;
  /** By number; null where it says no more which event is meant. */
  readonly #numbered = new Map<number, { event: TracedEvent; text: string } | null>();

  take(read: ReadRecord, bytes: Uint8Array): void {
    const record = recordOf(read.text);
    if (!read.is_checked) this.unchecked++;
    if (record === undefined) return this.#addDamage(read, bytes, "it is no record of traces");
    if (record.kind === "event") return this.#takeEvent(record.number, record.event, read, bytes);
    if (record.kind === "stamps") this.stamp(record.number, record.stamps);
  }

  stamp(number: number, stamps: LaterStamps): void {
    const event = this.#numbered.get(number)?.event;
    if (!event) return;
    event.received_at = stamps.received_at ?? event.received_at;
    event.processed_at = stamps.processed_at ?? event.processed_at;
  }

  #takeEvent(number: number, event: TracedEvent, read: ReadRecord, bytes: Uint8Array): void {
    const { text } = read;
    const before = this.#numbered.get(number);
    if (before === undefined) {
      this.#numbered.set(number, { event, text });
      this.events.push(event);
    } else if (before?.text === text) {
      this.#addDamage(read, bytes, "the same record stands there before");
    } else {
      this.#numbered.set(number, null);
      this.events.push(event);
      this.#addDamage(read, bytes, `another event has its number, ${number}; both are kept`);
    }
  }

  #addDamage({ offset, size_bytes }: ReadRecord, bytes: Uint8Array, reason: string): void {
    this.damage.push({
      kind: "corrupt",
      offset,
      bytes: bytes.slice(offset, offset + size_bytes),
      reason,
    });
  }
}

function allBytes(file: OpenFile, offset?: number): Uint8Array {
  return bytesOfRecords(file, trace_segment_read_bytes_max, offset);
}

type WalRecord =
  | { kind: "event"; number: number; event: TracedEvent }
  | { kind: "stamps" | "late_stamps"; number: number; stamps: LaterStamps };

/** Parses a line; undefined when it is none that a store writes. */
function recordOf(text: string): WalRecord | undefined {
  let value: Record<string, unknown> | unknown[];
  try {
    value = parseKeepingDigits(text) as Record<string, unknown> | unknown[];
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) {
    const number: unknown = value[0];
    const event = value.length <= trace_event_values_max ? eventOf(value) : undefined;
    return event && isNumber(number) ? { kind: "event", number, event } : undefined;
  }
  if (typeof value !== "object" || value === null || json.isRawJSON(value)) return undefined;
  const kind = "stamps" in value ? "stamps" : "late_stamps";
  const { [kind]: number, received_at, processed_at, ...others } = value;
  if (!isNumber(number) || !isStamp(received_at) || !isStamp(processed_at)) return undefined;
  if (Object.keys(others).length > 0) return undefined;
  return { kind, number, stamps: { received_at, processed_at } };
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);
const isStamp = (value: unknown): value is number | undefined =>
  value === undefined || isNumber(value);

function eventOf(values: readonly unknown[]): TracedEvent | undefined {
  const timestamp = values[3];
  if (typeof timestamp !== "number") return undefined;
  const created_at = stampSince(timestamp, values[8]);
  const base_us = baseOf(timestamp, created_at);
  const event = {
    event_id: values[1],
    event_type: values[2],
    timestamp,
    correlation_id: values[4],
    causation_id: values[5],
    source_container: values[6],
    destination: values[7],
    created_at,
    emitted_at: stampSince(base_us, values[9]),
    received_at: stampSince(base_us, values[14]),
    processed_at: stampSince(base_us, values[15]),
    data: values[13],
    version: values[10],
    sequence_number: values[11],
    partition_key: values[12],
  } as TracedEvent;
  return tracedProblem(event) === undefined ? event : undefined;
}

/** A stamp that was written as the time since another one, or as a text where that is too long. */
function stampSince(base_us: number, value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return base_us + value;
  return typeof value === "string" ? Number(value) : NaN;
}
