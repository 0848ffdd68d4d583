/**
 * How the page looks: by day and by night, on a phone, at a desk and on paper. Colours never stand
 * alone for a meaning, and text keeps a contrast of 4.5 to what is behind it.
 */
import { Markup } from "./markup.ts";

/** What both colour schemes name. */
const LIGHT = `
  --page: #f6f6f4; --card: #ffffff; --text: #1b1d21; --quiet: #595e67; --line: #dcdcd8;
  --grid: #ebebe7; --strong-line: #8a8f98; --link: #1f54b5; --fill: #f0f0ec;
  --good: #2f66c4; --bad: #bf4a16; --odd: #8a6400; --open: #6d7480;
  --good-text: #24519e; --bad-text: #a03a0c; --odd-text: #745400; --open-text: #565c66;
  --p50: #2f66c4; --p95: #6a4bb3; --p99: #a8398a; --max: #bf4a16;`;

const DARK = `
  --page: #121316; --card: #1a1c20; --text: #e7e8ea; --quiet: #a3a8b1; --line: #33363c;
  --grid: #272a2f; --strong-line: #747a85; --link: #8fb4ff; --fill: #23262b;
  --good: #6d9cf0; --bad: #ee8455; --odd: #d0a84a; --open: #959ca8;
  --good-text: #9dbffa; --bad-text: #ffa37b; --odd-text: #e2be68; --open-text: #b0b6c0;
  --p50: #6d9cf0; --p95: #a68bea; --p99: #e07cc4; --max: #ee8455;`;

const PAGE = `
*, ::before, ::after { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 1; padding: .5rem .75rem; background: var(--card); }
header, nav, main, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.75rem; }
h1 { margin: 0; overflow-wrap: anywhere; font-size: 1.85rem; line-height: 1.2; letter-spacing: -.02em; font-weight: 650; }
h2 { margin: 0 0 .25rem; font-size: 1.3rem; line-height: 1.3; letter-spacing: -.01em; font-weight: 650; }
h3 { margin: 0 0 .75rem; font-size: 1rem; line-height: 1.4; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
section { padding: 2.25rem 0 0; scroll-margin-top: 0; }
section:focus { outline: none; }
.lead, .subtitle { color: var(--quiet); }
.subtitle { margin: .35rem 0 1.25rem; }
.note { margin: .75rem 0; color: var(--quiet); font-size: .875rem; }
.missing, .problem, .gaps li { padding: .75rem 1rem; border-radius: .5rem; background: var(--fill);
  border-left: 3px solid var(--strong-line); }
.problem { border-color: var(--bad); }
.gaps { list-style: none; padding: 0; margin: 1rem 0 0; display: grid; gap: .5rem; }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code.id { overflow-wrap: anywhere; }
code.command { overflow-wrap: anywhere; font-weight: 600; }
.none { color: var(--quiet); }
nav ul { list-style: none; margin: 0; padding: .75rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem;
  border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); font-size: .9375rem; }
nav a { display: inline-block; padding: .2rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }
footer { margin-top: 3rem; padding-top: 1rem; padding-bottom: 3rem; color: var(--quiet); font-size: .875rem; }
footer > * { border-top: 1px solid var(--line); padding-top: 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 0 0 1.25rem; }
.tiles div { padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
.tiles dt { color: var(--quiet); font-size: .8125rem; }
.tiles dd { margin: 0; font-size: 1.375rem; line-height: 1.3; font-weight: 600; letter-spacing: -.01em; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr)); gap: 1rem; margin: 1rem 0; }
.wide-cards { grid-template-columns: minmax(0, 1fr); }
.card { min-width: 0; padding: 1rem 1.125rem; background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem 1.5rem; }
.losses { list-style: none; padding: 0; margin: 1rem 0; display: grid; gap: 1rem; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 0 0 1rem; }
.facts div { min-width: 0; }
.facts dt { color: var(--quiet); font-size: .8125rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .05rem .5rem; border: 1px solid; border-radius: 1rem;
  font-size: .8125rem; line-height: 1.4; font-weight: 500; white-space: nowrap; }
.badge.good { color: var(--good-text); } .badge.bad { color: var(--bad-text); }
.badge.odd { color: var(--odd-text); } .badge.open { color: var(--open-text); }
.aside { display: block; width: max-content; max-width: 13rem; margin-top: .15rem; color: var(--quiet); font-size: .8125rem;
  white-space: normal; overflow-wrap: anywhere; }`;

const TABLES = `
.scroll { overflow-x: auto; margin: 1rem 0; background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
details .scroll { margin: .5rem 0; }
.card .scroll { margin: .5rem 0; border: 0; border-radius: 0; background: none; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.45; }
caption { padding: .7rem .875rem .5rem; text-align: left; font-weight: 600; }
th, td { padding: .4rem .875rem; text-align: left; vertical-align: baseline; border-top: 1px solid var(--grid); }
td { white-space: nowrap; }
thead th { color: var(--quiet); font-weight: 500; font-size: .8125rem; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 400; min-width: 9rem; max-width: 20rem; overflow-wrap: anywhere; }
.right { text-align: right; }
tbody tr:hover { background: var(--fill); }
.card caption, .card th:first-child { padding-left: 0; }
.losses tbody th { min-width: 0; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--link); font-size: .875rem; padding: .15rem 0; width: fit-content; }
.asks dl { margin: .25rem 0 0; }
.asks dt { margin-top: .5rem; color: var(--quiet); font-size: .875rem; }
.asks dd { margin: .15rem 0 0; }
pre { margin: 0; padding: .6rem .875rem; background: var(--fill); border-radius: .5rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }`;

const CHARTS = `
figure { margin: 0 0 .5rem; min-width: 0; overflow-x: clip; }
section > figure { margin: 1rem 0; padding: .875rem 1rem .5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .625rem; }
figure img { display: block; max-width: 100%; height: auto; background: #ffffff; }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; margin-bottom: .6rem;
  font-size: .875rem; font-weight: 600; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1rem; margin: 0; padding: 0;
  font-size: .8125rem; font-weight: 400; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: .4rem; }
.swatch { width: .7rem; height: .7rem; border-radius: 2px; background: currentColor; forced-color-adjust: none; }
.swatch.good { background: var(--good); } .swatch.bad { background: var(--bad); }
.swatch.odd { background: var(--odd); } .swatch.open { background: var(--open); }
.swatch.p50, .swatch.p95, .swatch.p99, .swatch.max { border-radius: 50%; }
.swatch.p50 { background: var(--p50); } .swatch.p95 { background: var(--p95); }
.swatch.p99 { background: var(--p99); } .swatch.max { background: none; border: 2px solid var(--max); }
.chart { display: block; width: 100%; overflow: visible; font-size: 12px; }
.stretched { overflow: visible; }
.chart text { fill: var(--quiet); }
.chart .name { fill: var(--text); }
.grid { stroke: var(--grid); }
.zero { stroke: var(--strong-line); }
rect.good { fill: var(--good); } rect.bad { fill: var(--bad); }
rect.odd { fill: var(--odd); } rect.open { fill: var(--open); }
.bar { fill: var(--good); stroke: var(--good); }
.bar.waiting { fill: none; stroke-dasharray: 4 3; }
.curve { fill: none; stroke: var(--good); stroke-width: 1.75; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
circle.end { fill: var(--good); }
.whisker { stroke: var(--strong-line); stroke-width: 1.5; }
.box { fill: var(--fill); stroke: var(--good); stroke-width: 1.5; }
.median { stroke: var(--good); stroke-width: 2.5; }
circle.mean { fill: var(--bad); stroke: var(--card); }
circle.p50 { fill: var(--p50); } circle.p95 { fill: var(--p95); }
circle.p99 { fill: var(--p99); } circle.max { fill: var(--card); stroke: var(--max); stroke-width: 2; }
circle.p50, circle.p95, circle.p99 { stroke: var(--card); }
.chain { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; margin: 0 0 .5rem; padding: 0; }
.chain li { position: relative; padding: .15rem .6rem; border: 1px solid var(--line); border-radius: .4rem;
  background: var(--fill); font-size: .875rem; overflow-wrap: anywhere; }
.chain li + li::before { content: "→" / ""; position: absolute; left: -1.3rem; color: var(--quiet); }
.chain .gap { border: 0; background: none; }
.hop { color: var(--quiet); font-size: .8125rem; }`;

const NARROW = `
@media (max-width: 40rem) {
  header, nav, main, footer { padding-left: 1rem; padding-right: 1rem; }
  header { padding-top: 1.5rem; }
  h1 { font-size: 1.5rem; }
  .wide { display: none; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  th, td { padding-left: .7rem; padding-right: .7rem; }
  tbody th { min-width: 8.75rem; max-width: 11rem; }
}`;

const PRINT = `
@media print {
  :root { ${LIGHT} --page: #ffffff; }
  @page { margin: 14mm; }
  html { font-size: 8.5pt; }
  nav, .skip, .asks, summary, details:not([open]) { display: none; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  .card, figure, tr, .tiles { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; border: 0; background: none; }
  table { font-size: 1em; }
  .card table, .scroll table { font-size: .875rem; }
  .chart { font-size: 10px; }
  th, td, thead th { padding: .3rem .5rem; white-space: normal; }
  th:first-child, caption { padding-left: 0; }
  .scroll data { white-space: nowrap; }
  .cards { grid-template-columns: 1fr 1fr; }
  .wide-cards { grid-template-columns: minmax(0, 1fr); }
  .pair { grid-template-columns: 1fr 1fr; }
  tbody th { min-width: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}`;

/** The page's style sheet. */
export const STYLE = new Markup(`
:root {${LIGHT}
}
@media screen and (prefers-color-scheme: dark) {
  :root {${DARK}
  }
}${PAGE}${TABLES}${CHARTS}${NARROW}${PRINT}
`);
