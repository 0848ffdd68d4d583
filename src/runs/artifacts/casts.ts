/**
 * Lossless casts, as SQL: what is stored of a column that DuckDB reads, by the kind that it is to have.
 * A value that does not fit its kind, or would lose something, becomes null beside one that is given. The
 * cells of a CSV, and texts in the place of numbers, are read for what `input_csv.ts` makes of them.
 */
import { literal } from "../../duckdb/connection.ts";
import { timestamp_ms_max } from "../../base/limits.ts";
import { LEVELS, type ValueKind } from "./definitions.ts";

/** A column of an input. */
export interface GivenColumn {
  name: string;
  /**
   * What DuckDB calls its type; `cell` is the text of a CSV, which has a column `plain` too: whether all
   * cells that are to be numbers are plain.
   */
  type: string;
  /** The SQL of its value. */
  sql: string;
}

/** A column's values as SQL. */
interface Cast {
  /** Null where there is no value: a NaN is none. */
  given: string;
  /** What is stored, if it fits; null also where what is given has no such value. */
  value: string;
  /** Whether that value, under a name, can be stored; not true of null. */
  fits(value: string): string;
}

type Family = "cell" | "whole" | "real" | "decimal" | "flag" | "text" | "time" | "date" | "other";

const FAMILIES: Readonly<Record<string, Family>> = {
  ...{ cell: "cell", FLOAT: "real", DOUBLE: "real", DECIMAL: "decimal", BOOLEAN: "flag" },
  ...{ TINYINT: "whole", SMALLINT: "whole", INTEGER: "whole", BIGINT: "whole", HUGEINT: "whole" },
  ...{ UTINYINT: "whole", USMALLINT: "whole", UINTEGER: "whole", UBIGINT: "whole" },
  ...{ UHUGEINT: "whole", VARCHAR: "text", ENUM: "text", UUID: "text", DATE: "date" },
  ...{ TIMESTAMP: "time", TIMESTAMP_S: "time", TIMESTAMP_MS: "time", TIMESTAMP_NS: "time" },
  "TIMESTAMP WITH TIME ZONE": "time",
};

export function familyOfType(type: string): Family {
  // A list of texts is no text.
  return type.endsWith("]") ? "other" : FAMILIES[type.replace(/\(.*/s, "")] ?? "other";
}

/** The kind of a column that its type alone decides; undefined for one that has none. */
export function kindOfFamily(family: Family): ValueKind | undefined {
  switch (family) {
    case "whole":
      return "whole";
    case "real":
    case "decimal":
      return "number";
    case "flag":
      return "flag";
    case "text":
    case "time":
    case "date":
      return "text";
  }
}

/** The values of a column of this kind, for the run. */
export function castOf(column: GivenColumn, kind: ValueKind, run_id: string): Cast {
  const { type, sql } = column;
  const family = familyOfType(type);
  const given = family === "real"
    ? `case when isnan(${sql}) then null else ${sql}::double end`
    : sql;
  return { given, ...valueAs(kind, family, { type, sql, given }, run_id) };
}

/** A column's values as texts, times as ISO 8601. */
export function textOfColumn({ type, sql }: GivenColumn): string {
  return textOf(familyOfType(type), { type, sql, given: sql });
}

interface Value {
  type: string;
  sql: string;
  given: string;
}

function valueAs(
  kind: ValueKind,
  given: Family,
  value: Value,
  run_id: string,
): Pick<Cast, "value" | "fits"> {
  const isKnown = (value: string) => `${value} is not null`;
  // A writer that types a column by its first row makes texts of numbers where that is a null.
  const is_cell = given === "text" && isParsed(kind);
  const family = is_cell ? "cell" : given;
  if (is_cell) value = { ...value, sql: `${value.sql}::varchar` };
  switch (kind) {
    case "text":
    case "object":
      return { value: textOf(family, value), fits: isKnown };
    case "run_id":
      return { value: textOf(family, value), fits: (text) => `${text} = ${literal(run_id)}` };
    case "level": {
      const levels = LEVELS.map(literal).join(", ");
      return { value: textOf(family, value), fits: (text) => `${text} in (${levels})` };
    }
    case "flag":
      return { value: flagOf(family, value), fits: isKnown };
    case "whole":
      return { value: wholeOf(family, value), fits: isKnown };
    case "time": {
      const fits = (time: string) => `${time} between 0 and ${timestamp_ms_max}`;
      return { value: timeOf(family, value), fits };
    }
    case "number":
      return numberOf(family, value);
  }
}

function flagOf(family: Family, { sql }: Value): string {
  if (family === "flag") return sql;
  if (family !== "cell") return "null::boolean";
  return when(`lower(${sql}) in ('true', 'false')`, `lower(${sql}) = 'true'`);
}

/** Whether a text that is given for this kind is read for what it says, as a cell of a CSV is. */
export function isParsed(kind: ValueKind): boolean {
  return ["flag", "whole", "time", "number"].includes(kind);
}

const DIGITS = literal(String.raw`[+-]?[0-9]+`);
const NUMBER = literal(String.raw`[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`);

function wholeOf(family: Family, { type, sql, given }: Value): string {
  switch (family) {
    case "whole":
      return type.endsWith("HUGEINT") || type === "UBIGINT"
        ? `try_cast(${sql} as bigint)`
        : `${sql}::bigint`;
    case "real":
      return wholeOfReal(given);
    case "decimal":
      return when(`trunc(${sql}) = ${sql}`, `try_cast(${sql} as bigint)`);
    case "cell":
      // As DuckDB writes it itself is the quickest to see.
      return `case when try_cast(${sql} as bigint)::varchar = ${sql}
        or regexp_full_match(${sql}, ${DIGITS}) then try_cast(${sql} as bigint)
        when regexp_full_match(${sql}, ${NUMBER})
        then ${wholeOfReal(`try_cast(${sql} as double)`)} end`;
    default:
      return "null::bigint";
  }
}

/** Past 2^53 a double has lost digits. */
function wholeOfReal(sql: string): string {
  return when(
    `trunc(${sql}) = ${sql} and abs(${sql}) <= ${Number.MAX_SAFE_INTEGER}`,
    `try_cast(${sql} as bigint)`,
  );
}

/** Times of no zone are taken for UTC; one with digits below a millisecond would lose them. */
function timeOf(family: Family, value: Value): string {
  const { type, sql } = value;
  if (family === "date") return when(`isfinite(${sql})`, `epoch_ms(${sql})`);
  if (family !== "time") return wholeOf(family, value);
  const [units, per_ms] = type === "TIMESTAMP_NS"
    ? [`epoch_ns(${sql})`, 1_000_000]
    : [`epoch_us(${sql})`, 1000];
  return `case when isfinite(${sql}) then ${
    when(`${units} % ${per_ms} = 0`, `${units} // ${per_ms}`)
  } end`;
}

function numberOf(family: Family, { type, sql, given }: Value): Pick<Cast, "value" | "fits"> {
  const isFinite = (value: string) =>
    `${value} between '-${Number.MAX_VALUE}'::double and '${Number.MAX_VALUE}'::double`;
  switch (family) {
    case "real":
      return { value: given, fits: isFinite };
    case "whole":
    case "decimal": {
      const fits = (value: string) => `try_cast(${value} as ${type}) = ${sql}`;
      return { value: `${sql}::double`, fits };
    }
    case "cell": {
      const is_written = `regexp_full_match(${sql}, ${NUMBER})`;
      // A text of Parquet stands in no table that says of its rows whether they are plain.
      const is_number = type === "cell" ? `plain or ${is_written}` : is_written;
      return { value: when(is_number, `try_cast(${sql} as double)`), fits: isFinite };
    }
    default:
      return { value: "null::double", fits: isFinite };
  }
}

/** What DuckDB overlooks in a text that it casts to a double; where it is not, the text is a number. */
const OVERLOOKED = ["_", " ", "\t", "\n", "\v", "\f", "\r", "+-"];

/** SQL that is true of a text without any of that. */
export function isPlain(sql: string): string {
  return `not (${OVERLOOKED.map((text) => `contains(${sql}, ${literal(text)})`).join(" or ")})`;
}

function textOf(family: Family, { type, sql }: Value): string {
  switch (family) {
    case "cell":
      return sql;
    case "text":
      return `${sql}::varchar`;
    case "date":
      return when(`year(${sql}) between 1 and 9999`, `strftime(${sql}, '%Y-%m-%d')`);
    case "time":
      return isoText(type, sql);
    default:
      return "null::varchar";
  }
}

/** ISO 8601 in UTC, with as many digits of a second as it has, and at least three. */
function isoText(type: string, sql: string): string {
  const [units, per_s] = type === "TIMESTAMP_NS"
    ? [`epoch_ns(${sql})`, "1000000000"]
    : [`epoch_us(${sql})`, "1000000"];
  // A division rounds towards zero, and a second of before 1970 begins below it.
  const part = `((${units} % ${per_s}) + ${per_s}) % ${per_s}`;
  const digits = `lpad((${part})::varchar, ${per_s.length - 1}, '0')`;
  const second = `make_timestamp((${units} - ${part}) // ${per_s} * 1000000)`;
  const text = `strftime(${second}, '%Y-%m-%dT%H:%M:%S.') || ` +
    `regexp_replace(${digits}, '^(...)(.*?)0*$', '\\1\\2') || 'Z'`;
  return `case when isfinite(${sql}) then ${
    when(`year(${second}) between 1 and 9999`, `(${text})`)
  } end`;
}

function when(condition: string, sql: string): string {
  return `case when ${condition} then ${sql} end`;
}
