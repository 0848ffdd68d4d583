/** Periods of time, all of one length, that runs fall into by when they were created. */
import { DAY_MS } from "../../base/format.ts";
import { report_bars_max } from "../../base/limits.ts";
import type { ReportRun } from "../gather/data.ts";
import { statusKind } from "./statuses.ts";
import { timeText } from "./figures.ts";

/** A period of time and the runs that began in it. */
export interface Period {
  from_ms: number;
  label: string;
  by_kind: Record<string, number>;
  runs: number;
}

/** Periods of one length. */
interface Unit {
  name: string;
  /** The longest that one is: so much after its beginning lies the next one. */
  step_ms: number;
  /** A time has so many characters in common with the beginning of its period. */
  chars: number;
  /** What of the beginning is shown. */
  label: [from: number, to: number];
}

const UNITS: readonly Unit[] = [
  { name: "minute", step_ms: 60_000, chars: 16, label: [5, 16] },
  { name: "10 minutes", step_ms: 600_000, chars: 15, label: [5, 16] },
  { name: "hour", step_ms: 3_600_000, chars: 13, label: [5, 16] },
  { name: "day", step_ms: DAY_MS, chars: 10, label: [0, 10] },
  { name: "week", step_ms: 7 * DAY_MS, chars: 0, label: [0, 10] },
  { name: "month", step_ms: 31 * DAY_MS, chars: 7, label: [0, 7] },
  { name: "year", step_ms: 366 * DAY_MS, chars: 4, label: [0, 4] },
  { name: "century", step_ms: 36_525 * DAY_MS, chars: 2, label: [0, 4] },
];

const FIRST_OF_ALL = "0000-01-01T00:00:00Z";
/** Weeks begin on Mondays; the first of 1970 was the fifth of January. */
const MONDAY_MS = 4 * DAY_MS;

/** The beginning of the period that a time lies in. */
function floor({ chars, step_ms }: Unit, time_ms: number): number {
  if (chars === 0) return Math.floor((time_ms - MONDAY_MS) / step_ms) * step_ms + MONDAY_MS;
  return Date.parse(new Date(time_ms).toISOString().slice(0, chars) + FIRST_OF_ALL.slice(chars));
}

/** The beginnings of the periods between two times, or some more than there may be. */
function beginnings(unit: Unit, first_ms: number, last_ms: number): number[] {
  const from_ms: number[] = [];
  for (let at = floor(unit, first_ms); at <= last_ms; at = floor(unit, at + unit.step_ms)) {
    if (from_ms.push(at) > report_bars_max) break;
  }
  return from_ms;
}

/** Periods of one length that hold all runs whose time is known. */
export function periodsOf(runs: readonly ReportRun[]): { unit: string; periods: Period[] } {
  const times = runs.flatMap(({ at_ms }) => at_ms === null ? [] : [at_ms]);
  if (times.length === 0) return { unit: "day", periods: [] };
  const first_ms = times.reduce((least, time) => Math.min(least, time));
  const last_ms = times.reduce((most, time) => Math.max(most, time));
  const unit =
    UNITS.find((unit) => beginnings(unit, first_ms, last_ms).length <= report_bars_max) ??
      UNITS.at(-1)!;
  const periods = new Map(
    beginnings(unit, first_ms, last_ms).map((from_ms): [number, Period] => [
      from_ms,
      { from_ms, label: timeText(from_ms).slice(...unit.label), by_kind: {}, runs: 0 },
    ]),
  );
  for (const { at_ms, status } of runs) {
    if (at_ms === null) continue;
    const period = periods.get(floor(unit, at_ms))!;
    const kind = statusKind(status);
    period.by_kind[kind] = (period.by_kind[kind] ?? 0) + 1;
    period.runs++;
  }
  return { unit: unit.name, periods: [...periods.values()] };
}
