/** The kinds of flags there are. Each is a zod/mini schema that carries what help has to say. */
import * as z from "zod/mini";
import { quoted } from "../base/error.ts";
import { UNIT_MS } from "./times.ts";

/** What a flag tells about itself, beside what is valid. */
export interface FlagFacts {
  description: string;
  /** What stands for its value in help: `ID`, `JSON`. Absent for switches. */
  value?: string;
  /** One letter. */
  short?: string;
  /** Other spellings that work, and are not advertised. */
  aliases?: readonly string[];
  /** Groups flags in help. */
  group?: string;
}

const facts_of_flag = z.registry<FlagFacts>();

/** What a flag's schema says of itself. */
export function flagFacts(schema: z.ZodMiniType): FlagFacts {
  return facts_of_flag.get(schema) ?? { description: "" };
}

function flag<Schema extends z.ZodMiniType>(schema: Schema, facts: FlagFacts): Schema {
  facts_of_flag.add(schema, facts);
  return schema;
}

/** Says what a value has to be; the parser puts the flag's name and the value before it. */
const hasToBe = (what: string) => ({ error: `it has to be ${what}` });

/** Any text. */
export function text(facts: FlagFacts) {
  return flag(z.optional(z.string()), { value: "TEXT", ...facts });
}

/** A text that may be given several times. */
export function texts(facts: FlagFacts) {
  return flag(z.optional(z.array(z.string())), { value: "TEXT", ...facts });
}

/** A whole number, 0 or more. */
export function count(facts: FlagFacts) {
  const rule = hasToBe("a whole number, 0 or more");
  const schema = z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/, rule)),
    z.transform((value: string) => Number(value)),
  );
  return flag(z.optional(schema), { value: "N", ...facts });
}

/** A number as JSON writes it; kept as it was typed. */
export function number(facts: FlagFacts) {
  const schema = z.string().check(
    z.regex(/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/, hasToBe("a number")),
  );
  return flag(z.optional(schema), { value: "N", ...facts });
}

/** JSON text; kept as it was typed, so that no digit of a number is lost. */
export function json(facts: FlagFacts) {
  const schema = z.string().check(
    z.refine(isJson, {
      error: (issue) => `it has to be JSON: ${whyNotJson(issue.input as string)}`,
    }),
  );
  return flag(z.optional(schema), { value: "JSON", ...facts });
}

/** JSON text of an object; kept as it was typed. */
export function jsonObject(facts: FlagFacts) {
  const schema = z.string().check(
    z.refine((value) => isJson(value as string) && isObjectText(value as string), {
      error: (issue) =>
        isJson(issue.input as string)
          ? "it has to be a JSON object"
          : `it has to be JSON: ${whyNotJson(issue.input as string)}`,
    }),
  );
  return flag(z.optional(schema), { value: "JSON", ...facts });
}

/** A length of time (`30s`, `1h`, `7d`), in ms. */
export function duration(facts: FlagFacts) {
  const rule = hasToBe("a length of time, such as 90s, 30m, 2h or 7d");
  const schema = z.pipe(
    z.string().check(z.regex(/^\d{1,9}[smhdw]$/, rule)),
    z.transform((value: string) => Number(value.slice(0, -1)) * UNIT_MS[value.at(-1)!]),
  );
  return flag(z.optional(schema), { value: "TIME", ...facts });
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  facts: FlagFacts,
) {
  return flag(z.optional(z.enum(words, hasToBe(listed(words)))), {
    value: words.join("|"),
    ...facts,
  });
}

/** On when it is there. */
export function toggle(facts: FlagFacts) {
  return flag(z._default(z.boolean(), false), facts);
}

/** On when it is there, or one of a few words after an equals sign. */
export function toggleOr<const Words extends readonly [string, ...string[]]>(
  words: Words,
  facts: FlagFacts,
) {
  const schema = z.union([z.boolean(), z.enum(words)], hasToBe(`${listed(words)}, or nothing`));
  return flag(z._default(schema, false), facts);
}

/** A day, a time, or a while ago. `times.ts` turns it into milliseconds. */
export function time(facts: FlagFacts) {
  return flag(z.optional(z.string()), { value: "TIME", ...facts });
}

/** `--dir`, for all commands on a ledger. */
export function dir() {
  return text({
    description: "the ledger's folder (default: $LEDGER_DIR, or data/ledger)",
    value: "DIR",
  });
}

/** `--runs-dir`, for all commands on runs. */
export function runsDir() {
  return text({
    description: "the folder of runs (default: $LEDGER_RUNS_DIR, or runs)",
    value: "DIR",
  });
}

/** `--force`, for commands that write a file. */
export function force(what = "a file that is there") {
  return toggle({ description: `replace ${what}, but never a ledger's own, nor an archive` });
}

/** `--no-events`, for commands that tell the log what they did. */
export function noEvents() {
  return toggle({ description: "do not tell the log, for those who emit their events themselves" });
}

/** `--json`, for commands whose answer is one thing. */
export function asJson() {
  return toggle({ description: "print the answer, and an error, as JSON" });
}

/** How rows may be printed. */
export const ROW_FORMATS = ["table", "json", "ndjson", "csv", "markdown"] as const;
/** One of the ways to print rows. */
export type RowFormat = (typeof ROW_FORMATS)[number];

/** `--format`, for commands that print rows. */
export function format(fallback = "table") {
  return choice(ROW_FORMATS, { description: `how rows are printed (default: ${fallback})` });
}

function listed(words: readonly string[]): string {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function isJson(value: string): boolean {
  return whyNotJson(value) === undefined;
}

function isObjectText(value: string): boolean {
  return value.trimStart().startsWith("{");
}

function whyNotJson(value: string): string | undefined {
  try {
    JSON.parse(value);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The sentence for a flag's value that is not valid. */
export function flagProblem(name: string, value: unknown, issue: string): string {
  return `--${name} is ${quoted(value)}; ${issue}`;
}
