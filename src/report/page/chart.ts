/**
 * Charts as SVG, without a script. Places along a chart are percentages and text has the page's own size,
 * so that the same drawing is legible on a phone, at a desk and on paper. Room for what stands beside the
 * axes is padding.
 */
import { type Markup, markup, type Piece } from "./markup.ts";
import { percent, round, type Scale, type Tick } from "./scales.ts";

/** What every chart has. */
interface ChartHead {
  /** Unique on the page. */
  id: string;
  /** What is drawn, for a screen reader: its name, and what there is to see. */
  title: string;
  description: string;
  /** What stands above it. */
  caption?: Piece;
}

/** A chart. */
interface Chart extends ChartHead {
  height_px: number;
  /** Room at the sides, for labels. */
  left_px?: number;
  right_px?: number;
  body: Piece;
}

const ABOVE_PX = 8;
const BELOW_PX = 38;
/** Room for the labels of a left axis. */
const LEFT_PX = 46;
/** So many characters of labels, with the gaps between them, fit side by side on a phone. */
const PHONE_LABELS_CHARS = 34;

/** Draws a chart. */
export function chart(
  { id, title, description, height_px, left_px = LEFT_PX, right_px = 10, body, caption }: Chart,
): Markup {
  const padding = `${ABOVE_PX}px ${right_px}px ${BELOW_PX}px ${left_px}px`;
  const whole_px = height_px + ABOVE_PX + BELOW_PX;
  return markup`<figure>${caption && markup`<figcaption>${caption}</figcaption>`}
    <svg class="chart" role="img" aria-labelledby="${id}-t ${id}-d" height="${whole_px}" style="padding:${padding}">
    <title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
    ${body}</svg></figure>`;
}

/** A chart with a row for each of some things: its name, and below that what there is to see of it. */
interface RowsChart<Row> extends ChartHead {
  rows: readonly Row[];
  name: (row: Row) => string;
  row_px: number;
  x: Scale;
  ticks: readonly Tick[];
  unit: string;
  sides_px: [left: number, right: number];
  /** What is drawn of a row that begins so far down. */
  draw: (row: Row, top_px: number) => Piece;
  /** What is drawn over the whole height. */
  behind?: (height_px: number) => Piece;
}

/** Draws a chart of rows. */
export function rowsChart<Row>({ rows, row_px, sides_px, ...of }: RowsChart<Row>): Markup {
  const height_px = Math.max(1, rows.length) * row_px;
  const [left_px, right_px] = sides_px;
  return chart({
    ...{ ...of, height_px, left_px, right_px },
    body: markup`${bottomAxis(of.ticks, of.x, height_px, of.unit, left_px)}${
      of.behind?.(height_px)
    }${
      rows.map((row, index) => {
        const top_px = index * row_px;
        return markup`<text class="name" x="0" y="${top_px + 12}">${of.name(row)}</text>
          ${of.draw(row, top_px)}`;
      })
    }`,
  });
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
    const anchor = place > 93 ? "end" : left_px < 30 && place < 8 ? "start" : "middle";
    const often = is_long && index % 2 === 1 ? " wide" : "";
    return markup`${lineUp(`grid${often}`, place, 0, height_px)}<text class="tick${often}"
      x="${percent(place)}" y="${height_px + 16}" text-anchor="${anchor}">${label}</text>`;
  });
  return markup`${marks}<text class="unit" x="100%" y="${
    height_px + 32
  }" text-anchor="end">${unit}</text>`;
}

/** Marks along the left side, with lines across from them. */
export function leftAxis(ticks: readonly Tick[], y: Scale): Piece {
  return ticks.map(({ value, label }) =>
    markup`${lineAcross("grid", 0, 100, y(value))}
      <text class="tick" x="-8" y="${
      round(y(value))
    }" dy="0.35em" text-anchor="end">${label}</text>`
  );
}

/** A line up, at a place along the chart. */
export function lineUp(kind: string, x: number, from_px: number, to_px: number): Markup {
  const at = percent(x);
  return markup`<line class="${kind}" x1="${at}" x2="${at}" y1="${from_px}" y2="${to_px}" />`;
}

/** A line across, between two places along the chart. */
export function lineAcross(kind: string, from: number, to: number, y_px: number): Markup {
  const y = round(y_px);
  return markup`<line class="${kind}" x1="${percent(from)}" x2="${
    percent(to)
  }" y1="${y}" y2="${y}" />`;
}

/** A bar between two places along the chart; its title shows where a pointer rests. */
export function bar(
  kind: string,
  [from, to]: readonly [number, number],
  [top_px, bottom_px]: readonly [number, number],
  title?: string,
): Markup {
  return markup`<rect class="${kind}" x="${percent(from)}" width="${
    percent(Math.max(0, to - from))
  }"
    y="${round(top_px)}" height="${round(bottom_px - top_px)}">${
    title && markup`<title>${title}</title>`
  }</rect>`;
}

/** A dot. */
export function dot(kind: string, x: number, y_px: number, radius_px: number): Markup {
  return markup`<circle class="${kind}" cx="${percent(x)}" cy="${round(y_px)}" r="${radius_px}" />`;
}

/** What the colours mean. */
export function legend(entries: readonly { kind: string; label: Piece }[]): Markup {
  return markup`<ul class="legend">${
    entries.map(({ kind, label }) => markup`<li><span class="swatch ${kind}"></span>${label}</li>`)
  }</ul>`;
}
