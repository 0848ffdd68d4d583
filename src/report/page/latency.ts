/** How long traced events took, by type: from their creation to the end of their processing. */
import { counted, humanCount } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { TypeDurations } from "../../trace/ask/type_latency.ts";
import type { ReportData } from "../gather/data.ts";
import { dot, legend, lineAcross, rowsChart } from "./chart.ts";
import { countFigure, durationFigure, durationText } from "./figures.ts";
import { type Markup, markup, named } from "./markup.ts";
import { logDurations, logScale } from "./scales.ts";
import { asks, leftOut, note, section, table } from "./section.ts";

/** Nothing is stamped more finely than this, and a logarithm has no zero. */
const LEAST_MS = 0.001;

type Timed = TypeDurations & { latency: NonNullable<TypeDurations["latency"]> };
type Percentile = Exclude<keyof Timed["latency"], "count">;

const MARKS: readonly { kind: string; label: string; field: Percentile }[] = [
  { kind: "p50", label: "median", field: "median_ms" },
  { kind: "p95", label: "95th percentile", field: "p95_ms" },
  { kind: "p99", label: "99th percentile", field: "p99_ms" },
  { kind: "max", label: "longest", field: "max_ms" },
];

/** The section. */
export function latencySection({ latencies }: ReportData): Markup {
  const lead = "From the creation of a traced event to the end of its processing. The scale is " +
    "logarithmic: each line is ten times the one before it.";
  return section("latency", "Latency by event type", lead, latencies, (data) => {
    const timed = data.types.filter((type): type is Timed => type.latency !== null);
    const of = data.correlations === undefined
      ? ""
      : ` of the ${counted(data.correlations, "correlation")} that may belong to these runs`;
    const figure = (field: Percentile) => ({ latency }: TypeDurations) =>
      durationFigure(latency?.[field]);
    return [
      note(`${counted(data.events, "traced event")}${of}.`),
      timed.length > 0 ? dotsOf(timed) : markup`<p class="missing">No traced event has both the
        stamps that a latency is taken from: created_at and processed_at.</p>`,
      table("Latency by event type", data.types, {
        "Type": ({ event_type }) => named(event_type, 60),
        "Left out": leftOutWords,
      }, {
        "Events": ({ events }) => countFigure(events),
        "Measured": ({ latency }) => countFigure(latency?.count ?? 0),
        "Mean": figure("mean_ms"),
        "Median": figure("median_ms"),
        "90 %": figure("p90_ms"),
        "95 %": figure("p95_ms"),
        "99 %": figure("p99_ms"),
        "Longest": figure("max_ms"),
      }),
      leftOut(data.types.length, data.types_total, "$ types, those with most events"),
      asks([[
        "How many traced events there are of each type; then, of one correlation, where its time " +
        "went: ledger trace latency CORRELATION",
        "ledger trace stats",
      ]]),
    ];
  });
}

function dotsOf(types: readonly Timed[]): Markup {
  const valueOf = ({ latency }: Timed, field: Percentile) => Math.max(LEAST_MS, latency[field]);
  const values = types.flatMap((type) => MARKS.map(({ field }) => valueOf(type, field)));
  const axis = logDurations(Math.min(...values), Math.max(...values), 6);
  const x = logScale(axis.from, axis.to);
  const slowest = types.toSorted((a, b) => b.latency.p95_ms - a.latency.p95_ms)[0];
  return rowsChart({
    id: "latency-chart",
    title: "Latency percentiles by event type",
    caption: markup`Latency ${legend(MARKS)}`,
    description: `${counted(types.length, "type")}. The highest 95th percentile is that of ${
      slowest.event_type.slice(0, report_title_chars_max)
    }: ${durationText(slowest.latency.p95_ms)}. The table below has the same numbers.`,
    rows: types,
    row_px: 36,
    name: ({ event_type }) => event_type.slice(0, 36),
    x,
    ticks: axis.ticks,
    unit: "latency, logarithmic",
    sides_px: [8, 14],
    draw: (type, top_px) => [
      lineAcross("whisker", x(valueOf(type, "median_ms")), x(valueOf(type, "max_ms")), top_px + 24),
      MARKS.toReversed().map(({ kind, field }) =>
        dot(kind, x(valueOf(type, field)), top_px + 24, 4.5)
      ),
    ],
  });
}

function leftOutWords({ left_out }: TypeDurations): string {
  return Object.entries(left_out).filter(([, count]) => count > 0)
    .map(([why, count]) => `${humanCount(count)} ${why.replaceAll("_", " ")}`).join(", ");
}
