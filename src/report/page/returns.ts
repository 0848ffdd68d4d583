/** What the trades of runs returned: for each run how its returns are spread, and how their sum went. */
import { counted, humanCount } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { BinEdges, DrawnReturns, ReportData, TradesData } from "../gather/data.ts";
import { askReturns, CURVE_BINS } from "../gather/queries.ts";
import { bar, bottomAxis, chart, dot, leftAxis, lineAcross, lineUp } from "./chart.ts";
import {
  bpsFigure,
  bpsText,
  countFigure,
  ratioFigure,
  shareFigure,
  timeText,
  yearWords,
} from "./figures.ts";
import { type Markup, markup, type Piece } from "./markup.ts";
import { codeOf, parametersOf } from "./parameters.ts";
import { tradesAsks } from "./policies.ts";
import { heightScale, linearScale, numberTicks, round, timeTicks } from "./scales.ts";
import { leftOut, note, pairs, runCard, section } from "./section.ts";

const HEIGHT_PX = 130;
/** The size of a drawing that is stretched to whatever room there is. */
const WIDTH_UNITS = 1_000;

/** The section. */
export function returnsSection({ trades, ledger_dir, named }: ReportData): Markup {
  const lead =
    "Returns are those of single trades, in basis points (100 bps are 1 %). The curve is " +
    "their sum in the order in which trades were closed: equal stakes, nothing reinvested. Its " +
    "drawdown is the deepest fall below where it stood before.";
  return section("returns", "Returns and equity", lead, trades, (data) => {
    const { drawn, edges, runs_total, without_return } = data;
    const parameters = parametersOf(drawn);
    const factsOf = (run: DrawnReturns): Record<string, Piece> => ({
      "Trades": countFigure(run.trades),
      "Sum, bps": bpsFigure(run.sum_bps),
      "Mean, bps": bpsFigure(run.mean_bps),
      "Median, bps": bpsFigure(run.median_bps),
      "Drawdown, bps": bpsFigure(run.drawdown_bps),
      "Sharpe": ratioFigure(run.sharpe),
      "Gained": shareFigure(run.win_rate),
      "Stopped out": shareFigure(run.stop_out_rate),
      "Parameters": parameters(run),
      "Code": codeOf(run),
    });
    const axes = sharedAxes(data);
    const beyond = drawn.some(({ worst_bps, best_bps }) =>
      worst_bps < edges.from_bps || best_bps > toOf(edges)
    );
    return [
      markup`<div class="cards wide-cards">${
        drawn.map((run, index) =>
          runCard(run, [
            pairs("facts", factsOf(run)),
            markup`<div class="pair">${histogramOf(run, index, axes)}${
              curveOf(run, index, axes)
            }</div>`,
          ])
        )
      }</div>`,
      leftOut(
        drawn.length,
        runs_total,
        "the best $ runs with trades, by the sum of their returns, completed ones first",
        "The policies below are compared over all of them.",
      ),
      note(
        `All runs share the same axes. ${
          beyond ? "The outermost bars also hold the returns that lie beyond them. " : ""
        }Curves of more than ${
          humanCount(CURVE_BINS)
        } trades are drawn from the ends and the extremes of each bin.`,
      ),
      note(
        without_return > 0 &&
          `${counted(without_return, "trade")} without a finite return ${
            without_return === 1 ? "counts" : "count"
          } nowhere.`,
      ),
      tradesAsks(
        data,
        ledger_dir,
        "What each run's trades came to",
        (place) => askReturns(place, named ?? drawn.map(({ run_id }) => run_id)),
      ),
    ];
  });
}

interface SharedAxes {
  edges: BinEdges;
  /** Of the curves. */
  low_bps: number;
  high_bps: number;
  /** The greatest share of a run's trades that one bin holds. */
  most: number;
}

function toOf({ from_bps, step_bps, count }: BinEdges): number {
  return from_bps + step_bps * count;
}

function sharedAxes({ drawn, edges }: TradesData): SharedAxes {
  const sums = drawn.flatMap(({ curve }) => curve.map(({ sum_bps }) => sum_bps));
  const shares = drawn.flatMap(({ bins, trades }) => bins.map((bin) => bin / trades));
  const low = sums.reduce((a, b) => Math.min(a, b), 0);
  const high = sums.reduce((a, b) => Math.max(a, b), 0);
  const air = (high - low) * 0.04 || 1;
  const most = shares.reduce((a, b) => Math.max(a, b), 0.01);
  return { edges, low_bps: low - air, high_bps: high + air, most };
}

function histogramOf(run: DrawnReturns, index: number, { edges, most }: SharedAxes): Markup {
  const { from_bps, step_bps, count } = edges;
  const x = linearScale(from_bps, toOf(edges));
  const y = heightScale(0, most, HEIGHT_PX);
  const gap = 100 / count * 0.1;
  const bars = run.bins.map((trades, bin) => {
    const low = from_bps + bin * step_bps;
    const title = `${bpsText(low)} to ${bpsText(low + step_bps)} bps: ${counted(trades, "trade")}`;
    const across = [x(low) + gap, x(low + step_bps) - gap] as const;
    return trades > 0 &&
      bar(low < 0 ? "bad" : "good", across, [y(trades / run.trades), HEIGHT_PX], title);
  });
  const shares = numberTicks(0, most * 100, 4)
    .map(({ value, label }) => ({ value: value / 100, label: `${label} %` }));
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
    body: [
      leftAxis(shares, y),
      bottomAxis(numberTicks(from_bps, toOf(edges), 7), x, HEIGHT_PX, "return, bps"),
      bars,
      lineUp("zero", x(0), 0, HEIGHT_PX),
    ],
  });
}

function curveOf(run: DrawnReturns, index: number, { low_bps, high_bps }: SharedAxes): Markup {
  const { curve } = run;
  const y = heightScale(low_bps, high_bps, HEIGHT_PX);
  const last = curve[curve.length - 1];
  const [from_ms, to_ms] = [curve[0].at_ms, last.at_ms];
  const x = linearScale(from_ms, to_ms);
  const ticks = timeTicks(from_ms, to_ms, 3);
  // Steps: between two trades that were closed nothing changes. It begins with nothing.
  const steps = curve.map(({ at_ms, sum_bps }) =>
    `H${Math.round(x(at_ms) * WIDTH_UNITS / 10) / 10}V${Math.round(y(sum_bps) * 10) / 10}`
  );
  return chart({
    id: `curve-${index}`,
    title: `Sum of the returns of run ${run.run_id.slice(0, report_title_chars_max)} over time`,
    description: `From ${timeText(from_ms)} to ${timeText(to_ms)} UTC it comes to ${
      bpsText(run.sum_bps)
    } bps; its drawdown is ${bpsText(run.drawdown_bps)} bps.`,
    height_px: HEIGHT_PX,
    left_px: 62,
    caption: "Sum of returns",
    body: [
      leftAxis(numberTicks(low_bps, high_bps, 5), y),
      bottomAxis(
        ticks.length > 0 ? ticks : [{ value: from_ms, label: timeText(from_ms) }],
        x,
        HEIGHT_PX,
        `time of exit${yearWords(from_ms, to_ms)}, UTC`,
      ),
      lineAcross("zero", 0, 100, y(0)),
      markup`<svg x="0" y="0" width="100%" height="${HEIGHT_PX}" class="stretched"
        viewBox="0 0 ${WIDTH_UNITS} ${HEIGHT_PX}" preserveAspectRatio="none">
        <path class="curve" d="M0 ${round(y(0))}${steps.join("")}" /></svg>`,
      dot("end", x(to_ms), y(last.sum_bps), 3),
    ],
  });
}
