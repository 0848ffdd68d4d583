/**
 * The frame of a chart. Places along it are percentages and text has the page's own size, so that the
 * same drawing is legible on a phone, on a desk and on paper, without a script. Room for what stands
 * beside the axes is padding.
 */
import { html, type Markup, type Piece } from "./markup.ts";
import { percent, type Scale, type Tick } from "./scales.ts";

/** A chart. */
interface Chart {
  /** Unique on the page. */
  id: string;
  /** What is drawn, for a screen reader: its name, and what there is to see. */
  title: string;
  description: string;
  height_px: number;
  /** Room at the sides, for labels. */
  left_px?: number;
  right_px?: number;
  body: Piece;
  /** What stands above it. */
  caption?: Piece;
  /** What stands below it. */
  below?: Piece;
}

const ABOVE_PX = 8;
const BELOW_PX = 38;
/** Room for the labels of a left axis. */
const LEFT_PX = 46;
/** So many characters of labels, with the gaps between them, fit side by side on a phone. */
const PHONE_LABELS_CHARS = 34;

/** Draws a chart. */
export function chart(
  { id, title, description, height_px, left_px = LEFT_PX, right_px = 10, body, caption, below }:
    Chart,
): Markup {
  const padding = `${ABOVE_PX}px ${right_px}px ${BELOW_PX}px ${left_px}px`;
  const whole_px = height_px + ABOVE_PX + BELOW_PX;
  return html`<figure>${caption && html`<figcaption>${caption}</figcaption>`}
<svg class="chart" role="img" aria-labelledby="${id}-t ${id}-d" height="${whole_px}" style="padding:${padding}">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${body}</svg>${below}</figure>`;
}

/** Marks along the bottom, with lines up from them. The outer labels keep within the chart. */
export function bottomAxis(
  ticks: readonly Tick[],
  scale: Scale,
  height_px: number,
  unit: string,
  /** The room to its left, into which the first label may reach. */
  left_px = LEFT_PX,
): Markup {
  // A phone has room for half of the labels then.
  const is_long = ticks.reduce((sum, { label }) => sum + label.length + 2, 0) > PHONE_LABELS_CHARS;
  const marks = ticks.map(({ value, label }, index) => {
    const place = scale(value);
    const x = percent(place);
    const anchor = place > 93 ? "end" : left_px < 30 && place < 8 ? "start" : "middle";
    const often = is_long && index % 2 === 1 ? " wide" : "";
    return html`
      <line class="grid${often}" x1="${x}" x2="${x}" y1="0" y2="${height_px}" />
      <text class="tick${often}" x="${x}" y="${height_px + 16}"
        text-anchor="${anchor}">${label}</text>
    `;
  });
  return html`${marks}<text class="unit" x="100%" y="${
    height_px + 32
  }" text-anchor="end">${unit}</text>`;
}

/** Marks along the left side, with lines across from them. */
export function leftAxis(ticks: readonly Tick[], y: (value: number) => number): Markup {
  return html`${
    ticks.map(({ value, label }) => {
      const at = round(y(value));
      return html`
        <line class="grid" x1="0" x2="100%" y1="${at}" y2="${at}" />
        <text class="tick" x="-8" y="${at}" dy="0.35em" text-anchor="end">${label}</text>
      `;
    })
  }`;
}

/** From a value to its height in a chart, from the top. */
export function heightScale(from: number, to: number, height_px: number) {
  const span = to - from;
  return (value: number) =>
    span > 0 ? height_px - (value - from) / span * height_px : height_px / 2;
}

/** Rounded for drawing: a hundredth of a pixel is not seen. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** What the colours mean. */
export function legend(entries: readonly { kind: string; label: Piece }[]): Markup {
  return html`<ul class="legend">${
    entries.map(({ kind, label }) => html`<li><span class="swatch ${kind}"></span>${label}</li>`)
  }</ul>`;
}
