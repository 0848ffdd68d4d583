/**
 * Whatever is printed as a command line is one. Examples and topics are run where they are tested,
 * transcripts of documents by `scripts/readme.ts`, recipes and sentences by the journeys; what stands in
 * a hint, an error or a text of help is held against the definitions here.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { splitCommandLine } from "../../scripts/console.ts";
import { recipeNames } from "../journeys/recipes/recipes.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { TOPIC_NAMES } from "../../src/cli/topics.ts";
import { DOCUMENTS, PROJECT } from "../harness.ts";
import { sourcesIn } from "../laws/modules.ts";

const FIRST_WORDS = new Set(COMMANDS.names().map((name) => name.split(" ")[0]));
/** What stands for something else: COMMAND, ID, …, ${name}. */
const PLACEHOLDER = /^\W*[A-Z][A-Z_-]*\W*$|…|\$\{/;
const EVERYWHERE = new Set(["--help", "-h", "--version", "-V"]);

/** What is wrong with words that follow `ledger`; undefined when nothing is. */
async function problemOf(words: readonly string[]): Promise<string | undefined> {
  const [first, second] = words;
  if (first === undefined || PLACEHOLDER.test(first) || EVERYWHERE.has(first)) return undefined;
  if (first === "help" && second !== undefined) {
    if (PLACEHOLDER.test(second) || TOPIC_NAMES.includes(second)) return undefined;
    return await problemOf(words.slice(1));
  }
  const matched = COMMANDS.match(words);
  if (!matched) {
    const is_group = COMMANDS.names().some((name) => name.startsWith(`${first} `));
    const needs_no_more = second === undefined || EVERYWHERE.has(second) ||
      PLACEHOLDER.test(second);
    return is_group && needs_no_more ? undefined : "there is no such command";
  }
  const flags = flagsOf(await COMMANDS.load(matched.name)!);
  for (const word of matched.rest) {
    const [, name] = /^--([a-z][a-z-]*)/.exec(word) ?? [];
    if (name === undefined || EVERYWHERE.has(`--${name}`)) continue;
    const is_known = flags.some((flag) => flag.name === name || flag.facts.aliases?.includes(name));
    if (!is_known) return `it has no --${name}`;
  }
  return undefined;
}

/** The words of a command line as far as it is one command: up to a pipe, a redirection, its end. */
function wordsOf(line: string): string[] {
  let words: string[];
  try {
    words = splitCommandLine(line);
  } catch {
    words = line.split(/\s+/);
  }
  const end = words.findIndex((word) => /^([|&<>]+|2>.*|#|;)$/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

async function problemsIn(lines: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const line of lines) {
    const [program, ...rest] = wordsOf(line.replace(/[.,;:)]+$/, ""));
    const problem = await problemOf(program === "runs" ? ["runs", ...rest] : rest);
    if (problem) problems.push(`${line}: ${problem}`);
  }
  return problems;
}

Deno.test("every recipe is tried by a journey, or by a test of the executable", () => {
  const tests = ["tests/journeys", "tests/binary"].flatMap(sourcesIn).map((path) =>
    Deno.readTextFileSync(join(PROJECT, path))
  ).join("\n");
  const isTried = (name: string) =>
    tests.includes(`"${name}"`) || tests.includes(`/recipes/${name}"`);
  assertEquals(recipeNames().filter((name) => !isTried(name)), []);
});

Deno.test("every block of commands in a document is a transcript, a program that runs, or tasks", () => {
  const tasks = JSON.parse(Deno.readTextFileSync(join(PROJECT, "deno.json"))).tasks;
  const untried: string[] = [];
  for (const path of DOCUMENTS) {
    const text = Deno.readTextFileSync(join(PROJECT, path));
    for (const [, language, block] of text.matchAll(/```(\w*)\n([^]*?)\n```/g)) {
      // `scripts/readme.ts` runs these, and fails where they print something else.
      if (language === "console") continue;
      // `tests/fleet/readme_test.ts` runs these.
      if (language === "shell" && path === "README.md") continue;
      for (const line of block.split("\n")) {
        const task = /^(?:npx -y deno@[\d.]+|deno) task (\w+)/.exec(line)?.[1];
        const is_command = /(^|[|;&(] *)(ledger|runs|dist\/ledger) [a-z-]/.test(line);
        if (is_command || (task !== undefined && !(task in tasks))) untried.push(line);
      }
    }
  }
  assertEquals(untried, []);
});

Deno.test("every command line in a hint, an error or a text of help is one that the program takes", async () => {
  const mentions: string[] = [];
  for (const path of sourcesIn("src")) {
    const source = Deno.readTextFileSync(join(PROJECT, path))
      // Texts go on in the next line of the source.
      .replace(/["'`] \+\n\s*["'`]/g, "");
    const mention = /\b(ledger ([a-z][a-z-]*)(?: (?:[a-z][a-z-]*|--[a-z][a-z-]*))*)/g;
    for (const [, line, first] of source.matchAll(mention)) {
      if (FIRST_WORDS.has(first)) mentions.push(untilProse(line));
    }
  }
  assert(mentions.length > 200, String(mentions.length));
  assertEquals(await problemsIn(mentions), []);
});

/** A sentence goes on after a command: what belongs to it are the words of its name, and flags. */
function untilProse(line: string): string {
  const words = line.split(" ");
  const matched = COMMANDS.match(words.slice(1));
  const name_words = matched ? matched.name.split(" ").length : 2;
  const rest = words.slice(1 + name_words);
  const end = rest.findIndex((word) => !word.startsWith("--"));
  return [...words.slice(0, 1 + name_words), ...(end < 0 ? rest : rest.slice(0, end))].join(" ");
}

Deno.test("a command that is not there, and a flag that is not, would be found", async () => {
  const wrong = [
    "ledger rebild",
    "ledger rebuild --fast",
    "ledger runs lst",
    "ledger help nothing",
  ];
  assertEquals((await problemsIn(wrong)).length, wrong.length);
  const right = [
    "ledger COMMAND --help",
    "runs sync --stats",
    "ledger help log",
    "ledger runs",
    "ledger log -n 5 | head",
  ];
  assertEquals(await problemsIn(right), []);
});
