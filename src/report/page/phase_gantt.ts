/** How long phases took: each run's phases beside each other in time, and all runs' together. */
import { counted } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import { shortened } from "../../base/text_width.ts";
import type { Phase, ReportData, RunPhases } from "../gather/data.ts";
import { askPhasesOf, askPhaseTotals } from "../gather/queries.ts";
import { bar, rowsChart } from "./chart.ts";
import { countFigure, durationFigure, durationText } from "./figures.ts";
import { type Markup, markup, named } from "./markup.ts";
import { durationTicks, linearScale } from "./scales.ts";
import { type Ask, asks, fold, leftOut, queryLine, runCard, section, table } from "./section.ts";

const BAR_PX = 11;
/** About so many letters fit beside the duration on a phone. */
const LABEL_COLUMNS = 30;

/** A phase with its place in time, as far as it is known. */
interface Bar {
  phase: Phase;
  from_ms: number;
  to_ms: number;
  is_open: boolean;
}

/** The section. */
export function phasesSection({ phases: found, named: selected }: ReportData): Markup {
  const lead = "Where the time of a run went. Each chart begins when its run's first phase began.";
  return section(
    "phases",
    "Phase timings",
    lead,
    found,
    ({ drawn, runs_total, totals, ...all }) => [
      markup`<div class="cards">${drawn.map(ganttOf)}</div>`,
      leftOut(
        drawn.length,
        runs_total,
        "the phases of the latest $ runs",
        "The table below is about all of them.",
      ),
      table("Phases over all runs", totals, { "Phase": ({ phase_name }) => named(phase_name) }, {
        "Runs": ({ runs }) => countFigure(runs),
        "Times": ({ times }) => countFigure(times),
        "Not ended": ({ not_ended }) => countFigure(not_ended || null),
        "Median": ({ median_ms }) => durationFigure(median_ms),
        "Mean": ({ mean_ms }) => durationFigure(mean_ms),
        "Longest": ({ max_ms }) => durationFigure(max_ms),
        "In all": ({ total_ms }) => durationFigure(total_ms),
      }),
      leftOut(totals.length, all.names_total, "$ phases, those that took most"),
      asks([
        // None is drawn where the index has phases of runs that are not listed.
        ...drawn.slice(0, 1).map(({ run_id }): Ask => [
          "The phases of a run",
          queryLine(askPhasesOf(run_id)),
        ]),
        ["Phases over all runs", queryLine(askPhaseTotals(selected))],
      ]),
    ],
  );
}

/**
 * Where phases lie in time. One that ended without a beginning began its duration before; one that did not
 * end lasted as long as its run, or as the others.
 */
export function barsOf(phases: readonly Phase[], ended_at_ms: number | null = null): Bar[] {
  const known = phases.flatMap((phase) => {
    const { started_at_ms, completed_at_ms, duration_ms } = phase;
    const from_ms = started_at_ms ??
      (completed_at_ms === null ? null : completed_at_ms - (duration_ms ?? 0));
    // Some log phases when all is over, with the durations alone: then these are what is drawn.
    return from_ms === null
      ? []
      : [{ phase, from_ms, to_ms: Math.max(completed_at_ms ?? 0, from_ms + (duration_ms ?? 0)) }];
  });
  const end_ms = Math.max(ended_at_ms ?? -Infinity, ...known.map(({ to_ms }) => to_ms));
  return known.map((bar) => {
    const is_open = bar.phase.completed_at_ms === null;
    return { ...bar, is_open, to_ms: is_open ? end_ms : bar.to_ms };
  });
}

function ganttOf(run: RunPhases, index: number): Markup {
  const { run_id, phases, phases_total } = run;
  const bars = barsOf(phases, run.ended_at_ms);
  const begin_ms = Math.min(...bars.map(({ from_ms }) => from_ms));
  const span_ms = Math.max(...bars.map(({ to_ms }) => to_ms)) - begin_ms;
  const x = linearScale(0, Math.max(span_ms, 0.001));
  const longest = bars.toSorted((a, b) => lengthOf(b) - lengthOf(a))[0];
  const drawn = bars.length === 0
    ? markup`<p class="missing">The log does not tell when these phases were.</p>`
    : rowsChart({
      id: `gantt-${index}`,
      title: `Phases of run ${run_id.slice(0, report_title_chars_max)}`,
      description: `${counted(bars.length, "phase")} in ${durationText(span_ms)}. The longest is ${
        longest.phase.phase_name.slice(0, report_title_chars_max)
      }, ${durationText(lengthOf(longest))}.`,
      rows: bars,
      row_px: 34,
      name: ({ phase }) => shortened(phase.phase_name.slice(0, 200), LABEL_COLUMNS),
      x,
      ticks: durationTicks(span_ms, 4),
      unit: "since the first phase began",
      sides_px: [2, 4],
      draw: (of, top_px) => [
        markup`<text class="tick" x="100%" y="${top_px + 13}" text-anchor="end">${
          of.is_open ? "not ended" : durationText(lengthOf(of))
        }</text>`,
        bar(
          of.is_open ? "bar waiting" : "bar",
          [x(of.from_ms - begin_ms), x(of.to_ms - begin_ms)],
          [top_px + 18, top_px + 18 + BAR_PX],
        ),
      ],
    });
  const began = new Map(bars.map(({ phase, from_ms }) => [phase, from_ms - begin_ms]));
  const listed = table("Phases", phases, { "Phase": ({ phase_name }) => named(phase_name) }, {
    "Began after": (phase) => durationFigure(began.get(phase)),
    "Took": ({ duration_ms }) => durationFigure(duration_ms),
  });
  return runCard(run, [
    drawn,
    fold("The same as a table", listed),
    leftOut(phases.length, phases_total, "the first $ phases of this run"),
  ]);
}

function lengthOf({ phase, from_ms, to_ms }: Bar): number {
  return phase.duration_ms ?? to_ms - from_ms;
}
