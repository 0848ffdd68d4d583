/** Topics of help are true: whatever they print as a command is run, from an empty folder on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadCommand } from "../../src/cli/commands.ts";
import { topicHelp } from "../../src/cli/help.ts";
import type { Topic } from "../../src/cli/topic.ts";
import { loadTopic, TOPIC_NAMES } from "../../src/cli/topics.ts";
import { installShim, runIn, tempFolder, testWorld } from "../harness.ts";
import { runExample } from "./examples.ts";

/** All command lines of a topic, in the order in which they are read. */
function linesOf({ pieces }: Topic): string[] {
  return pieces.flatMap((piece) => {
    if (typeof piece === "string" || "terms" in piece) return [];
    return "line" in piece ? [piece.line] : piece.commands;
  });
}

for (const name of TOPIC_NAMES) {
  Deno.test(`every command line that the topic ${name} prints works, from an empty folder on`, async () => {
    using folder = tempFolder();
    const shim = `${folder.path}/bin`;
    const work = `${folder.path}/work`;
    for (const path of [shim, work]) Deno.mkdirSync(path);
    const path = `${installShim(shim)}:${Deno.env.get("PATH")}`;
    const failed: string[] = [];
    for (const line of linesOf(await loadTopic(name)!)) {
      const failure = await runExample(line, work, path);
      if (failure) failed.push(failure);
    }
    assertEquals(failed, []);
  });
}

Deno.test("a topic names itself, says what it is about, and leads on to commands there are", async () => {
  assertEquals(TOPIC_NAMES, [
    ...["log", "index", "runs", "traces", "durability", "permissions", "recipes"],
  ]);
  for (const name of TOPIC_NAMES) {
    const topic = await loadTopic(name)!;
    assertEquals(topic.name, name);
    assert(topic.summary.length > 20 && !topic.summary.endsWith("."), name);
    assert(topic.see.length > 0, name);
    for (const command of topic.see) assert(loadCommand(command), command);
    for (const piece of topic.pieces) {
      if (typeof piece === "string") assert(/[.:]$/.test(piece), piece);
    }
  }
});

Deno.test("what a topic puts into a file names all the commands that it holds", async () => {
  for (const name of TOPIC_NAMES) {
    for (const piece of (await loadTopic(name)!).pieces) {
      if (typeof piece === "string" || !("file" in piece)) continue;
      const held = [...piece.file.matchAll(/\/usr\/local\/bin\/(ledger(?: [a-z0-9.:-]+)+)/g)];
      assertEquals(held.map(([, command]) => command), piece.commands, piece.shows);
      // The build is tried by the tests of the executable.
      const build = /^deno task compile(.*)$/.exec(piece.file)?.[1];
      if (build) assertEquals(build.match(/--[a-z]+/g), ["--ledger", "--runs"]);
    }
  }
});

Deno.test("a topic fits the terminal, down to forty columns; what is to be copied stays in one piece", async () => {
  for (const columns of [40, 60, 100]) {
    for (const name of TOPIC_NAMES) {
      const copied = new Set((await loadTopic(name)!).pieces.flatMap((piece) => {
        if (typeof piece === "string" || "terms" in piece) return [];
        return ("line" in piece ? piece.line : piece.file).split("\n");
      }));
      const lines = (await topicHelp(testWorld({ columns }), name)).split("\n");
      const too_wide = lines.filter((line) => line.length > columns && !copied.has(line.slice(2)));
      assertEquals(too_wide, []);
      assertEquals(lines.filter((line) => line !== line.trimEnd()), []);
    }
  }
});

Deno.test("help shows a topic, and of a command that has its name where to find it", async () => {
  const { stdout: of_log } = await runIn("nowhere", ["help", "log"]);
  assertStringIncludes(of_log, "log: what events are");
  assertStringIncludes(of_log, "  log              read the log itself");
  const { stdout: of_command } = await runIn("nowhere", ["log", "--help"]);
  assertStringIncludes(of_command, "More about it: ledger help log");
  assertStringIncludes(
    (await runIn("nowhere", ["trace", "path", "-h"])).stdout,
    "ledger help traces",
  );
  const { stdout: overview } = await runIn("nowhere", ["help"]);
  for (const name of TOPIC_NAMES) {
    assertStringIncludes(overview, `  ${name} `);
    assertStringIncludes(overview.replace(/\s+/g, " "), (await loadTopic(name)!).summary);
  }
});

Deno.test("a topic is coloured where somebody looks at it, and plain everywhere else", async () => {
  const is_coloured = async (different: Parameters<typeof testWorld>[0]) =>
    (await topicHelp(testWorld(different), "index")).includes("\u001b[");
  assertEquals(await is_coloured({ is_terminal: true, vars: { TERM: "xterm" } }), true);
  assertEquals(await is_coloured({}), false);
  assertEquals(
    await is_coloured({ is_terminal: true, vars: { TERM: "xterm", NO_COLOR: "1" } }),
    false,
  );
  assertEquals(await is_coloured({ vars: { FORCE_COLOR: "1" } }), true);
});
