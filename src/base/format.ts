/** Formatting: numbers, durations and times as people read them, on a terminal and on a page. */

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
