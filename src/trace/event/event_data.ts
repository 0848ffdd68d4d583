/** The data of an event as text, and back. No digit of its numbers is lost. */
import { json, parseKeepingDigits } from "../../base/json.ts";
import { cannotTrace, type TracedData, wrongValue } from "./event.ts";

/** An event's data as JSON. Whole numbers past 2^53 may be bigints. */
export function dataText(data: TracedData): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    text = withBigints(data, cause);
  }
  // A Date, say, is an object that JSON does not write as one.
  if (text?.startsWith("{")) return text;
  throw cannotTrace(wrongValue("data", data));
}

function withBigints(data: TracedData, refused: unknown): string | undefined {
  try {
    return JSON.stringify(
      data,
      (_, value) => typeof value === "bigint" ? json.rawJSON(String(value)) : value,
    );
  } catch {
    throw cannotTrace(`data cannot be written as JSON (${(refused as Error).message})`, refused);
  }
}

/** Data as it was before it became text. */
export function parseData(text: string): TracedData {
  return text === "{}" ? {} : parseKeepingDigits(text) as TracedData;
}
