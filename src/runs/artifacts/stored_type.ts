/**
 * Lenient types: what is made of values that a file stores as another type than their column's. The
 * first system typed a column by its first row (a null made it text, a whole number an int64), so a whole
 * number stands for a number, and a text for what it says.
 */
import type { ParquetColumnType } from "../../parquet/mod.ts";
import { isInt64 } from "./row_checker.ts";

/** Values in a file's column that the column's type does not hold. */
export interface Misfit {
  column: string;
  type: ParquetColumnType;
  values: number;
  /** One of them, as a message quotes it. */
  example: string;
}

const KIND: Readonly<Record<ParquetColumnType, string>> = {
  int64: "whole numbers",
  double: "numbers",
  boolean: "true or false",
  utf8: "text",
};

/** Says which values they are. */
export function misfitText({ column, type, values, example }: Misfit): string {
  const count = values === 1 ? "1 value" : `${values} values`;
  return `${count} of column ${column} cannot be read as ${KIND[type]} (${example})`;
}

const WHOLE = /^\s*[-+]?\d+(?:\.0*)?\s*$/;
const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i;
const FLAG = /^\s*(?:true|false|t|f|0|1)\s*$/i;

/** Whether a value means the same as one of the type, to the last digit. */
export function fits(type: ParquetColumnType, value: unknown): boolean {
  if (value === null || type === "utf8") return true;
  if (type === "boolean") return typeof value === "boolean" || FLAG.test(String(value));
  if (typeof value === "boolean") return false;
  if (type === "double") {
    if (typeof value === "bigint") return BigInt(Number(value)) === value;
    return typeof value === "number" || (typeof value === "string" && NUMBER.test(value));
  }
  if (typeof value === "bigint") return isInt64(value);
  if (typeof value === "number") return Number.isSafeInteger(value);
  return typeof value === "string" && WHOLE.test(value) && isInt64(BigInt(value.split(".")[0]));
}
