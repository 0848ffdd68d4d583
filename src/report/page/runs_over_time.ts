/** Runs over time: how many began when and how they ended, and the latest of them one by one. */
import { counted, humanCount, roundStep } from "../../base/format.ts";
import { report_bars_min } from "../../base/limits.ts";
import { bottomAxis, chart, heightScale, leftAxis, legend, round } from "./chart.ts";
import type { Found, ListedRun, ReportRun, RunsData } from "../gather/data.ts";
import { bpsFigure, countFigure, durationFigure, timeFigure, yearWords } from "./figures.ts";
import { html, identifier, type Markup, named, type Piece } from "./markup.ts";
import { askRuns, askStatuses } from "../gather/queries.ts";
import { linearScale, numberTicks, percent, type Tick } from "./scales.ts";
import { asks, fold, leftOut, queryLine, right, section, table } from "./section.ts";
import { countStatuses, STATUS_KINDS, statusBadge, statusKind } from "./statuses.ts";
import { type Period, periodsOf } from "./periods.ts";

const HEIGHT_PX = 180;

/** The section. */
export function runsSection(found: Found<RunsData>, selected?: readonly string[]): Markup {
  const head = {
    id: "runs",
    title: "Runs over time",
    lead: "When runs were created, and how they stand. Times are UTC.",
  };
  return section(head, found, ({ runs, listed }) => {
    const undated = runs.filter(({ at_ms }) => at_ms === null).length;
    return html`${overTime(runs)}
${
      undated > 0 &&
      html`<p class="note">${counted(undated, "run has", "runs have")} no time and ${
        undated === 1 ? "is" : "are"
      } not drawn.</p>`
    }
${listOf(listed, runs.length, selected !== undefined)}
${
      asks([
        { shows: "Runs by status", line: queryLine(askStatuses(selected)) },
        { shows: "All of them, the latest first", line: queryLine(askRuns(selected)) },
      ])
    }`;
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
  const bars = periods.map((period, index) => {
    let below = 0;
    const parts = STATUS_KINDS.map((kind) => {
      const count = period.by_kind[kind] ?? 0;
      if (count === 0) return null;
      const from = y(below), to = y(below += count);
      return html`
        <rect class="${kind}" x="${percent(x(index + 0.12))}" width="${percent(
          x(0.76),
        )}" y="${round(to)}"
          height="${round(from - to)}" />
      `;
    });
    return period.runs > 0 &&
      html`<g><title>${period.label}: ${describe(period)}</title>${parts}</g>`;
  });
  const statuses = countStatuses(runs);
  const busiest = periods.find(({ runs }) => runs === most)!;
  return html`${
    chart({
      id: "runs-chart",
      title: `Runs per ${unit}`,
      description: `${counted(runs.length, "run")} from ${periods[0].label} to ${
        periods[periods.length - 1].label
      }: ${
        statuses.map(([status, count]) => `${count} ${status}`).join(", ")
      }. The most, ${most}, in ${busiest.label}.`,
      height_px: HEIGHT_PX,
      caption: html`Runs per ${unit} ${
        legend(statuses.map(([status, count]) => ({
          kind: statusKind(status),
          label: html`${status} ${countFigure(count)}`,
        })))
      }`,
      body: html`${leftAxis(wholeTicks(top), y)}${
        bottomAxis(
          periodTicks(periods, slots),
          x,
          HEIGHT_PX,
          `${unit} of creation${yearWords(periods[0].from_ms, periods.at(-1)!.from_ms)}, UTC`,
        )
      }${bars}`,
    })
  }
${
    fold(
      "The same as a table",
      table(
        `Runs per ${unit}`,
        [unit[0].toUpperCase() + unit.slice(1), ...right("Runs"), "Of these"],
        periods.filter(({ runs }) => runs > 0).map((period) => [
          period.label,
          countFigure(period.runs),
          describe(period),
        ]),
      ),
    )
  }`;
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  good: "completed",
  bad: "failed",
  odd: "given up",
  open: "open",
};

function describe({ by_kind }: Period): string {
  return STATUS_KINDS.filter((kind) => by_kind[kind])
    .map((kind) => `${by_kind[kind]} ${KIND_NAMES[kind]}`).join(", ");
}

function wholeTicks(top: number): Tick[] {
  return numberTicks(0, top, 4).filter(({ value }) => Number.isInteger(value));
}

/** A label in the middle of every so many bars. */
function periodTicks(periods: readonly Period[], slots: number): Tick[] {
  const every = Math.max(1, Math.ceil(slots / 6));
  return periods.flatMap(({ label }, index) =>
    index % every === 0 ? [{ value: index + 0.5, label }] : []
  );
}

function listOf(listed: readonly ListedRun[], total: number, is_selection: boolean): Markup {
  const rows = listed.map((run) => [
    identifier(run.run_id, 80),
    named(run.run_type ?? "", 40),
    html`${statusBadge(run.status)}${
      run.error && html`<span class="error">${named(run.error, 160)}</span>`
    }`,
    timeFigure(run.at_ms),
    durationFigure(tookMs(run)),
    countFigure(run.phases),
    countFigure(run.trials),
    countFigure(run.returns?.trades),
    bpsFigure(run.returns?.mean_bps),
  ]);
  const caption = is_selection ? "The runs of this report" : "The latest runs";
  return html`${
    table(caption, [
      "Run",
      "Type",
      "Status",
      "Created",
      ...right("Took", "Phases", "Trials", "Trades", "Mean return, bps"),
    ], rows)
  }${
    leftOut(
      listed.length,
      total,
      "the latest $ runs",
      `All ${humanCount(total)} are in the chart above.`,
    )
  }`;
}

function tookMs({ started_at_ms, at_ms, ended_at_ms }: ListedRun): number | null {
  const from = started_at_ms ?? at_ms;
  return from === null || ended_at_ms === null ? null : ended_at_ms - from;
}
