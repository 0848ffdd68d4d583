/** A part of the page: its heading, what it shows or why it shows nothing, and how to ask for the same. */
import { humanCount, shellQuoted } from "../../base/format.ts";
import { report_ask_chars_max } from "../../base/limits.ts";
import type { Found } from "../gather/data.ts";
import { NO_FIGURE } from "./figures.ts";
import { identifier, type Markup, markup, named, type Piece } from "./markup.ts";
import { statusBadge } from "./statuses.ts";

/** A section of what was found; its lead says what it shows, in a sentence or two. */
export function section<Value>(
  id: string,
  title: string,
  lead: Piece,
  found: Found<Value>,
  body: (value: Value) => Piece,
): Markup {
  return markup`
    <section id="${id}" aria-labelledby="${id}-h" tabindex="-1">
    <h2 id="${id}-h">${title}</h2>
    ${found.kind === "there" && markup`<p class="lead">${lead}</p>`}
    ${foundOr(found, body)}
    </section>
  `;
}

/** What was found; or what is missing, and what makes it; or what could not be read, and why. */
export function foundOr<Value>(found: Found<Value>, body: (value: Value) => Piece): Piece {
  if (found.kind === "there") return body(found.value);
  if (found.kind === "missing") return markup`<p class="missing">${toChange(found)}</p>`;
  const { message, hint } = found.problem;
  return markup`<p class="problem"><strong>Could not be read.</strong> ${message}
    ${hint && markup`<span>What to do: ${hint}</span>`}</p>`;
}

/** What is not as a reader may expect, and the command that changes it. */
export function toChange({ words, command }: { words: string; command: string }): Markup {
  return markup`${words} To change that: <code class="command">${command}</code>`;
}

/** A question that answers with what a section shows, as it is typed. */
export type Ask = readonly [shows: string, line: string];

/** How a reader asks for the numbers of a section. What names hundreds of runs is not for typing. */
export function asks(questions: readonly Ask[]): Piece {
  const typed = questions.filter(([, line]) => line.length <= report_ask_chars_max);
  if (typed.length === 0) return null;
  const asked = typed.map(([shows, line]) =>
    markup`<dt>${shows}</dt><dd><pre tabindex="0"><code>${line}</code></pre></dd>`
  );
  return markup`<details class="asks"><summary>Ask for these numbers yourself</summary>
    <dl>${asked}</dl></details>`;
}

/** A question in SQL, as it is typed into a shell. */
export function queryLine(sql: string, database?: "catalog"): string {
  const line = sql.replace(/\s*\n\s*/g, " ").trim();
  return `ledger query ${database ? `--db ${database} ` : ""}${shellQuoted(line)}`;
}

/** A remark. */
export function note(words: Piece): Piece {
  return words && markup`<p class="note">${words}</p>`;
}

/** What a page leaves out; nothing where it leaves out nothing. */
export function leftOut(shown: number, total: number, what: string, why = ""): Piece {
  const counts = `${humanCount(shown)} of ${humanCount(total)}`;
  return shown < total && note(`Shown: ${what.replace("$", counts)}.${why && ` ${why}`}`);
}

/** Columns by their headings, each with what stands in a row's cell. */
type Columns<Row> = Readonly<Record<string, (row: Row) => Piece>>;

const RIGHT = markup` class="right"`;

/**
 * A table: words, the first of which name the row, and to their right figures. A column that would be empty
 * is left out. It scrolls by itself where it is too wide.
 */
export function table<Row>(
  caption: string,
  rows: readonly Row[],
  words: Columns<Row>,
  figures: Columns<Row> = {},
): Markup {
  const columns = [
    ...Object.entries(words).map(([title, cell]) => ({ title, cell, side: null })),
    ...Object.entries(figures).map(([title, cell]) => ({ title, cell, side: RIGHT })),
  ].map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter(({ cells }, index) => index === 0 || !cells.every(isEmpty));
  const headings = columns.map(({ title, side }) => markup`<th scope="col"${side}>${title}</th>`);
  const lines = rows.map((_, row) =>
    columns.map(({ cells, side }, index) =>
      index === 0
        ? markup`<th scope="row">${cells[row]}</th>`
        : markup`<td${side}>${cells[row]}</td>`
    )
  );
  return markup`
    <div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table>
    <caption>${caption}</caption>
    <thead><tr>${headings}</tr></thead>
    <tbody>${lines.map((cells) => markup`<tr>${cells}</tr>\n`)}</tbody>
    </table>
    </div>
  `;
}

function isEmpty(cell: Piece): boolean {
  return !cell || cell === NO_FIGURE;
}

/** Names and what belongs to each, side by side; a name without anything is left out. */
export function pairs(look: "facts" | "tiles", entries: Readonly<Record<string, Piece>>): Markup {
  return markup`<dl class="${look}">${
    Object.entries(entries).filter(([, value]) => !isEmpty(value)).map(([name, value]) =>
      markup`<div><dt>${name}</dt><dd>${value}</dd></div>`
    )
  }</dl>`;
}

/** A run by itself. */
export function runCard(
  { run_id, name, status }: { run_id: string; name?: string | null; status: string },
  body: Piece,
): Markup {
  return markup`<article class="card">
    <h3>${name && [named(name, 40), " "]}${identifier(run_id, 60)} ${statusBadge(status)}</h3>
    ${body}</article>`;
}

/** A text behind a heading that opens it. */
export function fold(summary: Piece, body: Piece): Markup {
  return markup`<details><summary>${summary}</summary>${body}</details>`;
}
