/** From values to places on an axis, and the round values that an axis is marked with. */
import { DAY_MS, roundStep } from "../../base/format.ts";
import { durationText, signedText } from "./figures.ts";

/** From a value to its place: in percent along a chart, or in pixels from its top. */
export type Scale = (value: number) => number;

/** A mark on an axis. */
export interface Tick {
  value: number;
  label: string;
}

/** Even steps. What lies outside of the range stays at its ends. */
export function linearScale(from: number, to: number): Scale {
  const span = to - from;
  return (value) => span > 0 ? Math.min(100, Math.max(0, (value - from) / span * 100)) : 50;
}

/** The same upwards: a value's distance from the top of a chart that is so high. */
export function heightScale(from: number, to: number, height_px: number): Scale {
  const scale = linearScale(from, to);
  return (value) => height_px * (1 - scale(value) / 100);
}

/** Steps that multiply, for values above zero. */
export function logScale(from: number, to: number): Scale {
  const scale = linearScale(Math.log(from), Math.log(to));
  return (value) => scale(Math.log(Math.max(value, from)));
}

/** A place as SVG has it. */
export function percent(place: number): string {
  return `${round(place)}%`;
}

/** Rounded for drawing: a hundredth of a pixel is not seen. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Marks at the multiples of a step. */
function ticks(from: number, to: number, step: number, label: (value: number) => string): Tick[] {
  const found: Tick[] = [];
  const first = Math.ceil(from / step - 1e-9);
  for (let n = first; n * step <= to + step * 1e-9 && found.length < 100; n++) {
    // Not 0.30000000000000004.
    const value = Number((n * step).toPrecision(15));
    found.push({ value, label: label(value) });
  }
  return found;
}

/** Marks at round values. */
export function numberTicks(from: number, to: number, steps: number): Tick[] {
  const step = roundStep(to - from, steps);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return ticks(from, to, step, (value) => signedText(value, digits));
}

const SECOND_MS = 1_000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS;

const TIME_STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 2, 7, 14, 28, 91, 182, 365, 730, 1826, 3652].map((n) => n * DAY_MS),
];

function timeStep(span_ms: number, steps: number): number {
  return TIME_STEPS_MS.find((step) => step >= span_ms / steps) ??
    Math.ceil(span_ms / steps / DAY_MS) * DAY_MS;
}

/** Marks at round times, UTC; each says as much of the time as the step between them asks for. */
export function timeTicks(from_ms: number, to_ms: number, steps: number): Tick[] {
  const step = timeStep(to_ms - from_ms, steps);
  return ticks(from_ms, to_ms, step, (time_ms) => timeLabel(time_ms, step));
}

function timeLabel(time_ms: number, step_ms: number): string {
  const text = new Date(time_ms).toISOString();
  if (step_ms >= DAY_MS) return text.slice(0, 10);
  if (step_ms >= HOUR_MS) return `${text.slice(5, 10)} ${text.slice(11, 16)}`;
  if (step_ms >= MINUTE_MS) return text.slice(11, 16);
  return step_ms >= SECOND_MS ? text.slice(11, 19) : text.slice(14, 23);
}

/** Marks at round lengths of time, from zero. */
export function durationTicks(to_ms: number, steps: number): Tick[] {
  const step = to_ms <= 1 ? roundStep(to_ms, steps) : timeStep(to_ms, steps);
  return ticks(0, to_ms, step, (duration_ms) => duration_ms === 0 ? "0" : roundText(duration_ms));
}

/** A round length of time, without the digits that tell nothing. */
function roundText(duration_ms: number): string {
  return durationText(duration_ms).replace(/(\.\d*?)0+(?= )/, "$1").replace(/\.(?= )/, "")
    .replace(/ 0 (min|s)$/, "");
}

/** The powers of ten that enclose a range of lengths of time, and every so many of them as marks. */
export function logDurations(least_ms: number, most_ms: number, ticks_max: number) {
  const low = Math.floor(Math.log10(least_ms) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(most_ms) - 1e-9));
  const every = Math.ceil((high - low + 1) / ticks_max);
  const powers = Array.from(
    { length: Math.ceil((high - low + 1) / every) },
    (_, n) => low + n * every,
  );
  return {
    from: 10 ** low,
    to: 10 ** high,
    ticks: powers.map((power) => ({ value: 10 ** power, label: powerText(power) })),
  };
}

function powerText(power: number): string {
  return power < 3 ? roundText(10 ** power) : `${signedText(10 ** (power - 3), 0)} s`;
}
