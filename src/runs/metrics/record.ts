/**
 * The record of a write-ahead file of metrics: the points of one go, whole or not there, a line of
 * checked JSON (`base/files/records.ts`).
 *
 * ```
 * {"series":[["loss",3,[100,1],"AAAA…"],["lr",2,[100,7],"AAAA…",[1704067200000,250]]],"total":41005,
 *     "check":CHECK}
 * ```
 *
 * Of each metric: its name, how many points, their steps, their values, and their times where there are
 * some. Whole numbers are the first of them and what each adds to the one before; where that is always
 * the same, it stands once. Values are the eight bytes of each double, in base64: every digit in eleven
 * bytes. Times of which some are not known stand as they are, with null for those. `total` counts the
 * points of the file so far; it stands last, so that the file's end says it.
 */
import { metric_step_max, timestamp_ms_max } from "../../base/limits.ts";
import type { MetricPoints, MetricSeries } from "./points.ts";

const DOUBLE_BYTES = 8;

/** A go's record, without its closing brace; `total` counts its points too. */
export function recordText(points: MetricPoints, total: number): string {
  const series = points.given().map(({ name, steps, values, ts_ms }) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const times = ts_ms ? `,${wholesText(ts_ms)}` : "";
    const head = `${JSON.stringify(name)},${steps.length},${wholesText(steps)}`;
    return `[${head},"${bytes.toBase64()}"${times}]`;
  });
  return `{"series":[${series.join()}],"total":${total}`;
}

function wholesText(numbers: Float64Array): string {
  const first = numbers[0], step = numbers[1] - first;
  let is_regular = true;
  for (let at = 1; at < numbers.length && is_regular; at++) {
    is_regular = numbers[at] - numbers[at - 1] === step;
  }
  if (is_regular) return numbers.length === 1 ? `[${first}]` : `[${first},${step}]`;
  const has_gaps = numbers.some(Number.isNaN);
  const list = Array.from(numbers, (each, at) => {
    if (has_gaps) return Number.isNaN(each) ? "null" : each;
    return at === 0 ? each : each - numbers[at - 1];
  });
  return `[${list.join()}]`;
}

/** What a record says; undefined where it is none of metrics. */
export function recordOf(text: string): { series: MetricSeries[]; total: number } | undefined {
  try {
    const { series, total } = JSON.parse(text) as { series: unknown[][]; total: unknown };
    if (!Number.isSafeInteger(total)) throw new Error("no total");
    const read = series.map(([name, count, steps, values, times]) => {
      if (typeof name !== "string" || !name.isWellFormed() || typeof values !== "string") {
        throw new Error("no series");
      }
      const bytes = Uint8Array.fromBase64(values);
      if (bytes.length !== (count as number) * DOUBLE_BYTES) throw new Error("other values");
      return {
        name,
        steps: wholes(steps, count as number, -metric_step_max, metric_step_max),
        values: new Float64Array(bytes.buffer),
        ...(times ? { ts_ms: wholes(times, count as number, 0, timestamp_ms_max) } : {}),
      };
    });
    return { series: read, total: total as number };
  } catch {
    return undefined;
  }
}

function wholes(stored: unknown, count: number, min: number, max: number) {
  const list = stored as (number | null)[];
  const numbers = new Float64Array(count);
  const is_regular = list.length <= 2;
  if (!is_regular && list.length !== count) throw new Error("as many as points");
  const has_gaps = list.includes(null);
  for (let at = 0, number = 0; at < count; at++) {
    const next = is_regular ? list[Math.min(at, 1)] : list[at];
    if (has_gaps) number = next ?? NaN;
    else number += next!;
    const is_right = Number.isInteger(number) && number >= min && number <= max;
    if (!is_right && !(has_gaps && next === null)) throw new Error("outside of its range");
    numbers[at] = number;
  }
  return numbers;
}
