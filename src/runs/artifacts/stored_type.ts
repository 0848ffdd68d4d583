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

/** Texts as a query takes them, too; it agrees about what they say. */
const HEXADECIMAL = /^0x[\da-f]+$/i;
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
const NO_FINITE_NUMBER = /^[-+]?(?:nan|inf|infinity)$/i;
const FLAG = /^(?:true|false|t|f|yes|no|y|n|0|1)$/i;

/** Whether a value means the same as one of the type, to the last digit. */
export function fits(type: ParquetColumnType, value: unknown): boolean {
  if (value === null || type === "utf8") return true;
  const text = String(value).trim();
  if (type === "boolean") return typeof value === "boolean" || FLAG.test(text);
  if (typeof value === "string") return textFits(type, text.replaceAll(/(?<=\d)_(?=\d)/g, ""));
  if (typeof value === "bigint") {
    return type === "int64" ? isInt64(value) : BigInt(Number(value)) === value;
  }
  return typeof value === "number" && (type === "double" || isWhole(value));
}

function textFits(type: "int64" | "double", text: string): boolean {
  if (type === "double") {
    return NO_FINITE_NUMBER.test(text) || (NUMBER.test(text) && Number.isFinite(Number(text)));
  }
  if (HEXADECIMAL.test(text)) return isInt64(BigInt(text));
  if (!NUMBER.test(text)) return false;
  const [, digits] = /^([-+]?\d+)(?:\.0*)?$/.exec(text) ?? [];
  return digits === undefined ? isWhole(Number(text)) : isInt64(BigInt(digits.replace("+", "")));
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && isInt64(BigInt(value));
}
