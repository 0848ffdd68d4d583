/** Policies beside each other: how the returns of their trades are spread, over all runs. */
import { humanCount } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import { bottomAxis, chart } from "./chart.ts";
import type { Found, PolicyReturns, TradesData } from "../gather/data.ts";
import { bpsFigure, bpsText, countFigure, durationFigure, shareFigure } from "./figures.ts";
import { html, identifier, type Markup } from "./markup.ts";
import { askPolicies, type TradesPlace } from "../gather/queries.ts";
import { linearScale, numberTicks, percent } from "./scales.ts";
import { asks, leftOut, queryLine, right, section, table } from "./section.ts";

const ROW_PX = 40;
const NO_POLICY = "no policy id";

/** The section. */
export function policiesSection(
  found: Found<TradesData>,
  ledger_dir: string,
  selected?: readonly string[],
): Markup {
  const head = {
    id: "policies",
    title: "Policies compared",
    lead:
      "All trades of a policy together, whichever run they are of. Boxes hold the middle half of " +
      "the returns, whiskers reach from the 5th to the 95th percentile; the line in the box is the " +
      "median, the dot the mean.",
  };
  return section(head, found, (data) => {
    const { policies, policies_total } = data;
    return html`${boxesOf(policies)}${tableOf(policies)}
${leftOut(policies.length, policies_total, "$ policies, those with most trades")}
${
      asks(
        tradesPlaces(data, ledger_dir).map(({ place, database, shows }) => ({
          shows: `The table${shows}`,
          line: queryLine(askPolicies(place, selected), database),
        })),
      )
    }`;
  });
}

/** Where trades are, which database is asked for them, and how that is told. */
interface PlaceToAsk {
  place: TradesPlace;
  database?: "catalog";
  shows: string;
}

/** Where the trades of a report come from, for a reader who queries them. */
export function tradesPlaces(
  { runs_beside, runs_total }: TradesData,
  ledger_dir: string,
): PlaceToAsk[] {
  const pattern = `${ledger_dir}/artifacts/runs/*/trades.parquet`.replaceAll("'", "''");
  const beside = { place: `read_parquet('${pattern}')` as const, shows: "" };
  const own = { place: "trades" as const, database: "catalog" as const, shows: "" };
  if (runs_beside === 0) return [own];
  if (runs_beside === runs_total) return [beside];
  return [
    { ...own, shows: " (runs with trades in their own folders)" },
    { ...beside, shows: " (runs whose trades were stored by ledger artifacts put)" },
  ];
}

function boxesOf(policies: readonly PolicyReturns[]): Markup {
  const least = policies.reduce((low, { p05_bps }) => Math.min(low, p05_bps), 0);
  const most = policies.reduce((high, { p95_bps }) => Math.max(high, p95_bps), 0);
  const air = (most - least) * 0.03 || 1;
  const [from, to] = [least - air, most + air];
  const x = linearScale(from, to);
  const height = policies.length * ROW_PX;
  const rows = policies.map((policy, row) => {
    const { p05_bps, p25_bps, median_bps, p75_bps, p95_bps, mean_bps } = policy;
    const middle = row * ROW_PX + 26;
    const place = (value: number) => percent(x(value));
    return html`
      <text class="name" x="0" y="${row * ROW_PX + 12}">${(policy.policy_id ?? NO_POLICY).slice(
        0,
        36,
      )}</text>
      <line class="whisker" x1="${place(p05_bps)}" x2="${place(
        p95_bps,
      )}" y1="${middle}" y2="${middle}" />
      <rect class="box" x="${place(p25_bps)}" width="${percent(
        x(p75_bps) - x(p25_bps),
      )}" y="${middle - 7}" height="14" />
      <line class="median" x1="${place(median_bps)}" x2="${place(median_bps)}" y1="${middle -
        7}" y2="${middle + 7}" />
      <circle class="mean" cx="${place(mean_bps)}" cy="${middle}" r="3.5" />
    `;
  });
  const zero = percent(x(0));
  const best = policies.toSorted((a, b) => b.mean_bps - a.mean_bps)[0];
  return chart({
    id: "policies-chart",
    title: "Returns of trades by policy",
    description: `${humanCount(policies.length)} policies. The highest mean is that of ${
      (best.policy_id ?? NO_POLICY).slice(0, report_title_chars_max)
    }: ${bpsText(best.mean_bps)} bps. The table below has the same numbers.`,
    height_px: height,
    left_px: 2,
    caption: "Returns of trades by policy",
    body: html`
      ${bottomAxis(
        numberTicks(from, to, 7),
        x,
        height,
        "return, bps",
      )}<line class="zero" x1="${zero}" x2="${zero}" y1="0"
        y2="${height}" />${rows}
    `,
  });
}

function tableOf(policies: readonly PolicyReturns[]): Markup {
  const columns = [
    ...["Runs", "Trades", "Mean", "Median", "5 %", "95 %", "Worst", "Best"],
    ...["Gained", "Stopped", "Excursion", "Open for"],
  ];
  const rows = policies.map((policy) => [
    policy.policy_id === null ? NO_POLICY : identifier(policy.policy_id, 60),
    countFigure(policy.runs),
    countFigure(policy.trades),
    bpsFigure(policy.mean_bps),
    bpsFigure(policy.median_bps),
    bpsFigure(policy.p05_bps),
    bpsFigure(policy.p95_bps),
    bpsFigure(policy.worst_bps),
    bpsFigure(policy.best_bps),
    shareFigure(policy.wins / policy.trades),
    shareFigure(policy.stop_outs / policy.trades),
    bpsFigure(policy.mean_excursion_bps),
    durationFigure(policy.mean_exposed_ms),
  ]);
  return table("Policies, returns in bps", [
    "Policy",
    ...right(...columns),
  ], rows);
}
