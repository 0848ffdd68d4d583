/**
 * Numbers and times as the page shows them. What is rounded for people stands beside it exactly, in
 * `<data value>`, so that a reader who saves the page can still compute.
 */
import { DAY_MS, humanCount, humanDuration, utc } from "../../base/format.ts";
import { Markup, markup } from "./markup.ts";

/** What stands where there is no figure. */
export const NO_FIGURE = new Markup(`<span class="none">–</span>`);

/** A number with its sign and so many digits after the point. */
export function signedText(value: number, digits: number): string {
  // What rounds to nothing has no sign.
  const [whole, fraction] = Math.abs(value).toFixed(digits).split(".");
  const text = `${humanCount(Number(whole))}${fraction === undefined ? "" : `.${fraction}`}`;
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** A return in basis points, as text. */
export function bpsText(value: number): string {
  return signedText(value, Math.abs(value) >= 1_000 ? 0 : 1);
}

/** A length of time as text; stamps of different clocks can make one that is below zero. */
export function durationText(duration_ms: number): string {
  if (duration_ms < 0) return `−${humanDuration(-duration_ms)}`;
  const days = duration_ms / DAY_MS;
  return days < 2 ? humanDuration(duration_ms) : `${signedText(days, days < 10 ? 1 : 0)} days`;
}

/** A number of one kind, or what stands in its place. */
function figure(shown: (value: number) => string) {
  return (value: number | null | undefined): Markup =>
    value === null || value === undefined || Number.isNaN(value)
      ? NO_FIGURE
      : markup`<data value="${value}">${shown(value)}</data>`;
}

export const countFigure = figure((count) => humanCount(count));
export const bpsFigure = figure((bps) => bpsText(bps));
export const durationFigure = figure((ms) => durationText(ms));
/** A share of one, in percent. */
export const shareFigure = figure((share) => `${signedText(share * 100, 1)} %`);
/** A number without a unit. */
export const ratioFigure = figure((value) => signedText(value, Math.abs(value) < 10 ? 3 : 1));

/** A time as text: UTC, to the second. */
export function timeText(time_ms: number): string {
  return utc(time_ms).slice(0, 19);
}

/** The year of a period of time, where it is one: labels of days and hours do not say it. */
export function yearWords(from_ms: number, to_ms: number): string {
  const [from, to] = [from_ms, to_ms].map((time_ms) => timeText(time_ms).slice(0, 4));
  return from === to ? ` in ${from}` : "";
}

/** A time, UTC. */
export function timeFigure(time_ms: number | null | undefined): Markup {
  if (time_ms === null || time_ms === undefined) return NO_FIGURE;
  return markup`<time datetime="${new Date(time_ms).toISOString()}">${timeText(time_ms)}</time>`;
}
