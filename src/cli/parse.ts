/**
 * Arguments -> flags and words, by a command's definition. Written here because neither of the
 * parsers at hand tells a value that is missing from one that begins with a dash, and both read
 * `--run-id --json` without a complaint.
 */
import * as z from "zod/mini";
import { LedgerError, quoted } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";
import type { Command } from "./command.ts";
import { type FlagFacts, flagFacts, flagProblem } from "./flags.ts";

/** What a flag takes. */
type FlagKind = "switch" | "value" | "values";

/** A flag as parser, help and completion see it. */
export interface FlagView {
  name: string;
  kind: FlagKind;
  facts: FlagFacts;
  /** The words it may hold, where they are few; a switch holds one only after an equals sign. */
  choices: readonly string[];
}

/** The flags of a command, in the order in which they are defined. */
export function flagsOf(command: Command): FlagView[] {
  const shape = command.flags._zod.def.shape as Record<string, z.ZodMiniType>;
  return Object.entries(shape).map(([name, schema]) => {
    // deno-lint-ignore no-explicit-any
    let inner: any = schema;
    while (inner._zod.def.innerType) inner = inner._zod.def.innerType;
    const { type, entries, options } = inner._zod.def;
    const words = type === "union" ? options.at(-1)._zod.def.entries : entries;
    return {
      name,
      kind: type === "boolean" || type === "union"
        ? "switch"
        : type === "array"
        ? "values"
        : "value",
      facts: flagFacts(schema),
      choices: words === undefined ? [] : Object.values(words as Record<string, string>),
    };
  });
}

/** What was typed, taken apart and checked. */
interface ParsedArguments {
  flags: Record<string, unknown>;
  words: string[];
  /** `--help` was among the flags: nothing else has been checked. */
  wants_help: boolean;
}

/** Takes arguments apart by a command's definition, and checks them. */
export function parseArguments(command: Command, args: readonly string[]): ParsedArguments {
  const views = flagsOf(command);
  const given: Record<string, string | boolean | string[]> = {};
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (arg === "--help" || arg === "-h") return { flags: {}, words, wants_help: true };
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const { view, inline } = findFlag(command, views, arg);
    if (view.kind === "switch") {
      if (inline !== undefined && view.choices.length === 0) {
        throw usage(command, `--${view.name} takes no value`);
      }
      given[view.name] = inline ?? true;
      continue;
    }
    const value = inline ?? args[++at];
    if (value === undefined || (inline === undefined && isFlagOf(views, value))) {
      throw usage(command, `--${view.name} needs a value: --${view.name} ${view.facts.value}`);
    }
    if (view.kind === "values") {
      given[view.name] = [...(given[view.name] as string[] ?? []), value];
    } else if (view.name in given) {
      throw usage(command, `--${view.name} is given twice`);
    } else given[view.name] = value;
  }
  checkWords(command, words);
  return { flags: checkFlags(command, given), words, wants_help: false };
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
    command,
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

function checkWords(command: Command, words: string[]): void {
  const positionals = command.positionals ?? [];
  const missing = positionals.find((positional, index) => positional.required && !words[index]);
  if (missing) throw usage(command, `${missing.name} is missing: ${missing.summary}`);
  if (words.length > positionals.length && !positionals.at(-1)?.many) {
    const extra = words[positionals.length];
    const near = nearest(extra, flagsOf(command).map((view) => view.name));
    throw usage(
      command,
      `unexpected argument ${quoted(extra)}`,
      near ? `did you mean --${near}?` : undefined,
    );
  }
}

function checkFlags(command: Command, given: Record<string, unknown>): Record<string, unknown> {
  const result = z.safeParse(command.flags, given);
  if (result.success) return result.data as Record<string, unknown>;
  const [issue] = result.error.issues;
  const name = String(issue.path[0]);
  throw usage(command, flagProblem(name, given[name], issue.message));
}

/** The error for a line that was not typed as the command wants it. */
export function usage(command: Command, problem: string, hint?: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `ledger ${command.name}: ${problem}`,
    hint: hint ?? `see: ledger ${command.name} --help`,
  });
}
