/**
 * Pure mapping: a record of the log -> a row of the index. The row depends on the line's bytes and its
 * place alone, so it is the same whether it comes alone or among a million.
 */
import { spool_line_chars_max } from "../base/limits.ts";
import { closingQuote, type EventRecord, fieldsAreRight, isBuiltIn } from "../log/mod.ts";

/** The columns of a row, and their types in DuckDB. */
export const ROW_COLUMNS = {
  log_day: "varchar",
  log_part: "varchar",
  log_offset: "bigint",
  event_id: "varchar",
  event_type: "varchar",
  run_id: "varchar",
  timestamp_ms: "bigint",
  correlation_id: "varchar",
  causation_id: "varchar",
  fields_ok: "boolean",
  payload: "varchar",
  trial_id: "varchar",
  params: "varchar",
  metrics: "varchar",
} as const;

/** The values of a row, in the order of its columns. */
export type SpoolRow = (string | number | boolean | null)[];

const SEPARATOR = "\u0001";
/** What a spool file would take for structure. */
// deno-lint-ignore no-control-regex
const NOT_FOR_FILES = /[\u0000\u0001\n\r]/;

/**
 * Whether a line has neither escapes nor space other than blanks. Nearly all have not, and then its
 * values stand in it as they are.
 */
export function isPlain(text: string): boolean {
  return !text.includes("\\") && !text.includes("\t") && !text.includes("\r");
}

/** The members that hold a spooled trial's part and place; an event that has such members is no such trial. */
const AT = '"@at":', IN = '"@in":';

/**
 * A trial as DuckDB reads it from JSON by itself: the line, with its part and its place put before its
 * members. Undefined for what is no trial, and for the few lines that have to be looked at closer.
 */
export function trialLine(
  { event, text, offset }: EventRecord,
  part: number,
  plain: boolean,
): string | undefined {
  const fits = plain && event.event_type === "trial.recorded" && text.startsWith("{") &&
    text.length <= spool_line_chars_max && !text.includes('"@') &&
    fieldsAreRight(event, "trial.recorded");
  return fits ? `{${IN}${part},${AT}${offset},${text.slice(1)}` : undefined;
}

/** The row of an event; `plain` is what `isPlain` says of its line. */
export function rowOf(record: EventRecord, day: string, part: string, plain: boolean): SpoolRow {
  const { event, text, offset } = record;
  const { event_id, event_type, timestamp_ms } = event;
  const fields_ok = !isBuiltIn(event_type) || fieldsAreRight(event, event_type);
  const is_trial = fields_ok && event_type === "trial.recorded";
  return [
    day,
    part,
    offset,
    event_id,
    event_type,
    textOrNull(event.run_id),
    timestamp_ms,
    textOrNull(event.correlation_id),
    textOrNull(event.causation_id),
    fields_ok,
    is_trial ? null : onOneLine(text),
    is_trial ? event.trial_id as string : null,
    is_trial ? memberText(text, "params", plain) : null,
    is_trial ? memberText(text, "metrics", plain) : null,
  ];
}

/** A row as a line of a spool file; undefined when a file cannot carry it. */
export function rowLine(row: SpoolRow, plain: boolean): string | undefined {
  const line = row.join(SEPARATOR);
  if (line.length > spool_line_chars_max) return undefined;
  // A string of JSON holds control characters only as escapes.
  const fits = plain || !row.some((each) => typeof each === "string" && NOT_FOR_FILES.test(each));
  return fits ? line : undefined;
}

/** An empty text stands for nothing too: in a spool file the two are the same. */
function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** JSON without what may surround it, and with blanks where it has other space between its words. */
function onOneLine(text: string): string {
  const trimmed = text.trim();
  const has_space = trimmed.includes("\t") || trimmed.includes("\r");
  return has_space ? trimmed.replace(/[\r\t]/g, " ") : trimmed;
}

/**
 * A member of an event as it is written in its line, so that 1.50 stays 1.50. It is never written anew
 * from what was parsed: V8 misreads some keys with escapes, depending on what it has read before, and
 * the same line has to make the same row every time.
 */
function memberText(text: string, name: "params" | "metrics", plain: boolean): string {
  const key = `"${name}"`;
  const at = text.indexOf(key);
  const opens_at = at + key.length + 1;
  // Written once and in a line without escapes, it can only be the member itself.
  const is_member = plain && text.charCodeAt(opens_at - 1) === COLON &&
    text.charCodeAt(opens_at) === OPEN && text.indexOf(key, opens_at) < 0;
  return is_member
    ? text.slice(opens_at, endOfPlainObject(text, opens_at))
    : onOneLine(topLevelMember(text, name));
}

const QUOTE = 34, COMMA = 44, COLON = 58, OPEN_LIST = 91, CLOSE_LIST = 93;
const OPEN = 123, CLOSE = 125;

/** Where the object that opens at `start` ends, in JSON without escapes. */
function endOfPlainObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start;; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = text.indexOf('"', at + 1);
    else if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return at + 1;
  }
}

/** The text of a member that a line, which is valid JSON, has once at its top level. */
function topLevelMember(text: string, name: string): string {
  for (let at = text.indexOf("{") + 1;;) {
    const key_at = text.indexOf('"', at);
    const key_end = closingQuote(text, key_at) + 1;
    const value_at = text.indexOf(":", key_end) + 1;
    const value_end = endOfValue(text, value_at);
    // A text that stands by itself is read right, whatever was read before.
    if (JSON.parse(text.slice(key_at, key_end)) === name) return text.slice(value_at, value_end);
    at = value_end + 1;
  }
}

/** Where the comma or bracket stands that ends a member's value. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start;; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = closingQuote(text, at);
    else if (code === OPEN || code === OPEN_LIST) depth++;
    else if ((code === COMMA || code === CLOSE) && depth === 0) return at;
    else if (code === CLOSE || code === CLOSE_LIST) depth--;
  }
}
