/** Help, made from the definitions of commands and from the topics. */
import { buildFacts } from "../base/build.ts";
import { help_columns_max, help_columns_min } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Command, CommandTable, Positional } from "./command.ts";
import { EXIT_CODES } from "./exit_code.ts";
import { flagsOf, type FlagView } from "./parse.ts";
import { wrapped } from "../base/text_width.ts";
import { paintFor } from "./print.ts";
import { piecesOf, type TopicPiece } from "./topic.ts";
import { loadTopic, TOPIC_NAMES } from "./topics.ts";

type Entry = readonly [term: string, meaning: string];

/** The list of commands; with a word, of those that begin with it. */
export async function overview(
  world: World,
  table: CommandTable,
  first?: string,
  as_json = false,
): Promise<string> {
  const { version } = buildFacts();
  const wanted = new Set(table.listed(first));
  const listed = Object.entries(table.groups).flatMap(([group, members]) =>
    Object.keys(members).filter((name) => wanted.has(name)).map((name) => ({ group, name }))
  );
  const commands = await Promise.all(
    listed.map(async (entry) => ({ ...entry, summary: (await table.load(entry.name)!).summary })),
  );
  const topics = first === undefined
    ? await Promise.all(TOPIC_NAMES.map((name) => loadTopic(name)!))
    : [];
  if (as_json) {
    return JSON.stringify({
      version,
      commands,
      topics: topics.map(({ name, summary }) => ({ name, summary })),
      exit_codes: EXIT_CODES,
    });
  }
  const { bold } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const longest = longestOf(commands.map(entryOf));
  const groups = Map.groupBy<string, { name: string; summary: string }>(
    [...commands, ...topics],
    (entry) => "group" in entry ? entry.group as string : "Topics (ledger help TOPIC)",
  );
  const introduction = `ledger ${version}: the flight recorder of a research lab. ` +
    "Events go to a plain-text log that loses nothing it has acknowledged.";
  return [
    ...wrapped(introduction, width),
    "",
    `${bold("Usage:")} ledger ${first === undefined ? "" : `${first} `}COMMAND [FLAGS]`,
    ...[...groups].flatMap(([heading, entries]) => [
      "",
      bold(`${heading}:`),
      ...entryLines(world, entries.map(entryOf), width, longest),
    ]),
    "",
    ...wrapped(
      `Every command has its own help: ledger ${
        first === undefined ? "" : `${first} `
      }COMMAND --help`,
      width,
    ),
    ...wrapped(EXIT_CODES, width),
  ].join("\n");
}

function entryOf({ name, summary }: { name: string; summary: string }): Entry {
  return [name, summary];
}

/** A topic; and where commands have its name too, what they are. */
export async function topicHelp(
  world: World,
  table: CommandTable,
  name: string,
  as_json = false,
): Promise<string> {
  const { bold } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const topic = await loadTopic(name)!;
  const of_this_name = table.listed(name);
  const commands = of_this_name.length > 0 ? of_this_name : topic.see;
  const { summary } = topic;
  if (as_json) return JSON.stringify({ name, summary, commands, pieces: piecesOf(topic) });
  const summaries = commands.map(async (name) => entryOf(await table.load(name)!));
  return [
    ...wrapped(`${name}: ${summary}`, width).map(bold),
    ...piecesOf(topic).flatMap((piece) => ["", ...pieceLines(world, piece, width)]),
    "",
    bold("Commands (ledger COMMAND --help):"),
    ...entryLines(world, await Promise.all(summaries), width),
  ].join("\n");
}

function pieceLines(world: World, piece: TopicPiece, width: number): string[] {
  const { cyan } = paintFor(world, world.stdout);
  if (typeof piece === "string") return wrapped(piece, width);
  if ("terms" in piece) return entryLines(world, piece.terms, width);
  const indented = (text: string) =>
    text.split("\n").map((line) =>
      line === "" ? "" : `  ${line.startsWith("$ ") ? cyan(line) : line}`
    );
  if ("session" in piece) return indented(piece.session);
  const text = "line" in piece ? piece.line : piece.file;
  return [...comment(world, piece.shows, width), ...indented(text)];
}

/** A comment for the shell that the line below is copied to. */
function comment(world: World, text: string, width: number): string[] {
  const { dim } = paintFor(world, world.stdout);
  return wrapped(text, width - 4).map((line) => dim(`  # ${line}`));
}

/** The topic that a command belongs to by its name: `log`, `runs …`, `trace …`. */
function topicOf({ name }: Command): string | undefined {
  const [first] = name.split(" ");
  return TOPIC_NAMES.find((topic) => topic === first || topic === `${first}s`);
}

/** The help of one command. */
export function helpOf(world: World, command: Command, as_json = false): string {
  const { bold } = paintFor(world, world.stdout);
  const width = widthOf(world);
  const { name, summary, description, positionals: words = [], command_line, examples } = command;
  const positionals = command_line ? [...words, { ...command_line, many: true }] : words;
  const flags = flagsOf(command);
  if (as_json) {
    return JSON.stringify({
      ...{ name, summary, description, arguments: positionals },
      flags: flags.map(({ facts, ...flag }) => ({ ...flag, ...facts })),
      examples: Object.entries(examples).map(([line, shows]) => ({ line, shows })),
    });
  }
  const lines = wrapped(sentence(summary), width);
  const [usage, ...rest] = wrapped(
    `Usage: ledger ${name}${usageWords(words)} [FLAGS]` +
      usageWords(positionals.slice(words.length)),
    width,
  );
  lines.push("", usage.replace("Usage:", bold), ...rest.map((line) => `  ${line}`));
  lines.push("", ...wrapped(description, width));
  if (positionals.length > 0) {
    const entries = positionals.map(({ name, summary }): Entry => [name, summary]);
    lines.push("", bold("Arguments:"), ...entryLines(world, entries, width, 0));
  }
  const groupOf = ({ facts }: FlagView) => facts.group ?? "Flags";
  for (const group of new Set(flags.map(groupOf))) {
    const entries = flags.filter((flag) => groupOf(flag) === group).map(flagEntry);
    lines.push("", bold(`${group}:`), ...entryLines(world, entries, width));
  }
  lines.push("", bold("Examples:"));
  for (const [line, shows] of Object.entries(examples)) {
    lines.push(...comment(world, shows, width), `  ${line}`);
  }
  const topic = topicOf(command);
  if (topic) lines.push("", `More about it: ledger help ${topic}`);
  return lines.join("\n");
}

function usageWords(positionals: readonly Positional[]): string {
  return positionals.map(({ name, required, many }) => {
    const word = many ? `${name}…` : name;
    return required ? ` ${word}` : ` [${word}]`;
  }).join("");
}

function flagEntry({ name, kind, facts, choices }: FlagView): Entry {
  const { short, value, description, required } = facts;
  const may_hold = kind === "switch" && choices.length > 0 ? `[=${choices.join("|")}]` : "";
  return [
    `${short ? `-${short}, ` : ""}--${name}${may_hold}${value ? ` ${value}` : ""}`,
    required ? `${description} (required)` : description,
  ];
}

function longestOf(entries: readonly Entry[]): number {
  return Math.max(...entries.map(([term]) => term.length));
}

/** Terms and what they mean, in two columns where both fit, else one below the other. */
function entryLines(
  world: World,
  entries: readonly Entry[],
  width: number,
  longest = longestOf(entries),
): string[] {
  const { cyan } = paintFor(world, world.stdout);
  return entries.flatMap(([term, meaning]) => {
    const column = Math.min(Math.max(longest, term.length), 34) + 4;
    if (term.length + 4 > column || width - column < 30) {
      const below = (text: string) => `      ${text}`;
      const [first, ...rest] = wrapped(term, width - 2).map(cyan);
      return [`  ${first}`, ...rest.map(below), ...wrapped(meaning, width - 6).map(below)];
    }
    const [first, ...rest] = wrapped(meaning, width - column);
    return [
      `  ${cyan(term)}${" ".repeat(column - term.length - 2)}${first}`,
      ...rest.map((text) => " ".repeat(column) + text),
    ];
  });
}

function widthOf(world: World): number {
  return Math.max(help_columns_min, Math.min(help_columns_max, world.stdout.columns));
}

function sentence(words: string): string {
  return words[0].toUpperCase() + words.slice(1) + (words.endsWith("?") ? "" : ".");
}
