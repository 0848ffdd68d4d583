/** How traces are shown: microseconds, hops, and how durations are spread. */
import type { TracedEvent } from "../trace/event.ts";
import { stampsProblem } from "../trace/latency.ts";
import { humanCount } from "./output.ts";

const US_A_MS = 1000;

/** A time in microseconds as people read it. */
export function utcMicroseconds(time_us: number | null): string {
  if (time_us === null) return "";
  const time_ms = Math.floor(time_us / US_A_MS);
  const rest = String(time_us - time_ms * US_A_MS).padStart(3, "0");
  return new Date(time_ms).toISOString().replace("T", " ").replace("Z", `${rest}Z`);
}

/** Milliseconds as people read them; nothing where there is nothing. */
export function ms(value: unknown): string {
  if (typeof value !== "number") return "";
  return value >= 1000 ? humanCount(Math.round(value)) : value.toFixed(3);
}

/** The time from a cause to its effect; null where their stamps cannot be right. */
export function hopMs(cause: TracedEvent, effect: TracedEvent): number | null {
  const stamps = [cause.created_at, effect.created_at];
  if (stampsProblem(stamps) !== undefined) return null;
  return (stamps[1]! - stamps[0]!) / US_A_MS;
}

const BAR_CHARS = 40;
/** Steps of a ruler that people know: 1, 2, 5, 10, 20 … */
const STEPS = [1, 2, 5];

/** How durations are spread, as lines of text; each line is a step of about twice the last. */
export function histogram(values_ms: readonly number[]): string[] {
  const counts = new Map<number, number>();
  for (const value of values_ms) {
    const limit = limitAbove(value);
    counts.set(limit, (counts.get(limit) ?? 0) + 1);
  }
  const limits = [...counts.keys()].sort((a, b) => a - b);
  const most = Math.max(...counts.values());
  const all: number[] = [];
  for (
    let limit = limits[0];
    limit <= limits[limits.length - 1];
    limit = limitAbove(limit * 1.01)
  ) {
    all.push(limit);
  }
  const titles = all.map((limit) => `≤ ${limit} ms`);
  const width = Math.max(...titles.map((title) => title.length));
  return all.map((limit, at) => {
    const count = counts.get(limit) ?? 0;
    const bar = "█".repeat(Math.ceil(count / most * BAR_CHARS));
    return `${titles[at].padStart(width)}  ${bar}${bar ? " " : ""}${humanCount(count)}`;
  });
}

/** The first step that is not below a value. */
function limitAbove(value_ms: number): number {
  const least = 0.001;
  for (let power = Math.floor(Math.log10(Math.max(value_ms, least)));; power++) {
    for (const step of STEPS) {
      const limit = Number(`${step}e${power}`);
      if (limit >= value_ms && limit >= least) return limit;
    }
  }
}
