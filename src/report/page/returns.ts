/** What the trades of runs returned: for each run how its returns are spread, and how their sum went. */
import { counted, humanCount } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import { bottomAxis, chart, heightScale, leftAxis, round } from "./chart.ts";
import type { BinEdges, CurvePoint, DrawnReturns, Found, TradesData } from "../gather/data.ts";
import { bpsFigure, bpsText, countFigure, shareFigure, timeText, yearWords } from "./figures.ts";
import { html, identifier, type Markup, type Piece } from "./markup.ts";
import { askReturns, CURVE_BINS } from "../gather/queries.ts";
import { linearScale, numberTicks, percent, timeTicks } from "./scales.ts";
import { asks, leftOut, pairs, queryLine, section } from "./section.ts";
import { tradesPlaces } from "./policies.ts";
import { statusBadge } from "./statuses.ts";

const HEIGHT_PX = 130;
/** The size of a drawing that is stretched to whatever room there is. */
const WIDTH_UNITS = 1_000;

/** The section. */
export function returnsSection(
  found: Found<TradesData>,
  ledger_dir: string,
  selected?: readonly string[],
): Markup {
  const head = {
    id: "returns",
    title: "Returns and equity",
    lead:
      "Returns are those of single trades, in basis points (100 bps are 1 %). The curve is their " +
      "sum in the order in which trades were closed: equal stakes, nothing reinvested.",
  };
  return section(head, found, (data) => {
    const sums = data.drawn.flatMap(({ curve }) => curve.map(({ sum_bps }) => sum_bps));
    const range = rangeOf([...sums, 0]);
    const most = data.drawn.flatMap(({ bins, trades }) => bins.map((bin) => bin / trades))
      .reduce((a, b) => Math.max(a, b), 0.01);
    const run_ids = data.drawn.map(({ run_id }) => run_id);
    return html`
      <div class="cards wide-cards">${data.drawn.map((run, index) =>
        cardOf(run, index, { edges: data.edges, range, most })
      )}</div>
      ${leftOut(
        data.drawn.length,
        data.runs_total,
        "the latest $ runs with trades",
        "The policies below are compared over all of them.",
      )}
      <p
        class="note">All runs share the same axes. ${outermostNote(
          data.drawn,
          data.edges,
        )}Curves of more than ${humanCount(
          CURVE_BINS,
        )} trades are drawn from the ends and the extremes of each bin.</p>
      ${data.without_return > 0 &&
        html`<p class="note">${counted(data.without_return, "trade")} without a finite return ${
          data.without_return === 1 ? "counts" : "count"
        } nowhere.</p>`}
      ${asks(
        tradesPlaces(data, ledger_dir).map(({ place, database, shows }) => ({
          shows: `What each run's trades came to${shows}`,
          line: queryLine(askReturns(place, selected ?? run_ids), database),
        })),
      )}
    `;
  });
}

function outermostNote(drawn: readonly DrawnReturns[], edges: BinEdges): string {
  const { from_bps, step_bps, count } = edges;
  const to_bps = from_bps + step_bps * count;
  const beyond = drawn.some(({ worst_bps, best_bps }) => worst_bps < from_bps || best_bps > to_bps);
  return beyond ? "The outermost bars also hold the returns that lie beyond them. " : "";
}

/** The least and the greatest of some values, with some air. */
function rangeOf(values: readonly number[]): { low: number; high: number } {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const air = (high - low) * 0.04 || 1;
  return { low: low - air, high: high + air };
}

interface SharedAxes {
  edges: BinEdges;
  range: { low: number; high: number };
  /** The greatest share of a run's trades that one bin holds. */
  most: number;
}

function cardOf(run: DrawnReturns, index: number, axes: SharedAxes): Markup {
  const { run_id, status, trades, wins, stop_outs } = run;
  const facts: [string, Piece][] = [
    ["Trades", countFigure(trades)],
    ["Sum, bps", bpsFigure(run.sum_bps)],
    ["Mean, bps", bpsFigure(run.mean_bps)],
    ["Median, bps", bpsFigure(run.median_bps)],
    ["Gained", shareFigure(wins / trades)],
    ["Stopped out", shareFigure(stop_outs / trades)],
    ["Deepest fall, bps", bpsFigure(run.drawdown_bps)],
  ];
  return html`
    <article class="card">
      <h3>${identifier(run_id, 60)} ${statusBadge(status)}</h3>
      ${pairs("facts", facts)}
      <div class="pair">${histogramOf(run, index, axes)}${curveOf(run, index, axes)}</div>
    </article>
  `;
}

function histogramOf(run: DrawnReturns, index: number, { edges, most }: SharedAxes): Markup {
  const { from_bps, step_bps, count } = edges;
  const to_bps = from_bps + step_bps * count;
  const x = linearScale(from_bps, to_bps);
  const y = heightScale(0, most, HEIGHT_PX);
  const bars = run.bins.map((trades, bin) => {
    if (trades === 0) return null;
    const low = from_bps + bin * step_bps;
    const gap = 100 / count * 0.1;
    const top = y(trades / run.trades);
    return html`
      <rect class="${low < 0 ? "bad" : "good"}" x="${percent(x(low) + gap)}" width="${percent(
        x(low + step_bps) - x(low) - 2 * gap,
      )}" y="${round(top)}" height="${round(HEIGHT_PX - top)}">
        <title>${bpsText(low)} to ${bpsText(low + step_bps)} bps: ${counted(
          trades,
          "trade",
        )}</title>
      </rect>
    `;
  });
  return chart({
    id: `bins-${index}`,
    title: `Returns of the trades of run ${run.run_id.slice(0, report_title_chars_max)}`,
    description: `${counted(run.trades, "trade")} from ${bpsText(run.worst_bps)} to ${
      bpsText(run.best_bps)
    } bps. Half lie between ${bpsText(run.p25_bps)} and ${bpsText(run.p75_bps)}, the median is ${
      bpsText(run.median_bps)
    }.`,
    height_px: HEIGHT_PX,
    left_px: 42,
    caption: "Share of trades by return",
    body: html`${leftAxis(shareTicks(most), y)}${
      bottomAxis(numberTicks(from_bps, to_bps, 7), x, HEIGHT_PX, "return, bps")
    }${bars}${zeroLine(x)}`,
  });
}

function shareTicks(most: number) {
  return numberTicks(0, most * 100, 4)
    .map(({ value, label }) => ({ value: value / 100, label: `${label} %` }));
}

function zeroLine(x: (value: number) => number): Markup {
  const at = percent(x(0));
  return html`
    <line class="zero" x1="${at}" x2="${at}" y1="0" y2="${HEIGHT_PX}" />
  `;
}

function curveOf(run: DrawnReturns, index: number, { range }: SharedAxes): Markup {
  const { curve } = run;
  const y = heightScale(range.low, range.high, HEIGHT_PX);
  const from_ms = curve[0]?.at_ms ?? 0;
  const to_ms = curve[curve.length - 1]?.at_ms ?? 0;
  const x = linearScale(from_ms, to_ms);
  const last = curve[curve.length - 1];
  const zero = round(y(0));
  return chart({
    id: `curve-${index}`,
    title: `Sum of the returns of run ${run.run_id.slice(0, report_title_chars_max)} over time`,
    description: `From ${timeText(from_ms)} to ${timeText(to_ms)} UTC it comes to ${
      bpsText(run.sum_bps)
    } bps; its deepest fall is ${bpsText(run.drawdown_bps)} bps.`,
    height_px: HEIGHT_PX,
    left_px: 62,
    caption: "Sum of returns",
    body: html`
      ${leftAxis(numberTicks(range.low, range.high, 5), y)}${bottomAxis(
        curveTicks(from_ms, to_ms),
        x,
        HEIGHT_PX,
        `time of exit${yearWords(from_ms, to_ms)}, UTC`,
      )}<line class="zero" x1="0" x2="100%" y1="${zero}" y2="${zero}" /><svg
        x="0" y="0" width="100%" height="${HEIGHT_PX}" viewBox="0 0 ${WIDTH_UNITS} ${HEIGHT_PX}"
        preserveAspectRatio="none" class="stretched">
        <path class="curve" d="${pathOf(curve, x, y)}" />
      </svg>${last && html`
        <circle class="end" cx="${percent(x(last.at_ms))}" cy="${round(y(last.sum_bps))}" r="3" />
      `}
    `,
  });
}

function curveTicks(from_ms: number, to_ms: number) {
  const ticks = timeTicks(from_ms, to_ms, 3);
  return ticks.length > 0 ? ticks : [{ value: from_ms, label: timeText(from_ms) }];
}

/** Steps: between two trades that were closed nothing changes. It begins with nothing. */
function pathOf(
  curve: readonly CurvePoint[],
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const places = curve.map(({ at_ms, sum_bps }) => {
    const across = Math.round(x(at_ms) * WIDTH_UNITS / 10) / 10;
    return `H${across}V${Math.round(y(sum_bps) * 10) / 10}`;
  });
  return `M0 ${round(y(0))}${places.join("")}`;
}
