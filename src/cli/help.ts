/** Help, made from the definitions of commands and from the topics. */
import { buildFacts } from "../base/build.ts";
import type { World } from "../base/world.ts";
import { help_columns_max, help_columns_min } from "../base/limits.ts";
import type { Command, CommandTable, Positional } from "./command.ts";
import { paintFor } from "./output.ts";
import { flagsOf, type FlagView } from "./parse.ts";
import { piecesOf, type TopicPiece } from "./topic.ts";
import { loadTopic, TOPIC_NAMES } from "./topics.ts";
import { wrapped } from "./width.ts";

/** The list of commands; with a word, of those that begin with it. */
export async function overview(
  world: World,
  table: CommandTable,
  first?: string,
): Promise<string> {
  const { bold, cyan } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const groups: [string, Command[]][] = [];
  const wanted = new Set(table.listed(first));
  for (const [group, commands] of Object.entries(table.groups)) {
    const names = Object.keys(commands).filter((name) => wanted.has(name));
    const listed = await Promise.all(names.map((name) => table.load(name)!));
    if (listed.length > 0) groups.push([group, listed]);
  }
  const longest = Math.max(...groups.flatMap(([, list]) => list.map(({ name }) => name.length)));
  const lines = [
    ...wrapped(
      `ledger ${buildFacts().version}: the flight recorder of a research lab. Events go to a ` +
        `plain-text log that loses nothing it has acknowledged.`,
      width,
    ),
    "",
    `${bold("Usage:")} ledger ${first === undefined ? "" : `${first} `}COMMAND [FLAGS]`,
  ];
  for (const [group, list] of groups) {
    lines.push("", bold(`${group}:`));
    for (const { name, summary } of list) {
      lines.push(...entry(cyan, name, summary, longest, width));
    }
  }
  if (first === undefined) {
    lines.push("", bold("Topics (ledger help TOPIC):"));
    for (const name of TOPIC_NAMES) {
      const { summary } = await loadTopic(name)!;
      lines.push(...entry(cyan, name, summary, longest, width));
    }
  }
  lines.push(
    "",
    ...wrapped(
      `Every command has its own help: ledger ${
        first === undefined ? "" : `${first} `
      }COMMAND --help`,
      width,
    ),
    ...wrapped(
      "Exit codes: 0 ok, 1 failed, 2 usage or invalid input, 3 done with findings, " +
        "75 busy (try again), 130 interrupted.",
      width,
    ),
  );
  return lines.join("\n");
}

/** A topic; and where commands have its name too, what they are. */
export async function topicHelp(
  world: World,
  table: CommandTable,
  name: string,
): Promise<string> {
  const { bold, cyan } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const topic = await loadTopic(name)!;
  const lines = wrapped(`${name}: ${topic.summary}`, width).map(bold);
  for (const piece of piecesOf(topic)) lines.push("", ...pieceLines(world, piece, width));
  const of_this_name = table.listed(name);
  const names = of_this_name.length > 0 ? of_this_name : topic.see;
  const listed = await Promise.all(names.map((each) => table.load(each)!));
  const longest = Math.max(...listed.map((command) => command.name.length));
  lines.push("", bold("Commands (ledger COMMAND --help):"));
  for (const command of listed) {
    lines.push(...entry(cyan, command.name, command.summary, longest, width));
  }
  return lines.join("\n");
}

function pieceLines(world: World, piece: TopicPiece, width: number): string[] {
  const { cyan, dim } = paintFor(world, world.stdout);
  if (typeof piece === "string") return wrapped(piece, width);
  if ("terms" in piece) {
    const longest = Math.max(...piece.terms.map(([term]) => term.length));
    return piece.terms.flatMap(([term, meaning]) => entry(cyan, term, meaning, longest, width));
  }
  const indented = (text: string) =>
    text.split("\n").map((line) =>
      line === "" ? "" : `  ${line.startsWith("$ ") ? cyan(line) : line}`
    );
  if ("session" in piece) return indented(piece.session);
  const text = "line" in piece ? piece.line : piece.file;
  return [...comment(piece.shows, width).map(dim), ...indented(text)];
}

/** What a shell that it is copied to passes over. */
function comment(text: string, width: number): string[] {
  return wrapped(text, width - 4).map((line) => `  # ${line}`);
}

/** The topic that a command belongs to by its name: `log`, `runs …`, `trace …`. */
function topicOf({ name }: Command): string | undefined {
  const [first] = name.split(" ");
  return TOPIC_NAMES.find((topic) => topic === first || topic === `${first}s`);
}

/** The help of one command. */
export function helpOf(world: World, command: Command): string {
  const { bold, cyan, dim } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const flags = flagsOf(command);
  const lines = [
    ...wrapped(sentence(command.summary), width),
    "",
    ...usageLines(command, width).map((line, index) =>
      index === 0 ? line.replace("Usage:", bold) : line
    ),
    "",
    ...wrapped(command.description, width),
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
    lines.push(...comment(shows, width).map(dim), `  ${line}`);
  }
  const topic = topicOf(command);
  if (topic) lines.push("", `More about it: ledger help ${topic}`);
  return lines.join("\n");
}

function usageLines({ name, positionals = [] }: Command, width: number): string[] {
  const [first, ...rest] = wrapped(
    `Usage: ledger ${name}${usageWords(positionals)} [FLAGS]`,
    width,
  );
  return [first, ...rest.map((line) => `  ${line}`)];
}

function usageWords(positionals: readonly Positional[]): string {
  return positionals.map(({ name, required, many }) => {
    const word = many ? `${name}…` : name;
    return required ? ` ${word}` : ` [${word}]`;
  }).join("");
}

function flagWords({ name, kind, facts, choices }: FlagView): string {
  const short = facts.short ? `-${facts.short}, ` : "";
  const may_hold = kind === "switch" && choices.length > 0 ? `[=${choices.join("|")}]` : "";
  return `${short}--${name}${may_hold}${facts.value ? ` ${facts.value}` : ""}`;
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
    const [first, ...rest] = wrapped(term, width - 2);
    return [
      `  ${paint(first)}`,
      ...rest.map((text) => `      ${paint(text)}`),
      ...wrapped(meaning, width - 6).map((text) => `      ${text}`),
    ];
  }
  const [first, ...rest] = wrapped(meaning, width - column);
  return [
    `  ${paint(term)}${" ".repeat(column - term.length - 2)}${first}`,
    ...rest.map((text) => " ".repeat(column) + text),
  ];
}

function widthOf(world: World): number {
  return Math.max(help_columns_min, Math.min(help_columns_max, world.stdout.columns));
}

function sentence(words: string): string {
  return words[0].toUpperCase() + words.slice(1) + (words.endsWith("?") ? "" : ".");
}
