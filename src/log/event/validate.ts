/**
 * Whether a line is a record, and which event it holds: a function of the line's bytes alone, never of the
 * registry, the clock or the folder it lies in; so no line of the past changes its validity.
 */
import { event_bytes_max, timestamp_ms_max } from "../../base/limits.ts";
import { quoted } from "../../base/error.ts";
import { CONTROL_CHARACTER, escaped } from "../../base/format.ts";
import { isObject, type LedgerEvent } from "./event.ts";

export class BadLine {
  constructor(readonly reason: string) {}
}

type Validation = LedgerEvent | BadLine;

/**
 * Validates a line, as the log's contract has it: one JSON object, no lone surrogates, no duplicate keys at
 * the top level, `event_id` and `event_type` as strings that are not empty, `timestamp_ms` a whole number
 * up to year 9999, at most 8 MiB.
 */
export function validate(text: string, size_bytes: number): Validation {
  if (size_bytes > event_bytes_max) return tooLong(size_bytes);
  const parsed = parseObject(text);
  if (parsed instanceof BadLine) return parsed;
  const problem = identityProblem(parsed);
  return problem === undefined ? parsed as LedgerEvent : new BadLine(problem);
}

export function tooLong(size_bytes: number): BadLine {
  return new BadLine(`${size_bytes} bytes long; an event has at most ${event_bytes_max} bytes`);
}

export const NOT_UTF8 = new BadLine("not valid UTF-8");

/** Parses one JSON object out of a line, with the rules that JSON.parse does not know. */
export function parseObject(text: string): Record<string, unknown> | BadLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return new BadLine(whyNotJson(text, error as Error));
  }
  if (!isObject(parsed)) return new BadLine(`not a JSON object but ${typeName(parsed)}`);
  if (topLevelColons(text) !== Object.keys(parsed).length) {
    return new BadLine(`the key ${JSON.stringify(firstDuplicateKey(text))} occurs twice`);
  }
  if (!text.isWellFormed() || (text.includes("\\u") && hasLoneSurrogate(text))) {
    return new BadLine("a lone surrogate (half a character written as \\uD800 to \\uDFFF)");
  }
  return parsed;
}

/** What is wrong with an event's id, type or time; undefined when nothing is. */
export function identityProblem(event: Record<string, unknown>): string | undefined {
  const { event_id, event_type, timestamp_ms } = event;
  if (typeof event_type !== "string" || event_type === "") return missing("event_type", event_type);
  if (!isTimestamp(timestamp_ms)) {
    return timestamp_ms === undefined
      ? "timestamp_ms is missing"
      : `timestamp_ms is ${quoted(timestamp_ms)}; it has to be a whole number of milliseconds ` +
        `from 0 to ${timestamp_ms_max}`;
  }
  if (typeof event_id !== "string" || event_id === "") return missing("event_id", event_id);
  return undefined;
}

/** What is wrong with an id of a new event. An older event whose id has control characters stays valid. */
export function newIdProblem(event_id: string): string | undefined {
  const found = CONTROL_CHARACTER.exec(event_id)?.[0];
  if (found === undefined) return undefined;
  const character = escaped(found);
  return `event_id is ${quoted(event_id)}; it has the control character ${character}, and an id ` +
    `is one line of text`;
}

/** Whether a value is a time of the contract: whole milliseconds, from 1970 to the end of year 9999. */
export function isTimestamp(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= timestamp_ms_max;
}

function missing(field: string, value: unknown): string {
  if (value === undefined) return `${field} is missing`;
  return `${field} is ${quoted(value)}; it has to be a string that is not empty`;
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
export function closingQuote(text: string, start: number): number {
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

/** Whether an escape stands for half a character; unescaped halves are looked for elsewhere. */
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
