/** Formatting: numbers, durations and times as people read and type them. */
import { names_shown_max } from "./limits.ts";

/** How long a day is. */
export const DAY_MS = 86_400_000;

/** The moment at which a day of UTC, `YYYY-MM-DD`, begins. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** Whether a text is a day of the calendar, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = startOfDay(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** A length of time as typed, in ms. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * UNIT_MS[text.at(-1)!];
}

/** A length of time: a number and its unit. */
export const DURATION = /^\d{1,9}[smhdw]$/;

const ISO_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;
const ZONE = /(Z|[+-]\d{2}:?\d{2})$/;

/** A time as typed: a while ago depends on what time it is. */
interface TypedTime {
  is_day: boolean;
  ms(now_ms: number): number;
  us(now_ms: number): number;
}

/** A day (its start, UTC), an ISO time (UTC unless it says otherwise), or a while ago (`2h`, `7d`). */
export function typedTime(text: string): TypedTime | undefined {
  const is_day = isDay(text);
  const iso = text.replace(" ", "T");
  const time_ms = is_day
    ? startOfDay(text)
    : ISO_TIME.test(text)
    ? Date.parse(ZONE.test(iso) ? iso : `${iso}Z`)
    : NaN;
  const ago_ms = DURATION.test(text) ? durationMs(text) : undefined;
  if (ago_ms === undefined && Number.isNaN(time_ms)) return undefined;
  // Longer ago than the calendar goes back is the same as ever.
  const ms = (now_ms: number) => ago_ms === undefined ? time_ms : Math.max(0, now_ms - ago_ms);
  // An ISO time may name microseconds: one millisecond holds many events.
  const [, below_ms = ""] = /\.\d{3}(\d{1,3})/.exec(text) ?? [];
  const us = (now_ms: number) => ms(now_ms) * 1000 + Number(below_ms.padEnd(3, "0"));
  return { is_day, ms, us };
}

/** Bytes as people read them. */
export function humanBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** Large numbers as people read them. */
export function humanCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number to six digits that say something; a whole part is never rounded away. */
export function humanNumber(number: number): string {
  if (!Number.isFinite(number) || Number.isInteger(number)) return String(number);
  return String(Math.abs(number) < 1e6 ? Number(number.toPrecision(6)) : Math.round(number));
}

/** "1 event", "2 events". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${humanCount(count)} ${count === 1 ? one : many}`;
}

/** Some names, and whether there are more. */
export function firstNames(names: readonly string[]): string {
  return names.slice(0, names_shown_max).join(", ") + (names.length > names_shown_max ? ", …" : "");
}

/** A length of time as people say it. */
export function humanDuration(duration_ms: number): string {
  if (duration_ms < 0.9995) return `${Math.round(duration_ms * 1000)} µs`;
  if (duration_ms < 9.95 && !Number.isInteger(duration_ms)) return `${duration_ms.toFixed(1)} ms`;
  if (duration_ms < 999.5) return `${Math.round(duration_ms)} ms`;
  const seconds = duration_ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const minutes = Math.round(seconds) / 60;
  if (minutes < 60) return `${Math.floor(minutes)} min ${Math.round(seconds) % 60} s`;
  const rounded = Math.round(minutes);
  return `${Math.floor(rounded / 60)} h ${rounded % 60} min`;
}

/** How long ago a time was, as people say it. */
export function ago(timestamp_ms: number, now_ms: number): string {
  const seconds = Math.round((now_ms - timestamp_ms) / 1000);
  if (seconds < 0) return "in the future";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** A time as the log's people read it: UTC, to the millisecond. */
export function utc(timestamp_ms: number): string {
  return new Date(timestamp_ms).toISOString().replace("T", " ");
}

/** C0, DEL, C1 and Unicode's two separators: what steers a terminal, or ends a line for some reader. */
// deno-lint-ignore no-control-regex
export const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROL_CHARACTERS = new RegExp(CONTROL_CHARACTER, "g");

/** A text whose control characters are written as JSON escapes them: it is one line, and steers nothing. */
export function escaped(text: string): string {
  if (!CONTROL_CHARACTER.test(text)) return text;
  return text.replace(CONTROL_CHARACTERS, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A text that a shell takes for one word, whatever is in it. */
export function shellQuoted(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}

/** The same for a word that needs no quotes in most cases. */
export function shellWord(word: string): string {
  return /^[\w.,:=/@%+-]+$/.test(word) ? word : shellQuoted(word);
}

/** The beginning of a digest, which tells contents apart for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** A text that is cut when it is longer than so many characters. */
export function clipped(text: string, chars_max: number): string {
  if (text.length <= chars_max) return text;
  // Whole characters: half of one is none.
  const kept = text.slice(0, chars_max - 1).replace(/[\ud800-\udbff]$/, "");
  return `${kept}…`;
}

/** The round step (1, 2 or 5 times a power of ten) that takes a span in about so many. */
export function roundStep(span: number, steps: number): number {
  const rough = span / steps;
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)!;
}

/** The two counts of runs: those that have ended, and all. */
export function runCountsText({ ended, known }: { ended: number; known: number }): string {
  return `${humanCount(ended)} ended of ${humanCount(known)} known`;
}
