/** Value mapping: what a column's values are, and how they come out as plain ones, of foreign files too. */
import type { ParquetParsers, SchemaElement, SchemaTree } from "hyparquet";
import { DAY_MS } from "../base/format.ts";

interface ColumnMeaning {
  type: string;
  /** What hyparquet decoded -> what is handed out. Never asked about null. */
  plain: (value: unknown) => unknown;
}

/** A byte order mark in a text is a part of it, and bytes that are no text are no text. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** hyparquet's own would drop digits of times and a byte order mark. */
export const PARSERS: ParquetParsers = {
  timestampFromMilliseconds: (time) => isoTime(time, 3),
  timestampFromMicroseconds: (time) => isoTime(time, 6),
  timestampFromNanoseconds: (time) => isoTime(time, 9),
  dateFromDays: isoDate,
  stringFromBytes: (bytes) => decoder.decode(bytes),
  jsonFromBytes: (bytes) => decoder.decode(bytes),
  geometryFromBytes: (bytes) => bytes,
  geographyFromBytes: (bytes) => bytes,
  uuidFromBytes(bytes) {
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  },
};

const asIs = (value: unknown) => value;

export function valuesOf({ element, children }: SchemaTree): ColumnMeaning {
  const { type, converted_type, logical_type } = element;
  const meaning = logical_type?.type ?? converted_type;
  if (children.length > 0) return { type: (meaning ?? "struct").toLowerCase(), plain: plainWithin };
  if (element.repetition_type === "REPEATED") return { type: "list", plain: plainWithin };
  if (isDecimal(element)) {
    const scale = element.scale ?? (logical_type as { scale?: number }).scale ?? 0;
    return { type: "decimal", plain: (value) => decimal(value, scale) };
  }
  if (meaning === "STRING" || meaning === "UTF8") return { type: "utf8", plain: asIs };
  if (meaning === "ENUM") return { type: "utf8", plain: asText };
  if (meaning === "JSON") return { type: "json", plain: asText };
  const is_time = meaning?.startsWith("TIMESTAMP") || type === "INT96";
  if (is_time) return { type: "timestamp", plain: asIs };
  if (meaning?.startsWith("TIME")) return { type: "time", plain: wholeNumber };
  if (meaning === "DATE" || meaning === "UUID") return { type: meaning.toLowerCase(), plain: asIs };
  if (type === "INT32" || type === "INT64") return { type: type.toLowerCase(), plain: wholeNumber };
  if (type === "BYTE_ARRAY") return { type: "bytes", plain: asIs };
  if (meaning === "FLOAT16" || type === "FLOAT") return { type: "float", plain: asIs };
  if (type === "DOUBLE" || type === "BOOLEAN") return { type: type.toLowerCase(), plain: asIs };
  return { type: "bytes", plain: asIs };
}

/**
 * The schema as hyparquet should see it: without the marks that make it throw (bytes come out then),
 * and without those of decimals, which it multiplies into numbers like 0.30000000000000004.
 */
export function decodable(element: SchemaElement, is_top_level: boolean): SchemaElement {
  const { converted_type } = element;
  const is_hidden = converted_type === "BSON" || converted_type === "INTERVAL" ||
    (is_top_level && isDecimal(element));
  return is_hidden ? { ...element, converted_type: undefined, logical_type: undefined } : element;
}

function isDecimal({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === "DECIMAL" || logical_type?.type === "DECIMAL";
}

/** A number where that is exact, else a bigint. */
function wholeNumber(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The number nearest to a decimal: what JSON would make of its digits. */
function decimal(value: unknown, scale: number): unknown {
  const digits = value instanceof Uint8Array ? bigEndian(value) : value;
  return Number(`${digits}e${-scale}`);
}

function bigEndian(bytes: Uint8Array): bigint {
  const unsigned = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return BigInt.asIntN(bytes.length * 8, unsigned);
}

function asText(value: unknown): unknown {
  return value instanceof Uint8Array ? decoder.decode(value) : value;
}

/** The same for what lists, maps and structs hold. */
function plainWithin(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return wholeNumber(value);
  if (Array.isArray(value)) return value.map(plainWithin);
  if (ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, plainWithin(member)]),
  );
}

const MS_DIGITS = 3;

/** A time since 1970 as text, with as many digits of a second as it has. */
function isoTime(time: bigint, digits: number): string {
  const units_a_ms = 10n ** BigInt(digits - MS_DIGITS);
  const beyond_ms = BigInt.asUintN(64, ((time % units_a_ms) + units_a_ms) % units_a_ms);
  const text = isoText(Number((time - beyond_ms) / units_a_ms));
  if (text === undefined) return String(time);
  const residual = digits > MS_DIGITS ? String(beyond_ms).padStart(digits - MS_DIGITS, "0") : "";
  return text.replace("Z", `${residual.replace(/0+$/, "")}Z`);
}

function isoDate(days: number): string {
  return isoText(days * DAY_MS)?.replace(/T.*/, "") ?? String(days);
}

/** Undefined for times that no calendar of ours knows, such as DuckDB's infinity. */
function isoText(time_ms: number): string | undefined {
  const date = new Date(time_ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
