/** Periods of time, all of one length, that runs fall into by when they were created. */
import { DAY_MS } from "../../base/format.ts";
import { report_bars_max } from "../../base/limits.ts";
import type { ReportRun } from "../gather/data.ts";
import { timeText } from "./figures.ts";
import { statusKind } from "./statuses.ts";

/** A period of time and the runs that began in it. */
export interface Period {
  from_ms: number;
  label: string;
  by_kind: Record<string, number>;
  runs: number;
}

interface Unit {
  name: string;
  /** The beginning of the period that a time lies in. */
  floor(time_ms: number): number;
  next(from_ms: number): number;
  label(from_ms: number): string;
}

const evenUnit = (
  name: string,
  step_ms: number,
  offset_ms: number,
  chars: [number, number],
): Unit => ({
  name,
  floor: (time_ms) => Math.floor((time_ms - offset_ms) / step_ms) * step_ms + offset_ms,
  next: (from_ms) => from_ms + step_ms,
  label: (from_ms) => timeText(from_ms).slice(...chars),
});

const calendarUnit = (name: string, months: number, chars: number): Unit => {
  const begin = (time_ms: number, later: number) => {
    const date = new Date(time_ms);
    const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
    return Date.UTC(0, (Math.floor(month / months) + later) * months - 1900 * 12);
  };
  return {
    name,
    floor: (time_ms) => begin(time_ms, 0),
    next: (from_ms) => begin(from_ms, 1),
    label: (from_ms) => timeText(from_ms).slice(0, chars),
  };
};

/** Weeks begin on Mondays; the first of 1970 was the fifth of January. */
const MONDAY_MS = 4 * DAY_MS;

const UNITS: readonly Unit[] = [
  evenUnit("minute", 60_000, 0, [5, 16]),
  evenUnit("10 minutes", 600_000, 0, [5, 16]),
  evenUnit("hour", 3_600_000, 0, [5, 16]),
  evenUnit("day", DAY_MS, 0, [0, 10]),
  evenUnit("week", 7 * DAY_MS, MONDAY_MS, [0, 10]),
  calendarUnit("month", 1, 7),
  calendarUnit("quarter", 3, 7),
  calendarUnit("year", 12, 4),
  calendarUnit("century", 1200, 4),
];

/** Periods of one length that hold all runs whose time is known. */
export function periodsOf(runs: readonly ReportRun[]): { unit: string; periods: Period[] } {
  const times = runs.flatMap(({ at_ms }) => at_ms === null ? [] : [at_ms]);
  if (times.length === 0) return { unit: "day", periods: [] };
  const first = times.reduce((least, time) => Math.min(least, time));
  const last = times.reduce((most, time) => Math.max(most, time));
  const unit = UNITS.find((unit) => periodCount(unit, first, last) <= report_bars_max) ??
    UNITS[UNITS.length - 1];
  const periods = new Map<number, Period>();
  for (let from_ms = unit.floor(first); from_ms <= last; from_ms = unit.next(from_ms)) {
    periods.set(from_ms, { from_ms, label: unit.label(from_ms), by_kind: {}, runs: 0 });
  }
  for (const { at_ms, status } of runs) {
    if (at_ms === null) continue;
    const period = periods.get(unit.floor(at_ms))!;
    const kind = statusKind(status);
    period.by_kind[kind] = (period.by_kind[kind] ?? 0) + 1;
    period.runs++;
  }
  return { unit: unit.name, periods: [...periods.values()] };
}

function periodCount(unit: Unit, first: number, last: number): number {
  let count = 0;
  for (let at = unit.floor(first); at <= last && count <= report_bars_max; at = unit.next(at)) {
    count++;
  }
  return count;
}
