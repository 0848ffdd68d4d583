/**
 * DuckDB's types and values as a file of columns has them. A kind that no column has stays text: nothing
 * is rounded on the way.
 */
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";

/** The kinds of columns; times are in microseconds, of no zone or of UTC. */
export type FileKind =
  | ("int64" | "double" | "boolean" | "utf8")
  | ("date" | "timestamp" | "timestamp_utc");

/** A double has every digit of a decimal that is no wider. */
const DOUBLE_DIGITS = 15;

const KINDS: Readonly<Record<string, FileKind>> = {
  ...{ TINYINT: "int64", SMALLINT: "int64", INTEGER: "int64", BIGINT: "int64", HUGEINT: "int64" },
  ...{ UTINYINT: "int64", USMALLINT: "int64", UINTEGER: "int64", UBIGINT: "int64" },
  ...{ UHUGEINT: "int64", FLOAT: "double", DOUBLE: "double", BOOLEAN: "boolean", DATE: "date" },
  ...{ TIMESTAMP: "timestamp", TIMESTAMP_S: "timestamp", TIMESTAMP_MS: "timestamp" },
  "TIMESTAMP WITH TIME ZONE": "timestamp_utc",
};

/** The kind of a column of this type. */
export function kindOfType(type: DuckDBType): FileKind {
  const name = type.toString();
  const width = /^DECIMAL\((\d+),/.exec(name)?.[1];
  if (width !== undefined) return Number(width) <= DOUBLE_DIGITS ? "double" : "utf8";
  return KINDS[name] ?? "utf8";
}

/** A value of its column's kind; undefined for what is text there. */
export function fileValue(value: DuckDBValue, type: DuckDBType): unknown {
  const kind = kindOfType(type);
  if (value === null || kind === "utf8") return undefined;
  switch (kind) {
    case "int64":
      return typeof value === "number" ? BigInt(value) : value;
    case "double":
      return Number(value);
    case "date":
      return (value as { days: number }).days;
    case "timestamp":
    case "timestamp_utc":
      return microseconds(value as unknown as Times);
    default:
      return value;
  }
}

type Times = Partial<Record<"micros" | "millis" | "seconds", bigint>>;

function microseconds({ micros, millis, seconds }: Times): bigint {
  return micros ?? (millis === undefined ? seconds! * 1_000_000n : millis * 1000n);
}
