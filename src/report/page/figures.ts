/**
 * Numbers and times as the page shows them. What is rounded for people stands beside it exactly, in
 * `<data value>`, so that a reader who saves the page can still compute.
 */
import { DAY_MS, humanCount, humanDuration, utc } from "../../base/format.ts";
import { html, Markup } from "./markup.ts";

/** What stands where there is no figure. */
const NO_FIGURE = new Markup(`<span class="none">–</span>`);

/** A number with its sign and so many digits after the point. */
export function signedText(value: number, digits: number): string {
  // What rounds to nothing has no sign.
  const [whole, fraction] = Math.abs(value).toFixed(digits).split(".");
  const text = `${humanCount(Number(whole))}${fraction === undefined ? "" : `.${fraction}`}`;
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

function exact(value: number, shown: string): Markup {
  return html`<data value="${value}">${shown}</data>`;
}

/** How many. */
export function countFigure(value: number | null | undefined): Markup {
  return value === null || value === undefined ? NO_FIGURE : exact(value, humanCount(value));
}

/** A return in basis points, as text. */
export function bpsText(value: number): string {
  return signedText(value, Math.abs(value) >= 1_000 ? 0 : 1);
}

/** A return in basis points. */
export function bpsFigure(value: number | null | undefined): Markup {
  return value === null || value === undefined ? NO_FIGURE : exact(value, bpsText(value));
}

/** A share of one, in percent. */
export function shareFigure(share: number | null | undefined): Markup {
  if (share === null || share === undefined || Number.isNaN(share)) return NO_FIGURE;
  return exact(share, `${signedText(share * 100, 1)} %`);
}

/** A length of time. */
export function durationFigure(duration_ms: number | null | undefined): Markup {
  if (duration_ms === null || duration_ms === undefined) return NO_FIGURE;
  return exact(duration_ms, durationText(duration_ms));
}

/** A length of time as text; stamps of different clocks can make one that is below zero. */
export function durationText(duration_ms: number): string {
  if (duration_ms < 0) return `−${humanDuration(-duration_ms)}`;
  const days = duration_ms / DAY_MS;
  return days < 2 ? humanDuration(duration_ms) : `${signedText(days, days < 10 ? 1 : 0)} days`;
}

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
  return html`<time datetime="${new Date(time_ms).toISOString()}">${timeText(time_ms)}</time>`;
}
