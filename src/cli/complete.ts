/**
 * Completion, answered from the definitions of commands and from the names that a ledger has. The
 * user waits for it: nothing here loads the database, and an error offers nothing.
 */
import { CONTROL_CHARACTER } from "../base/format.ts";
import type { World } from "../base/world.ts";
import { completions_max } from "../base/limits.ts";
import type { Command, CommandTable, Positional } from "./command.ts";
import { type CompletionSource, sourceFor } from "./completion_sources.ts";
import { concerning, flagsOf, type FlagView, GLOBAL_FLAGS, takeGlobalFlags } from "./parse.ts";
import { TOPIC_NAMES } from "./topics.ts";

/** What bash takes for words of their own, wherever they stand. */
const SEPARATORS: ReadonlySet<string> = new Set(["=", ":"]);

/** What the last word may become. */
export async function candidatesFor(
  world: World,
  table: CommandTable,
  words: readonly string[],
): Promise<string[]> {
  const whole = withWholeWords(words);
  const last = whole.at(-1) ?? "";
  const [, flag, value] = /^(--[^=]+)=([\s\S]*)$/.exec(last) ?? [];
  const typed = value ?? last;
  const before = flag ? [...whole.slice(0, -1), flag] : whole.slice(0, -1);
  const fitting = (await allCandidates(world, table, before, typed))
    .filter((candidate) => candidate !== "" && candidate.startsWith(typed))
    .filter((candidate) => !CONTROL_CHARACTER.test(candidate))
    .slice(0, completions_max)
    // A flag and its value typed as one word come back as one word.
    .map((candidate) => flag ? `${flag}=${candidate}` : candidate);
  const given = words.at(-1) ?? "";
  if (given === last) return fitting;
  // bash wants back only what stands behind its separator.
  const shell_has = last.length - (SEPARATORS.has(given) ? 0 : given.length);
  return fitting.map((candidate) => candidate.slice(shell_has));
}

/** bash takes `--flag=value` for three words, and `a:b` too. */
function withWholeWords(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const [index, word] of words.entries()) {
    const separator = SEPARATORS.has(word) ? word : words[index - 1] ?? "";
    const joins = separator === ":" || (separator === "=" && whole.at(-1)?.startsWith("--"));
    if (joins && whole.length > 0) whole[whole.length - 1] += word;
    else whole.push(word);
  }
  return whole;
}

async function allCandidates(
  world: World,
  table: CommandTable,
  before: readonly string[],
  typed: string,
): Promise<string[]> {
  const { before: globals, rest: typed_before } = takeGlobalFlags(before);
  const matched = table.match(typed_before);
  if (!matched) return commandWords(table, typed_before, typed);
  if (matched.name === "help") {
    const topics = matched.rest.length === 0 ? TOPIC_NAMES : [];
    return [...new Set([...commandWords(table, matched.rest, ""), ...topics])];
  }
  const command = await table.load(matched.name)!;
  return await candidatesOf(
    world,
    command,
    [...concerning(command, globals), ...matched.rest],
    typed,
  );
}

function commandWords(table: CommandTable, before: readonly string[], typed: string): string[] {
  const next = new Set<string>();
  for (const name of table.listed()) {
    const parts = name.split(" ");
    if (before.every((word, index) => parts[index] === word)) next.add(parts[before.length]);
  }
  if (!typed.startsWith("-") || next.size === 0) return [...next];
  return before.length === 0 ? ["--help", "--version", ...GLOBAL_FLAGS] : ["--help"];
}

async function candidatesOf(
  world: World,
  command: Command,
  rest: readonly string[],
  typed: string,
): Promise<string[]> {
  const flags = flagsOf(command);
  const offer = (choices: readonly string[] | undefined, value = "", flag?: string) =>
    choices && choices.length > 0
      ? [...choices]
      : offered(world, sourceFor(command.name, flag, value, rest), rest, typed);
  const valued = flags.find((flag) => flag.kind !== "switch" && isFlag(flag, rest.at(-1)));
  if (valued) return await offer(valued.choices, valued.facts.value, valued.name);
  const positional = nextPositional(command, flags, rest);
  // Where a word belongs, flags are offered only after a dash, and files by the shell.
  if (positional && !typed.startsWith("-")) {
    const { choices, is_open, name } = positional;
    return await offer(is_open ? undefined : choices, name);
  }
  if (rest.includes("--")) return [];
  const unused = flags.filter((flag) =>
    flag.kind === "values" || !rest.some((word) => isFlag(flag, word.split("=")[0]))
  );
  const words = unused.flatMap(({ name, kind, choices }) => [
    `--${name}`,
    ...(kind === "switch" ? choices.map((choice) => `--${name}=${choice}`) : []),
  ]);
  return [...words, "--help"];
}

/** The names that a ledger has. A ledger that cannot be read has none to offer. */
async function offered(
  world: World,
  source: CompletionSource | undefined,
  rest: readonly string[],
  typed: string,
): Promise<string[]> {
  if (!source) return [];
  const given = (name: string) => {
    const [, inline] = rest.map((word) => /^(--[^=]+)=([\s\S]+)$/.exec(word)?.slice(1) ?? [])
      .find(([flag]) => flag === name) ?? [];
    const at = rest.indexOf(name);
    return inline ?? (at < 0 ? undefined : rest[at + 1]);
  };
  try {
    return await source(world, { "dir": given("--dir"), "runs-dir": given("--runs-dir") }, typed);
  } catch {
    return [];
  }
}

function isFlag({ name, facts }: FlagView, word = ""): boolean {
  return word === `--${name}` || (facts.short !== undefined && word === `-${facts.short}`) ||
    Boolean(facts.aliases?.some((alias) => word === `--${alias}`));
}

/** The positional that the next word would be. */
function nextPositional(
  { positionals = [] }: Command,
  flags: readonly FlagView[],
  rest: readonly string[],
): Positional | undefined {
  const with_value = flags.filter(({ kind }) => kind !== "switch");
  const given =
    rest.filter((word, index) =>
      !word.startsWith("-") && !with_value.some((flag) => isFlag(flag, rest[index - 1]))
    ).length;
  const last = positionals.at(-1);
  return positionals[given] ?? (last?.many ? last : undefined);
}
