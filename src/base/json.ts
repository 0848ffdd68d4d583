/** JSON that is read, changed and written again, without loss. */

/** What V8 can do with JSON, and the language's types do not know yet. */
export const json = JSON as unknown as {
  /** The reviver also gets each primitive as it is written. */
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  /** A value that is written as this text. */
  rawJSON(text: string): { rawJSON: string };
  isRawJSON(value: unknown): value is { rawJSON: string };
};

/**
 * Digits in a row, or an exponent, that a number may be unable to hold. Of sixteen digits only those
 * that begin with 9 come near 2^53; times in microseconds have sixteen.
 */
const MAY_LOSE = /\d{17}|9\d{15}|[eE][+-]?\d{3}/;

/**
 * Parses JSON so that writing it anew says the same: an integer past 2^53 and a number past the
 * largest are kept as the text they are.
 */
export function parseKeepingDigits(text: string): unknown {
  if (!MAY_LOSE.test(text)) return JSON.parse(text);
  return json.parse(text, (_, value, { source }) => {
    if (typeof value !== "number" || source === undefined) return value;
    const is_held = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return is_held ? value : json.rawJSON(source);
  });
}

/** A row of a database or of a file as JSON has it: of whole numbers of 64 bits the nearest numbers. */
export function withNumbers<Row = Record<string, unknown>>(
  row: Readonly<Record<string, unknown>>,
): Row {
  const plain = (value: unknown) => typeof value === "bigint" ? Number(value) : value;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, plain(value)]),
  ) as Row;
}

/** Whether a value that was parsed so is a number that is kept as text. */
export function isKeptNumber(value: unknown): boolean {
  return json.isRawJSON(value);
}

/** The values in an object that are no objects with members, each with the way to it. */
export function leavesOf(value: unknown, way: readonly string[] = []): [string[], unknown][] {
  const is_object = typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isKeptNumber(value) && Object.keys(value).length > 0;
  if (!is_object) return way.length === 0 ? [] : [[[...way], value]];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...way, name]));
}

/** Where a member is, as RFC 6901 has it: unlike in a path, no name means anything but itself. */
export function jsonPointer(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/**
 * Parses JSON; a number comes as the text that it is written as. Only V8 has none for a member whose
 * key it misreads, as it does with "\"" when it has seen "\\" before.
 */
export function parseExact(text: string): unknown {
  const kept = (value: number, source?: string) => json.rawJSON(source ?? JSON.stringify(value));
  return json.parse(
    text,
    (_, value, { source }) => typeof value === "number" ? kept(value, source) : value,
  );
}

/** One text for all that says the same: members by name, no blanks, exact numbers in one spelling. */
export function canonicalJson(value: unknown): string {
  if (json.isRawJSON(value)) return canonicalNumber(value.rawJSON);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join()}}`;
}

/** A number of JSON as its digits, without zeros at either end, and a power of ten. */
function canonicalNumber(text: string): string {
  const [, sign, whole, fraction = "", power = "0"] = NUMBER.exec(text)!;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const zeros = digits.length - significant.length;
  // A power may have any number of digits.
  return `${sign}${significant}e${BigInt(power) + BigInt(zeros - fraction.length)}`;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
