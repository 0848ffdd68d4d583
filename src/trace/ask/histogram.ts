/** Durations as a picture of text: how many in each range, on a scale that fits them all. */

const COLUMNS = 40;
const STEPS = [1, 2, 5];

/** One range, from its lower bound up to its upper. */
export interface HistogramBar {
  from_ms: number;
  to_ms: number;
  count: number;
}

/** Durations in ranges of 1, 2, 5, 10 … : latencies spread over powers of ten. */
export function histogramOf(values_ms: readonly number[]): HistogramBar[] {
  const counts = new Map<number, number>();
  for (const value_ms of values_ms) {
    const index = rangeOf(value_ms);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  if (counts.size === 0) return [];
  const first = Math.min(...counts.keys());
  const last = Math.max(...counts.keys());
  return Array.from({ length: last - first + 1 }, (_, at) => ({
    from_ms: boundOf(first + at),
    to_ms: boundOf(first + at + 1),
    count: counts.get(first + at) ?? 0,
  }));
}

/** A bar as a line of blocks. */
export function barText(count: number, most: number): string {
  if (count === 0) return "";
  return "█".repeat(Math.max(1, Math.round(count / most * COLUMNS)));
}

/** Everything below a microsecond is one range: no clock tells it apart. */
const LOWEST_MS = 0.001;
const LOWEST = 3 * Math.log10(LOWEST_MS);

function rangeOf(value_ms: number): number {
  if (value_ms < LOWEST_MS) return LOWEST - 1;
  let index = 3 * Math.floor(Math.log10(value_ms));
  // Logarithms are off by a hair at the bounds themselves.
  while (boundOf(index + 1) <= value_ms) index++;
  while (boundOf(index) > value_ms) index--;
  return index;
}

function boundOf(index: number): number {
  if (index < LOWEST) return 0;
  const power = Math.floor(index / 3);
  return Number(`${STEPS[index - 3 * power]}e${power}`);
}
