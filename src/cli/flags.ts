/**
 * The kinds of flags: each is a zod/mini schema, with the facts that help and completion need beside it.
 */
import * as z from "zod/mini";
import { DURATION, durationMs, isDay, typedTime } from "../base/format.ts";
import type { World } from "../base/world.ts";
import type { OpenOptions } from "../ledger/event_log.ts";
import { say } from "./print.ts";

/** What help, completion and the parser need to know beside what is valid. */
export interface FlagFacts {
  description: string;
  /** What stands for its value in help: `ID`, `JSON`. Absent for switches. */
  value?: string;
  /** One letter. */
  short?: string;
  /** Other spellings that work, and are not advertised. */
  aliases?: readonly string[];
  /** The heading in help. */
  group?: string;
  /** What to answer when a required flag is missing. */
  required?: string;
}

type MoreFacts = Omit<FlagFacts, "description" | "required">;

const facts_of_flag = z.registry<FlagFacts>();

/** What a flag's schema says of itself. */
export function flagFacts(schema: z.ZodMiniType): FlagFacts {
  return facts_of_flag.get(schema) ?? { description: "" };
}

function flag<Schema extends z.ZodMiniType>(schema: Schema, facts: FlagFacts): Schema {
  facts_of_flag.add(schema, facts);
  return schema;
}

/** What a value has to be; the parser puts the flag's name and the value before it. */
const hasToBe = (what: string) => ({ error: `it has to be ${what}` });

/** A flag that has to be given; `question` is the answer to a line without it. */
export function required<Schema extends z.ZodMiniType>(
  optional: z.ZodMiniOptional<Schema>,
  question: string,
): Schema {
  return flag(optional._zod.def.innerType, { ...flagFacts(optional), required: question });
}

/** Any text. */
export function text(value: string, description: string, more: MoreFacts = {}) {
  return flag(z.optional(z.string()), { value, description, ...more });
}

/** A text that may be given several times. */
export function texts(value: string, description: string) {
  return flag(z.optional(z.array(z.string())), { value, description });
}

function matching(pattern: RegExp, what: string) {
  return z.string().check(z.regex(pattern, hasToBe(what)));
}

/** A whole number, 0 or more. */
export function count(description: string, more: MoreFacts = {}) {
  const digits = matching(/^\d{1,15}$/, "a whole number, 0 or more");
  const schema = z.pipe(digits, z.transform(Number));
  return flag(z.optional(schema), { value: "N", description, ...more });
}

/** A number as JSON writes it; kept as typed. */
export function number(description: string, more: MoreFacts = {}) {
  const schema = matching(/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/, "a number");
  return flag(z.optional(schema), { value: "N", description, ...more });
}

/** JSON text; kept as typed, so that no digit of a number is lost. */
export function json(description: string, more: MoreFacts = {}) {
  return flag(z.optional(jsonText()), { value: "JSON", description, ...more });
}

/** JSON text of an object; kept as typed. */
export function jsonObject(description: string) {
  const schema = jsonText().check(
    z.refine((value) => value.trimStart().startsWith("{"), hasToBe("a JSON object")),
  );
  return flag(z.optional(schema), { value: "JSON", description });
}

function jsonText() {
  return z.string().check(
    z.refine((value) => whyNotJson(value) === undefined, {
      error: (issue) => `it has to be JSON: ${whyNotJson(issue.input as string)}`,
      abort: true,
    }),
  );
}

function whyNotJson(value: string): string | undefined {
  try {
    JSON.parse(value);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A length of time (`30s`, `1h`, `7d`), in ms. */
export function duration(description: string) {
  const typed = matching(DURATION, "a length of time, such as 90s, 30m, 2h or 7d");
  const schema = z.pipe(typed, z.transform(durationMs));
  return flag(z.optional(schema), { value: "TIME", description });
}

const IS_TIME = hasToBe(
  "a day (2026-01-23), a time (2026-01-23T14:30:00Z), or a while ago (30m, 2h, 7d)",
);

/** A day, a time, or a while ago. */
export function time(description: string, more: MoreFacts = {}) {
  const typed = z.string().check(z.refine((text) => typedTime(text) !== undefined, IS_TIME));
  const schema = z.pipe(typed, z.transform((text: string) => typedTime(text)!));
  return flag(z.optional(schema), { value: "TIME", description, ...more });
}

/** A day of the calendar. */
export function day(description: string) {
  const schema = z.string().check(z.refine(isDay, hasToBe("a day, such as 2026-01-23")));
  return flag(z.optional(schema), { value: "YYYY-MM-DD", description });
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  description: string,
  more: MoreFacts = {},
) {
  const schema = z.optional(z.enum(words, hasToBe(listed(words))));
  return flag(schema, { value: words.join("|"), description, ...more });
}

/** On when it is there. */
export function toggle(description: string, more: MoreFacts = {}) {
  return flag(z._default(z.boolean(), false), { description, ...more });
}

/** On when it is there, or one of a few words after an equals sign. */
export function toggleOr<const Words extends readonly [string, ...string[]]>(
  words: Words,
  description: string,
) {
  const schema = z.union([z.boolean(), z.enum(words)], hasToBe(`${listed(words)}, or nothing`));
  return flag(z._default(schema, false), { description });
}

/** `--json`, for commands whose answer is one thing. */
export function asJson() {
  return toggle("print the answer, or the error, as JSON");
}

/** The flags of every command that answers from a ledger. */
export function ledgerFlags() {
  return {
    "json": asJson(),
    "dir": text("DIR", "the ledger's folder (default: $LEDGER_DIR, or data/ledger)"),
  };
}

/** `--artifact`, for commands about registered types. */
export function ofArtifact() {
  return toggle("the type is one of artifacts, not of events");
}

/** `--where`, for commands that choose runs. */
export function where() {
  return text("FILTER", "only runs for which this holds; its grammar: ledger help filters");
}

const NOT_COMPLETED = ["failed", "crashed", "stale", "unfinished", "running", "pending"];

/** `--include`, for commands that hold completed runs against each other. */
export function include() {
  const statuses = z.pipe(
    z.string(),
    z.transform((text: string) => text.split(",").map((status) => status.trim())),
  ).check(
    z.refine(
      (statuses) => statuses.every((status) => NOT_COMPLETED.includes(status)),
      hasToBe(`of ${NOT_COMPLETED.join(", ")}, between commas`),
    ),
  );
  const description = `these count too, between commas: ${NOT_COMPLETED.join(", ")}`;
  return flag(z.optional(statuses), { value: "STATUSES", description });
}

/** `--columns`, for commands that list runs. */
export function columns() {
  return text("COLUMNS", "show these: run_id,params.*,summary.sharpe; ledger help filters");
}

/** The flags of every command that answers from a ledger and its runs. */
export function runsFlags() {
  return {
    ...ledgerFlags(),
    "runs-dir": text("DIR", "the folder of runs (default: $LEDGER_RUNS_DIR, or runs)"),
  };
}

/** `--as-is`, for commands that answer from an index. */
export function asIs() {
  return toggle("answer from the indexes as they are: do not bring them up to date first");
}

/** The folders that a command's flags name. */
export interface Folders {
  "dir"?: string;
  "runs-dir"?: string;
}

/** How a command opens its ledger. `LEDGER_LOG=debug` tells each write and each recovery. */
export function optionsFor(world: World, flags: Folders): OpenOptions {
  const debug = world.env("LEDGER_LOG") === "debug";
  const onNotice = debug ? (message: string) => say(world, `ledger: ${message}`) : undefined;
  return { world, dir: flags.dir, runs_dir: flags["runs-dir"], onNotice };
}

/** `--force`, for commands that write a file. */
export function force(what = "an existing file") {
  return toggle(`replace ${what}; never a file of the ledger, nor an archive`);
}

/** `--no-events`, for commands that tell the log what they did. */
export function noEvents() {
  return toggle("append no event to the log, for programs that emit their own");
}

/** How rows may be printed. */
export const ROW_FORMATS = ["table", "json", "ndjson", "csv", "markdown"] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** `--format`, for commands that print rows. */
export function format(fallback = "table") {
  return choice(ROW_FORMATS, `how rows are printed (default: ${fallback})`);
}

/** Words as a sentence names them: "a, b or c". */
export function listed(words: readonly string[]): string {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
