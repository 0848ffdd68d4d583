/** How long phases took: each run's phases beside each other in time, and all runs' together. */
import { counted } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import { bottomAxis, chart, round } from "./chart.ts";
import type { Found, Phase, PhasesData, PhaseTotal, RunPhases } from "../gather/data.ts";
import { countFigure, durationFigure, durationText } from "./figures.ts";
import { html, identifier, type Markup, named, type Piece } from "./markup.ts";
import { durationTicks, linearScale, percent } from "./scales.ts";
import { asks, fold, leftOut, queryLine, right, section, table } from "./section.ts";
import { askPhasesOf, askPhaseTotals } from "../gather/queries.ts";
import { statusBadge } from "./statuses.ts";

const ROW_PX = 34;
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
export function phasesSection(
  found: Found<PhasesData>,
  selected?: readonly string[],
): Markup {
  const head = {
    id: "phases",
    title: "Phase timings",
    lead: "Where the time of a run went. Each chart begins when its run's first phase began.",
  };
  return section(head, found, (data) =>
    html`
      <div class="cards">${data.drawn.map((run, index) => ganttOf(run, index))}</div>
      ${leftOut(
        data.drawn.length,
        data.runs_total,
        "the phases of the latest $ runs",
        "The table below is about all of them.",
      )}
      ${totalsOf(data)}
      ${asks([
        // None is drawn where the index has phases of runs that the catalog does not list.
        ...data.drawn.slice(0, 1).map(({ run_id }) => (
          { shows: "The phases of a run", line: queryLine(askPhasesOf(run_id)) }
        )),
        { shows: "Phases over all runs", line: queryLine(askPhaseTotals(selected)) },
      ])}
    `);
}

/** Where phases lie in time. One that ended without a beginning began its duration before. */
export function barsOf(phases: readonly Phase[]): Bar[] {
  const known = phases.flatMap((phase) => {
    const { started_at_ms, completed_at_ms, duration_ms } = phase;
    const from_ms = started_at_ms ??
      (completed_at_ms === null ? null : completed_at_ms - (duration_ms ?? 0));
    return from_ms === null ? [] : [{ phase, from_ms }];
  });
  const end_ms = known.reduce(
    (latest, { from_ms, phase: { completed_at_ms, duration_ms } }) =>
      Math.max(latest, from_ms + (duration_ms ?? 0), completed_at_ms ?? from_ms),
    -Infinity,
  );
  return known.map(({ phase, from_ms }) => {
    const { completed_at_ms, duration_ms } = phase;
    // Some log phases when all is over, with the durations alone: then these are what is drawn.
    const to_ms = completed_at_ms === null
      ? end_ms
      : Math.max(completed_at_ms, from_ms + (duration_ms ?? 0));
    return { phase, from_ms, to_ms, is_open: completed_at_ms === null };
  });
}

function ganttOf({ run_id, status, phases, phases_total }: RunPhases, index: number): Markup {
  const bars = barsOf(phases);
  const begin = bars.reduce((least, { from_ms }) => Math.min(least, from_ms), Infinity);
  const span = bars.reduce((most, { to_ms }) => Math.max(most, to_ms), begin) - begin;
  const x = linearScale(0, Math.max(span, 0.001));
  const height = Math.max(1, bars.length) * ROW_PX;
  const drawn = bars.map((bar, row) => {
    const from = x(bar.from_ms - begin);
    const width = Math.max(0, x(bar.to_ms - begin) - from);
    const top = row * ROW_PX;
    return html`
      <text class="name" x="0" y="${top + 13}">${fitting(bar.phase.phase_name)}</text>
      <text class="tick" x="100%" y="${top + 13}" text-anchor="end">${bar.is_open
        ? "not ended"
        : durationText(lengthOf(bar))}</text>
      <rect class="${bar.is_open ? "bar waiting" : "bar"}" x="${percent(from)}" width="${percent(
        width,
      )}" y="${top + 18}"
        height="${BAR_PX}" />
    `;
  });
  const longest = bars.toSorted((a, b) => lengthOf(b) - lengthOf(a))[0];
  return html`<article class="card"><h3>${identifier(run_id, 60)} ${statusBadge(status)}</h3>
${
    bars.length === 0
      ? html`<p class="missing">The log does not tell when these phases were.</p>`
      : chart({
        id: `gantt-${index}`,
        title: `Phases of run ${run_id.slice(0, report_title_chars_max)}`,
        description: `${counted(bars.length, "phase")} in ${durationText(span)}. The longest is ${
          longest.phase.phase_name.slice(0, report_title_chars_max)
        }, ${durationText(lengthOf(longest))}.`,
        height_px: round(height),
        left_px: 2,
        right_px: 4,
        body: html`${
          bottomAxis(durationTicks(span, 4), x, height, "since the first phase began", 2)
        }${drawn}`,
      })
  }
${
    fold(
      "The same as a table",
      table(
        "Phases",
        ["Phase", ...right("Began after", "Took")],
        phases.map((phase) => {
          const bar = bars.find((bar) => bar.phase === phase);
          return [
            named(phase.phase_name),
            durationFigure(bar && bar.from_ms - begin),
            durationFigure(phase.duration_ms),
          ];
        }),
      ),
    )
  }
${leftOut(phases.length, phases_total, "the first $ phases of this run")}</article>`;
}

function lengthOf({ phase, from_ms, to_ms }: Bar): number {
  return phase.duration_ms ?? to_ms - from_ms;
}

/** As much of a name as fits; letters of East Asia take two columns. */
function fitting(name: string): Piece {
  let columns = 0;
  let text = "";
  for (const letter of name.slice(0, 200)) {
    columns += letter.codePointAt(0)! < 0x1100 ? 1 : 2;
    if (columns > LABEL_COLUMNS) return `${text}…`;
    text += letter;
  }
  return text;
}

function totalsOf({ totals, names_total }: PhasesData): Markup {
  const columns = ["Runs", "Times", "Median", "Mean", "Longest", "In all"];
  const row = (total: PhaseTotal) => [
    named(total.phase_name),
    countFigure(total.runs),
    countFigure(total.times),
    durationFigure(total.median_ms),
    durationFigure(total.mean_ms),
    durationFigure(total.max_ms),
    durationFigure(total.total_ms),
  ];
  return html`${
    table("Phases over all runs", [
      "Phase",
      ...right(...columns),
    ], totals.map(row))
  }${leftOut(totals.length, names_total, "$ phases, those that took most")}`;
}
