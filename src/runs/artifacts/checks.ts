/**
 * Validity rules: what of an artifact's values is impossible (refused) and what is odd (kept, and noted).
 * The table of types has them as data. Each becomes one check here, which is made twice from it: as a
 * function of rows, and as SQL for inputs that DuckDB reads.
 */
import { identifier } from "../../duckdb/sandbox.ts";
import { timestamp_ms_plausible_max, timestamp_ms_plausible_min } from "../../base/limits.ts";
import type { Row } from "../../parquet/mod.ts";
import type {
  ArtifactColumn,
  ArtifactDefinition,
  ColumnBounds,
  Relation,
  Verdict,
} from "./definitions.ts";

/** A check of stored values: of each row by itself, or beside the rows before it. */
export interface Check {
  verdict: Verdict;
  columns: readonly string[];
  /** What it asks for, as the end of a sentence about a row that breaks it. */
  rule: string;
  /** It looks at other rows too: its SQL has a window. */
  spans_rows?: true;
  /** A function that is given the rows in their order, and says whether one breaks it. */
  watch(): (row: Row) => boolean;
  /** SQL that is true of a row that breaks it; the column `place` has the order of the rows. */
  sql(place: string): string;
}

interface Limits {
  /** Values outside are impossible. */
  bounds: ColumnBounds;
  /** Values outside are odd. */
  usual: ColumnBounds;
}

/** Times below are taken for seconds. */
const OF_TIMES: Limits = {
  bounds: { min: timestamp_ms_plausible_min },
  usual: { max: timestamp_ms_plausible_max },
};

/** The limits of a column; those of its kind hold where it has no lowest or highest value of its own. */
function limitsOf({ kind, bounds = {}, usual = {} }: ArtifactColumn): Limits {
  if (kind !== "time") return { bounds, usual };
  return {
    bounds: bounds.min === undefined && bounds.above === undefined
      ? { ...OF_TIMES.bounds, ...bounds }
      : bounds,
    usual: usual.max === undefined && usual.below === undefined
      ? { ...OF_TIMES.usual, ...usual }
      : usual,
  };
}

/** What a column asks of its values, in words; nothing where its kind says it all. */
export function limitsText({ bounds = {}, usual = {} }: ArtifactColumn): string {
  const [possible, likely] = [boundsText(bounds), boundsText(usual)];
  return [possible, likely && `usually ${likely}`].filter(Boolean).join(", ");
}

/** What a type asks of its rows beside their columns, a sentence each. */
export function rowRules({ rules = [], order, key, usual_key }: ArtifactDefinition): string[] {
  return [
    ...rules.map(({ verdict, relation, of }) => relationCheck(verdict, relation, of).rule),
    ...(order ? [`rows ascend by ${order.join(", ")}`] : []),
    ...(key ? [`no two rows have the same ${key.join(", ")}`] : []),
    ...(usual_key ? [`usually no two rows have the same ${usual_key.join(", ")}`] : []),
  ];
}

/** The checks of a type: what is impossible first, each row by itself before rows beside others. */
export function checksOf(definition: ArtifactDefinition): Check[] {
  const { columns, rules = [], order, key, usual_key } = definition;
  const checks: Check[] = [];
  for (const column of columns) {
    const { bounds, usual } = limitsOf(column);
    if (Object.keys(bounds).length > 0) checks.push(boundsCheck("impossible", column.name, bounds));
    if (Object.keys(usual).length > 0) checks.push(boundsCheck("odd", column.name, usual));
  }
  for (const { verdict, relation, of } of rules) checks.push(relationCheck(verdict, relation, of));
  if (order) checks.push(orderCheck(order));
  // Of rows that are in order, only those with an equal place can have an equal key.
  const is_placed = order?.every((name) =>
    key?.includes(name) && columns.some((column) => column.name === name && !column.nullable)
  );
  if (key) checks.push(keyCheck("impossible", key, is_placed ? order : []));
  if (usual_key) checks.push(keyCheck("odd", usual_key));
  return [
    ...checks.filter(({ verdict }) => verdict === "impossible"),
    ...checks.filter(({ verdict }) => verdict === "odd"),
  ];
}

const MODAL: Readonly<Record<Verdict, string>> = { impossible: "has to be", odd: "is usually" };

/** Limits are compared as doubles, here and in SQL: a whole number past 2^53 is the nearest one. */
function boundsCheck(verdict: Verdict, column: string, bounds: ColumnBounds): Check {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = bounds;
  return {
    verdict,
    columns: [column],
    rule: `it ${MODAL[verdict]} ${boundsText(bounds)}${
      bounds.min === OF_TIMES.bounds.min ? ", in milliseconds since 1970" : ""
    }`,
    watch: () => (row) => {
      const value = row[column];
      if (isNull(value)) return false;
      const number = typeof value === "number" ? value : Number(value);
      return number < min || number > max || number <= above || number >= below;
    },
    sql: () => {
      const sides = Object.entries(bounds).filter(([, limit]) => limit !== undefined);
      const value = `${identifier(column)}::DOUBLE`;
      const breaks = sides.map(([side, limit]) =>
        `${value} ${BREAKS[side as keyof ColumnBounds]} '${limit}'::DOUBLE`
      );
      return `(${breaks.join(" OR ")})`;
    },
  };
}

const BREAKS: Readonly<Record<keyof ColumnBounds, string>> = {
  min: "<",
  max: ">",
  above: "<=",
  below: ">=",
};

/** Bounds in words: `from 0 to 1`, `more than 0`. */
function boundsText({ min, max, above, below }: ColumnBounds): string {
  const is_range = min !== undefined && max !== undefined;
  if (is_range && above === undefined && below === undefined) return `from ${min} to ${max}`;
  const sides = [
    min !== undefined && `${min} or more`,
    above !== undefined && `more than ${above}`,
    max !== undefined && `${max} or less`,
    below !== undefined && `less than ${below}`,
  ];
  return sides.filter(Boolean).join(" and ");
}

interface RelationRule {
  rule(verdict: Verdict, names: readonly string[]): string;
  holds(first: unknown, second: unknown, third: unknown): boolean;
  sql(columns: readonly string[]): string;
  /** A null is no value: a relation that sees none of it holds. */
  sees_null?: true;
}

const RELATIONS: Readonly<Record<Relation, RelationRule>> = {
  at_least: {
    rule: (verdict, [left, right]) => `${left} ${MODAL[verdict]} at least ${right}`,
    holds: (left, right) => (left as number) >= (right as number),
    sql: ([left, right]) => `${left} >= ${right}`,
  },
  difference: {
    rule: (verdict, [result, from, less]) => `${result} ${MODAL[verdict]} ${from} - ${less}`,
    holds: (result, from, less) => Number(result) === Number(from) - Number(less),
    sql: ([result, from, less]) => `${result}::DOUBLE = ${from}::DOUBLE - ${less}::DOUBLE`,
  },
  known_if: {
    rule: (verdict, [value, flag]) =>
      `${value} ${MODAL[verdict]} known if ${flag} is true, and null if not`,
    holds: (value, flag) => isNull(flag) || !isNull(value) === flag,
    sql: ([value, flag]) => `(${value} IS NOT NULL) = ${flag}`,
    sees_null: true,
  },
};

function relationCheck(verdict: Verdict, relation: Relation, of: readonly string[]): Check {
  const { rule, holds, sql, sees_null } = RELATIONS[relation];
  return {
    verdict,
    columns: of,
    rule: rule(verdict, of),
    watch: () => (row) => {
      if (!sees_null && of.some((name) => isNull(row[name]))) return false;
      return !holds(row[of[0]], row[of[1]], row[of[2]]);
    },
    sql: () => `NOT (${sql(of.map(identifier))})`,
  };
}

/** Rows ascend by some columns; equal ones may follow each other. */
function orderCheck(columns: readonly string[]): Check {
  return {
    verdict: "impossible",
    columns,
    rule: `rows have to ascend by ${columns.join(", ")}, and the row before it comes later`,
    spans_rows: true,
    watch: () => {
      const before: unknown[] = [];
      return (row) => {
        const is_broken = before.length > 0 && orderOf(row, columns, before) < 0;
        for (const [at, name] of columns.entries()) before[at] = row[name];
        return is_broken;
      };
    },
    sql: (place) => {
      const names = columns.map(identifier);
      const before = names.map((name) => `lag(${name}) OVER (ORDER BY ${identifier(place)})`);
      const breaks = names.map((name, at) => {
        const equal = names.slice(0, at).map((other, index) => `${other} = ${before[index]}`);
        return `(${[...equal, `${name} < ${before[at]}`].join(" AND ")})`;
      });
      return `(${breaks.join(" OR ")})`;
    },
  };
}

/** Below zero where a row comes before some values. */
function orderOf(row: Row, columns: readonly string[], values: readonly unknown[]): number {
  for (let at = 0; at < columns.length; at++) {
    const value = row[columns[at]];
    // As SQL has it: what is not known comes neither before nor after.
    if (isNull(value) || isNull(values[at])) return 0;
    const order = compared(value, values[at]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers by size, texts by their characters, as in UTF-8. */
function compared(left: unknown, right: unknown): number {
  if (typeof left !== "string" || typeof right !== "string") {
    return (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;
  }
  if (left === right) return 0;
  let at = 0;
  while (left[at] === right[at]) at++;
  // A surrogate, half of a character past U+FFFF, comes after every other unit, as in UTF-8.
  const [a, b] = [left, right].map((text) => {
    const unit = text.charCodeAt(at);
    return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
  });
  return Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : a - b;
}

/** A Set holds no more than 2^24 values. */
const SET_SIZE_MAX = 2 ** 24 - 1;

/** No two rows have the same values there; rows with other values in `place` are not looked at. */
function keyCheck(
  verdict: Verdict,
  columns: readonly string[],
  place: readonly string[] = [],
): Check {
  return {
    verdict,
    columns,
    rule: `a row before it has the same ${columns.join(", ")}`,
    spans_rows: true,
    watch: () => {
      const others = columns.filter((name) => !place.includes(name));
      const here: unknown[] = [];
      let seen = [new Set<string>()];
      return (row) => {
        if (place.length > 0) {
          const is_new = here.length === 0 || orderOf(row, place, here) !== 0;
          if (others.length === 0 && !is_new) return true;
          if (is_new && seen[0].size > 0) seen = [new Set()];
          for (const [at, name] of place.entries()) here[at] = row[name];
          if (others.length === 0) return false;
        }
        if (others.some((name) => isNull(row[name]))) return false;
        const text = keyText(row, others);
        if (seen.some((texts) => texts.has(text))) return true;
        if (seen[0].size >= SET_SIZE_MAX) seen.unshift(new Set());
        seen[0].add(text);
        return false;
      };
    },
    sql: (row_place) => {
      const names = columns.map(identifier);
      const is_known = names.map((name) => `${name} IS NOT NULL`).join(" AND ");
      const copies = `PARTITION BY ${names.join(", ")} ORDER BY ${identifier(row_place)}`;
      return `(${is_known} AND row_number() OVER (${copies}) > 1)`;
    },
  };
}

function keyText(row: Row, columns: readonly string[]): string {
  if (columns.length === 1) return String(row[columns[0]]);
  let text = "";
  for (const name of columns) {
    const value = String(row[name]);
    text += `${value.length}:${value}`;
  }
  return text;
}

function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
