/**
 * DuckDB's values as text and as JSON. Nothing is rounded on the way: a bigint and a decimal keep
 * their digits, and a JSON column goes into JSON output as the JSON that it is.
 */
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { DuckDBApi } from "./native.ts";

/** Turns values into text and into JSON. */
export class ValueWriter {
  constructor(readonly api: DuckDBApi) {}

  /** A value for a table, for CSV, for Markdown. Null is nothing. */
  text(value: DuckDBValue, type: DuckDBType): string {
    if (value === null) return "";
    if (typeof value === "string") return value;
    return this.#isNested(value) ? this.json(value, type) : String(value);
  }

  /** A value as JSON text. */
  json(value: DuckDBValue, type: DuckDBType): string {
    if (value === null) return "null";
    switch (typeof value) {
      case "boolean":
      case "bigint":
        return String(value);
      case "number":
        // JSON has no NaN and no infinity; a string says which it was.
        return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
      case "string":
        // Breaks can only stand between the words of JSON; in NDJSON a row is a line.
        return type.alias === "JSON" ? value.replace(/[\r\n]/g, " ") : JSON.stringify(value);
      default:
        return this.#nestedJson(value, type);
    }
  }

  #isNested(value: DuckDBValue): boolean {
    const { DuckDBListValue, DuckDBArrayValue, DuckDBStructValue, DuckDBMapValue } = this.api;
    return [DuckDBListValue, DuckDBArrayValue, DuckDBStructValue, DuckDBMapValue]
      .some((kind) => value instanceof kind);
  }

  #nestedJson(value: DuckDBValue, type: DuckDBType): string {
    const { api } = this;
    if (value instanceof api.DuckDBDecimalValue) return value.toString();
    if (value instanceof api.DuckDBListValue || value instanceof api.DuckDBArrayValue) {
      const of = (type as { valueType?: DuckDBType }).valueType ?? type;
      return `[${value.items.map((item) => this.json(item, of)).join(",")}]`;
    }
    if (value instanceof api.DuckDBStructValue) {
      const struct = type as { entryNames?: readonly string[]; entryTypes?: readonly DuckDBType[] };
      const members = Object.entries(value.entries).map(([name, member]) => {
        const at = struct.entryNames?.indexOf(name) ?? -1;
        return `${JSON.stringify(name)}:${this.json(member, struct.entryTypes?.[at] ?? type)}`;
      });
      return `{${members.join(",")}}`;
    }
    if (value instanceof api.DuckDBMapValue) {
      const of = type as { keyType?: DuckDBType; valueType?: DuckDBType };
      const members = value.entries.map(({ key, value: member }) =>
        `${JSON.stringify(this.text(key, of.keyType ?? type))}:` +
        this.json(member, of.valueType ?? type)
      );
      return `{${members.join(",")}}`;
    }
    if (value instanceof api.DuckDBUnionValue) return this.json(value.value, type);
    return JSON.stringify(String(value));
  }
}

const NUMBERS =
  /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|DOUBLE|DECIMAL|BIGNUM)/;

/** Whether a column holds numbers, which stand to the right in a table. */
export function isNumeric(type: DuckDBType): boolean {
  return NUMBERS.test(type.toString());
}
