/** What a filter leaves to SQL, and the query that asks it. */
import type { LedgerError } from "../base/error.ts";
import { shellQuoted } from "../base/format.ts";
import { jsonPointer } from "../base/json.ts";
import { fieldOf } from "./names.ts";
import { problemAt, type Source } from "./problem.ts";
import { columnSql } from "./sql.ts";
import type { Token } from "./tokens.ts";

/** Signs and words by which SQL is known. */
const SIGNS = new Set(
  ["::", "->", "->>", "+", "-", "*", "/", "%", "^", "~", "[", "]", "{", "}", "--"],
);
const WORDS = new Set(
  ("select where case when cast exists ilike similar glob interval collate limit order group " +
    "having union").split(" "),
);

/** Whether a token that does not fit is one that SQL has, and a filter has not. */
export function isSql({ text }: Source, tokens: readonly Token[], token: Token): boolean {
  if (token.kind === "sign") return SIGNS.has(token.text);
  if (token.kind === "number") return token.text.startsWith("-") && follows(tokens, token);
  if (token.kind !== "name" || token.segments.some(({ is_quoted }) => is_quoted)) return false;
  const word = token.text.toLowerCase();
  // A column has this name too.
  if (word === "group") return tokens[tokens.indexOf(token) + 1]?.text.toLowerCase() === "by";
  return token.text === "*" || text[token.to] === "(" || WORDS.has(word);
}

/** `x -5` is a difference: a number where a sign has to be. */
function follows(tokens: readonly Token[], token: Token): boolean {
  const before = tokens[tokens.indexOf(token) - 1];
  return before !== undefined && (before.kind === "name" || before.kind === "number");
}

/** The error about it, with the line that does what was meant. */
export function notInFilter(source: Source, tokens: readonly Token[], token: Token): LedgerError {
  const { text } = source;
  const typed = text.slice(token.from, token.to);
  const what = text[token.to] === "(" && token.kind === "name" ? `${typed}(…)` : typed;
  return problemAt(
    source,
    token,
    `${what} is SQL: a filter compares, and has no functions, casts or sums`,
    `as SQL: ledger query --db catalog ${shellQuoted(queryOf(source, tokens))}`,
  );
}

/** The text as the condition of a query; ways into params and the like are written as SQL has them. */
function queryOf({ text }: Source, tokens: readonly Token[]): string {
  const is_textual = tokens.some(({ kind }) => kind === "text");
  const fields = tokens.map((token) => {
    const is_name = token.kind === "name" && !token.is_all;
    return is_name ? fieldOf(token.segments, token) : undefined;
  });
  const is_of_summaries = fields.every((field) => !field || OF_SUMMARIES.has(field.column));
  let condition = "";
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    const field = fields[index];
    if (!field || field.is_bare) continue;
    const is_renamed = is_of_summaries && field.column === "params";
    const column = is_renamed ? "parameters" : columnSql(field);
    const value = `${column}->>'${jsonPointer(field.ways.at(-1) ?? [])}'`;
    const typed = is_textual ? `(${value})` : `cast(${value} as double)`;
    condition += text.slice(at, token.from) + (field.ways.length > 0 ? typed : column);
    at = token.to;
  }
  condition += text.slice(at);
  return `select run_id from ${
    is_of_summaries ? "run_summaries" : "run_states"
  } where ${condition}`;
}

/** What the view has that gives each of the usual metrics a column of its own. */
const OF_SUMMARIES = new Set(
  "run_id run_type status created_at git_commit git_branch params summary run_path".split(" "),
);
