/**
 * Names say what they name: values are snake_case with the unit last, callables camelCase, types
 * PascalCase. Read off declarations, members and parameters; what a name is bound to elsewhere is not.
 */
import { assertEquals } from "@std/assert";
import { PROJECT } from "../harness.ts";
import { sourcesIn } from "./modules.ts";

const CAMEL = /^_?[a-z][A-Za-z0-9]*$/;
const SNAKE = /^(_|_?[a-z][a-z0-9]*(_[a-z0-9]+)*)$/;
const UPPER = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;
const PASCAL = /^[A-Z][A-Za-z0-9]*$/;

/** Called, and named like the value that they give: clocks, chance, sizes. */
const NAMED_BY_VALUE = "now_ms now_us elapsed_ms random_uint32 random_uuid size_bytes".split(" ");

/** An option of the library, older than this law. */
const OLD_VALUES = ["syncAfterRun"];
/** What others call it: OpenTelemetry, Chrome's traces, DuckDB, the first system's filter of runs. */
const FOREIGN_VALUES = [
  ...["entryNames", "entryTypes", "keyType", "valueType", "toJSON"],
  ...["runType", "fromDate", "toDate"],
];

/** A bound stands behind its unit; so does nothing else. */
const UNITS: ReadonlySet<string> = new Set([
  "ms",
  "us",
  "ns",
  "bps",
  "usd",
  "px",
  "bytes",
  "chars",
]);
const BOUNDS: ReadonlySet<string> = new Set(["max", "min"]);
const OLD_UNITS = [
  // The field is called `timestamp_ms`; these say of it what is plausible.
  ...["timestamp_ms_plausible_min", "timestamp_ms_plausible_max", "timestamp_us_plausible_min"],
  // Columns of artifacts and members of reports that other programs read.
  ...["max_adverse_excursion_bps", "max_drawdown", "max_latency_ms", "max_ms"],
  ...["bytes_before", "bytes_after"],
];

/** A template, with what stands in `${}` up to two braces deep. */
const TEMPLATE = /`(?:[^`\\$]|\\.|\$(?!\{)|\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})*`/g;

/** Comments, and what strings hold, are no names. */
function codeOf(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/^\s*\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""').replace(TEMPLATE, "``");
}

/** What stands in parentheses that open at `at`. */
function within(code: string, at: number): string {
  let depth = 0;
  for (let end = at; end < code.length; end++) {
    if ("([{".includes(code[end])) depth++;
    else if (")]}".includes(code[end]) && --depth === 0) return code.slice(at + 1, end);
  }
  return "";
}

/** The parts between the commas that lie in no bracket. */
function pieces(list: string): string[] {
  const found = [""];
  let depth = 0;
  for (const [at, char] of [...list].entries()) {
    if ("([{<".includes(char)) depth++;
    else if (")]}".includes(char) || (char === ">" && list[at - 1] !== "=")) depth--;
    if (char === "," && depth === 0) found.push("");
    else found[found.length - 1] += char;
  }
  return found.map((piece) => piece.trim()).filter(Boolean);
}

/** Names of types that are called, so that `onDamage: OnDamage` is seen to be a callable. */
function callableTypes(sources: Iterable<string>): Set<string> {
  const names = new Set<string>();
  for (const code of sources) {
    for (const [, name] of code.matchAll(/^(?:export )?type (\w+)(?:<[^=]*>)? =\s*\(?[^;]*?=>/gm)) {
      names.add(name);
    }
  }
  return names;
}

class Scan {
  readonly wrong: string[] = [];

  constructor(readonly callable_types: ReadonlySet<string>) {}

  #say(path: string, name: string, should_be: string): void {
    this.wrong.push(`${path}: ${name} should be ${should_be}`);
  }

  #callable(path: string, name: string): void {
    if (!CAMEL.test(name) && !NAMED_BY_VALUE.includes(name)) this.#say(path, name, "camelCase");
  }

  /** A member, a field or a parameter with its type, as far as that says whether it is called. */
  #typed(path: string, name: string, type: string): void {
    const named = /^\(?(\w+)/.exec(type)?.[1] ?? "";
    const is_called = /^\(?(<[^>]*>)?\([^]*\) =>/.test(type) || this.callable_types.has(named);
    if (is_called) return this.#callable(path, name);
    // The type of another's member, or of a value, does not say it.
    if (/\[""\]|^typeof |=>/.test(type)) return;
    if ([...OLD_VALUES, ...FOREIGN_VALUES].includes(name)) return;
    if (!SNAKE.test(name)) this.#say(path, name, "snake_case");
    const words = name.split("_");
    if (BOUNDS.has(words.at(-1)!)) words.pop();
    const is_last = !BOUNDS.has(words[0]) && !words.slice(0, -1).some((word) => UNITS.has(word));
    if (!is_last && !OLD_UNITS.includes(name)) this.#say(path, name, "named with its unit last");
  }

  file(path: string, code: string): void {
    const heads = /^(?:export )?(?:default )?(?:async )?function\*? (\w+)(?:<[^(]*>)?(?=\()/gm;
    for (const { 0: head, 1: name, index } of code.matchAll(heads)) {
      this.#callable(path, name);
      this.#parameters(path, within(code, index + head.length));
    }
    for (
      const [, name] of code.matchAll(/^(?:export )?(?:abstract )?(?:class|interface|type) (\w+)/gm)
    ) {
      if (!PASCAL.test(name)) this.#say(path, name, "PascalCase");
    }
    for (
      const [, name, value] of code.matchAll(/^(?:export )?(?:const|let) (\w+)[^=\n]*=\s*([^;]*)/gm)
    ) {
      if (UPPER.test(name)) continue;
      if (/^(async )?(\([^]*?\)|\w+)(: \w+)? =>/.test(value)) this.#callable(path, name);
      else if (!value.includes("=>")) this.#typed(path, name, "");
    }
    const bodies = /^(?:export )?(?:abstract )?(?:class|interface) (\w+)[^{;]*?(?= \{\n)/gm;
    for (const { 0: head, index } of code.matchAll(bodies)) {
      this.#members(path, within(code, index + head.length + 1));
    }
  }

  #members(path: string, body: string): void {
    const member =
      /^ {2}((?:(?:static|override|protected|private|abstract|readonly|async|get|set) )*)\*?#?(\w+)\??(<[^(\n]*>)?(\(|!?: )/gm;
    for (const { 0: head, 1: before, 2: name, 4: next, index } of body.matchAll(member)) {
      const at = index + head.length;
      if (next !== "(") {
        this.#typed(path, name, /^[^]*?(?=;\n| = |$)/.exec(body.slice(at))![0]);
        continue;
      }
      if (/\b[gs]et $/.test(before)) this.#typed(path, name, "");
      else if (name !== "constructor") this.#callable(path, name);
      this.#parameters(path, within(body, at - 1));
    }
  }

  #parameters(path: string, list: string): void {
    for (const piece of pieces(list)) {
      const typed = /^(?:(?:readonly|private) )*(?:\.\.\.)?#?(\w+)\??(?:: ([^]*?))?(?: = [^]*)?$/;
      const [, name, type] = typed.exec(piece) ?? [];
      if (name !== undefined && type !== undefined) this.#typed(path, name, type);
    }
  }
}

function wrongNames(sources: ReadonlyMap<string, string>): string[] {
  const codes = new Map([...sources].map(([path, text]) => [path, codeOf(text)]));
  const scan = new Scan(callableTypes(codes.values()));
  for (const [path, code] of codes) scan.file(path, code);
  return scan.wrong;
}

Deno.test("values are snake_case with the unit last, callables camelCase, types PascalCase", () => {
  const paths = sourcesIn("src").filter((path) => !path.endsWith(".d.ts"));
  assertEquals(
    wrongNames(new Map(paths.map((path) => [path, Deno.readTextFileSync(`${PROJECT}${path}`)]))),
    [],
  );
});

Deno.test("the rule about names would see a wrong one wherever it is declared", () => {
  const text = `
/** Not a name: max_bytes. */
export interface small_type {
  goodValue: string;
  readonly wait_ms_total?: number;
  on_event?: (event: string) => void;
  onWrite?: (bytes_max: number) => void;
  onDamage: OnDamage;
  do_it(fileName: string, tell: () => void): void;
}
type OnDamage = (path: string) => void;
const LIMIT = 1, shown = "camelCase", text = \`(\${LIMIT} of\`;
interface Between {
  is_seen: (path: string) => boolean;
}
const more = \`\${[shown].map((each) => ({ each }))} {\`;
export const maxBytes = 7;
const max_bytes = 7;
const as_is = (value: unknown) => value;
const asIs = (value: unknown) => value;
export async function read_all(
  filePath: string,
  { size_bytes }: { size_bytes: number },
  onDamage?: OnDamage,
): Promise<void> {}
class Reader<Item> {
  #byteCount: number = 0;
  get isOpen(): boolean {
    return true;
  }
  now_ms(): number {
    return 1;
  }
}
`;
  assertEquals(wrongNames(new Map([["a.ts", text]])).map((line) => line.split(" ")[1]).sort(), [
    "as_is",
    "byteCount",
    "do_it",
    "fileName",
    "filePath",
    "goodValue",
    "isOpen",
    "is_seen",
    "maxBytes",
    "max_bytes",
    "on_event",
    "read_all",
    "small_type",
    "wait_ms_total",
  ]);
});
