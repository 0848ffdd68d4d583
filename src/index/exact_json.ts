/** JSON whose numbers keep all their digits, to be compared by what it says. */

import { json } from "../base/json.ts";

/**
 * Parses JSON; a number comes as the text that it is written as. Only V8 has none for a member whose
 * key it misreads, as it does with "\"" when it has seen "\\" before.
 */
export function parseExact(text: string): unknown {
  return json.parse(
    text,
    (_, value, { source }) =>
      typeof value === "number" ? json.rawJSON(source ?? JSON.stringify(value)) : value,
  );
}

/** What was parsed so, as JSON again. */
export function textOf(value: unknown): string {
  return JSON.stringify(value);
}

/** One text for all that says the same: keys in order, numbers without a choice of spelling. */
export function canonical(value: unknown): string {
  if (json.isRawJSON(value)) return canonicalNumber(value.rawJSON);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)}}`;
}

/** A number of JSON as its digits, without zeros at either end, and a power of ten. */
function canonicalNumber(text: string): string {
  const [, sign, whole, fraction = "", power = "0"] = NUMBER.exec(text)!;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const zeros = digits.length - significant.length;
  // A power has as many digits as somebody wrote.
  return `${sign}${significant}e${BigInt(power) + BigInt(zeros - fraction.length)}`;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
