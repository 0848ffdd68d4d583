/** Columns in memory: the points of metrics by their names, as they come, and in order. */
import { metric_name_chars_max } from "../../base/limits.ts";

/** Whether a metric can be called so, and what its name has to be. */
export function isMetricName(name: string): boolean {
  return name !== "" && name.length <= metric_name_chars_max && name.isWellFormed();
}
export const METRIC_NAME = `a text of 1 to ${metric_name_chars_max} characters`;

/** A metric of a run: its points in the order of their steps. */
export interface MetricSeries {
  name: string;
  steps: Float64Array<ArrayBuffer>;
  values: Float64Array<ArrayBuffer>;
  /** When each was measured, ms since 1970; NaN where that is not known, absent where it never is. */
  ts_ms?: Float64Array<ArrayBuffer> | undefined;
}

const ROOM = 16;

function withRoom(numbers: Float64Array, count: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(count);
  larger.set(numbers);
  return larger;
}

/** The points of one metric. */
class Columns {
  count = 0;
  #steps = new Float64Array(ROOM);
  #values = new Float64Array(ROOM);
  #ts_ms?: Float64Array<ArrayBuffer>;
  /** Points that came together, the last of all: they are copied once, when all are there. */
  #pieces: Omit<MetricSeries, "name">[] = [];

  add(step: number, value: number, ts_ms?: number): void {
    this.#gather();
    this.#reserve(this.count + 1);
    this.#steps[this.count] = step;
    this.#values[this.count] = value;
    if (ts_ms !== undefined && !Number.isNaN(ts_ms)) {
      this.#ts_ms ??= new Float64Array(this.#steps.length).fill(NaN);
      this.#ts_ms[this.count] = ts_ms;
    }
    this.count++;
  }

  addAll(points: Omit<MetricSeries, "name">): void {
    this.#pieces.push(points);
    this.count += points.steps.length;
  }

  #gather(): void {
    if (this.#pieces.length === 0) return;
    let at = this.#pieces.reduce((count, { steps }) => count - steps.length, this.count);
    this.#reserve(this.count);
    for (const { steps, values, ts_ms } of this.#pieces) {
      this.#steps.set(steps, at);
      this.#values.set(values, at);
      if (ts_ms) {
        this.#ts_ms ??= new Float64Array(this.#steps.length).fill(NaN);
        this.#ts_ms.set(ts_ms, at);
      }
      at += steps.length;
    }
    this.#pieces = [];
  }

  #reserve(needed: number): void {
    const room = this.#steps.length;
    if (needed <= room) return;
    const count = Math.max(needed, room * 2);
    this.#steps = withRoom(this.#steps, count);
    this.#values = withRoom(this.#values, count);
    if (this.#ts_ms) this.#ts_ms = withRoom(this.#ts_ms, count).fill(NaN, room);
  }

  /** As they came. */
  given(): Omit<MetricSeries, "name"> {
    this.#gather();
    const ts_ms = this.#ts_ms?.subarray(0, this.count);
    const [steps, values] = [this.#steps, this.#values].map((all) => all.subarray(0, this.count));
    return { steps, values, ...(ts_ms ? { ts_ms } : {}) };
  }

  /** By their steps; those of one step as they came. */
  sorted(): Omit<MetricSeries, "name"> {
    const given = this.given();
    const { steps } = given;
    let at = 1;
    while (at < steps.length && steps[at - 1] <= steps[at]) at++;
    if (at >= steps.length) return given;
    const order = Uint32Array.from(steps, (_, at) => at)
      .sort((a, b) => steps[a] - steps[b] || a - b);
    const inOrder = (numbers: Float64Array) => Float64Array.from(order, (at) => numbers[at]);
    const { values, ts_ms } = given;
    return {
      steps: inOrder(steps),
      values: inOrder(values),
      ...(ts_ms ? { ts_ms: inOrder(ts_ms) } : {}),
    };
  }
}

/** The points of any metrics. */
export class MetricPoints {
  count = 0;
  readonly #by_name = new Map<string, Columns>();

  add(name: string, step: number, value: number, ts_ms?: number): void {
    this.#of(name).add(step, value, ts_ms);
    this.count++;
  }

  addSeries({ name, ...points }: MetricSeries): void {
    this.#of(name).addAll(points);
    this.count += points.steps.length;
  }

  /** The metrics as they came, each with its points as they came. */
  given(): MetricSeries[] {
    return [...this.#by_name].map(([name, columns]) => ({ name, ...columns.given() }));
  }

  /** The metrics by their names, each with its points by their steps. */
  sorted(): MetricSeries[] {
    return [...this.#by_name].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, columns]) => ({ name, ...columns.sorted() }));
  }

  #of(name: string): Columns {
    let columns = this.#by_name.get(name);
    if (columns === undefined) this.#by_name.set(name, columns = new Columns());
    return columns;
  }
}
