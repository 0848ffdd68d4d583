/** The page: one file that needs no network, no script, and nothing beside it. */
import { counted } from "../../base/format.ts";
import { report_title_chars_max } from "../../base/limits.ts";
import type { ReportData } from "../gather/data.ts";
import { countFigure, timeFigure, timeText } from "./figures.ts";
import { latencySection } from "./latency.ts";
import { lossesSection } from "./losses.ts";
import { html, identifier, type Markup, type Piece } from "./markup.ts";
import { phasesSection } from "./phase_gantt.ts";
import { policiesSection } from "./policies.ts";
import { returnsSection } from "./returns.ts";
import { runsSection } from "./runs_over_time.ts";
import { pairs } from "./section.ts";
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

const SECTIONS = [
  ["runs", "Runs"],
  ["phases", "Phases"],
  ["returns", "Returns"],
  ["policies", "Policies"],
  ["latency", "Latency"],
  ["losses", "Losses"],
] as const;

/** Makes the page of what was found. */
export function pageOf(data: ReportData): string {
  const { ledger_dir, named } = data;
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="color-scheme" content="light dark">
        <meta name="generator" content="ledger ${data.version}">
        <link rel="icon" href="data:,">
        <title>${titleOf(data)}</title>
        <style>${STYLE}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
    <h1><bdi>${titleOf(data)}</bdi></h1>
    <p class="subtitle">${subtitleOf(data)}</p>
    ${tilesOf(data)}
    ${gapsOf(data)}
        </header>
        <nav aria-label="Sections">
          <ul>${SECTIONS.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul>
        </nav>
        <main id="main" tabindex="-1">
    ${runsSection(data.runs, named)}
    ${phasesSection(data.phases, named)}
    ${returnsSection(data.trades, ledger_dir, named)}
    ${policiesSection(data.trades, ledger_dir, named)}
    ${latencySection(data.latencies)}
    ${lossesSection(data.losses, data.trades, ledger_dir, named)}
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
  const made = html`Made ${timeFigure(made_at_ms)} UTC.`;
  if (runs.kind !== "there") return made;
  const times = runs.value.runs.flatMap(({ at_ms }) => at_ms === null ? [] : [at_ms]);
  if (times.length === 0) return made;
  const first = timeText(times.reduce((a, b) => Math.min(a, b))).slice(0, 10);
  const last = timeText(times.reduce((a, b) => Math.max(a, b))).slice(0, 10);
  const range = first === last ? `of ${first}` : `from ${first} to ${last}`;
  return html`${counted(times.length, "run")} ${range}. ${made}`;
}

function tilesOf({ runs, trades, latencies }: ReportData): Piece {
  const tiles: [string, Piece][] = [];
  if (runs.kind === "there") {
    tiles.push(["Runs", countFigure(runs.value.runs.length)]);
    for (const [status, count] of countStatuses(runs.value.runs)) {
      tiles.push([`Runs ${status}`, countFigure(count)]);
    }
  }
  if (trades.kind === "there") tiles.push(["Trades", countFigure(trades.value.trades_total)]);
  if (latencies.kind === "there") {
    tiles.push(["Traced events", countFigure(latencies.value.events)]);
  }
  return tiles.length > 0 && pairs("tiles", tiles);
}

function gapsOf({ gaps }: ReportData): Piece {
  return gaps.length > 0 &&
    html`<ul class="gaps" aria-label="What to keep in mind">${
      gaps.map(({ words, command }) =>
        html`<li>${words} To change that: <code class="command">${command}</code></li>`
      )
    }</ul>`;
}

function footOf(data: ReportData): Markup {
  const { index_built_at_ms, catalog_built_at_ms } = data;
  return html`<p>Made by ledger ${data.version} from the ledger ${
    identifier(data.ledger_dir, 200)
  } and the runs in ${identifier(data.runs_dir, 200)}.${
    index_built_at_ms !== undefined && html`
      The index is of ${timeFigure(Math.floor(index_built_at_ms))} UTC.
    `
  }${
    catalog_built_at_ms !== undefined && html`
      The catalog is of ${timeFigure(Math.floor(catalog_built_at_ms))} UTC.
    `
  } Where a run is still open in the log and its folder tells that it was given up, its status is what the folder tells. Exact values stand beside the rounded ones in the source of this page, in <code>&lt;data value&gt;</code>.</p>`;
}
