/** How long traced events took, by type: from their creation to the end of their processing. */
import { counted, humanCount } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { TypeDurations } from "../../trace/ask/type_latency.ts";
import { bottomAxis, chart, legend } from "./chart.ts";
import type { Found, LatencyData } from "../gather/data.ts";
import { countFigure, durationFigure, durationText } from "./figures.ts";
import { html, type Markup, named } from "./markup.ts";
import { logDurations, logScale, percent } from "./scales.ts";
import { asks, leftOut, right, section, table } from "./section.ts";

const ROW_PX = 36;
/** Nothing is stamped more finely than this, and a logarithm has no zero. */
const LEAST_MS = 0.001;

type Timed = TypeDurations & { latency: NonNullable<TypeDurations["latency"]> };

const MARKS = [
  { kind: "p50", title: "median", of: ({ median_ms }: Timed["latency"]) => median_ms },
  { kind: "p95", title: "95th percentile", of: ({ p95_ms }: Timed["latency"]) => p95_ms },
  { kind: "p99", title: "99th percentile", of: ({ p99_ms }: Timed["latency"]) => p99_ms },
  { kind: "max", title: "longest", of: ({ max_ms }: Timed["latency"]) => max_ms },
] as const;

/** The section. */
export function latencySection(found: Found<LatencyData>): Markup {
  const head = {
    id: "latency",
    title: "Latency by event type",
    lead: "From the creation of a traced event to the end of its processing. The scale is " +
      "logarithmic: each line is ten times the one before it.",
  };
  return section(head, found, (data) => {
    const timed = data.types.filter((type): type is Timed => type.latency !== null);
    const of = data.correlations === undefined
      ? ""
      : ` of the ${counted(data.correlations, "correlation")} that may belong to these runs`;
    return html`<p class="note">${counted(data.events, "traced event")}${of}.</p>
${
      timed.length > 0 ? dotsOf(timed) : html`
        <p
          class="missing">No traced event has both the stamps that a latency is taken from: created_at and processed_at.</p>
      `
    }
${tableOf(data.types)}
${leftOut(data.types.length, data.types_total, "$ types, those with most events")}
${
      asks([{
        shows:
          "How many traced events there are of each type; then, of one correlation, where its time went: ledger trace latency CORRELATION",
        line: "ledger trace stats",
      }])
    }`;
  });
}

function dotsOf(types: readonly Timed[]): Markup {
  const values = types.flatMap(({ latency }) =>
    MARKS.map(({ of }) => Math.max(LEAST_MS, of(latency)))
  );
  const axis = logDurations(
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
    6,
  );
  const x = logScale(axis.from, axis.to);
  const height = types.length * ROW_PX;
  const rows = types.map(({ event_type, latency }, row) => {
    const middle = row * ROW_PX + 24;
    const place = (value: number) => percent(x(Math.max(LEAST_MS, value)));
    const marks = MARKS.toReversed().map(({ kind, of }) =>
      html`
        <circle class="${kind}" cx="${place(of(latency))}" cy="${middle}" r="4.5" />
      `
    );
    return html`
      <text class="name" x="0" y="${row * ROW_PX + 12}">${event_type.slice(
        0,
        36,
      )}</text><line class="whisker" x1="${place(latency.median_ms)}"
        x2="${place(latency.max_ms)}" y1="${middle}" y2="${middle}" />${marks}
    `;
  });
  const slowest = types.toSorted((a, b) => b.latency.p95_ms - a.latency.p95_ms)[0];
  return chart({
    id: "latency-chart",
    title: "Latency percentiles by event type",
    description: `${counted(types.length, "type")}. The highest 95th percentile is that of ${
      slowest.event_type.slice(0, report_title_chars_max)
    }: ${durationText(slowest.latency.p95_ms)}. The table below has the same numbers.`,
    height_px: height,
    left_px: 8,
    right_px: 14,
    caption: html`Latency ${legend(MARKS.map(({ kind, title }) => ({ kind, label: title })))}`,
    body: html`${bottomAxis(axis.ticks, x, height, "latency, logarithmic", 8)}${rows}`,
  });
}

function tableOf(types: readonly TypeDurations[]): Markup {
  const titles = ["Events", "Measured", "Mean", "Median", "90 %", "95 %", "99 %", "Longest"];
  const some_left_out = types.some(({ left_out }) => leftOutWords(left_out) !== "");
  const rows = types.map(({ event_type, events, latency, left_out }) => [
    named(event_type, 60),
    countFigure(events),
    countFigure(latency?.count ?? 0),
    ...[latency?.mean_ms, latency?.median_ms, latency?.p90_ms, latency?.p95_ms, latency?.p99_ms]
      .map(durationFigure),
    durationFigure(latency?.max_ms),
    ...(some_left_out ? [leftOutWords(left_out)] : []),
  ]);
  return table("Latency by event type", [
    "Type",
    ...right(...titles),
    ...(some_left_out ? ["Left out"] : []),
  ], rows);
}

function leftOutWords(left_out: TypeDurations["left_out"]): string {
  return Object.entries(left_out).filter(([, count]) => count > 0)
    .map(([why, count]) => `${humanCount(count)} ${why.replaceAll("_", " ")}`).join(", ");
}
