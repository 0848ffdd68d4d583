/** Lexer of filters: a text -> tokens, each with its place. */
import { isDay, typedTime } from "../base/format.ts";
import { filter_chars_max } from "../base/limits.ts";
import type { Segment } from "./names.ts";
import { problemAt, type Source } from "./problem.ts";
import type { Span } from "./tree.ts";

/** A word, a value or a sign. */
export interface Token extends Span {
  kind: "name" | "text" | "number" | "duration" | "time" | "sign" | "end";
  /** As it was typed; of a text, what is in it. */
  text: string;
  /** The pieces of a name. */
  segments: readonly Segment[];
  /** The name ends in `.*`, or is `*`: all that is there. */
  is_all: boolean;
}

const WORD_ENDS = "(?![\\p{L}\\p{N}_])";
const SEGMENT = '"(?:[^"]|"")*"(?!")|[\\p{L}_][\\p{L}\\p{N}_]*';
const INNER_SEGMENT = '"(?:[^"]|"")*"(?!")|[\\p{L}\\p{N}_]+';

const PATTERNS: readonly [kind: Token["kind"], pattern: RegExp][] = [
  [
    "time",
    new RegExp(`\\d{4}-\\d{2}-\\d{2}(T[\\d:.]+(Z|[+-]\\d{2}:?\\d{2})?)?${WORD_ENDS}`, "uy"),
  ],
  ["duration", new RegExp(`\\d{1,9}[smhdw]${WORD_ENDS}`, "uy")],
  ["number", new RegExp(`-?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?${WORD_ENDS}`, "uy")],
  ["text", /'(?:[^']|'')*'(?!')/uy],
  ["name", new RegExp(`(?:${SEGMENT})(?:\\.(?:${INNER_SEGMENT}))*(?:\\.\\*)?|\\*`, "uy")],
  ["sign", /->>|::|--|->|\|\||&&|<=|>=|<>|!=|==|[^\s'"]/uy],
];

/** Takes a text apart. Signs that no filter has are tokens too: the parser refuses them. */
export function tokensOf(source: Source): Token[] {
  const { name, text } = source;
  if (text.length > filter_chars_max) {
    const over = { from: filter_chars_max, to: text.length };
    throw problemAt(source, over, `${name} has more than ${filter_chars_max} characters`);
  }
  const tokens: Token[] = [];
  const blank = /\s*/y;
  for (let at = 0;;) {
    blank.lastIndex = at;
    at += blank.exec(text)![0].length;
    if (at === text.length) break;
    const token = tokenAt(source, at);
    tokens.push(token);
    at = token.to;
  }
  const end = { from: text.length, to: text.length, text: "", segments: [], is_all: false };
  return [...tokens, { kind: "end", ...end }];
}

function tokenAt(source: Source, from: number): Token {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = from;
    const text = pattern.exec(source.text)?.[0];
    if (text === undefined) continue;
    const token = { kind, from, to: from + text.length, text, segments: [], is_all: false };
    if (kind === "text") return { ...token, text: text.slice(1, -1).replaceAll("''", "'") };
    if (kind === "name") return { ...token, ...nameIn(text) };
    if (kind === "time" && typedTime(text) === undefined) {
      const what = isDay(text.slice(0, 10)) ? "time of a day" : "day of the calendar";
      throw problemAt(source, token, `${text} is no ${what}`, "times: 2026-01-23T14:30:00Z");
    }
    if (kind === "sign" && /\d/.test(text)) {
      const [word] = /^[\p{L}\p{N}_.]+/u.exec(source.text.slice(from))!;
      throw problemAt(
        source,
        { from, to: from + word.length },
        `${word} is no number and no length of time`,
        "numbers: 300, -0.5, 1e6; lengths: 90s, 30m, 2h, 7d; a name that begins so: in double quotes",
      );
    }
    return token;
  }
  const quote = source.text[from];
  const what = quote === "'" ? "text" : "name";
  throw problemAt(source, { from, to: source.text.length }, `the ${what} has no closing ${quote}`);
}

function nameIn(text: string): Pick<Token, "segments" | "is_all"> {
  const pieces = text.match(new RegExp(`${INNER_SEGMENT}|\\*$`, "gu"))!;
  const is_all = pieces.at(-1) === "*";
  const segments = (is_all ? pieces.slice(0, -1) : pieces).map((piece) =>
    piece.startsWith('"')
      ? { text: piece.slice(1, -1).replaceAll('""', '"'), is_quoted: true }
      : { text: piece, is_quoted: false }
  );
  return { segments, is_all };
}
