/** Heuristic for the data of others: which of its columns tells the time, and what its values mean. */
import { timestamp_ms_max, timestamp_ms_plausible_min } from "../../base/limits.ts";
import { manifestTime } from "../manifest/manifest.ts";

/** From when to when data reaches: times of its rows, in ms since 1970. */
export interface TimeSpan {
  from_ms: number;
  to_ms: number;
}

const UNIT = "(_(?:s|ms|us|ns|utc))?";
/** Names that say it all come before names that say of what. */
const NAMES = [
  new RegExp(`^(ts|timestamp|time|datetime|date)${UNIT}$`, "i"),
  new RegExp(`(^|[_ ])(ts|timestamp|time|datetime|date|at)${UNIT}$`, "i"),
];

/** The place of the column that tells the time; -1 where none is named so. */
export function timeColumn(names: readonly string[]): number {
  for (const pattern of NAMES) {
    const at = names.findIndex((name) => pattern.test(name.trim()));
    if (at >= 0) return at;
  }
  return -1;
}

const MS_A_UNIT: Readonly<Record<string, number>> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** How many ms a number of a column counts, by the column's name, or by how large it is. */
export function msPerUnit(name: string, value: number): number | undefined {
  const [, unit] = /_(s|ms|us|ns)$/i.exec(name.trim()) ?? [];
  if (unit) return MS_A_UNIT[unit.toLowerCase()];
  return Object.values(MS_A_UNIT).findLast((ms) => value * ms >= timestamp_ms_plausible_min);
}

/** A text as a time; NaN where it is none. */
export function timeOfText(text: string): number {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(text) ?? [];
  return manifestTime(year ? `${year}-${month}-${day}` : text);
}

/** A span whose ends are times that a row can have; undefined where they are not. */
export function spanOf(from_ms: number, to_ms: number): TimeSpan | undefined {
  if (!(from_ms >= 0 && from_ms <= to_ms && to_ms <= timestamp_ms_max)) return undefined;
  return { from_ms: Math.floor(from_ms), to_ms: Math.floor(to_ms) };
}
