/** Completion, answered from the definitions of commands; the shells only ask. */
import type { World } from "../base/world.ts";
import { ARTIFACT_TYPES } from "../runs/artifacts.ts";
import { idOfPath, listMonths, listRuns } from "../runs/layout.ts";
import type { Command } from "./command.ts";
import { commandNames, loadCommand, matchCommand } from "./commands.ts";
import { openFor } from "./open.ts";
import { flagsOf } from "./parse.ts";

/** The shells that can ask. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_ledger() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ledger ledger`,
  zsh: `#compdef ledger
_ledger() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then compadd -- "\${candidates[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _ledger ]]; then _ledger "$@"; else compdef _ledger ledger; fi`,
  fish: `function __ledger_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l candidates ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete --command ledger --no-files --arguments '(__ledger_complete)'`,
};

/** The script that makes a shell ask; undefined for a shell that is not known. */
export function completionScript(shell: string): string | undefined {
  return Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
}

/** What the last word may become. */
export async function candidatesFor(world: World, words: readonly string[]): Promise<string[]> {
  const whole = withWholeFlags(words);
  const last = whole.at(-1) ?? "";
  const [, flag, value] = /^(--[^=]+)=([\s\S]*)$/.exec(last) ?? [];
  const typed = value ?? last;
  const before = whole.slice(0, -1);
  const candidates = await allCandidates(world, flag ? [...before, flag] : before);
  const fitting = candidates.filter((candidate) => candidate.startsWith(typed));
  // Whoever gave the flag and its value as one word gets one word back.
  return flag && words.at(-1) === last ? fitting.map((one) => `${flag}=${one}`) : fitting;
}

/** bash takes `--flag=value` for three words. */
function withWholeFlags(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const [index, word] of words.entries()) {
    const continues = word === "=" || words[index - 1] === "=";
    if (continues && whole.at(-1)?.startsWith("--")) whole[whole.length - 1] += word;
    else whole.push(word);
  }
  return whole;
}

async function allCandidates(world: World, before: readonly string[]): Promise<string[]> {
  const matched = matchCommand(before);
  if (!matched) return await commandWords(before);
  const command = await loadCommand(matched.name)!;
  return candidatesOf(world, command, matched.rest);
}

async function commandWords(before: readonly string[]): Promise<string[]> {
  const next = new Set<string>();
  for (const name of commandNames()) {
    const parts = name.split(" ");
    if (!before.every((word, index) => parts[index] === word)) continue;
    if (!(await loadCommand(name)!).hidden) next.add(parts[before.length]);
  }
  return [...next];
}

/** Words that name a run which is there. */
const RUN_POSITIONALS = new Set(["ID", "A", "B", "RUN"]);

function candidatesOf(world: World, command: Command, rest: readonly string[]): string[] {
  const flags = flagsOf(command);
  const previous = rest.at(-1);
  const valued = flags.find((flag) => flag.kind !== "switch" && previous === `--${flag.name}`);
  if (valued) {
    if (valued.facts.value === "ARTIFACT") return [...ARTIFACT_TYPES];
    return valued.facts.value === "TYPE" ? eventTypes(world) : [...valued.choices];
  }
  const unused = flags
    .filter((flag) => flag.kind === "values" || !rest.includes(`--${flag.name}`))
    .map((flag) => `--${flag.name}`);
  const positional = command.positionals?.[wordsGiven(command, rest)];
  const name = positional?.name ?? "";
  const words = positional?.choices?.() ??
    (name === "TYPE" ? eventTypes(world) : RUN_POSITIONALS.has(name) ? runIds(world) : []);
  return [...words, ...unused, "--help"];
}

/** How many words of `rest` are no flags and no flags' values. */
function wordsGiven(command: Command, rest: readonly string[]): number {
  const takes_value = new Set(
    flagsOf(command).filter((flag) => flag.kind !== "switch").map((flag) => `--${flag.name}`),
  );
  return rest.filter((word, index) =>
    !word.startsWith("-") && !takes_value.has(rest[index - 1] ?? "")
  ).length;
}

/** The runs that are there; a folder that cannot be read offers none. */
function runIds(world: World): string[] {
  try {
    const { dir } = openFor(world, {}).runs;
    return listMonths(world.files, dir).reverse()
      .flatMap((month) => listRuns(world.files, dir, month)).map((path) => idOfPath(path)!);
  } catch {
    return [];
  }
}

/** Registered types count too; a ledger that cannot be read offers none of its own. */
function eventTypes(world: World): string[] {
  try {
    return openFor(world, {}).registry.names();
  } catch {
    return [];
  }
}
