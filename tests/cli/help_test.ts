import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS, loadCommand } from "../../src/cli/commands.ts";
import { helpOf, overview } from "../../src/cli/help.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { runIn, tempFolder, testWorld } from "../harness.ts";

const NAMES = Object.values(COMMANDS).flatMap((group) => Object.keys(group));

Deno.test("every command says what it is, what it does, and shows at least two examples", async () => {
  for (const name of NAMES) {
    const command = await loadCommand(name)!;
    assertEquals(command.name, name);
    assert(command.summary.length > 10 && !command.summary.endsWith("."), name);
    assert(/^[a-z]/.test(command.summary), `${name}: a summary begins like a word in a list`);
    assert(command.description.endsWith("."), `${name}: a description is sentences`);
    assert(command.examples.length >= 2, name);
    for (const { line, shows } of command.examples) {
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

Deno.test("a command's help names its arguments, each of its flags, and its examples", async () => {
  for (const name of NAMES) {
    const command = await loadCommand(name)!;
    const text = helpOf(testWorld({ columns: 100 }), command);
    assertStringIncludes(text, `Usage: ledger ${name}`);
    for (const flag of flagsOf(command)) assertStringIncludes(text, `--${flag.name}`);
    for (const { line } of command.examples) assertStringIncludes(text, `  ${line}`);
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
    const texts: [string, string[]][] = [[await overview(world), []]];
    for (const name of NAMES) {
      const command = await loadCommand(name)!;
      texts.push([helpOf(world, command), command.examples.map(({ line }) => line)]);
    }
    for (const [text, examples] of texts) {
      assertEquals(tooWide(text, Math.min(columns, 100), examples), []);
      assertEquals(text.split("\n").filter((line) => line !== line.trimEnd()), []);
    }
  }
});

Deno.test("the overview lists every command that is not hidden, under its heading", async () => {
  const text = await overview(testWorld({ columns: 100 }));
  let at = 0;
  for (const [group, names] of Object.entries(COMMANDS)) {
    at = text.indexOf(`${group}:`, at);
    assert(at > 0, group);
    for (const name of Object.keys(names)) {
      const { hidden, summary } = await loadCommand(name)!;
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

Deno.test("a word that several commands begin with has help that lists them", async () => {
  using folder = tempFolder();
  for (const words of [["trace", "--help"], ["trace", "-h"], ["help", "trace"]]) {
    const { code, stdout, stderr } = await runIn(folder.path, words);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "Usage: ledger trace COMMAND");
    for (const name of NAMES.filter((name) => name.startsWith("trace "))) {
      assertStringIncludes(stdout, `  ${name} `);
    }
  }
  const { stdout } = await runIn(folder.path, ["runs", "--help"]);
  assertEquals(stdout.includes("catalog-sync"), false);
  assertEquals((await runIn(folder.path, ["nonsense", "--help"])).code, 2);
});
