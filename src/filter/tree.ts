/**
 * Abstract syntax tree of a filter. Types are settled here, so that SQL (`sql.ts`) and a predicate
 * (`predicate.ts`) made of one tree take the same rows. The logic is that of SQL: a comparison with
 * what is not there, or is of another type, is unknown, and what is unknown is not taken.
 */

/** A stretch of the text: from, and up to. */
export interface Span {
  from: number;
  to: number;
}

/** What a value is compared as. A time is in ms since 1970. */
export type ValueType = "number" | "text" | "boolean" | "time";
export type Scalar = number | string | boolean;
export type Operator = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** A name, and where it leads. */
export interface Field {
  /** As it was typed, without quotes: a heading. */
  name: string;
  span: Span;
  /** A column of the listing. */
  column: string;
  type: ValueType | "json";
  /** Into a JSON column, the ways to the value; the first that leads to one counts. */
  ways: readonly (readonly string[])[];
  /** Of a JSON number that is a time or a length of time: so many ms, by the end of its name. */
  unit_ms?: number;
  /** Taken for a metric of the summary because no column has this name. */
  is_bare: boolean;
}

/** What has to hold of a row. */
export type Condition =
  | { kind: "and" | "or"; of: readonly Condition[] }
  /** The first of them that is not unknown. */
  | { kind: "first"; of: readonly Condition[] }
  | { kind: "not"; of: Condition }
  | { kind: "compare"; type: ValueType; field: Field; operator: Operator; to: Scalar | Field }
  | { kind: "in"; type: ValueType; field: Field; values: readonly Scalar[] }
  /** `%` stands for any characters, `_` for one, a backslash takes the next one as it is. */
  | { kind: "like"; field: Field; pattern: string }
  | { kind: "is_null"; field: Field }
  /** A list has the value; what is no list has none. */
  | { kind: "has"; field: Field; value: string | number };

/** A text in JSON that is a time; DuckDB reads it with the same pattern. */
export const ISO_PATTERN =
  "\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:?\\d{2})?)?";
export const ISO_TIME = new RegExp(`^${ISO_PATTERN}$`);

/** The names in a condition, in their order. */
export function fieldsOf(condition: Condition): Field[] {
  switch (condition.kind) {
    case "and":
    case "or":
    case "first":
      return condition.of.flatMap(fieldsOf);
    case "not":
      return fieldsOf(condition.of);
    case "compare": {
      const { field, to } = condition;
      return typeof to === "object" ? [field, to] : [field];
    }
    default:
      return [condition.field];
  }
}
