/** Runs over time: how many began when and how they ended, and the latest of them one by one. */
import { DAY_MS } from "../base/day.ts";
import { counted, humanCount } from "../base/words.ts";
import { bottomAxis, chart, heightScale, leftAxis, legend, round } from "./chart.ts";
import type { Found, ListedRun, ReportRun, RunsData } from "./data.ts";
import { bpsFigure, countFigure, durationFigure, timeFigure, timeText } from "./figures.ts";
import { html, identifier, type Markup, named, type Piece } from "./markup.ts";
import { askRuns, askStatuses } from "./queries.ts";
import { linearScale, numberTicks, percent, roundStep, type Tick } from "./scales.ts";
import { asks, fold, leftOut, queryLine, section, table } from "./section.ts";
import { countStatuses, STATUS_KINDS, statusBadge, statusKind } from "./statuses.ts";

const HEIGHT_PX = 180;
/** With fewer stretches than this, a bar would be a wall. */
const STRETCHES_MIN = 14;
const STRETCHES_MAX = 62;

/** A stretch of time and the runs that began in it. */
export interface Stretch {
  from_ms: number;
  label: string;
  by_kind: Record<string, number>;
  runs: number;
}

interface Unit {
  name: string;
  /** The beginning of the stretch that a time lies in. */
  floor(time_ms: number): number;
  next(from_ms: number): number;
  label(from_ms: number): string;
}

const evenUnit = (
  name: string,
  step_ms: number,
  offset_ms: number,
  chars: [number, number],
): Unit => ({
  name,
  floor: (time_ms) => Math.floor((time_ms - offset_ms) / step_ms) * step_ms + offset_ms,
  next: (from_ms) => from_ms + step_ms,
  label: (from_ms) => timeText(from_ms).slice(...chars),
});

const calendarUnit = (name: string, months: number, chars: number): Unit => {
  const begin = (time_ms: number, later: number) => {
    const date = new Date(time_ms);
    const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
    return Date.UTC(0, (Math.floor(month / months) + later) * months - 1900 * 12);
  };
  return {
    name,
    floor: (time_ms) => begin(time_ms, 0),
    next: (from_ms) => begin(from_ms, 1),
    label: (from_ms) => timeText(from_ms).slice(0, chars),
  };
};

/** Weeks begin on Mondays; the first of 1970 was the fifth of January. */
const MONDAY_MS = 4 * DAY_MS;

const UNITS: readonly Unit[] = [
  evenUnit("minute", 60_000, 0, [5, 16]),
  evenUnit("10 minutes", 600_000, 0, [5, 16]),
  evenUnit("hour", 3_600_000, 0, [5, 16]),
  evenUnit("day", DAY_MS, 0, [0, 10]),
  evenUnit("week", 7 * DAY_MS, MONDAY_MS, [0, 10]),
  calendarUnit("month", 1, 7),
  calendarUnit("quarter", 3, 7),
  calendarUnit("year", 12, 4),
  calendarUnit("century", 1200, 4),
];

/** Stretches of one length that hold all runs whose time is known. */
export function stretchesOf(runs: readonly ReportRun[]): { unit: string; stretches: Stretch[] } {
  const times = runs.flatMap(({ at_ms }) => at_ms === null ? [] : [at_ms]);
  if (times.length === 0) return { unit: "day", stretches: [] };
  const first = times.reduce((least, time) => Math.min(least, time));
  const last = times.reduce((most, time) => Math.max(most, time));
  const unit = UNITS.find((unit) => stretchCount(unit, first, last) <= STRETCHES_MAX) ??
    UNITS[UNITS.length - 1];
  const stretches = new Map<number, Stretch>();
  for (let from_ms = unit.floor(first); from_ms <= last; from_ms = unit.next(from_ms)) {
    stretches.set(from_ms, { from_ms, label: unit.label(from_ms), by_kind: {}, runs: 0 });
  }
  for (const { at_ms, status } of runs) {
    if (at_ms === null) continue;
    const stretch = stretches.get(unit.floor(at_ms))!;
    const kind = statusKind(status);
    stretch.by_kind[kind] = (stretch.by_kind[kind] ?? 0) + 1;
    stretch.runs++;
  }
  return { unit: unit.name, stretches: [...stretches.values()] };
}

function stretchCount(unit: Unit, first: number, last: number): number {
  let count = 0;
  for (let at = unit.floor(first); at <= last && count <= STRETCHES_MAX; at = unit.next(at)) {
    count++;
  }
  return count;
}

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
  const { unit, stretches } = stretchesOf(runs);
  if (stretches.length === 0) return null;
  const most = stretches.reduce((most, { runs }) => Math.max(most, runs), 0);
  const step = roundStep(Math.max(4, most), 4);
  const top = Math.ceil(Math.max(4, most) / step) * step;
  const y = heightScale(0, top, HEIGHT_PX);
  const slots = Math.max(STRETCHES_MIN, stretches.length);
  const x = linearScale(0, slots);
  const bars = stretches.map((stretch, index) => {
    let below = 0;
    const parts = STATUS_KINDS.map((kind) => {
      const count = stretch.by_kind[kind] ?? 0;
      if (count === 0) return null;
      const from = y(below), to = y(below += count);
      return html`
        <rect class="${kind}" x="${percent(x(index + 0.12))}" width="${percent(
          x(0.76),
        )}" y="${round(to)}"
          height="${round(from - to)}" />
      `;
    });
    return stretch.runs > 0 &&
      html`<g><title>${stretch.label}: ${describe(stretch)}</title>${parts}</g>`;
  });
  const statuses = countStatuses(runs);
  const busiest = stretches.find(({ runs }) => runs === most)!;
  return html`${
    chart({
      id: "runs-chart",
      title: `Runs per ${unit}`,
      description: `${counted(runs.length, "run")} from ${stretches[0].label} to ${
        stretches[stretches.length - 1].label
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
          stretchTicks(stretches, slots),
          x,
          HEIGHT_PX,
          `${unit} of creation${yearOf(stretches)}, UTC`,
        )
      }${bars}`,
    })
  }
${
    fold(
      "The same as a table",
      table(
        `Runs per ${unit}`,
        [
          { title: unit[0].toUpperCase() + unit.slice(1) },
          { title: "Runs", right: true },
          { title: "Of these" },
        ],
        stretches.filter(({ runs }) => runs > 0).map((stretch) => [
          stretch.label,
          countFigure(stretch.runs),
          describe(stretch),
        ]),
      ),
    )
  }`;
}

/** The year, where it is one: labels of hours do not say it. */
function yearOf(stretches: readonly Stretch[]): string {
  const [first, last] = [stretches[0], stretches[stretches.length - 1]]
    .map(({ from_ms }) => timeText(from_ms).slice(0, 4));
  return first === last ? ` in ${first}` : "";
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  good: "completed",
  bad: "failed",
  odd: "given up",
  open: "open",
};

function describe({ by_kind }: Stretch): string {
  return STATUS_KINDS.filter((kind) => by_kind[kind])
    .map((kind) => `${by_kind[kind]} ${KIND_NAMES[kind]}`).join(", ");
}

function wholeTicks(top: number): Tick[] {
  return numberTicks(0, top, 4).filter(({ value }) => Number.isInteger(value));
}

/** A label in the middle of every so many bars. */
function stretchTicks(stretches: readonly Stretch[], slots: number): Tick[] {
  const every = Math.max(1, Math.ceil(slots / 6));
  return stretches.flatMap(({ label }, index) =>
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
      { title: "Run" },
      { title: "Type" },
      { title: "Status" },
      { title: "Created" },
      { title: "Took", right: true },
      { title: "Phases", right: true },
      { title: "Trials", right: true },
      { title: "Trades", right: true },
      { title: "Mean return, bps", right: true },
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
