import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { helpOf, overview } from "../../src/cli/help.ts";
import { flagsOf, parseArguments } from "../../src/cli/parse.ts";
import { splitCommandLine } from "../../scripts/console.ts";
import { runIn, testWorld } from "../harness.ts";
import { assertSnapshot } from "./snapshot.ts";

const NAMES = COMMANDS.names();

Deno.test("every command says what it is, what it does, and shows at least two examples", async () => {
  for (const name of NAMES) {
    const command = await COMMANDS.load(name)!;
    assertEquals(command.name, name);
    assert(command.summary.length > 10 && !command.summary.endsWith("."), name);
    assert(/^[a-z]/.test(command.summary), `${name}: a summary begins like a word in a list`);
    assert(command.description.endsWith("."), `${name}: a description is sentences`);
    assert(!command.description.includes("\n"), `${name}: a description is one paragraph`);
    assert(Object.keys(command.examples).length >= 2, name);
    for (const [line, shows] of Object.entries(command.examples)) {
      assert(line.includes(`ledger ${name.split(" ")[0]}`) || line.startsWith("ledger "), line);
      assert(shows.length > 5, line);
    }
    for (const { name: flag, facts } of flagsOf(command)) {
      assert(facts.description.length > 5, `${name} --${flag}`);
    }
    for (const positional of command.positionals ?? []) {
      assert(positional.name === positional.name.toUpperCase(), name);
    }
  }
});

/** Flags that narrow an answer, or add to it: without them nothing is narrowed or added. */
const WITHOUT_DEFAULT = new Set(["status", "limit", "last", "days"]);

Deno.test("a flag that has a default says which, and one that is required has a question", async () => {
  for (const name of NAMES) {
    for (const { name: flag, facts, kind, choices } of flagsOf(await COMMANDS.load(name)!)) {
      const is_told = /\(default: [^)]+\)|\(default\)|\(\$[A-Z_]+\)/.test(facts.description) ||
        facts.required !== undefined;
      const is_number = facts.value === "N" || facts.value === "SECONDS";
      if (kind === "switch" || (choices.length === 0 && !is_number)) continue;
      // The fields of an event are what they are.
      if (facts.group !== undefined || WITHOUT_DEFAULT.has(flag)) continue;
      assert(is_told, `${name} --${flag}: ${facts.description}`);
    }
  }
});

/** Help for each way in which it is laid out: lists, every kind of piece, groups, arguments, choices. */
const SNAPPED = [
  "help",
  "help recipes",
  "runs --help",
  "emit --help",
  "artifacts put --help",
  "runs query --help",
  "schema list --help",
];

Deno.test("help is laid out as it has been; UPDATE=1 accepts how it is now", async () => {
  const pieces: string[] = [];
  for (const line of SNAPPED) {
    const { code, stdout } = await runIn("nowhere", line.split(" "));
    const told = stdout.trimEnd().replace(/^(?=.)/gm, "  ");
    pieces.push(`$ ledger ${line}\n  exit ${code}\n${told}\n`);
  }
  assertSnapshot(new URL("help.snap", import.meta.url), pieces);
});

Deno.test("every command's help has summary, usage, arguments, flags that are described, and examples", async () => {
  for (const name of NAMES) {
    const command = await COMMANDS.load(name)!;
    const { code, stdout, stderr } = await runIn("nowhere", [...name.split(" "), "--help"]);
    assertEquals([code, stderr], [0, ""], name);
    assertEquals(stdout, `${helpOf(testWorld({ columns: 80 }), command)}\n`);
    const words = stdout.replace(/\s+/g, " ");
    const parts = [
      command.summary.slice(1),
      `Usage: ledger ${name}`,
      command.description,
      ...(command.positionals ?? []).flatMap(({ name, summary }) => ["Arguments:", name, summary]),
      ...flagsOf(command).flatMap((
        { name, facts: { description, value = "", group = "Flags" } },
      ) => [
        `${group}:`,
        `--${name}`,
        value,
        description,
      ]),
      "Examples:",
    ];
    for (const part of parts) assertStringIncludes(words, part.replace(/\s+/g, " "));
    for (const line of Object.keys(command.examples)) assertStringIncludes(stdout, `  ${line}`);
  }
});

Deno.test("every command takes --json; help gives it too: commands, topics, one of them", async () => {
  for (const name of COMMANDS.listed()) {
    assert(flagsOf(await COMMANDS.load(name)!).some(({ name }) => name === "json"), name);
  }
  const help = async (...args: string[]) =>
    JSON.parse((await runIn("nowhere", [...args, "--json"])).stdout);
  const { commands, topics } = await help("help");
  assertEquals(commands.map(({ name }: { name: string }) => name), COMMANDS.listed());
  assert(topics.some(({ name }: { name: string }) => name === "durability"));
  const emit = await help("help", "emit");
  assertEquals(emit, await help("emit", "--help"));
  assertEquals([emit.name, emit.arguments[0].name], ["emit", "TYPE"]);
  const [run_id] = emit.flags.filter(({ name }: { name: string }) => name === "run-id");
  assertEquals([run_id.kind, run_id.value, run_id.group], ["value", "ID", "Fields of the event"]);
  assertEquals(
    (await help("schema", "--help")).commands.map(({ name }: { name: string }) => name),
    COMMANDS.listed("schema"),
  );
  const durability = await help("help", "durability");
  assertEquals(durability.name, "durability");
  assert(durability.pieces.length > 3);
});

Deno.test("every example in a command's help is one that the program takes", async () => {
  for (const name of NAMES) {
    const { examples } = await COMMANDS.load(name)!;
    for (const line of Object.keys(examples)) {
      const words = splitCommandLine(
        line.replace(/^\w+=\$\((.*)\)$/, "$1").replace(/\$\(.*\)/, "2026-01"),
      );
      const at = words.lastIndexOf("ledger");
      const end = words.findIndex((word, index) => index > at && /^([|&<>]+|\|\|)$/.test(word));
      const matched = COMMANDS.match(words.slice(at + 1, end < 0 ? undefined : end));
      assert(matched, line);
      const { wants_help } = parseArguments(await COMMANDS.load(matched.name)!, matched.rest);
      assertEquals(wants_help, false, line);
    }
  }
});

/** Lines wider than the terminal, but for examples: those are to be copied as they stand. */
function tooWide(text: string, columns: number, examples: readonly string[]): string[] {
  return text.split("\n").filter((line) =>
    line.length > columns && !examples.includes(line.slice(2))
  );
}

Deno.test("help fits the terminal, narrow or wide, without a blank at a line's end", async () => {
  for (const columns of [40, 60, 100, 300]) {
    const world = testWorld({ columns });
    const texts: [string, string[]][] = [[await overview(world, COMMANDS), []]];
    for (const name of NAMES) {
      const command = await COMMANDS.load(name)!;
      texts.push([helpOf(world, command), Object.keys(command.examples)]);
    }
    for (const [text, examples] of texts) {
      assertEquals(tooWide(text, Math.min(columns, 100), examples), []);
      assertEquals(text.split("\n").filter((line) => line !== line.trimEnd()), []);
    }
  }
});

Deno.test("the overview lists every command that is not hidden, under its heading", async () => {
  const text = await overview(testWorld({ columns: 100 }), COMMANDS);
  let at = 0;
  for (const [group, names] of Object.entries(COMMANDS.groups)) {
    at = text.indexOf(`${group}:`, at);
    assert(at > 0, group);
    for (const name of Object.keys(names)) {
      const { summary } = await COMMANDS.load(name)!;
      assert(text.slice(at).includes(`  ${name} `), name);
      assertStringIncludes(text.replace(/\s+/g, " "), summary);
    }
  }
  const hidden = NAMES.filter((name) => !COMMANDS.listed().includes(name));
  assertEquals(hidden.filter((name) => text.includes(`  ${name} `)), []);
  assertEquals(hidden.length, 7);
});

Deno.test("help comes by every way of asking for it", async () => {
  const { stdout: help } = await runIn("nowhere", ["help"]);
  assertEquals((await runIn("nowhere", ["--help"])).stdout, help);
  assertEquals((await runIn("nowhere", ["-h"])).stdout, help);
  const { stdout: of_emit } = await runIn("nowhere", ["help", "emit"]);
  assertStringIncludes(of_emit, "Usage: ledger emit");
  assertEquals((await runIn("nowhere", ["emit", "--help"])).stdout, of_emit);
  assertEquals((await runIn("nowhere", ["emit", "run.started", "-h"])).stdout, of_emit);
  const { stdout, code } = await runIn("nowhere", ["help", "schema", "list"]);
  assertEquals([code, stdout.includes("Usage: ledger schema list")], [0, true]);
});

Deno.test("without a command the overview is shown, and the exit code says that nothing was done", async () => {
  const { code, stdout } = await runIn("nowhere", []);
  assertEquals([code, stdout], [2, (await runIn("nowhere", ["help"])).stdout]);
});

Deno.test("a group of commands has help of its own, however it is asked for", async () => {
  const asked = [["runs", "--help"], ["runs", "-h"], ["runs", "help"]];
  for (const args of asked) {
    const { code, stdout, stderr } = await runIn("nowhere", args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    assertStringIncludes(stdout, "Usage: ledger runs COMMAND [FLAGS]");
    assertStringIncludes(stdout, "  runs create ");
    assertEquals([stdout.includes("  emit "), stdout.includes("catalog-sync")], [false, false]);
  }
  // `help runs` is about more than the commands, and lists them too.
  const { stdout } = await runIn("nowhere", ["help", "runs"]);
  assertStringIncludes(stdout, "runs: a run's folder");
  assertStringIncludes(stdout, "  runs create ");
  assertStringIncludes((await runIn("nowhere", ["help", "schema"])).stdout, "  schema list ");
  assertEquals((await runIn("nowhere", ["runs"])).code, 2);
  assertEquals((await runIn("nowhere", ["emits", "--help"])).code, 2);
});
