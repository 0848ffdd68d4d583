/** Help, made from the definitions of commands. */
import { buildFacts } from "../base/build.ts";
import type { World } from "../base/world.ts";
import type { Command, Positional } from "./command.ts";
import { type CommandGroup, COMMANDS, loadCommand } from "./commands.ts";
import { paintFor } from "./output.ts";
import { flagsOf, type FlagView } from "./parse.ts";

const WIDTH_MAX = 100;
const WIDTH_MIN = 36;

/** The list of commands. */
export async function overview(world: World): Promise<string> {
  const { bold, cyan } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const groups: [CommandGroup, Command[]][] = [];
  for (const [group, names] of Object.entries(COMMANDS)) {
    const commands = await Promise.all(Object.keys(names).map((name) => loadCommand(name)!));
    const listed = commands.filter((command) => !command.hidden);
    if (listed.length > 0) groups.push([group as CommandGroup, listed]);
  }
  const longest = Math.max(...groups.flatMap(([, list]) => list.map(({ name }) => name.length)));
  const lines = [
    ...wrap(
      `ledger ${buildFacts().version}: the flight recorder of a research lab. Events go to a ` +
        `plain-text log that loses nothing it has acknowledged.`,
      width,
    ),
    "",
    `${bold("Usage:")} ledger COMMAND [FLAGS]`,
  ];
  for (const [group, list] of groups) {
    lines.push("", bold(`${group}:`));
    for (const { name, summary } of list) {
      lines.push(...entry(cyan, name, summary, longest, width));
    }
  }
  lines.push(
    "",
    ...wrap("Every command has its own help: ledger COMMAND --help", width),
    ...wrap(
      "Exit codes: 0 ok, 1 failed, 2 usage or invalid input, 3 done with findings, " +
        "75 busy (try again), 130 interrupted.",
      width,
    ),
  );
  return lines.join("\n");
}

/** The commands that begin with a word. */
export async function groupHelp(
  world: World,
  word: string,
  names: readonly string[],
): Promise<string> {
  const { bold, cyan } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const commands = await Promise.all(names.map((name) => loadCommand(name)!));
  const listed = commands.filter((command) => !command.hidden);
  const longest = Math.max(...listed.map(({ name }) => name.length));
  return [
    `${bold("Usage:")} ledger ${word} COMMAND [FLAGS]`,
    "",
    ...listed.flatMap(({ name, summary }) => entry(cyan, name, summary, longest, width)),
    "",
    ...wrap(`Each has its own help: ledger ${listed[0].name} --help`, width),
  ].join("\n");
}

/** The help of one command. */
export function helpOf(world: World, command: Command): string {
  const { bold, cyan, dim } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const flags = flagsOf(command);
  const lines = [
    ...wrap(command.summary[0].toUpperCase() + command.summary.slice(1) + ".", width),
    "",
    ...usageLines(command, width).map((line, index) =>
      index === 0 ? line.replace("Usage:", bold) : line
    ),
    "",
    ...wrap(command.description, width),
  ];
  if (command.positionals && command.positionals.length > 0) {
    lines.push("", bold("Arguments:"));
    for (const { name, summary } of command.positionals) {
      lines.push(...entry(cyan, name, summary, 0, width));
    }
  }
  const groups = new Set(flags.map(({ facts }) => facts.group ?? "Flags"));
  for (const group of groups) {
    const of_group = flags.filter(({ facts }) => (facts.group ?? "Flags") === group);
    const longest = Math.max(...of_group.map((flag) => flagWords(flag).length));
    lines.push("", bold(`${group}:`));
    for (const flag of of_group) {
      lines.push(...entry(cyan, flagWords(flag), flag.facts.description, longest, width));
    }
  }
  lines.push("", bold("Examples:"));
  for (const { line, shows } of command.examples) {
    lines.push(...wrap(`# ${shows}`, width - 2).map((text) => `  ${dim(text)}`), `  ${line}`);
  }
  return lines.join("\n");
}

function usageLines({ name, positionals = [] }: Command, width: number): string[] {
  const [first, ...rest] = wrap(`Usage: ledger ${name}${usageWords(positionals)} [FLAGS]`, width);
  return [first, ...rest.map((line) => `  ${line}`)];
}

function usageWords(positionals: readonly Positional[]): string {
  return positionals.map(({ name, required, many }) => {
    const word = many ? `${name}…` : name;
    return required ? ` ${word}` : ` [${word}]`;
  }).join("");
}

function flagWords({ name, facts }: FlagView): string {
  const short = facts.short ? `-${facts.short}, ` : "";
  return `${short}--${name}${facts.value ? ` ${facts.value}` : ""}`;
}

/** A term and what it means, in two columns where both fit, else one below the other. */
function entry(
  paint: (text: string) => string,
  term: string,
  meaning: string,
  longest: number,
  width: number,
): string[] {
  const column = Math.min(Math.max(longest, term.length), 34) + 4;
  const fits = term.length + 4 <= column && width - column >= 30;
  if (!fits) {
    const [first, ...rest] = wrap(term, width - 2);
    return [
      `  ${paint(first)}`,
      ...rest.map((text) => `      ${paint(text)}`),
      ...wrap(meaning, width - 6).map((text) => `      ${text}`),
    ];
  }
  const [first, ...rest] = wrap(meaning, width - column);
  return [
    `  ${paint(term)}${" ".repeat(column - term.length - 2)}${first}`,
    ...rest.map((text) => " ".repeat(column) + text),
  ];
}

function widthOf(world: World): number {
  return Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, world.stdout.columns));
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
