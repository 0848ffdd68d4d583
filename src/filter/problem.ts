/** Diagnostics of a filter: what is wrong, and the text with a caret under the place. */
import { LedgerError } from "../base/error.ts";
import { filter_excerpt_columns } from "../base/limits.ts";
import { columnsOf, shortened } from "../base/text_width.ts";
import type { Span } from "./tree.ts";

/** A text that is read: a filter, an order, a list of columns, under the name that it is given by. */
export interface Source {
  name: "where" | "sort" | "columns" | "by" | "per" | "metric";
  text: string;
}

/** The error about a place in a text. */
export function problemAt(
  { name, text }: Source,
  { from, to }: Span,
  message: string,
  hint?: string,
): LedgerError {
  // One line, whatever is in it; each character keeps its place.
  const line = text.replace(/\p{Cc}/gu, " ");
  const begin = from > filter_excerpt_columns / 2 ? from - filter_excerpt_columns / 4 : 0;
  const before = `${begin > 0 ? "…" : ""}${line.slice(begin, from)}`;
  const excerpt = shortened(before + line.slice(from), filter_excerpt_columns);
  const room = Math.max(1, columnsOf(excerpt) - columnsOf(before));
  const caret = "^".repeat(Math.min(room, Math.max(1, columnsOf(line.slice(from, to)))));
  return new LedgerError({
    code: "invalid",
    message: `cannot read ${name} at column ${from + 1}: ${message}\n` +
      `  ${excerpt}\n  ${" ".repeat(columnsOf(before))}${caret}`,
    hint,
    detail: { column: from + 1 },
  });
}
