/**
 * Random lines of a log: events of all types, often repeated, often spelled strangely, sometimes
 * wrong in a field, sometimes no events at all.
 */
import { fieldsOf, isBuiltIn, isOfKind } from "../../src/log/event/event.ts";
import { LINE_CASES } from "../log/cases.ts";
import type { Random } from "../laws/random.ts";

const encoder = new TextEncoder();

/** Names with what has to be quoted, escaped or left alone somewhere on the way into a table. */
const RUNS = ["r0", "r1", "r2", "läuf 😀", "it's; drop table runs_d;--", '"q"', "a,b|c", "\u2028"];
/** Where a run id is not asked for its form, it may also hold these. */
const ODD_NAMES = [
  "",
  "\u0000",
  "\u0001",
  "\u0002",
  "\n",
  "\r\n",
  "\t",
  "\\",
  "NULL",
  " x ",
  "\uFEFF",
];
const TYPES = [
  ...["run.created", "run.started", "run.started", "run.completed", "run.failed"],
  ...["phase.started", "phase.started", "phase.started", "phase.completed", "phase.completed"],
  ...["trial.recorded", "trial.recorded", "baseline.completed", "artifact.created"],
  ...[
    "run.annotated",
    "run.annotated",
    "run.annotated",
    "run.linked",
    "artifact.used",
    "run.claimed",
  ],
  ...["trace.published", "test.event", "toString"],
];
/** Numbers as they may be written; what JavaScript makes of them is not what they say. */
const RAW_NUMBERS = [
  ...["1.50", "1e400", "-1e400", "-0", "-0.0", "12345678901234567890", "9007199254740993"],
  ...["1E5", "1e-400", "0.1e1", "123456789012345678901234567890.5", "4.9406564584124654e-324"],
];
const COUNTS = ["0", "7", "7.0", "7e0", "70e-1", "9007199254740991", "0e99"];
const DURATIONS = [
  "0",
  "-0",
  "0.5",
  "1e300",
  "1.50",
  "1e-400",
  "5e-324",
  "12",
  "1.7976931348623157e308",
];
const STRANGE = ["null", "true", "[]", "{}", '""', "-1", "0.5", '"x"', "1e400", "9007199254740993"];
const SMALL_CASES = LINE_CASES.filter(({ bytes }) => bytes.length < 10_000);
/** Members that every table has to survive, whatever event they stand in. */
const EXTRAS = [
  ...['"params":{"not":"these"}', '"x":{"params":{"a":1},"metrics":{"b":2}}', '"x":"params"'],
  ...[String.raw`"note":"\"params\":{\"a\":1}"`, '"__proto__":{"run_id":"r0"}', '"":0'],
  ...[String.raw`"note":"\u0000\u0001\u0002\u001f\n\r"`, '"note":"\u2028é漢😀"'],
];

/** Members of a trial, without escapes, that have to be kept apart from its own. */
const PLAIN_EXTRAS = [
  ...['"x":{"params":{"a":1},"metrics":{"b":2}}', '"x":"params"', '"rest":"trial_id"', '"@":1'],
  ...[
    '"note":"@at"',
    '"@in":7',
    '"@at":7',
    '"\uFEFFrun_id":"r9"',
    '"Params":{}',
    '"":0',
    '"a":1e400',
  ],
  ...['"event_type2":"run.started"', '"note":"\u2028é漢😀"', '"a":[1,[2,{"trial_id":"t9"}]]'],
];

/** A text as JSON, sometimes with escapes that it would not need. */
function spelledText(random: Random, text: string): string {
  const json = JSON.stringify(text);
  if (!random.chance(0.1)) return json;
  return json.replace(
    /(?<!\\)[a-z](?![0-9a-f]{0,3}")/,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A value as JSON, with numbers in every spelling, and space between words. */
function spelled(random: Random, value: unknown): string {
  const space = () => random.chance(0.03) ? random.pick([" ", "\t", "  ", "\r"]) : "";
  if (typeof value === "number") return random.chance(0.3) ? random.pick(RAW_NUMBERS) : `${value}`;
  if (typeof value === "string") return spelledText(random, value);
  if (typeof value !== "object" || value === null) return `${value}`;
  const inside = Array.isArray(value)
    ? value.map((item) => space() + spelled(random, item))
    : Object.entries(value).map(([key, member]) =>
      `${space()}${spelledText(random, key)}${space()}:${space()}${spelled(random, member)}`
    );
  const text = inside.join(`${space()},`) + space();
  return Array.isArray(value) ? `[${text}]` : `{${text}}`;
}

/** Deep, but no deeper than what emits it lets through. */
function nested(depth: number): string {
  return `{"d":${"[".repeat(depth)}${"]".repeat(depth)}}`;
}

function valueOf(random: Random, kind: string): string {
  switch (kind) {
    case "run_id":
      return spelledText(random, random.pick(RUNS));
    case "object":
      return random.chance(0.02) ? nested(499) : spelled(random, random.object());
    case "count":
      return random.pick(COUNTS);
    case "duration":
      return random.pick(DURATIONS);
    case "direction":
      return random.pick(['"higher"', '"lower"']);
    case "optional_run_id":
      return random.pick(["null", spelledText(random, random.pick(RUNS))]);
    case "optional_name":
      return random.pick(["null", '"c"', spelledText(random, random.text(4) || "c")]);
    case "optional_names": {
      const names = random.times(random.below(4), () => random.pick(["a", "b", "c", ...RUNS]));
      return random.chance(0.2) ? "null" : spelled(random, names);
    }
    case "optional_text":
      return random.pick(["null", '""', '"a"', '"b"', spelledText(random, random.text(6))]);
    case "optional_flag":
      return random.pick(["true", "false", "null"]);
    default: {
      // Phases have to meet their twins, so there are few names.
      const name = random.chance(0.8) ? random.pick(["plan", "simulate"]) : random.pick(ODD_NAMES);
      return spelledText(random, isOfKind("name", name) ? name : "plan");
    }
  }
}

/** The members of an event, as JSON texts by name; one may be wrong or missing. */
function membersOf(random: Random, type: string): Map<string, string> {
  const members = new Map<string, string>();
  if (isBuiltIn(type)) {
    for (const [field, kind] of fieldsOf(type)) {
      if (!kind.startsWith("optional") || random.chance(0.3)) {
        members.set(field, valueOf(random, kind));
      }
    }
  } else if (random.chance(0.7)) {
    members.set("run_id", spelledText(random, random.pick([...RUNS, ...ODD_NAMES])));
    members.set("correlation_id", random.pick(["5", '""', '"c"', "null"]));
  }
  if (members.size > 0 && random.chance(0.08)) {
    const name = random.pick([...members.keys()]);
    if (random.chance(0.5)) members.delete(name);
    else members.set(name, random.pick(STRANGE));
  }
  return members;
}

/** What the lines of one log have in common: the ids given so far. */
export class LineMaker {
  readonly #ids: string[] = [];

  constructor(readonly random: Random, readonly times_ms: readonly number[]) {}

  #id(): string {
    const { random } = this;
    if (this.#ids.length > 0 && random.chance(0.15)) return random.pick(this.#ids);
    const odd = random.chance(0.1) ? random.pick(ODD_NAMES) : "";
    const is_bare = odd !== "" && random.chance(0.1);
    const id = is_bare ? odd : `${odd}e${this.#ids.length}-${random.below(1_000)}`;
    this.#ids.push(id);
    return id;
  }

  /** An event. */
  event(): string {
    const { random } = this;
    const type = random.pick(TYPES);
    const timestamp_ms = random.pick(this.times_ms) + random.below(1_000);
    const members = [
      `"event_id":${spelledText(random, this.#id())}`,
      `"event_type":${spelledText(random, type)}`,
      `"timestamp_ms":${random.chance(0.1) ? `${timestamp_ms}.0` : timestamp_ms}`,
      ...[...membersOf(random, type)].map(([name, text]) => `${spelledText(random, name)}:${text}`),
    ];
    const extra = random.chance(0.15) ? random.pick(EXTRAS) : undefined;
    const key = extra?.slice(0, extra.indexOf(":") + 1);
    if (type === "run.created" && random.chance(0.3)) {
      members.push(`"group":${random.pick(['"g"', '"h"', '""', "5", "null"])}`);
    }
    if (extra && !members.some((member) => member.startsWith(key!))) members.push(extra);
    const ordered = random.chance(0.2) ? members.sort(() => random.fraction() - 0.5) : members;
    const around = random.chance(0.05) ? random.pick([" ", "\t", "\r"]) : "";
    return `${around}{${ordered.join(random.chance(0.1) ? " , " : ",")}}${around}`;
  }

  /** A trial without escapes and strange space, as nearly all are: only its JSON is as it likes. */
  trial(): string {
    const { random } = this;
    const object = () => {
      const text = spelled(random, random.object(3));
      return text.includes("\\") || /[\t\r]/.test(text)
        ? `{"x":${random.pick(RAW_NUMBERS)}}`
        : text;
    };
    const timestamp_ms = random.pick(this.times_ms) + random.below(1_000);
    const members = [
      `"event_id":"${this.#plainId()}"`,
      `"event_type":"trial.recorded"`,
      `"timestamp_ms":${timestamp_ms}`,
      `"run_id":"${random.pick(["r0", "r1", "r2", "a.b-c_D"])}"`,
      `"trial_id":"${random.pick(["t1", "läuf 😀", "@", "a,b|c", "}{", "NULL", " x "])}"`,
      `"params":${object()}`,
      `"metrics":${object()}`,
    ];
    if (random.chance(0.3)) members.push(`"correlation_id":"${random.pick(["c", "\u2028"])}"`);
    if (random.chance(0.1)) members.push(`"causation_id":${random.pick(["null", `"c"`])}`);
    if (random.chance(0.1)) members.push(random.pick(PLAIN_EXTRAS));
    const ordered = random.chance(0.2) ? members.sort(() => random.fraction() - 0.5) : members;
    return `{${ordered.join(random.chance(0.05) ? " , " : ",")}}`;
  }

  #plainId(): string {
    const id = this.#id();
    // deno-lint-ignore no-control-regex
    return /["\\\u0000-\u001f]/.test(id) ? `p${this.#ids.length}` : id;
  }

  /** A line of a log, without its newline. */
  line(): Uint8Array {
    const { random } = this;
    if (random.chance(0.12)) return random.pick(SMALL_CASES).bytes;
    const text = this.event();
    return encoder.encode(random.chance(0.03) ? text.slice(0, random.below(text.length)) : text);
  }

  /** An event that is longer than what a spool file may carry. */
  longEvent(chars: number): Uint8Array {
    const text = this.event();
    const pad = `,"pad":"${"é\\n".repeat(Math.ceil(chars / 3))}"`;
    return encoder.encode(text.replace(/\}(\s*)$/, `${pad}}$1`));
  }
}
