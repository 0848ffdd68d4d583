/**
 * Arguments -> flags and words, by a command's definition.
 *
 * The parsers at hand cannot serve. `parseArgs` of the standard library reads `--run-id --json` as an
 * empty run id and says nothing. That of `node:util` tells a missing value, and refuses every separate
 * value that begins with a dash: `--phase-order -1` would never reach its check.
 */
import * as z from "zod/mini";
import { LedgerError, quoted } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";
import type { World } from "../base/world.ts";
import type { Command } from "./command.ts";
import { type FlagFacts, flagFacts, listed } from "./flags.ts";

/** A flag as parser, help and completion see it. */
export interface FlagView {
  name: string;
  kind: "switch" | "value" | "values";
  facts: FlagFacts;
  /** The words it may hold, where they are few; a switch holds one only after an equals sign. */
  choices: readonly string[];
}

/** The flags of a command, in the order in which they are defined. */
export function flagsOf(command: Command): FlagView[] {
  return Object.entries<z.ZodMiniType>(command.flags).map(([name, schema]) => {
    // deno-lint-ignore no-explicit-any
    let inner: any = schema;
    while (inner._zod.def.innerType) inner = inner._zod.def.innerType;
    const { type, entries, options } = inner._zod.def;
    const words = type === "union" ? options.at(-1)._zod.def.entries : entries;
    return {
      name,
      kind: ["boolean", "union"].includes(type) ? "switch" : type === "array" ? "values" : "value",
      facts: flagFacts(schema),
      choices: words === undefined ? [] : Object.values(words as Record<string, string>),
    };
  });
}

/** Flags that may stand before the command too, as in an alias: they hold for whatever follows. */
export const GLOBAL_FLAGS: readonly string[] = ["--dir", "--runs-dir", "--json"];

/** The global flags that a command line begins with, each with its value in one word, and the rest. */
export function takeGlobalFlags(args: readonly string[]): { before: string[]; rest: string[] } {
  const before: string[] = [];
  const rest = [...args];
  while (rest.length > 0 && GLOBAL_FLAGS.includes(rest[0].split("=")[0])) {
    const word = rest.shift()!;
    const has_all = word === "--json" || word.includes("=");
    if (!has_all && rest.length === 0) {
      throw usage("help", `${word} needs a value: ${word} DIR`);
    }
    before.push(has_all ? word : `${word}=${rest.shift()}`);
  }
  return { before, rest };
}

/** Those of the global flags that a command has; the others do not concern it. */
export function concerning(command: Command, before: readonly string[]): string[] {
  return before.filter((word) => Object.hasOwn(command.flags, word.slice(2).split("=")[0]));
}

/** What was typed, taken apart and checked. */
interface ParsedArguments {
  flags: Record<string, unknown>;
  words: string[];
  command_line: string[];
  /** `--help` was among the flags: nothing else has been checked. */
  wants_help: boolean;
}

/** Takes arguments apart by a command's definition, and checks them. */
export function parseArguments(
  command: Command,
  args: readonly string[],
  env: World["env"] = () => undefined,
): ParsedArguments {
  const views = flagsOf(command);
  const given: Record<string, string | boolean | string[]> = {};
  const words: string[] = [];
  const command_line: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    if (arg === "--") {
      (command.command_line ? command_line : words).push(...args.slice(at + 1));
      break;
    }
    if (arg === "--help" || arg === "-h") {
      return { flags: {}, words, command_line, wants_help: true };
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const { view, inline } = findFlag(command, views, arg);
    if (view.kind === "switch") {
      if (inline !== undefined && view.choices.length === 0) {
        throw usage(command.name, `--${view.name} takes no value`);
      }
      given[view.name] = inline ?? true;
      continue;
    }
    const value = inline ?? args[++at];
    if (value === undefined || (inline === undefined && isFlagOf(views, value))) {
      throw usage(command.name, `--${view.name} needs a value: --${view.name} ${view.facts.value}`);
    }
    if (view.kind === "values") {
      given[view.name] = [...(given[view.name] as string[] ?? []), value];
    } else if (view.name in given) {
      throw usage(command.name, `--${view.name} is given twice`);
    } else given[view.name] = value;
  }
  standIn(command, words, env);
  checkWords(command, words);
  const missing = views.find(({ name, facts }) => facts.required && !(name in given));
  if (missing) throw usage(command.name, missing.facts.required!);
  return { flags: checkFlags(command, given), words, command_line, wants_help: false };
}

function findFlag(
  command: Command,
  views: FlagView[],
  arg: string,
): { view: FlagView; inline?: string } {
  const [, dashes, name, , inline] = /^(--?)([^=]*)(=([\s\S]*))?$/.exec(arg)!;
  const view = views.find((candidate) =>
    dashes === "-"
      ? candidate.facts.short === name
      : candidate.name === name || candidate.facts.aliases?.includes(name)
  );
  if (view) return { view, inline };
  const near = nearest(name, views.map((candidate) => candidate.name));
  throw usage(
    command.name,
    `unknown flag ${quoted(`${dashes}${name}`)}`,
    near
      ? `did you mean --${near}?`
      : /\s/.test(arg)
      ? "a word that begins with a dash goes after --"
      : undefined,
  );
}

function isFlagOf(views: FlagView[], arg: string): boolean {
  if (arg === "--help" || arg === "-h") return true;
  const name = /^--([^=]+)/.exec(arg)?.[1];
  return name !== undefined &&
    views.some((view) => view.name === name || view.facts.aliases?.includes(name));
}

/** Puts the environment's word first where that word was left out. */
function standIn({ positionals = [] }: Command, words: string[], env: World["env"]): void {
  const [first, second] = positionals;
  const value = first?.env && env(first.env);
  if (!value) return;
  const needed = positionals.filter(({ required }) => required).length;
  const isSecond = (word: string) => second?.choices?.includes(word) ?? false;
  // `runs write trades FILE` has enough words, but none that names the run.
  const is_left_out = words.length < needed || (isSecond(words[0]) && !isSecond(words[1]));
  if (is_left_out) words.unshift(value);
}

function checkWords(command: Command, words: string[]): void {
  const positionals = command.positionals ?? [];
  const missing = positionals.find(({ required }, index) => required && !words[index]);
  if (missing) throw usage(command.name, `${missing.name} is missing: ${missing.summary}`);
  if (words.length > positionals.length && !positionals.at(-1)?.many) {
    const extra = words[positionals.length];
    const near = nearest(extra, flagsOf(command).map((view) => view.name));
    const problem = `unexpected argument ${quoted(extra)}`;
    throw usage(command.name, problem, near && `did you mean --${near}?`);
  }
  for (const [index, word] of words.entries()) {
    const { name, choices, is_open } = positionals[index] ?? positionals.at(-1);
    if (choices && !is_open) checkChoice(command.name, name, word, choices);
  }
}

/** Throws unless a word is one of those that are valid. */
export function checkChoice(
  command: string,
  name: string,
  word: string,
  choices: readonly string[],
): void {
  if (choices.includes(word)) return;
  const near = nearest(word, choices);
  const problem = `${name} is ${quoted(word)}; it has to be ${listed(choices)}`;
  throw usage(command, problem, near && `did you mean ${near}?`);
}

function checkFlags(command: Command, given: Record<string, unknown>): Record<string, unknown> {
  const result = z.safeParse(z.strictObject(command.flags), given);
  if (result.success) return result.data as Record<string, unknown>;
  const [issue] = result.error.issues;
  const name = String(issue.path[0]);
  throw usage(command.name, `--${name} is ${quoted(given[name])}; ${issue.message}`);
}

/** The error for a command line that is not valid. */
export function usage(command: string, problem: string, hint?: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `ledger ${command}: ${problem}`,
    hint: hint ?? `see: ledger ${command} --help`,
  });
}
