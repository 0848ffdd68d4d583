/** Runs over time: how many began when and how they stand, and the latest of them one by one. */
import { counted, humanCount, roundStep } from "../../base/format.ts";
import { report_bars_min, report_groups_max } from "../../base/limits.ts";
import type { ListedRun, ReportData, ReportRun } from "../gather/data.ts";
import { askGroups, askRuns, askStatuses } from "../gather/queries.ts";
import { bar, bottomAxis, chart, leftAxis, legend } from "./chart.ts";
import {
  bpsFigure,
  countFigure,
  durationFigure,
  ratioFigure,
  timeFigure,
  yearWords,
} from "./figures.ts";
import { identifier, type Markup, markup, named, type Piece } from "./markup.ts";
import { codeOf, parametersOf } from "./parameters.ts";
import { type Period, periodsOf } from "./periods.ts";
import { heightScale, linearScale, numberTicks } from "./scales.ts";
import { asks, fold, leftOut, note, queryLine, section, table } from "./section.ts";
import { countStatuses, STATUS_KINDS, statusBadge, statusKind } from "./statuses.ts";

const HEIGHT_PX = 180;

/** The section. */
export function runsSection({ runs: found, named: selected }: ReportData): Markup {
  const lead = "When runs were created, and how they stand. Times are UTC. A run that died ended " +
    "with its last sign of life, whenever its end was noticed.";
  return section("runs", "Runs over time", lead, found, ({ runs, listed }) => {
    const undated = runs.filter(({ at_ms }) => at_ms === null).length;
    const has_groups = runs.some(({ group }) => group !== null);
    const not_drawn = `${counted(undated, "run has", "runs have")} no time: not drawn.`;
    return [
      overTime(runs),
      note(undated > 0 && not_drawn),
      listOf(listed, selected ? "The runs of this report" : "The latest runs"),
      leftOut(
        listed.length,
        runs.length,
        "the latest $ known runs",
        `All ${humanCount(runs.length)} are in the chart above.`,
      ),
      has_groups && groupsOf(runs),
      asks([
        ["Runs by status", queryLine(askStatuses(selected))],
        ["All of them, the latest first", queryLine(askRuns(selected))],
        ...has_groups ? [["Groups of runs", queryLine(askGroups(selected))] as const] : [],
      ]),
    ];
  });
}

function overTime(runs: readonly ReportRun[]): Piece {
  const { unit, periods } = periodsOf(runs);
  if (periods.length === 0) return null;
  const most = periods.reduce((most, { runs }) => Math.max(most, runs), 0);
  const step = roundStep(Math.max(4, most), 4);
  const top = Math.ceil(Math.max(4, most) / step) * step;
  const y = heightScale(0, top, HEIGHT_PX);
  const slots = Math.max(report_bars_min, periods.length);
  const x = linearScale(0, slots);
  const bars = periods.filter(({ runs }) => runs > 0).map((period) => {
    const slot = periods.indexOf(period);
    let below = 0;
    const parts = Object.keys(STATUS_KINDS).filter((kind) => period.by_kind[kind]).map((kind) => {
      const bottom = y(below);
      return bar(kind, [x(slot + 0.12), x(slot + 0.88)], [
        y(below += period.by_kind[kind]),
        bottom,
      ]);
    });
    return markup`<g><title>${period.label}: ${describe(period)}</title>${parts}</g>`;
  });
  const statuses = countStatuses(runs);
  const [first, last] = [periods[0], periods.at(-1)!];
  // A label in the middle of every so many bars.
  const every = Math.ceil(slots / 6);
  const labels = periods.map(({ label }, index) => ({ value: index + 0.5, label }))
    .filter((_, index) => index % every === 0);
  const counts = numberTicks(0, top, 4).filter(({ value }) => Number.isInteger(value));
  return [
    chart({
      id: "runs-chart",
      title: `Runs per ${unit}`,
      description: `${counted(runs.length, "run")} from ${first.label} to ${last.label}: ${
        statuses.map(([status, count]) => `${count} ${status}`).join(", ")
      }. The most, ${most}, in ${periods.find(({ runs }) => runs === most)!.label}.`,
      height_px: HEIGHT_PX,
      caption: markup`Runs per ${unit} ${
        legend(statuses.map(([status, count]) => ({
          kind: statusKind(status),
          label: markup`${status} ${countFigure(count)}`,
        })))
      }`,
      body: [
        leftAxis(counts, y),
        bottomAxis(
          labels,
          x,
          HEIGHT_PX,
          `${unit} of creation${yearWords(first.from_ms, last.from_ms)}, UTC`,
        ),
        bars,
      ],
    }),
    fold(
      "The same as a table",
      table(`Runs per ${unit}`, periods.filter(({ runs }) => runs > 0), {
        [unit[0].toUpperCase() + unit.slice(1)]: ({ label }) => label,
        "Of these": describe,
      }, { "Runs": ({ runs }) => countFigure(runs) }),
    ),
  ];
}

function describe({ by_kind }: Period): string {
  return Object.entries(STATUS_KINDS).filter(([kind]) => by_kind[kind])
    .map(([kind, name]) => `${by_kind[kind]} ${name}`).join(", ");
}

/** What may be long, in a narrow column. */
function aside(words: Piece): Piece {
  return words && markup`<span class="aside">${words}</span>`;
}

function tagsOf({ tags, pin }: ListedRun): Piece {
  const words = [tags.join(", "), pin ? "(pinned)" : ""].filter((each) => each !== "").join(" ");
  return words && named(words, 160);
}

function listOf(listed: readonly ListedRun[], caption: string): Markup {
  const parameters = parametersOf(listed);
  return table(caption, listed, {
    "Run": ({ run_id }) => identifier(run_id, 80),
    "Name": ({ name }) => name && named(name, 40),
    "Group": ({ group }) => group && named(group, 40),
    "Tags": (run) => aside(tagsOf(run)),
    "Type": ({ run_type }) => run_type && named(run_type, 40),
    "Status": ({ status, error }) => [statusBadge(status), aside(error && named(error, 160))],
    "Created": ({ at_ms }) => timeFigure(at_ms),
    "Parameters": (run) => aside(parameters(run)),
    "Code": (run) => aside(codeOf(run)),
  }, {
    "Took": (run) => durationFigure(run.total_ms ?? heardFor(run)),
    "Sharpe": ({ sharpe }) => ratioFigure(sharpe),
    "Mean, bps": ({ returns }) => bpsFigure(returns?.mean_bps),
    "Drawdown, bps": ({ returns }) => bpsFigure(returns?.drawdown_bps),
    "Trades": ({ returns }) => countFigure(returns?.trades),
    "Trials": ({ trials }) => countFigure(trials),
    "Phases": ({ phases }) => countFigure(phases),
  });
}

/** Groups of runs, the largest first, and how their runs stand. */
function groupsOf(runs: readonly ReportRun[]): Piece {
  const by_group = Map.groupBy(runs.filter(({ group }) => group !== null), ({ group }) => group!);
  const groups = [...by_group].map(([group, of_group]) => ({ group, runs: of_group }))
    .sort((a, b) => b.runs.length - a.runs.length || (a.group < b.group ? -1 : 1));
  const shown = groups.slice(0, report_groups_max);
  return [
    table("Groups of runs", shown, {
      "Group": ({ group }) => named(group, 80),
      "Of these": ({ runs }) =>
        countStatuses(runs).map(([status, count]) => `${count} ${status}`).join(", "),
    }, { "Runs": ({ runs }) => countFigure(runs.length) }),
    leftOut(shown.length, groups.length, "the largest $ groups"),
  ];
}

/** Of a run that says no duration: from its first sign of life to its last, where there are two. */
function heardFor({ started_at_ms, at_ms, ended_at_ms }: ReportRun): number | null {
  const from_ms = started_at_ms ?? at_ms;
  return from_ms === null || ended_at_ms === null || ended_at_ms <= from_ms
    ? null
    : ended_at_ms - from_ms;
}
