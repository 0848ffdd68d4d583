/**
 * Interpreter: the tree of a filter, asked of one row. It has to take the rows that the tree's SQL
 * takes.
 */
import { isKeptNumber } from "../base/json.ts";
import { typedTime } from "../base/format.ts";
import { type Condition, type Field, ISO_TIME, type Scalar, type ValueType } from "./tree.ts";

/** A row of the listing: times in ms (`created_at_ms`), and objects for params and the like. */
export type FilteredRow = Readonly<Record<string, unknown>>;

/** Whether a row is taken; undefined where that is unknown, and then it is not. */
type Predicate = (row: FilteredRow) => boolean | undefined;

/** The predicate that a condition is. */
export function predicateOf(condition: Condition): Predicate {
  switch (condition.kind) {
    case "and":
    case "or": {
      const deciding = condition.kind === "or";
      const all = condition.of.map(predicateOf);
      return (row) => {
        const found = all.map((holds) => holds(row));
        if (found.includes(deciding)) return deciding;
        return found.includes(undefined) ? undefined : !deciding;
      };
    }
    case "first": {
      const all = condition.of.map(predicateOf);
      return (row) => all.map((holds) => holds(row)).find((found) => found !== undefined);
    }
    case "not": {
      const holds = predicateOf(condition.of);
      return (row) => {
        const found = holds(row);
        return found === undefined ? undefined : !found;
      };
    }
    case "compare":
      return (row) => compare(condition, row);
    case "in": {
      const { field, type, values } = condition;
      return aboutValue(field, type, (value) => values.includes(value));
    }
    case "like": {
      const pattern = patternOf(condition.pattern);
      return aboutValue(condition.field, "text", (text) => pattern.test(String(text)));
    }
    case "is_null":
      return (row) => valueAt(condition.field, row) === undefined;
    case "has": {
      const { field, value } = condition;
      return (row) => {
        const items = valueAt(field, row);
        return Array.isArray(items) && items.some((item) => plainNumber(item) === value);
      };
    }
  }
}

function aboutValue(field: Field, type: ValueType, holds: (value: Scalar) => boolean): Predicate {
  return (row) => {
    const value = typedOf(field, type, row);
    return value === undefined ? undefined : holds(value);
  };
}

function compare(
  { type, field, operator, to }: Condition & { kind: "compare" },
  row: FilteredRow,
): boolean | undefined {
  const left = typedOf(field, type, row);
  const right = typeof to === "object" ? typedOf(to, type, row) : to;
  if (left === undefined || right === undefined) return undefined;
  const order = ordered(left, right);
  switch (operator) {
    case "=":
      return order === 0;
    case "<>":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** What a field leads to in a row; undefined where nothing, or null, is there. */
export function valueAt(field: Field, row: FilteredRow): unknown {
  if (field.type !== "json") {
    return row[field.type === "time" ? `${field.column}_ms` : field.column] ?? undefined;
  }
  const root = row[field.column] ?? undefined;
  if (field.ways.length === 0) return root;
  for (const way of field.ways) {
    const found = way.reduce(memberOf, root);
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || isKeptNumber(value)) return undefined;
  if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(name)) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** A number as JavaScript has it, however many digits it was written with. */
export function plainNumber(value: unknown): unknown {
  return isKeptNumber(value) ? Number((value as { rawJSON: string }).rawJSON) : value;
}

/** A field's value, where it is of a type. */
function typedOf(field: Field, type: ValueType, row: FilteredRow): Scalar | undefined {
  const value = plainNumber(valueAt(field, row));
  const number = typeof value === "number" ? value : undefined;
  switch (type) {
    case "number":
      return number;
    case "text":
      return typeof value === "string" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "time":
      if (field.type === "time") return number;
      if (typeof value === "string") {
        return ISO_TIME.test(value) ? typedTime(value)?.ms(0) : undefined;
      }
      return number === undefined || field.unit_ms === undefined
        ? undefined
        : number * field.unit_ms;
  }
}

/** Numbers by size, texts by their characters: 😀 stands after 漢, as in UTF-8. */
function ordered(a: Scalar, b: Scalar): number {
  if (a === b) return 0;
  if (typeof a !== "string" || typeof b !== "string") return a < b ? -1 : 1;
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return -1;
  return at >= right.length ? 1 : left[at].codePointAt(0)! - right[at].codePointAt(0)!;
}

/** A pattern of `like` as a regular expression. */
function patternOf(pattern: string): RegExp {
  const source = pattern.replace(/\\([^])|([%_])|([^])/gu, (_, taken, wild, plain) => {
    return wild ? (wild === "%" ? "[^]*" : "[^]") : RegExp.escape(taken ?? plain);
  });
  return new RegExp(`^${source}$`, "u");
}
