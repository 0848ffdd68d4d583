/** HTML that is put together so that no text can become markup: whatever goes in is escaped. */
import { clipped } from "../../base/format.ts";
import { report_name_chars_max } from "../../base/limits.ts";

/** A piece of HTML that is ready. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What may stand in HTML: text, which is escaped; pieces that are ready; lists of both; or nothing. */
export type Piece = string | number | Markup | null | undefined | false | readonly Piece[];

/** Puts HTML together: markup`<p>${text}</p>`. */
export function markup(parts: TemplateStringsArray, ...pieces: Piece[]): Markup {
  const fixed = withoutIndents(parts);
  let text = fixed[0];
  for (const [index, piece] of pieces.entries()) text += textOf(piece) + fixed[index + 1];
  return new Markup(text);
}

const WITHOUT_INDENTS = new WeakMap<TemplateStringsArray, string[]>();

/** Templates are indented for the reader of the code; a page is the smaller without. */
function withoutIndents(parts: TemplateStringsArray): string[] {
  const fixed = WITHOUT_INDENTS.get(parts) ?? parts.map((part) => part.replace(/\s*\n\s*/g, "\n"));
  WITHOUT_INDENTS.set(parts, fixed);
  return fixed;
}

function textOf(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return "";
  if (piece instanceof Markup) return piece.text;
  if (Array.isArray(piece)) return piece.map(textOf).join("");
  return escaped(String(piece));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What a page cannot show, or not as what it is: control characters, and what is no character. */
// deno-lint-ignore no-control-regex
const UNSHOWABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/g;

/** Text as it may stand in HTML, between tags and in quoted attributes. */
export function escaped(text: string): string {
  return text.toWellFormed().replace(UNSHOWABLE, "\ufffd").replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** A name that a user gave: kept apart, so that its direction of writing stays its own; cut when long. */
export function named(text: string, chars_max = report_name_chars_max): Markup {
  return markup`<bdi>${clipped(text, chars_max)}</bdi>`;
}

/** The same, as what has to be typed exactly. */
export function identifier(text: string, chars_max = report_name_chars_max): Markup {
  return markup`<code class="id"><bdi>${clipped(text, chars_max)}</bdi></code>`;
}
