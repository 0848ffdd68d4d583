/** Times as people type them -> milliseconds. */
import { DAY_MS, startOfDay } from "../base/format.ts";
import { LedgerError, quoted } from "../base/error.ts";
import { isDay } from "../log/mod.ts";

/** Letters of lengths of time. */
export const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
};
const ISO_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** A day (its start, UTC), an ISO time (UTC unless it says otherwise), or a while ago (`2h`, `7d`). */
export function timeToMs(flag: string, text: string, now_ms: number): number {
  if (isDay(text)) return startOfDay(text);
  const [, amount, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  // Longer ago than the calendar goes back is the same as ever.
  if (unit) return Math.max(0, now_ms - Number(amount) * UNIT_MS[unit]);
  if (ISO_TIME.test(text)) {
    const iso = text.replace(" ", "T");
    const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
    if (!Number.isNaN(ms)) return ms;
  }
  throw new LedgerError({
    code: "usage",
    message: `--${flag} is ${quoted(text)}; it has to be a day (2026-01-23), a time ` +
      `(2026-01-23T14:30:00Z), or a while ago (30m, 2h, 7d)`,
  });
}

/** The same in microseconds: an ISO time may name them, and one millisecond holds many events. */
export function timeToUs(flag: string, text: string, now_ms: number): number {
  const [, below_ms = ""] = /\.\d{3}(\d{1,3})/.exec(text) ?? [];
  return timeToMs(flag, text, now_ms) * 1000 + Number(below_ms.padEnd(3, "0"));
}

/** A day of the calendar. */
export function checkedDay(flag: string, text: string): string {
  if (isDay(text)) return text;
  throw new LedgerError({
    code: "usage",
    message: `--${flag} is ${quoted(text)}; it has to be a day, such as 2026-01-23`,
  });
}
