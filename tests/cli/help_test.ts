import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { helpOf, overview } from "../../src/cli/help.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { runIn, testWorld } from "../harness.ts";

const NAMES = Object.values(COMMANDS.groups).flatMap((group) => Object.keys(group));

Deno.test("every command says what it is, what it does, and shows at least two examples", async () => {
  for (const name of NAMES) {
    const command = await COMMANDS.load(name)!;
    assertEquals(command.name, name);
    assert(command.summary.length > 10 && !command.summary.endsWith("."), name);
    assert(/^[a-z]/.test(command.summary), `${name}: a summary begins like a word in a list`);
    assert(command.description.endsWith("."), `${name}: a description is sentences`);
    assert(!command.description.includes("\n"), `${name}: a description is one paragraph`);
    assertEquals(
      !COMMANDS.listed().includes(name),
      command.hidden ?? false,
      `${name}: commands.ts lists what is hidden`,
    );
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

/** What help can be asked for, as it is typed; of topics those that have every kind of piece. */
const ASKED_FOR_HELP = [
  "help",
  "help durability",
  "help recipes",
  ...NAMES.map((name) => `${name} --help`),
];

const SNAPSHOT = new URL("help.snap", import.meta.url);

Deno.test("help is told as it has been; UPDATE=1 accepts how it is told now", async () => {
  const pieces: string[] = [];
  for (const line of ASKED_FOR_HELP) {
    const { code, stdout, stderr } = await runIn("nowhere", line.split(" "));
    const told = [stdout.trimEnd(), stderr.trimEnd()].filter(Boolean).join("\nstderr: ");
    pieces.push(`$ ledger ${line}\n  exit ${code}\n${told.replace(/^(?=.)/gm, "  ")}\n`);
  }
  const told = pieces.join("\n");
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(SNAPSHOT, told);
  const accepted = Deno.readTextFileSync(SNAPSHOT).split("\n$ ");
  // One by one, so that a failure shows the one that changed.
  for (const [index, one] of told.split("\n$ ").entries()) assertEquals(one, accepted[index]);
  assertEquals(accepted.length, ASKED_FOR_HELP.length);
});

Deno.test("a command's help names its arguments, each of its flags, and its examples", async () => {
  for (const name of NAMES) {
    const command = await COMMANDS.load(name)!;
    const text = helpOf(testWorld({ columns: 100 }), command);
    assertStringIncludes(text, `Usage: ledger ${name}`);
    for (const flag of flagsOf(command)) assertStringIncludes(text, `--${flag.name}`);
    for (const line of Object.keys(command.examples)) assertStringIncludes(text, `  ${line}`);
    for (const positional of command.positionals ?? []) {
      assertStringIncludes(text, `  ${positional.name}`);
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
      const { hidden, summary } = await COMMANDS.load(name)!;
      assertEquals(text.slice(at).includes(`  ${name} `), !hidden, name);
      if (!hidden) assertStringIncludes(text.replace(/\s+/g, " "), summary);
    }
  }
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
