/**
 * Schema of a traced event: the one place that says which fields it has and what may stand in them.
 *
 * All times are whole microseconds since 1970, UTC. `timestamp` is the event's own time, which in a
 * backtest lies in the past; the four stamps (created, emitted, received, processed) tell when the
 * program handled it, and latency is measured by these alone. A stamp that was not taken is null.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { json, parseKeepingDigits } from "../../base/json.ts";
import {
  timestamp_us_max,
  timestamp_us_plausible_min,
  traced_type_chars_max,
  traced_type_folder_bytes_max,
} from "../../base/limits.ts";

/** A JSON object. */
export type TracedData = Record<string, unknown>;

/** An event with where it came from and when it was where. Times are microseconds UTC. */
export interface TracedEvent {
  event_id: string;
  event_type: string;
  /** When it happened, in the time of what is traced. */
  timestamp: number;
  /** What it belongs to: one backtest, usually. */
  correlation_id: string;
  /** The id of the event that caused it; "" when nothing did. */
  causation_id: string;
  source_container: string;
  /** Its receiver; "" for all that listen. */
  destination: string;
  created_at: number | null;
  emitted_at: number | null;
  received_at: number | null;
  processed_at: number | null;
  data: TracedData;
  version: string;
  /** Counts the events of a correlation, from 1. */
  sequence_number: number;
  partition_key: string;
}

/** What a field may hold. */
type TracedKind = "name" | "text" | "time" | "stamp" | "count" | "object";

/** The fields, in the order in which they are stored. */
export const TRACED_FIELDS = {
  event_id: "name",
  event_type: "name",
  timestamp: "time",
  correlation_id: "name",
  causation_id: "text",
  source_container: "text",
  destination: "text",
  created_at: "stamp",
  emitted_at: "stamp",
  received_at: "stamp",
  processed_at: "stamp",
  data: "object",
  version: "text",
  sequence_number: "count",
  partition_key: "text",
} as const satisfies Record<keyof TracedEvent, TracedKind>;

/** The name of a field. */
export type TracedField = keyof typeof TRACED_FIELDS;

/** All names, in order. */
export const TRACED_FIELD_NAMES = Object.keys(TRACED_FIELDS) as TracedField[];

const FIELD_KINDS = Object.entries(TRACED_FIELDS) as [TracedField, TracedKind][];

/** Types that must not be lost, unless other ones are named. */
export const CRITICAL_TYPES: readonly string[] = [
  "SIGNAL",
  "ORDER",
  "FILL",
  "RISK_BREACH",
  "PORTFOLIO",
];

/** From creation to the end of processing; undefined where one of the stamps is missing. */
export function latencyMs(event: TracedEvent): number | undefined {
  return betweenMs(event.created_at, event.processed_at);
}

/** Time spent on the bus; undefined where one of the stamps is missing. */
export function queueTimeMs(event: TracedEvent): number | undefined {
  return betweenMs(event.emitted_at, event.received_at);
}

/** From one stamp to another; undefined where one of them is missing. */
export function betweenMs(from_us: number | null, to_us: number | null): number | undefined {
  return from_us === null || to_us === null ? undefined : (to_us - from_us) / 1000;
}

/** `backtest_YYYYMMDD_HHMMSS_<8 hex>`, for one run's events. */
export function newCorrelationId(now_ms: number, random_uint32: number): string {
  const [date, time] = new Date(now_ms).toISOString().split("T");
  const digits = `${date.replaceAll("-", "")}_${time.slice(0, 8).replaceAll(":", "")}`;
  return `backtest_${digits}_${random_uint32.toString(16).padStart(8, "0")}`;
}

/** The problem of a time that is too early to be in microseconds. */
export function beforeMicroseconds(name: TracedField, value: unknown): string {
  return `${name} ${value} is before 1973: it has to be in microseconds`;
}

/** What is wrong with an event, or nothing. Its id is not looked at where we made it. */
export function tracedProblem(event: TracedEvent, has_our_id = false): string | undefined {
  if (!hasRightKinds(event, has_our_id)) {
    for (const [name, kind] of FIELD_KINDS) {
      if (!isOfKind(kind, event[name])) return wrongValue(name, event[name]);
    }
  }
  const type_chars = event.event_type.length;
  if (type_chars > traced_type_chars_max) {
    return `event_type has ${type_chars} characters; it names a folder, and may have ` +
      `${traced_type_chars_max}`;
  }
  // Looking closer costs time, and short ones fit whatever they are made of.
  if (type_chars * FOLDER_BYTES_A_CHAR_MAX > traced_type_folder_bytes_max) {
    const folder_bytes = folderText(event.event_type).length;
    if (folder_bytes > traced_type_folder_bytes_max) {
      return `event_type ${quoted(event.event_type)} names a folder, and takes ${folder_bytes} ` +
        `bytes there (all but letters, digits and -_.!~() take three and more); it may take ` +
        `${traced_type_folder_bytes_max}`;
    }
  }
  if (event.timestamp < timestamp_us_plausible_min) {
    return beforeMicroseconds("timestamp", event.timestamp);
  }
}

/** `%E6%97%A5` */
const FOLDER_BYTES_A_CHAR_MAX = 9;

/** A type as a folder's name has it: it may hold what such a name may not. */
export function folderText(event_type: string): string {
  return encodeURIComponent(event_type).replaceAll("*", "%2A").replaceAll("'", "%27");
}

/**
 * Whether all fields hold what the table says. This is asked of every event that is traced, where a
 * loop over the table costs 0.2 µs more; the loop is for the others, and says what is wrong.
 */
function hasRightKinds(event: TracedEvent, has_our_id: boolean): boolean {
  return (has_our_id || isName(event.event_id)) && isName(event.event_type) &&
    isTime(event.timestamp) &&
    isName(event.correlation_id) && isText(event.causation_id) && isText(event.source_container) &&
    isText(event.destination) && isStamp(event.created_at) && isStamp(event.emitted_at) &&
    isStamp(event.received_at) && isStamp(event.processed_at) && isObject(event.data) &&
    isText(event.version) && isCount(event.sequence_number) && isText(event.partition_key);
}

const isText = (value: unknown) =>
  value === "" || (typeof value === "string" && value.isWellFormed());
const isName = (value: unknown) => value !== "" && isText(value);
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
const isTime = (value: unknown) => isCount(value) && value <= timestamp_us_max;
/** A clock that was wrong is part of the story; latency leaves such stamps out. */
const isStamp = (value: unknown) => value === null || Number.isSafeInteger(value);
const isObject = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !json.isRawJSON(value);

const KINDS: Readonly<Record<TracedKind, readonly [(value: unknown) => boolean, string]>> = {
  name: [isName, "a text that is not empty"],
  text: [isText, "a text"],
  time: [isTime, "whole microseconds since 1970, before 2255"],
  stamp: [isStamp, "whole microseconds since 1970, or null"],
  count: [isCount, "a whole number, 0 or more"],
  object: [isObject, "a JSON object"],
};

/** Whether a value is what the table asks for. */
export function isOfKind(kind: TracedKind, value: unknown): boolean {
  return KINDS[kind][0](value);
}

/** What is wrong with the value of a field, which has to be of its own kind or of another. */
export function wrongValue(
  name: TracedField,
  value: unknown,
  kind: TracedKind = TRACED_FIELDS[name],
): string {
  const shown = json.isRawJSON(value) ? JSON.stringify(value) : quoted(value);
  return `${name} is ${shown}; it has to be ${KINDS[kind][1]}`;
}

/** The error of an event that cannot be traced. */
export function cannotTrace(problem: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot trace this event: ${problem}`,
    hint: "see `ledger trace ingest --help` for the fields",
    cause,
  });
}

/** An event's data as JSON. Whole numbers past 2^53 may be bigints. */
export function dataText(data: TracedData): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    // Only bigints cannot be written in the fast way: others fail again.
    try {
      text = JSON.stringify(data, bigintsAsDigits);
    } catch {
      throw cannotTrace(`data cannot be written as JSON (${(cause as Error).message})`, cause);
    }
  }
  // A Date, say, is an object that JSON does not write as one.
  if (text?.startsWith("{")) return text;
  throw cannotTrace(wrongValue("data", data));
}

function bigintsAsDigits(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? json.rawJSON(String(value)) : value;
}

/** Parses the data of an event. */
export function parseData(text: string): TracedData {
  return text === "{}" ? {} : parseKeepingDigits(text) as TracedData;
}
