/** The page: one file that needs no network, no script, and nothing beside it. */
import { counted } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { ReportData } from "../gather/data.ts";
import { countFigure, timeFigure, timeText } from "./figures.ts";
import { latencySection } from "./latency.ts";
import { lossesSection } from "./losses.ts";
import { identifier, type Markup, markup, type Piece } from "./markup.ts";
import { phasesSection } from "./phase_gantt.ts";
import { hasPictures, picturesSection } from "./pictures.ts";
import { policiesSection } from "./policies.ts";
import { returnsSection } from "./returns.ts";
import { runsSection } from "./runs_over_time.ts";
import { pairs, toChange } from "./section.ts";
import { countStatuses } from "./statuses.ts";
import { STYLE } from "./style.ts";

/** Nothing is loaded from anywhere, whatever a browser would like to. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " +
  "form-action 'none'";

/** By this line of its head, a report is known from other pages. */
const REPORT_MARK = '<meta name="generator" content="ledger ';

/** Whether a file that begins like this is a report. */
export function isReport(beginning: string): boolean {
  return beginning.includes(REPORT_MARK);
}

const SECTIONS = {
  runs: "Runs",
  phases: "Phases",
  returns: "Returns",
  policies: "Policies",
  latency: "Latency",
  losses: "Losses",
  pictures: "Pictures",
};

/** Makes the page of what was found. */
export function pageOf(data: ReportData): string {
  const { version } = data;
  const title = titleOf(data);
  return markup`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="color-scheme" content="light dark">
        <meta name="generator" content="ledger ${version}">
        <link rel="icon" href="data:,">
        <title>${title}</title>
        <style>${STYLE}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
          <h1><bdi>${title}</bdi></h1>
          <p class="subtitle">${subtitleOf(data)}</p>
          ${tilesOf(data)}
          ${gapsOf(data)}
        </header>
        <nav aria-label="Sections">
          <ul>${
    Object.entries(SECTIONS).filter(([id]) => id !== "pictures" || hasPictures(data))
      .map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`)
  }</ul>
        </nav>
        <main id="main" tabindex="-1">
          ${runsSection(data)}
          ${phasesSection(data)}
          ${returnsSection(data)}
          ${policiesSection(data)}
          ${latencySection(data)}
          ${lossesSection(data)}
          ${picturesSection(data)}
        </main>
        <footer>${footOf(data)}</footer>
      </body>
    </html>
  `.text.trimStart();
}

function titleOf({ named }: ReportData): string {
  if (named === undefined) return "Ledger report";
  return named.length === 1
    ? `Ledger report on run ${named[0].slice(0, report_title_chars_max)}`
    : `Ledger report on ${counted(named.length, "run")}`;
}

function subtitleOf({ runs, made_at_ms }: ReportData): Piece {
  const made = markup`Made ${timeFigure(made_at_ms)} UTC.`;
  if (runs.kind !== "there") return made;
  const times = runs.value.runs.flatMap(({ at_ms }) => at_ms === null ? [] : [at_ms]);
  if (times.length === 0) return made;
  const first = timeText(times.reduce((a, b) => Math.min(a, b))).slice(0, 10);
  const last = timeText(times.reduce((a, b) => Math.max(a, b))).slice(0, 10);
  const range = first === last ? `of ${first}` : `from ${first} to ${last}`;
  return markup`${counted(times.length, "known run")} ${range}. ${made}`;
}

/** Ended: completed or failed. Known: all. */
function tilesOf({ runs, trades, latencies }: ReportData): Piece {
  const tiles: Record<string, Piece> = {};
  if (runs.kind === "there") {
    tiles["Runs known"] = countFigure(runs.value.runs.length);
    tiles["Runs ended"] = countFigure(runs.value.ended);
    for (const [status, count] of countStatuses(runs.value.runs)) {
      tiles[`Runs ${status}`] = countFigure(count);
    }
  }
  if (trades.kind === "there") tiles["Trades"] = countFigure(trades.value.trades_total);
  if (latencies.kind === "there") tiles["Traced events"] = countFigure(latencies.value.events);
  return Object.keys(tiles).length > 0 && pairs("tiles", tiles);
}

function gapsOf({ gaps }: ReportData): Piece {
  return gaps.length > 0 &&
    markup`<ul class="gaps" aria-label="What to keep in mind">${
      gaps.map((gap) => markup`<li>${toChange(gap)}</li>`)
    }</ul>`;
}

function footOf({ version, ledger_dir, runs_dir, ...data }: ReportData): Markup {
  const built = (name: string, at_ms?: number) =>
    at_ms !== undefined && markup` The ${name} is of ${timeFigure(Math.floor(at_ms))} UTC.`;
  return markup`<p>Made by ledger ${version} from the ledger ${identifier(ledger_dir, 200)} and the
    runs in ${identifier(runs_dir, 200)}.${built("index", data.index_built_at_ms)}${
    built("catalog", data.catalog_built_at_ms)
  } Exact values stand beside the rounded ones in the source of this page, in
    <code>&lt;data value&gt;</code>.</p>`;
}
