/** Semantic analysis of comparisons: what two sides can be compared as, and what a length of time means. */
import type { LedgerError } from "../base/error.ts";
import { DAY_MS, durationMs, typedTime } from "../base/format.ts";
import { isObject } from "./names.ts";
import { problemAt, type Source } from "./problem.ts";
import type { Token } from "./tokens.ts";
import type { Condition, Field, Operator, Scalar, Span, ValueType } from "./tree.ts";

/** A value as it was typed. */
export interface Literal {
  kind: "text" | "number" | "boolean" | "duration" | "time" | "null";
  token: Token;
}

/** A side of a comparison. */
export type Operand = Field | Literal;

/** Where and when a comparison is read. */
export interface Reading {
  source: Source;
  now_ms: number;
}

export function isField(operand: Operand): operand is Field {
  return "column" in operand;
}

export function spanOf(operand: Operand): Span {
  return isField(operand) ? operand.span : operand.token;
}

/** Each operator, and what it is when the sides change places. */
const FLIPPED: Readonly<Record<Operator, Operator>> = {
  "=": "=",
  "<>": "<>",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** A value that a field is compared with; a day is a stretch of time. */
type Typed = { type: ValueType; value: Scalar } | {
  type: "time";
  from_ms: number;
  until_ms: number;
};

/** The condition that one side stands so to the other. */
export function compared(
  reading: Reading,
  left: Operand,
  operator: Operator,
  right: Operand,
): Condition {
  if (!isField(left)) {
    if (isField(right)) return compared(reading, right, FLIPPED[operator], left);
    throw problemAt(
      reading.source,
      { from: left.token.from, to: right.token.to },
      "two values are compared, and no name is there",
      "names: run_id, status, params.NAME, summary.NAME, …",
    );
  }
  if (isField(right)) return fieldsCompared(reading, left, operator, right);
  const is_equality = operator === "=" || operator === "<>";
  if (right.kind === "null") {
    if (!is_equality) throw nullIn(reading.source, right);
    const is_null: Condition = { kind: "is_null", field: left };
    return operator === "=" ? is_null : { kind: "not", of: is_null };
  }
  const typed = typedValue(reading, left, right);
  if (typed.type === "boolean" && !is_equality) {
    throw problemAt(reading.source, right.token, "true and false have no order", "compare with =");
  }
  return "value" in typed
    ? { kind: "compare", type: typed.type, field: left, operator, to: typed.value }
    : comparedWithDay(left, operator, typed.from_ms, typed.until_ms);
}

/** A day includes all of it. */
function comparedWithDay(
  field: Field,
  operator: Operator,
  from_ms: number,
  until_ms: number,
): Condition {
  const compare = (operator: Operator, to: number): Condition => {
    return { kind: "compare", type: "time", field, operator, to };
  };
  switch (operator) {
    case "=":
      return { kind: "and", of: [compare(">=", from_ms), compare("<", until_ms)] };
    case "<>":
      return { kind: "or", of: [compare("<", from_ms), compare(">=", until_ms)] };
    case "<":
    case ">=":
      return compare(operator, from_ms);
    default:
      return compare(operator === "<=" ? "<" : ">=", until_ms);
  }
}

/** The condition that a field has one of some values. */
export function isOneOf(reading: Reading, field: Field, literals: readonly Literal[]): Condition {
  const values = new Map<ValueType, Scalar[]>();
  const days: Condition[] = [];
  for (const literal of literals) {
    if (literal.kind === "null") throw nullIn(reading.source, literal);
    const typed = typedValue(reading, field, literal);
    if ("value" in typed) {
      values.set(typed.type, [...(values.get(typed.type) ?? []), typed.value]);
    } else days.push(comparedWithDay(field, "=", typed.from_ms, typed.until_ms));
  }
  const among = [...values].map(([type, values]): Condition => ({
    kind: "in",
    type,
    field,
    values,
  }));
  const of: Condition[] = days.length > 0 ? [...among, { kind: "or", of: days }] : among;
  if (of.length === 1) return of[0];
  // A time is a day's, or it is one of the times; of a value in JSON, one type alone is known.
  return { kind: days.length > 0 ? "or" : "first", of };
}

function fieldsCompared(
  { source }: Reading,
  left: Field,
  operator: Operator,
  right: Field,
): Condition {
  const types = typesOf(source, left).filter((type) => typesOf(source, right).includes(type));
  const of = types.filter((type) => operator === "=" || operator === "<>" || type !== "boolean")
    .map((type): Condition => ({ kind: "compare", type, field: left, operator, to: right }));
  if (of.length > 0) return of.length === 1 ? of[0] : { kind: "first", of };
  throw problemAt(
    source,
    right.span,
    `${left.name} holds ${holds(left)}, and ${right.name} ${holds(right)}`,
  );
}

function typesOf(source: Source, field: Field): ValueType[] {
  checkHasValue(source, field);
  return field.type === "json" ? ["number", "text", "boolean"] : [field.type];
}

/** Refuses what holds many values. */
export function checkHasValue(source: Source, field: Field): void {
  if (field.column === "tags") {
    throw problemAt(source, field.span, "tags is a list", "ask what is in it: 'best' in tags");
  }
  if (!isObject(field)) return;
  const hint = `name one of them: ${field.name}.NAME`;
  throw problemAt(source, field.span, `${field.name} holds many values`, hint);
}

function typedValue(reading: Reading, field: Field, literal: Literal): Typed {
  const { source, now_ms } = reading;
  const { kind, token } = literal;
  checkHasValue(source, field);
  const fits = (type: ValueType) => field.type === "json" || field.type === type;
  if (field.type === "time") {
    if (kind === "number") return { type: "time", value: Number(token.text) };
    const time = kind === "boolean" ? undefined : typedTime(token.text);
    if (time === undefined) throw mismatch(source, field, literal);
    const from_ms = time.ms(now_ms);
    return time.is_day
      ? { type: "time", from_ms, until_ms: from_ms + DAY_MS }
      : { type: "time", value: from_ms };
  }
  if (kind === "duration") return lengthOfTime(reading, field, token);
  if (kind === "time" && field.type === "json") {
    return typedValue(reading, { ...field, type: "time" }, literal);
  }
  if (kind === "text" && fits("text")) return { type: "text", value: token.text };
  if (kind === "number" && fits("number")) return { type: "number", value: Number(token.text) };
  if (kind === "boolean" && fits("boolean")) {
    return { type: "boolean", value: token.text.toLowerCase() === "true" };
  }
  throw mismatch(source, field, literal);
}

/** `5s` is a number in the unit that a name ends in. */
function lengthOfTime({ source, now_ms }: Reading, field: Field, token: Token): Typed {
  const unit_ms = field.column === "total_ms" ? 1 : field.unit_ms;
  if (unit_ms !== undefined) return { type: "number", value: durationMs(token.text) / unit_ms };
  if (field.type === "json" && field.name.endsWith("_at")) {
    return { type: "time", value: typedTime(token.text)!.ms(now_ms) };
  }
  throw problemAt(
    source,
    token,
    `${token.text} is a length of time, and ${field.name} says no unit`,
    `lengths of time go with names that end in _ms, _s or _us, and with times; ` +
      `a text has quotes: '${token.text}'`,
  );
}

const HOLDS: Readonly<Record<ValueType, string>> = {
  number: "a number",
  text: "text",
  boolean: "true or false",
  time: "a time",
};

function holds({ type }: Field): string {
  return type === "json" ? "a value" : HOLDS[type];
}

function mismatch(source: Source, field: Field, { kind, token }: Literal): LedgerError {
  const typed = kind === "text" ? `'${token.text}'` : token.text;
  const hint = field.type === "text"
    ? `a text has quotes: '${token.text}'`
    : field.type === "time"
    ? "times: 2026-01-23, 2026-01-23T14:30:00Z, or a while ago: 2h, 7d"
    : field.type === "number"
    ? `a number has no quotes: ${field.name} > 5`
    : `say ${field.name}, or not ${field.name}`;
  return problemAt(
    source,
    token,
    `${field.name} holds ${holds(field)}, and ${typed} is none`,
    hint,
  );
}

function nullIn(source: Source, { token }: Literal): LedgerError {
  return problemAt(source, token, "null equals nothing", "ask with: is null, is not null");
}
