/**
 * Lines, and what the contract says of each. One table for every reader: whatever reads the log has
 * to come to these verdicts, and to no others.
 */
import { event_bytes_max, timestamp_ms_max } from "../../src/base/limits.ts";

/** A line and its verdict. */
export interface LineCase {
  name: string;
  /** Without the newline. */
  bytes: Uint8Array;
  /** Why it is no record; absent when it is one. */
  corrupt?: RegExp;
  /**
   * What emitting it does, where that is not what its verdict says: refused for this reason, or
   * completed by what was missing, or passed over.
   */
  emit?: RegExp | "completed" | "passed over";
}

const encoder = new TextEncoder();

/** The day of the events in the table, unless they say otherwise. */
export const CASE_DAY = "2026-01-23";
const HEAD = `"event_id":"e1","event_type":"run.started","timestamp_ms":1769174319945`;
/** A line that is an event and may be emitted. */
export const GOOD_LINE = `{${HEAD},"run_id":"r1"}`;

/** A digest of nothing in particular. */
export const DIGEST = "0".repeat(64);
/** As much as a record of a sealed part has to say. */
export const SEALED_RECORD = {
  ...{ number: 1, previous: "", seal: DIGEST, events: 1, bytes: 88, sha256: DIGEST },
  ...{ first_ms: 1, last_ms: 1, sealed_at_ms: 1, notes_sha256: DIGEST, lines: 1 },
  ...{ last_line_at: 0, last_line_hash: "88-0", blocks: "AAAAAA==" },
};

/** A good line with a further member. */
function good(member: string): string {
  return `{${HEAD},"run_id":"r1",${member}}`;
}

/** A line whose id, type and time are these JSON texts; one that is undefined is left out. */
function identity(
  fields: { event_id?: string; event_type?: string; timestamp_ms?: string },
): string {
  const all = {
    event_id: `"e1"`,
    event_type: `"run.started"`,
    timestamp_ms: "1769174319945",
    run_id: `"r1"`,
    ...fields,
  };
  const members = Object.entries(all).filter(([, text]) => text !== undefined);
  return `{${members.map(([name, text]) => `"${name}":${text}`).join(",")}}`;
}

function padded(size_bytes: number): string {
  const empty = good(`"pad":""`);
  return good(`"pad":"${"x".repeat(size_bytes - empty.length)}"`);
}

function withBytes(before: string, bytes: number[], after: string): Uint8Array {
  return new Uint8Array([...encoder.encode(before), ...bytes, ...encoder.encode(after)]);
}

const DEPTH = 100_000;
const SECONDS = /looks like seconds/;

const EVENTS: [name: string, line: string, emit?: LineCase["emit"]][] = [
  ["a plain event", GOOD_LINE],
  ["blanks between the words", GOOD_LINE.replaceAll(":", " : ").replaceAll(",", " ,\t")],
  ["blanks around the object", `  ${GOOD_LINE} \t`],
  ["a carriage return at the end", `${GOOD_LINE}\r`],
  ["a carriage return between the words", GOOD_LINE.replaceAll(",", ",\r")],
  ["an unknown field", good(`"note":"kept"`)],
  ["an empty key", good(`"":1`)],
  ["letters beyond ASCII", good(`"note":"é 漢 😀 \u2028"`)],
  ["a letter and its accent, apart", good(`"note":"e\u0301"`)],
  ["a surrogate pair, escaped", good(String.raw`"note":"\ud83d\ude00"`)],
  ["two pairs in a row", good(String.raw`"note":"\ud83d\ude00\uD83D\uDE00"`)],
  ["an escaped backslash before ud800", good(String.raw`"note":"\\ud800"`)],
  ["a string that ends in a backslash", good(String.raw`"note":"a\\","more":"\\\""`)],
  ["braces, colons and quotes in strings", good(String.raw`"a":"{\"b\":[","c":"}]:,"`)],
  ["the same key twice, one level down", good(`"inner":{"a":1,"a":2}`)],
  ["the same key on two levels", good(`"inner":{"run_id":1}`)],
  ["a key named __proto__", good(`"__proto__":{"event_id":""}`)],
  ["a key named constructor", good(`"constructor":1,"hasOwnProperty":2`)],
  ["minus zero", good(`"pnl":-0`)],
  ["a number too large for a double", good(`"pnl":1e400`)],
  ["more digits than a double holds", good(`"pnl":12345678901234567890`)],
  ["a trailing zero", good(`"pnl":1.50`)],
  ["no correlation", good(`"correlation_id":null`)],
  ["a time with a fraction of nothing", identity({ timestamp_ms: "1769174319945.0" })],
  ["a time with an exponent", identity({ timestamp_ms: "1.769174319945e12" })],
  ["the last millisecond of year 9999", identity({ timestamp_ms: `${timestamp_ms_max}` })],
  ["the first millisecond of 1970", identity({ timestamp_ms: "0" }), SECONDS],
  ["minus zero for a time", identity({ timestamp_ms: "-0" }), SECONDS],
  ["a time in seconds", identity({ timestamp_ms: "1769174319" }), SECONDS],
  [
    "a type that is not registered",
    identity({ event_type: `"test.event"` }),
    /no such type is known/,
  ],
  ["a type named like a method", identity({ event_type: `"toString"` }), /no such type is known/],
  ["a field of the wrong kind", good(`"correlation_id":5`), /correlation_id is 5/],
  ["a required field missing", `{${HEAD}}`, /run_id is missing/],
  ["a required field in the prototype only", `{${HEAD},"__proto__":{"run_id":"r1"}}`, /is missing/],
  [
    "100,000 levels",
    good(`"deep":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`),
    /nests more than 500 levels/,
  ],
  ["exactly 8 MiB", padded(event_bytes_max)],
];

const NOT_JSON = /^not JSON|cannot emit this event: not JSON/;
const LONE = /a lone surrogate/;
const UTF8 = /not valid UTF-8/;

const CORRUPT: [
  name: string,
  line: string | Uint8Array,
  corrupt: RegExp,
  emit?: LineCase["emit"],
][] = [
  ["nothing", "", /a blank line/, "passed over"],
  ["blanks only", " \t ", /a blank line/, "passed over"],
  ["a carriage return alone", "\r", /a blank line/, "passed over"],
  ["null", "null", /not a JSON object but null/],
  ["a number", "42", /not a JSON object but a number/],
  ["a string", `"event"`, /not a JSON object but a string/],
  ["a list of an event", `[${GOOD_LINE}]`, /not a JSON object but a list/],
  ["an empty object", "{}", /event_type is missing/],
  ["half a line", GOOD_LINE.slice(0, 40), NOT_JSON],
  ["two events in a line", `${GOOD_LINE}${GOOD_LINE}`, NOT_JSON],
  ["a tear with the next line glued on", `${GOOD_LINE.slice(0, 40)}${GOOD_LINE}`, NOT_JSON],
  ["a trailing comma", good(`"a":1,`), NOT_JSON],
  ["single quotes", GOOD_LINE.replaceAll(`"`, "'"), NOT_JSON],
  ["a comment", `${GOOD_LINE} // why`, NOT_JSON],
  ["a leading zero", good(`"a":01`), NOT_JSON],
  ["a plus sign", good(`"a":+1`), NOT_JSON],
  ["NaN", good(`"a":NaN`), /not JSON: NaN/],
  ["Infinity", good(`"a":Infinity`), /not JSON: Infinity/],
  ["minus Infinity in a list", good(`"a":[1,-Infinity]`), /not JSON: -Infinity/],
  ["a byte order mark", `\uFEFF${GOOD_LINE}`, /a byte order mark/],
  ["a NUL after the event", `${GOOD_LINE}\u0000`, /a NUL byte/],
  ["a NUL in a string", good(`"a":"\u0000"`), /a NUL byte/],
  ["zeros where a disk lost a block", "\u0000".repeat(512), /a NUL byte/],
  ["a tab in a string", good(`"a":"\t"`), NOT_JSON],
  ["a byte that is no UTF-8", withBytes(`{${HEAD},"run_id":"`, [0xff], `"}`), UTF8],
  ["an overlong NUL", withBytes(`{${HEAD},"run_id":"`, [0xc0, 0x80], `"}`), UTF8],
  ["a surrogate in UTF-8", withBytes(`{${HEAD},"run_id":"`, [0xed, 0xa0, 0x80], `"}`), UTF8],
  ["half a character at the end", withBytes(GOOD_LINE, [0xe6, 0xbc], ""), UTF8],
  ["the same key twice", good(`"run_id":"r2"`), /the key "run_id" occurs twice/],
  ["the same key and value twice", good(`"run_id":"r1"`), /the key "run_id" occurs twice/],
  ["one key in two spellings", good(String.raw`"\u0072un_id":1`), /the key "run_id" occurs/],
  ["__proto__ twice", good(`"__proto__":1,"__proto__":2`), /the key "__proto__" occurs/],
  ["an empty key twice", good(`"":1,"":2`), /the key "" occurs/],
  ["a high surrogate alone", good(String.raw`"a":"\ud800"`), LONE],
  ["a low surrogate alone", good(String.raw`"a":"\uDC00"`), LONE],
  ["a pair the wrong way round", good(String.raw`"a":"\ude00\ud83d"`), LONE],
  ["two high ones and a low one", good(String.raw`"a":"\ud83d\ud83d\ude00"`), LONE],
  ["a high one, a letter, a low one", good(String.raw`"a":"\ud83dx\ude00"`), LONE],
  ["a high one, a letter, another escape", good(String.raw`"a":"\ud83dx\n"`), LONE],
  ["a high one before another escape", good(String.raw`"a":"\ud83d\n"`), LONE],
  ["halves in two strings", good(String.raw`"a":"\ud83d","b":"\ude00"`), LONE],
  ["half a character in a key", good(String.raw`"\ud83d":1`), LONE],
  ["an escaped backslash before a half", good(String.raw`"a":"\\\ud800"`), LONE],
  ["no id", identity({ event_id: undefined }), /event_id is missing/, "completed"],
  ["an empty id", identity({ event_id: `""` }), /event_id is ""/],
  ["a number for an id", identity({ event_id: "5" }), /event_id is 5/],
  ["null for an id", identity({ event_id: "null" }), /event_id is null/],
  ["no type", identity({ event_type: undefined }), /event_type is missing/],
  ["an empty type", identity({ event_type: `""` }), /event_type is ""/],
  ["a list for a type", identity({ event_type: `["run.started"]` }), /event_type is \["run/],
  ["no time", identity({ timestamp_ms: undefined }), /timestamp_ms is missing/, "completed"],
  ["null for a time", identity({ timestamp_ms: "null" }), /timestamp_ms is null/],
  ["a time in quotes", identity({ timestamp_ms: `"1769174319945"` }), /timestamp_ms is "1769/],
  ["a time before 1970", identity({ timestamp_ms: "-1" }), /timestamp_ms is -1/],
  ["half a millisecond", identity({ timestamp_ms: "1769174319945.5" }), /is 1769174319945\.5/],
  [
    "the first millisecond of year 10000",
    identity({ timestamp_ms: "253402300800000" }),
    /is 25340/,
  ],
  ["an infinite time", identity({ timestamp_ms: "1e400" }), /timestamp_ms is/],
  [
    "a time 100,000 levels deep",
    identity({ timestamp_ms: "[".repeat(DEPTH) + "]".repeat(DEPTH) }),
    /is \[\[/,
  ],
  ["one byte over 8 MiB", padded(event_bytes_max + 1), /8388609 bytes long; an event has at most/],
];

/** The table. */
export const LINE_CASES: readonly LineCase[] = [
  ...EVENTS.map(([name, line, emit]): LineCase => ({ name, bytes: encoder.encode(line), emit })),
  ...CORRUPT.map(([name, line, corrupt, emit]): LineCase => ({
    name,
    bytes: typeof line === "string" ? encoder.encode(line) : line,
    corrupt,
    emit,
  })),
];

/** A case's line as text; undefined when it is no UTF-8. */
export function textOf({ bytes }: LineCase): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
