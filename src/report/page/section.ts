/** A part of the page: its heading, what it shows or why it shows nothing, and how to ask for the same. */
import { shellQuoted } from "../../base/format.ts";
import type { Found } from "../gather/data.ts";
import { html, type Markup, type Piece } from "./markup.ts";

/** What every section has. */
interface SectionHead {
  id: string;
  title: string;
  /** What it shows, in a sentence or two. */
  lead: Piece;
}

/** A question that answers with what a section shows. */
interface Ask {
  shows: string;
  /** As it is typed. */
  line: string;
}

/** A section of what was found. */
export function section<Value>(
  { id, title, lead }: SectionHead,
  found: Found<Value>,
  body: (value: Value) => Piece,
): Markup {
  return html`
    <section id="${id}" aria-labelledby="${id}-h" tabindex="-1">
    <h2 id="${id}-h">${title}</h2>
    ${found.kind === "there" && html`<p class="lead">${lead}</p>`}
    ${foundOr(found, body)}
    </section>
  `;
}

/** What was found; or what is missing, and what makes it; or what could not be read, and why. */
export function foundOr<Value>(found: Found<Value>, body: (value: Value) => Piece): Piece {
  switch (found.kind) {
    case "there":
      return body(found.value);
    case "missing":
      return html`<p class="missing">${found.words} To change that: <code class="command">${found.command}</code></p>`;
    case "unreadable": {
      const { message, hint } = found.problem;
      return html`<p class="problem"><strong>Could not be read.</strong> ${message}${
        hint && html`
          <span>What to do: ${hint}</span>
        `
      }</p>`;
    }
  }
}

/** How a reader asks for the numbers of a section. */
export function asks(questions: readonly Ask[]): Markup {
  return html`
    <details class="asks">
      <summary>Ask for these numbers yourself</summary>
      <dl>${questions.map(({ shows, line }) =>
        html`
          <dt>${shows}</dt>
          <dd>
            <pre tabindex="0"><code>${line}</code></pre>
          </dd>
        `
      )}</dl>
    </details>
  `;
}

/** A question in SQL, as it is typed into a shell. */
export function queryLine(sql: string, database?: "catalog"): string {
  return `ledger query ${database ? `--db ${database} ` : ""}${shellQuoted(sql)}`;
}

/** What a page leaves out; nothing where it leaves out nothing. */
export function leftOut(shown: number, total: number, what: string, why = ""): Piece {
  return shown < total &&
    html`<p class="note">Shown: ${
      what.replace("$", `${shown.toLocaleString("en")} of ${total.toLocaleString("en")}`)
    }.${why && ` ${why}`}</p>`;
}

/** A column of a table by its title; those of numbers stand to the right. */
type Column = string | { right: string };

/** Columns of numbers. */
export function right(...titles: string[]): Column[] {
  return titles.map((title) => ({ right: title }));
}

/** A table; the first cell of each row is its heading. It scrolls by itself where it is too wide. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Piece[])[],
): Markup {
  const side = (index: number) =>
    typeof columns[index] === "object" && html`
      class="right"
    `;
  const cells = (row: readonly Piece[]) =>
    row.map((cell, index) =>
      index === 0
        ? html`
          <th scope="row" ${side(0)}>${cell}</th>
        `
        : html`<td${side(index)}>${cell}</td>`
    );
  return html`
    <div class="scroll" role="region" tabindex="0" aria-label="${caption}">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${columns.map((column, index) =>
            html`
              <th scope="col" ${side(index)}>${typeof column === "object"
                ? column.right
                : column}</th>
            `
          )}</tr>
        </thead>
        <tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody>
      </table>
    </div>
  `;
}

/** Names and what belongs to each, side by side. */
export function pairs(look: "facts" | "tiles", entries: readonly [string, Piece][]): Markup {
  return html`<dl class="${look}">${
    entries.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** A text behind a heading that opens it. */
export function fold(summary: Piece, body: Piece): Markup {
  return html`<details><summary>${summary}</summary>${body}</details>`;
}
