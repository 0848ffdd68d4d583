/** JSON that is read, changed and written again, without loss. */

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** Not in the language's types yet. */
const exact = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/** Digits in a row, or an exponent, that a number may be unable to hold. */
const MAY_LOSE = /\d{16}|[eE][+-]?\d{3}/;

/**
 * Parses JSON so that writing it anew says the same: an integer past 2^53 and a number past the
 * largest are kept as the text they are.
 */
export function parseKeepingDigits(text: string): unknown {
  if (!MAY_LOSE.test(text)) return JSON.parse(text);
  return exact.parse(text, (_, value, { source }) => {
    if (typeof value !== "number" || source === undefined) return value;
    const is_held = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return is_held ? value : exact.rawJSON(source);
  });
}

/** Whether a value that was parsed so is a number that is kept as text. */
export function isKeptNumber(value: unknown): boolean {
  return exact.isRawJSON(value);
}
