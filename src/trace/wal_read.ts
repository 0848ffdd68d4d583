/** Segments as they are read: by whoever asks a question, and by what makes Parquet of them. */
import { type OpenFile, readFully } from "../base/files.ts";
import { json, parseKeepingDigits } from "../base/json.ts";
import type { World } from "../base/world.ts";
import { linesOf } from "../log/lines.ts";
import { type TracedEvent, tracedProblem } from "./event.ts";
import type { LaterStamps } from "./wal.ts";

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
  let value: Record<string, unknown>;
  try {
    value = parseKeepingDigits(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || json.isRawJSON(value)) return undefined;
  if (typeof value.event === "number") {
    const event = eventOf(value);
    return event && { kind: "event", number: value.event, event };
  }
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

function eventOf(fields: Record<string, unknown>): TracedEvent | undefined {
  const event = {
    event_id: fields.event_id,
    event_type: fields.event_type,
    timestamp: fields.timestamp,
    correlation_id: fields.correlation_id,
    causation_id: fields.causation_id,
    source_container: fields.source_container,
    destination: fields.destination,
    created_at: fields.created_at,
    emitted_at: fields.emitted_at,
    received_at: fields.received_at ?? null,
    processed_at: fields.processed_at ?? null,
    data: fields.data,
    version: fields.version,
    sequence_number: fields.sequence_number,
    partition_key: fields.partition_key,
  } as TracedEvent;
  return tracedProblem(event) === undefined ? event : undefined;
}
