/** Policies beside each other: how the returns of their trades are spread, over all runs. */
import { counted } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { PolicyReturns, ReportData, TradesData } from "../gather/data.ts";
import { askPolicies, type TradesPlace } from "../gather/queries.ts";
import { bar, dot, lineAcross, lineUp, rowsChart } from "./chart.ts";
import { bpsFigure, bpsText, countFigure, durationFigure, shareFigure } from "./figures.ts";
import { identifier, type Markup, type Piece } from "./markup.ts";
import { linearScale, numberTicks } from "./scales.ts";
import { type Ask, asks, leftOut, queryLine, section, table } from "./section.ts";

const NO_POLICY = "no policy id";

/** The section. */
export function policiesSection({ trades, ledger_dir, named }: ReportData): Markup {
  const lead =
    "All trades of a policy together, whichever run they are of; the highest mean first. " +
    "Boxes hold the middle half of the returns, whiskers reach from the 5th to the 95th percentile; " +
    "the line in the box is the median, the dot the mean.";
  return section("policies", "Policies compared", lead, trades, (data) => [
    // Of trades that all lack a return nothing can be drawn.
    ...data.policies.length > 0 ? [boxesOf(data.policies)] : [],
    table("Policies, returns in bps", data.policies, {
      "Policy": ({ policy_id }) => policy_id === null ? NO_POLICY : identifier(policy_id, 60),
    }, {
      "Runs": ({ runs }) => countFigure(runs),
      "Trades": ({ trades }) => countFigure(trades),
      "Mean": ({ mean_bps }) => bpsFigure(mean_bps),
      "Median": ({ median_bps }) => bpsFigure(median_bps),
      "5 %": ({ p05_bps }) => bpsFigure(p05_bps),
      "95 %": ({ p95_bps }) => bpsFigure(p95_bps),
      "Worst": ({ worst_bps }) => bpsFigure(worst_bps),
      "Best": ({ best_bps }) => bpsFigure(best_bps),
      "Gained": ({ win_rate }) => shareFigure(win_rate),
      "Stopped": ({ stop_out_rate }) => shareFigure(stop_out_rate),
      "Excursion": ({ mean_excursion_bps }) => bpsFigure(mean_excursion_bps),
      "Open for": ({ mean_exposed_ms }) => durationFigure(mean_exposed_ms),
    }),
    leftOut(
      data.policies.length,
      data.policies_total,
      "$ policies, those with the highest mean return",
    ),
    tradesAsks(data, ledger_dir, "The table", (place) => askPolicies(place, named)),
  ]);
}

/** A question to the trades of a report, wherever these are, and others after it. */
export function tradesAsks(
  { runs_beside, runs_total }: TradesData,
  ledger_dir: string,
  shows: string,
  sqlOf: (place: TradesPlace) => string,
  more: readonly Ask[] = [],
): Piece {
  const pattern = `${ledger_dir}/artifacts/runs/*/trades.parquet`.replaceAll("'", "''");
  const of_both = runs_beside > 0 && runs_beside < runs_total;
  const own: Ask = [
    of_both ? `${shows} (runs with trades in their own folders)` : shows,
    queryLine(sqlOf("trades"), "catalog"),
  ];
  const beside: Ask = [
    of_both ? `${shows} (runs whose trades were stored by ledger artifacts put)` : shows,
    queryLine(sqlOf(`read_parquet('${pattern}')`)),
  ];
  return asks([
    ...runs_beside < runs_total || runs_total === 0 ? [own] : [],
    ...runs_beside > 0 ? [beside] : [],
    ...more,
  ]);
}

function boxesOf(policies: readonly PolicyReturns[]): Markup {
  const least = policies.reduce((low, { p05_bps }) => Math.min(low, p05_bps), 0);
  const most = policies.reduce((high, { p95_bps }) => Math.max(high, p95_bps), 0);
  const air = (most - least) * 0.03 || 1;
  const [from, to] = [least - air, most + air];
  const x = linearScale(from, to);
  const nameOf = ({ policy_id }: PolicyReturns) => policy_id ?? NO_POLICY;
  const [best] = policies;
  return rowsChart({
    id: "policies-chart",
    title: "Returns of trades by policy",
    caption: "Returns of trades by policy",
    description: `${counted(policies.length, "policy", "policies")}. The highest mean is that of ${
      nameOf(best).slice(0, report_title_chars_max)
    }: ${bpsText(best.mean_bps)} bps. The table below has the same numbers.`,
    rows: policies,
    row_px: 40,
    name: (policy) => nameOf(policy).slice(0, 36),
    x,
    ticks: numberTicks(from, to, 7),
    unit: "return, bps",
    sides_px: [2, 10],
    behind: (height_px) => lineUp("zero", x(0), 0, height_px),
    draw: ({ p05_bps, p25_bps, median_bps, p75_bps, p95_bps, mean_bps }, top_px) => {
      const [top, middle, bottom] = [top_px + 19, top_px + 26, top_px + 33];
      return [
        lineAcross("whisker", x(p05_bps), x(p95_bps), middle),
        bar("box", [x(p25_bps), x(p75_bps)], [top, bottom]),
        lineUp("median", x(median_bps), top, bottom),
        dot("mean", x(mean_bps), middle, 3.5),
      ];
    },
  });
}
