/** Times and lengths of time as people type them, in flags and in filters: `2026-01-23`, `2h`. */
import { DAY_MS, isDay, startOfDay } from "./format.ts";

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
