/** JSON that keeps the digits of whole numbers, which JavaScript's own loses past 2^53. */
import { json } from "../../base/json.ts";
import { BadLine, parseObject } from "../../log/event/event.ts";

/** A whole number past 2^53, perhaps: then the slow way is worth it. */
const LONG_DIGITS = /[:,[\s-](?:\d{17,}|9\d{15})\s*[,}\]]/;

const keepDigits = (_: string, value: unknown, { source }: { source?: string }) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? "")
    ? BigInt(source!)
    : value;

/** Parses one JSON object; whole numbers past 2^53 come out as bigints. */
export function parseRow(text: string): Record<string, unknown> | BadLine {
  const parsed = parseObject(text);
  if (parsed instanceof BadLine || !LONG_DIGITS.test(text)) return parsed;
  return json.parse(text, keepDigits) as Record<string, unknown>;
}

/** Thrown by what cannot be written as JSON without becoming something else. */
class Unwritable extends Error {}

function asWritten(_: string, value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return json.rawJSON(String(value));
    case "number":
      if (!Number.isFinite(value)) throw new Unwritable();
      return value;
    case "function":
    case "symbol":
      throw new Unwritable();
    default:
      return value;
  }
}

/** The text of a JSON object, given as one or as its text; undefined when it is none. */
export function objectText(value: unknown): string | undefined {
  if (typeof value === "string") return parseObject(value) instanceof BadLine ? undefined : value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  try {
    const text = JSON.stringify(value, asWritten);
    // A class may write itself as something else, and half a character is written as an escape.
    return text === undefined || parseObject(text) instanceof BadLine ? undefined : text;
  } catch {
    return undefined;
  }
}
