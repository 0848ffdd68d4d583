/**
 * What an event is: the one place that says which lines and which events are valid.
 *
 * There are two questions, kept apart on purpose:
 *
 * 1. Is this line a record? (`judge`) The answer is a function of the line's bytes alone, never of
 *    the registry, the clock or the folder it lies in; so history cannot change its mind.
 * 2. Are this event's fields right for its type? (`fieldsAreRight`) Asked when an event is emitted.
 *    When it is read, an event with wrong fields stays an event and is only left out of the table
 *    of its type.
 *
 * Built-in types are one table, from field to kind. The check here walks that table; the schemas in
 * `schemas.ts` are derived from it and are loaded only to explain a failure or to be printed.
 */
import {
  event_bytes_max,
  quoted_chars_max,
  run_id_chars_max,
  timestamp_ms_max,
} from "../../base/limits.ts";
import { CONTROL_CHARACTER, escaped } from "../../base/format.ts";

/** An event: an id, a type, a time, and whatever its type asks for. Extra fields are kept. */
export interface LedgerEvent {
  event_id: string;
  event_type: string;
  timestamp_ms: number;
  [field: string]: unknown;
}

/** What a field may hold. */
export type FieldKind =
  /** A run's id: it names folders, so no slashes, no control characters, not `.` or `..`. */
  | "run_id"
  /** A string that is not empty. */
  | "name"
  /** Any string. */
  | "text"
  /** A JSON object. */
  | "object"
  /** A whole number, 0 or more, exact in a double. */
  | "count"
  /** A finite number, 0 or more. */
  | "duration"
  /** A string that is not empty, or null, or nothing at all. */
  | "optional_name";

/** The fields every event may carry, whatever its type. */
export const COMMON_FIELDS = {
  correlation_id: "optional_name",
  causation_id: "optional_name",
} as const satisfies Record<string, FieldKind>;

/** The built-in event types: field -> kind. Everything else about them is derived from this. */
export const EVENT_TYPES = {
  "run.created": { run_id: "run_id", run_type: "name", config: "object", data_fingerprint: "text" },
  "run.started": { run_id: "run_id" },
  "run.completed": { run_id: "run_id", summary: "object", artifact_paths: "object" },
  "run.failed": { run_id: "run_id", error: "text" },
  "phase.started": { run_id: "run_id", phase_name: "name", phase_order: "count" },
  "phase.completed": {
    run_id: "run_id",
    phase_name: "name",
    duration_ms: "duration",
    output_summary: "object",
  },
  "trial.recorded": { run_id: "run_id", trial_id: "name", params: "object", metrics: "object" },
  "baseline.completed": {
    run_id: "run_id",
    alerts_total: "count",
    alerts_ok: "count",
    artifact_path: "name",
  },
  "artifact.created": {
    run_id: "run_id",
    artifact_type: "name",
    artifact_path: "name",
    size_bytes: "count",
  },
  "trace.published": { correlation_id: "name", metrics: "object" },
} as const satisfies Record<string, Record<string, FieldKind>>;

/** The name of a built-in event type. */
export type BuiltInType = keyof typeof EVENT_TYPES;

/** What each built-in type records, in a line. */
export const EVENT_TYPE_SUMMARIES: Readonly<Record<BuiltInType, string>> = {
  "run.created": "a run exists: its configuration and the fingerprint of its data",
  "run.started": "a run began to execute",
  "run.completed": "a run ended well: its summary and its artifacts",
  "run.failed": "a run ended with an error",
  "phase.started": "a phase of a run began",
  "phase.completed": "a phase of a run ended: how long it took and what came out",
  "trial.recorded": "one trial of an optimization: parameters tried, metrics found",
  "baseline.completed": "a baseline run ended: how many alerts it covered",
  "artifact.created": "a file with results was stored",
  "trace.published": "the metrics of a traced run were published",
};

/** Whether a name is that of a built-in type. */
export function isBuiltIn(event_type: string): event_type is BuiltInType {
  return Object.hasOwn(EVENT_TYPES, event_type);
}

const FIELDS_OF_TYPE: ReadonlyMap<string, readonly (readonly [string, FieldKind])[]> = new Map(
  Object.entries(EVENT_TYPES).map(([type, fields]) => [
    type,
    Object.entries({ ...COMMON_FIELDS, ...fields }),
  ]),
);

/** The fields of a built-in type with their kinds, the common ones included. */
export function fieldsOf(type: BuiltInType): readonly (readonly [string, FieldKind])[] {
  return FIELDS_OF_TYPE.get(type)!;
}

/** What a run id looks like; also the text of the rule in schemas and in help. */
export const RUN_ID_PATTERN = new RegExp(
  `^(?!\\.{1,2}$)[^/\\\\\\u0000-\\u001f\\u007f]{1,${run_id_chars_max}}$`,
);

/** Whether a value is what its kind asks for. */
export function isOfKind(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case "run_id":
      return typeof value === "string" && RUN_ID_PATTERN.test(value);
    case "name":
      return typeof value === "string" && value.length > 0;
    case "text":
      return typeof value === "string";
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "duration":
      return typeof value === "number" && value >= 0 && value < Infinity;
    case "optional_name":
      return value === undefined || value === null ||
        (typeof value === "string" && value.length > 0);
  }
}

/**
 * Whether an event of a built-in type has the fields that its type asks for, each of its kind. A
 * field counts only when the event itself holds it, never when its prototype does.
 */
export function fieldsAreRight(event: LedgerEvent, type: BuiltInType): boolean {
  for (const [field, kind] of FIELDS_OF_TYPE.get(type)!) {
    if (!isOfKind(kind, Object.hasOwn(event, field) ? event[field] : undefined)) return false;
  }
  return true;
}

/** Why a line is not a record. */
export class BadLine {
  constructor(readonly reason: string) {}
}

/**
 * Whether a line is a record, and which event it holds. This is the contract's verdict: one JSON
 * object, no lone surrogates, no duplicate keys at the top level, `event_id` and `event_type` as
 * strings that are not empty, `timestamp_ms` a whole number up to year 9999, at most 8 MiB.
 */
export function judge(text: string, size_bytes: number): LedgerEvent | BadLine {
  if (size_bytes > event_bytes_max) return tooLong(size_bytes);
  const parsed = parseObject(text);
  if (parsed instanceof BadLine) return parsed;
  const problem = identityProblem(parsed);
  return problem === undefined ? parsed as LedgerEvent : new BadLine(problem);
}

/** The verdict on a line that is over the limit, whatever it holds. */
export function tooLong(size_bytes: number): BadLine {
  return new BadLine(`${size_bytes} bytes long; an event has at most ${event_bytes_max} bytes`);
}

/** The verdict on bytes that are not UTF-8. */
export const NOT_UTF8 = new BadLine("not valid UTF-8");

/** Parses one JSON object out of a line, with the rules that JSON.parse does not know. */
export function parseObject(text: string): Record<string, unknown> | BadLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return new BadLine(whyNotJson(text, error as Error));
  }
  if (!isOfKind("object", parsed)) return new BadLine(`not a JSON object but ${typeName(parsed)}`);
  const object = parsed as Record<string, unknown>;
  if (topLevelColons(text) !== Object.keys(object).length) {
    return new BadLine(`the key ${JSON.stringify(firstDuplicateKey(text))} stands there twice`);
  }
  if (!text.isWellFormed() || (text.includes("\\u") && hasLoneSurrogate(text))) {
    return new BadLine("a lone surrogate (half a character written as \\uD800 to \\uDFFF)");
  }
  return object;
}

/** What is wrong with an event's id, type or time; undefined when nothing is. */
export function identityProblem(event: Record<string, unknown>): string | undefined {
  const { event_id, event_type, timestamp_ms } = event;
  if (typeof event_type !== "string" || event_type === "") return missing("event_type", event_type);
  if (!isTimestamp(timestamp_ms)) {
    return timestamp_ms === undefined
      ? "timestamp_ms is missing"
      : `timestamp_ms is ${shown(timestamp_ms)}; it has to be a whole number of milliseconds ` +
        `from 0 to ${timestamp_ms_max}`;
  }
  if (typeof event_id !== "string" || event_id === "") return missing("event_id", event_id);
  return undefined;
}

/**
 * What is wrong with an id of a new event. No part of the verdict on a line: an event of an older log
 * whose id has control characters stays one.
 */
export function newIdProblem(event_id: string): string | undefined {
  const found = CONTROL_CHARACTER.exec(event_id)?.[0];
  if (found === undefined) return undefined;
  return `event_id is ${shown(event_id)}; it has the control character ${
    escaped(found)
  }, and an id ` +
    `is one line of text`;
}

/** Whether a value is a time of the contract: whole milliseconds, from 1970 to the end of year 9999. */
export function isTimestamp(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= timestamp_ms_max;
}

function missing(field: string, value: unknown): string {
  if (value === undefined) return `${field} is missing`;
  return `${field} is ${shown(value)}; it has to be a string that is not empty`;
}

function shown(value: unknown): string {
  const text = escaped(JSON.stringify(value) ?? String(value));
  return text.length > quoted_chars_max ? `${text.slice(0, quoted_chars_max - 1)}…` : text;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function whyNotJson(text: string, error: Error): string {
  if (text.trim() === "") return "a blank line";
  if (text.startsWith("\uFEFF")) return "a byte order mark (BOM) stands before the JSON";
  if (text.includes("\u0000")) return "a NUL byte";
  const word = /[:[,]\s*(-?Infinity|NaN)\b/.exec(text)?.[1];
  if (word) return `not JSON: ${word} (JSON has no such number; write null or a string)`;
  return `not JSON: ${error.message}`;
}

const QUOTE = 34, BACKSLASH = 92, COLON = 58;
const OPEN_BRACE = 123, CLOSE_BRACE = 125, OPEN_BRACKET = 91, CLOSE_BRACKET = 93;

/** Where the string that opens at `start` closes. The text is known to be JSON. */
function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (text.charCodeAt(end - 1) === BACKSLASH) {
    let backslashes_start = end - 1;
    while (text.charCodeAt(backslashes_start) === BACKSLASH) backslashes_start--;
    if (((end - 1 - backslashes_start) & 1) === 0) break;
    end = text.indexOf('"', end + 1);
  }
  return end;
}

/** How many keys stand at the top level of a JSON object's text, duplicates included. */
function topLevelColons(text: string): number {
  let depth = 0;
  let colons = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = closingQuote(text, at);
    else if (code === COLON) {
      if (depth === 1) colons++;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return colons;
}

function firstDuplicateKey(text: string): string {
  const seen = new Set<string>();
  let depth = 0;
  let last_string = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = closingQuote(text, at);
      last_string = text.slice(at, end + 1);
      at = end;
    } else if (code === COLON && depth === 1) {
      const key = JSON.parse(last_string) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return "";
}

/** How deep a JSON text nests. */
export function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = closingQuote(text, at);
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

/** Whether an escape stands for half a character; halves that are not escaped were looked for before. */
function hasLoneSurrogate(text: string): boolean {
  let high_ends_at = -1;
  for (const escape of text.matchAll(/\\(?:u([0-9a-fA-F]{4})|[^u])/g)) {
    const code = escape[1] === undefined ? 0 : parseInt(escape[1], 16);
    const follows_high = high_ends_at === escape.index;
    const is_low = code >= 0xdc00 && code <= 0xdfff;
    if (is_low !== follows_high || (high_ends_at >= 0 && !follows_high)) return true;
    high_ends_at = code >= 0xd800 && code <= 0xdbff ? escape.index + 6 : -1;
  }
  return high_ends_at >= 0;
}
