/** Recursive descent parser of filters: a text -> its tree. */
import type { LedgerError } from "../base/error.ts";
import { filter_conditions_max, filter_depth_max } from "../base/limits.ts";
import { nearest } from "../base/nearest.ts";
import {
  checkHasValue,
  compared,
  isField,
  isOneOf,
  type Literal,
  type Operand,
  type Reading,
  spanOf,
} from "./compare.ts";
import { fieldOf, GIT_COLUMNS, isObject } from "./names.ts";
import { problemAt, type Source } from "./problem.ts";
import { isSql, notInFilter } from "./sql_instead.ts";
import { type Token, tokensOf } from "./tokens.ts";
import type { Condition, Field, Operator } from "./tree.ts";

const OPERATORS: Readonly<Record<string, Operator>> = {
  "=": "=",
  "==": "=",
  "!=": "<>",
  "<>": "<>",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

const KEYWORDS = new Set(
  ["and", "or", "not", "in", "like", "is", "null", "between", "true", "false"],
);

/** Reads a filter. A while ago is counted from `now_ms`. */
export function parseFilter(text: string, now_ms: number): Condition {
  return new FilterParser({ name: "where", text }, now_ms).parse();
}

/** Takes tokens one after another. */
export class TokenReader {
  readonly tokens: readonly Token[];
  #at = 0;

  constructor(readonly source: Source) {
    this.tokens = tokensOf(source);
  }

  get next(): Token {
    return this.tokens[this.#at];
  }

  take(): Token {
    const token = this.next;
    if (!this.isAtEnd()) this.#at++;
    return token;
  }

  isAtEnd(): boolean {
    return this.next.kind === "end";
  }

  /** Takes a sign, or a word, if it is the next one. */
  takeIf(text: string): boolean {
    if (!isThe(this.next, text)) return false;
    this.take();
    return true;
  }

  /** The field that a name leads to. */
  field(token: Token): Field {
    const field = token.is_all ? undefined : fieldOf(token.segments, token);
    if (field) return field;
    const [known, hint] = token.is_all
      ? ["stands for many values", "name one of them"]
      : ["is no column", `there are ${GIT_COLUMNS.join(", ").replaceAll("git_", "git.")}`];
    throw problemAt(this.source, token, `${token.text} ${known}`, hint);
  }
}

function isThe(token: Token, text: string): boolean {
  if (token.kind === "sign") return token.text === text;
  return isPlainWord(token) && token.text.toLowerCase() === text;
}

function isPlainWord({ kind, segments }: Token): boolean {
  return kind === "name" && segments.length === 1 && !segments[0].is_quoted;
}

function isKeyword(token: Token): boolean {
  return isPlainWord(token) && KEYWORDS.has(token.text.toLowerCase());
}

class FilterParser extends TokenReader {
  readonly #reading: Reading;
  #depth = 0;
  #conditions = 0;

  constructor(source: Source, now_ms: number) {
    super(source);
    this.#reading = { source, now_ms };
  }

  parse(): Condition {
    if (this.isAtEnd()) throw this.#problem("there is nothing", EXAMPLE);
    const condition = this.#any();
    if (!this.isAtEnd()) throw this.#unexpected("and, or, or the end");
    return condition;
  }

  #any(): Condition {
    const of = [this.#all()];
    while (this.takeIf("or")) of.push(this.#all());
    return of.length === 1 ? of[0] : { kind: "or", of };
  }

  #all(): Condition {
    const of = [this.#not()];
    while (this.takeIf("and")) of.push(this.#not());
    return of.length === 1 ? of[0] : { kind: "and", of };
  }

  #not(): Condition {
    if (!this.takeIf("not")) return this.#one();
    return this.#deeper(() => ({ kind: "not", of: this.#not() }));
  }

  #deeper(read: () => Condition): Condition {
    if (++this.#depth > filter_depth_max) {
      throw this.#problem(`it is nested deeper than ${filter_depth_max} levels`);
    }
    const condition = read();
    this.#depth--;
    return condition;
  }

  #one(): Condition {
    if (this.takeIf("(")) {
      return this.#deeper(() => {
        const condition = this.#any();
        this.#expect(")");
        return condition;
      });
    }
    if (++this.#conditions > filter_conditions_max) {
      throw this.#problem(`it has more than ${filter_conditions_max} conditions`);
    }
    return this.#about(this.#operand());
  }

  /** What is said about a name or a value. */
  #about(subject: Operand): Condition {
    const operator = this.next.kind === "sign" ? OPERATORS[this.next.text] : undefined;
    if (operator !== undefined) {
      this.take();
      return compared(this.#reading, subject, operator, this.#right(subject));
    }
    if (this.takeIf("is")) {
      const is_negated = this.takeIf("not");
      if (!this.takeIf("null")) throw this.#unexpected("null");
      return negatedIf(is_negated, { kind: "is_null", field: this.#asField(subject) });
    }
    const is_negated = this.takeIf("not");
    if (this.takeIf("in")) return negatedIf(is_negated, this.#in(subject));
    if (this.takeIf("like")) return negatedIf(is_negated, this.#like(subject));
    if (this.takeIf("between")) return negatedIf(is_negated, this.#between(subject));
    if (is_negated) throw this.#unexpected("in, like or between");
    // A name alone asks whether it is true.
    if (!isField(subject) && subject.kind === "boolean") {
      return { kind: subject.token.text.toLowerCase() === "true" ? "and" : "or", of: [] };
    }
    const ends = this.isAtEnd() || ["and", "or", ")"].some((s) => isThe(this.next, s));
    if (!ends || !isField(subject)) throw this.#unexpected("=, <, >, in, like or is");
    if (subject.type !== "json" && subject.type !== "boolean") {
      throw this.#unexpected(`a comparison of ${subject.name}`);
    }
    checkHasValue(this.source, subject);
    return { kind: "compare", type: "boolean", field: subject, operator: "=", to: true };
  }

  #in(subject: Operand): Condition {
    if (!isField(subject)) {
      const field = this.field(this.#name("the name of a list"));
      if (!["text", "number"].includes(subject.kind) || field.type !== "json" || isObject(field)) {
        const message = `${field.name} is no list of texts or numbers`;
        throw problemAt(this.source, field.span, message, "lists: tags, params.NAME");
      }
      const { kind, token: { text } } = subject;
      return { kind: "has", field, value: kind === "number" ? Number(text) : text };
    }
    this.#expect("(");
    const literals: Literal[] = [];
    do literals.push(this.#literal()); while (this.takeIf(","));
    this.#expect(")");
    return isOneOf(this.#reading, subject, literals);
  }

  #like(subject: Operand): Condition {
    const field = this.#asField(subject);
    checkHasValue(this.source, field);
    if (field.type !== "text" && field.type !== "json") {
      throw problemAt(this.source, field.span, `${field.name} holds no text`, "compare with =");
    }
    const { token } = this.#literal("a pattern in quotes, such as 'sweep-%'", ["text"]);
    if (/(^|[^\\])(\\\\)*\\$/.test(token.text)) {
      throw problemAt(this.source, token, "the pattern ends in a backslash", "say \\\\ for one");
    }
    return { kind: "like", field, pattern: token.text };
  }

  #between(subject: Operand): Condition {
    const least = this.#literal();
    this.#expect("and");
    const most = this.#literal();
    const compare = (operator: Operator, value: Literal) => {
      return compared(this.#reading, subject, operator, value);
    };
    return { kind: "and", of: [compare(">=", least), compare("<=", most)] };
  }

  #operand(): Operand {
    const token = this.next;
    if (token.kind !== "name" || isKeyword(token)) return this.#literal("a name or a value");
    return this.field(this.#name("a name"));
  }

  /** The right side; a text that lacks its quotes is seen here. */
  #right(subject: Operand): Operand {
    const token = this.next;
    const right = this.#operand();
    const is_text = isField(right) && right.is_bare &&
      (token.segments[0].is_quoted || (isField(subject) && subject.type === "text"));
    if (!is_text) return right;
    const hint = `a text has single quotes: '${token.segments.map((s) => s.text).join(".")}'`;
    throw problemAt(this.source, token, `${token.text} is no column`, hint);
  }

  #literal(expected = "a value", kinds = ["text", "number", "duration", "time"]): Literal {
    const { next } = this;
    const word = isKeyword(next) ? next.text.toLowerCase() : "";
    const kind = kinds.includes(next.kind)
      ? next.kind
      : kinds.length > 1 && (word === "true" || word === "false")
      ? "boolean"
      : kinds.length > 1 && word === "null"
      ? "null"
      : undefined;
    if (kind === undefined) throw this.#unexpected(expected);
    return { kind: kind as Literal["kind"], token: this.take() };
  }

  #name(expected: string): Token {
    const { next, source, tokens } = this;
    if (next.kind !== "name" || isKeyword(next) || isSql(source, tokens, next)) {
      throw this.#unexpected(expected);
    }
    return this.take();
  }

  #asField(operand: Operand): Field {
    if (isField(operand)) return operand;
    throw problemAt(this.source, spanOf(operand), "a value stands where a name has to");
  }

  #expect(sign: string): void {
    if (!this.takeIf(sign)) throw this.#unexpected(sign);
  }

  #problem(message: string, hint?: string): LedgerError {
    return problemAt(this.source, this.next, message, hint);
  }

  /** The error about the next token, which nothing that may stand here begins with. */
  #unexpected(expected: string): LedgerError {
    const { next, source, tokens } = this;
    if (isSql(source, tokens, next)) return notInFilter(source, tokens, next);
    if (this.isAtEnd()) return this.#problem(`the text ends, and ${expected} has to follow`);
    const near = isPlainWord(next) ? nearest(next.text.toLowerCase(), [...KEYWORDS]) : undefined;
    const hint = next.text === "&&" || next.text === "||"
      ? `say ${next.text === "&&" ? "and" : "or"}`
      : near && near !== next.text
      ? `did you mean ${near}?`
      : undefined;
    const typed = source.text.slice(next.from, next.to);
    return this.#problem(`${typed} stands where ${expected} has to`, hint);
  }
}

function negatedIf(is_negated: boolean, of: Condition): Condition {
  return is_negated ? { kind: "not", of } : of;
}

const EXAMPLE = "for example: params.stop_loss_bps > 300 and status = 'completed'";
