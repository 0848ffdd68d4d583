/** Segments as they are read: by whoever asks a question, and by what makes Parquet of them. */
import { readFully } from "../base/durable.ts";
import type { OpenFile } from "../base/files.ts";
import { json, parseKeepingDigits } from "../base/json.ts";
import type { World } from "../base/world.ts";
import { linesOf } from "../log/lines.ts";
import { type TracedEvent, tracedProblem } from "./event.ts";
import { baseOf, type LaterStamps } from "./wal.ts";

/** Bytes of a segment that are no record. */
export interface SegmentDamage {
  kind: "torn" | "corrupt";
  /** Where they begin. */
  offset: number;
  bytes: Uint8Array;
}

/** What is in a segment. */
export interface SegmentContent {
  /** In the order in which they were traced, with all their stamps that stand in this segment. */
  events: TracedEvent[];
  damage: SegmentDamage[];
}

/** Stamps by the number of their event. */
export type StampsByEvent = Map<number, LaterStamps>;

const NEWLINE = 10;

/** Reads a segment that is as long as it is now: its store may still write to it. */
export function readSegment(
  file: OpenFile,
  late: StampsByEvent,
  isWanted: (event: TracedEvent) => boolean = () => true,
): SegmentContent {
  const events = new Map<number, TracedEvent>();
  const damage: SegmentDamage[] = [];
  const { lines, torn } = wholeLines(file);
  for (const { offset, size_bytes, text } of linesOf(lines, 0)) {
    const record = text === undefined ? undefined : recordOf(text);
    if (record === undefined) {
      const bytes = lines.slice(offset, offset + size_bytes);
      damage.push({ kind: "corrupt", offset, bytes });
    } else if (record.kind === "event") {
      if (isWanted(record.event)) events.set(record.number, record.event);
    } else if (record.kind === "stamps") stamp(events.get(record.number), record.stamps);
  }
  if (torn.length > 0) damage.push({ kind: "torn", offset: lines.length, bytes: torn });
  for (const [number, stamps] of late) stamp(events.get(number), stamps);
  return { events: [...events.values()], damage };
}

/** Reads only the stamps in a segment that are for events in the segments before it. */
export function readLateStamps(file: OpenFile, into: StampsByEvent): void {
  for (const { text } of linesOf(wholeLines(file).lines, 0)) {
    if (!text?.startsWith('{"late_stamps":')) continue;
    const record = recordOf(text);
    if (record?.kind !== "late_stamps") continue;
    into.set(record.number, { ...into.get(record.number), ...record.stamps });
  }
}

/** Opens a segment; undefined when it is not there any more. */
export function openSegment(world: World, path: string): OpenFile | undefined {
  return world.files.facts(path) && world.files.open(path, "read");
}

function wholeLines(file: OpenFile): { lines: Uint8Array; torn: Uint8Array } {
  const bytes = readFully(file, new Uint8Array(file.facts().size_bytes), 0);
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  return { lines: bytes.subarray(0, end), torn: bytes.slice(end) };
}

function stamp(event: TracedEvent | undefined, stamps: LaterStamps): void {
  if (!event) return;
  event.received_at = stamps.received_at ?? event.received_at;
  event.processed_at = stamps.processed_at ?? event.processed_at;
}

type WalRecord =
  | { kind: "event"; number: number; event: TracedEvent }
  | { kind: "stamps" | "late_stamps"; number: number; stamps: LaterStamps };

/** A line as what it says; undefined when it is none that a store writes. */
function recordOf(text: string): WalRecord | undefined {
  let value: Record<string, unknown> | unknown[];
  try {
    value = parseKeepingDigits(text) as Record<string, unknown> | unknown[];
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) {
    const number: unknown = value[0];
    const event = eventOf(value);
    return event && typeof number === "number" ? { kind: "event", number, event } : undefined;
  }
  if (typeof value !== "object" || value === null || json.isRawJSON(value)) return undefined;
  const kind = "stamps" in value ? "stamps" : "late_stamps";
  const number = value[kind];
  const { received_at, processed_at } = value as LaterStamps;
  if (typeof number !== "number" || !isStamp(received_at) || !isStamp(processed_at)) {
    return undefined;
  }
  return { kind, number, stamps: { received_at, processed_at } };
}

function isStamp(value: unknown): boolean {
  return value === undefined || Number.isSafeInteger(value);
}

function eventOf(values: readonly unknown[]): TracedEvent | undefined {
  const timestamp = values[3] as number;
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
  return typeof value === "number" ? base_us + value : Number(value);
}
