/** Topics of help are true: whatever they print as a command is run, from an empty folder on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { commandsOf, prepare } from "../../scripts/transcriber.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { topicHelp } from "../../src/cli/help.ts";
import { piecesOf, type Topic } from "../../src/cli/topic.ts";
import { loadTopic, TOPIC_NAMES } from "../../src/cli/topics.ts";
import { installShim, IS_PLAIN, PROJECT, runIn, tempFolder, testWorld } from "../harness.ts";
import { sourcesIn } from "../laws/modules.ts";
import { runExample } from "./examples.ts";

/** A line of a transcript that speaks to a daemon: only the replay can do it, in one process. */
const OF_DAEMON = /^ledger watch .*&$|^curl |^kill %1$/;

/** All command lines of a topic, in the order in which they are read. */
function linesOf(topic: Topic): { line: string; is_replayed: boolean }[] {
  return piecesOf(topic).flatMap((piece): { line: string; is_replayed: boolean }[] => {
    if (typeof piece === "string" || "terms" in piece) return [];
    if ("session" in piece) {
      return commandsOf(piece.session).filter((line) => !OF_DAEMON.test(line))
        .map((line) => ({ line, is_replayed: true }));
    }
    const lines = "line" in piece ? [piece.line] : commandsIn(piece.file);
    return lines.map((line) => ({ line, is_replayed: false }));
  });
}

const BUILD_OPTIONS = ["--ledger", "--runs", "--fleet"];

/** The commands that a file holds. */
function commandsIn(file: string): string[] {
  return [...file.matchAll(/\/usr\/local\/bin\/(ledger(?: [a-z0-9.:-]+)+)/g)]
    .map(([, command]) => command);
}

for (const name of TOPIC_NAMES) {
  Deno.test(`every command line that the topic ${name} prints works, from an empty folder on`, {
    ignore: IS_PLAIN,
  }, async () => {
    using folder = tempFolder();
    const shim = `${folder.path}/bin`;
    const work = `${folder.path}/work`;
    for (const path of [shim, work]) Deno.mkdirSync(path);
    // The program of a lab runs in this Deno.
    const folders = [installShim(shim, "shipped"), Deno.env.get("PATH"), dirname(Deno.execPath())];
    const path = folders.join(":");
    const failed: string[] = [];
    for (const { line, is_replayed } of linesOf(await loadTopic(name)!)) {
      const failure = is_replayed
        ? await runTranscribed(line, work, path)
        : await runExample(line, work, path);
      if (failure) failed.push(failure);
    }
    assertEquals(failed, []);
  });
}

/** Runs a line of a transcript, which may end with findings; what it prints the replay compares. */
async function runTranscribed(line: string, cwd: string, path: string) {
  await prepare(line, cwd);
  const { code, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-o", "pipefail", "-c", line],
    cwd,
    env: { PATH: path, NO_COLOR: "1" },
  }).output();
  return code === 0 || code === 3
    ? undefined
    : `${line}\n  exit ${code}: ${new TextDecoder().decode(stderr)}`;
}

/** What a lab asks of its runs, which command the topic runs gives for it, and what that answers. */
const QUESTIONS: readonly (readonly [question: string, command: string, answer: RegExp])[] = [
  ["Which run was best?", "runs rank --by total_return", /^ +1 +slow-2025 .*54\.2/m],
  ["Is anything odd in its numbers?", "runs show slow-2025", /^ +odd +equity: row 39 /m],
  ["Which data?", "runs query --input prices/2025.csv", /^slow-2025 .*\nfast-2025 /m],
  ["Which data?", "runs verify --all --deep --inputs", /run slow-2025 has other bytes now/],
  ["Which code,", "runs rerun fast-2024", /checkout --quiet --detach [0-9a-f]{40}$/m],
  ["can I run it again?", "runs rerun fast-2024", /brings back all that is known/],
  ["Which group,", "runs query --where \"group = 'lookback'", /^slow-again +keeper /m],
  ["Which group,", "runs group lookback --by params.lookback", /^ +13 +2 +0\.21.*\n +4 +2 /m],
  ["what did people say of it,", 'runs query --where "group', /CRUX closes 2025 at 15535/],
  ["what was claimed before?", "runs claim --group lookback", /stands before the first trial/],
];

Deno.test("the topic runs answers what a lab asks of its runs by commands that are replayed", async () => {
  const pieces = piecesOf(await loadTopic("runs")!);
  const text = pieces.filter((piece) => typeof piece === "string").join("\n");
  const answers = pieces.flatMap((piece) =>
    typeof piece === "object" && "session" in piece ? `\n${piece.session}`.split("\n$ ") : []
  );
  const unanswered = QUESTIONS.filter(([question, command, answer]) =>
    !text.includes(question) ||
    !answers.some((said) => said.startsWith(`ledger ${command}`) && answer.test(said))
  );
  assertEquals(unanswered, []);
});

Deno.test("a topic names itself, says what it is about, and leads on to commands there are", async () => {
  assertEquals(TOPIC_NAMES, [
    ...["log", "index", "runs", "filters", "traces", "years", "fleet", "legacy", "durability"],
    ...["permissions", "recipes", "troubles", "changes"],
  ]);
  for (const name of TOPIC_NAMES) {
    const topic = await loadTopic(name)!;
    assertEquals(topic.name, name);
    assert(topic.summary.length > 20 && !topic.summary.endsWith("."), name);
    assert(topic.see.length > 0, name);
    for (const command of topic.see) assert(COMMANDS.load(command), command);
    for (const piece of piecesOf(topic)) {
      if (typeof piece === "string") assert(/[.:]$/.test(piece), piece);
    }
  }
});

Deno.test("what a topic puts into a file holds commands whole, and a build that is tried", async () => {
  for (const name of TOPIC_NAMES) {
    for (const piece of piecesOf(await loadTopic(name)!)) {
      if (typeof piece === "string" || !("file" in piece)) continue;
      assertEquals(commandsIn(piece.file).length, piece.file.split("/bin/ledger").length - 1);
      // The build is tried by the tests of the executable.
      const build = /^deno task compile(.*)$/.exec(piece.file)?.[1];
      const options = build?.match(/--[a-z]+/g) ?? [];
      assertEquals(options.filter((option) => !BUILD_OPTIONS.includes(option)), []);
    }
  }
});

Deno.test("a topic's text is taken apart into paragraphs, terms, examples, files and transcripts", () => {
  const text = String.raw`
A paragraph of
two lines, with ‹ledger log›.

- one | what it
  means
- two | more

  # why
  ledger log |
    head

  ## a file
  [Unit]

  [Service]

  $ ledger status
  a table

  and more
  $ ledger log
`;
  assertEquals(piecesOf({ name: "n", summary: "s", see: [], text }), [
    "A paragraph of two lines, with \u0060ledger log\u0060.",
    { terms: [["one", "what it means"], ["two", "more"]] },
    { shows: "why", line: "ledger log |\n  head" },
    { shows: "a file", file: "[Unit]\n\n[Service]" },
    { session: "$ ledger status\na table\n\nand more\n$ ledger log" },
  ]);
});

Deno.test("the topic troubles quotes messages as the program prints them", async () => {
  const sources = sourcesIn("src").filter((path) => !path.includes("/topics/"))
    .map((path) => Deno.readTextFileSync(join(PROJECT, path))).join("\n");
  const terms = piecesOf(await loadTopic("troubles")!).flatMap((piece) =>
    typeof piece === "object" && "terms" in piece ? piece.terms.map(([term]) => term) : []
  );
  const quoted = terms.flatMap((term) => /^"(.*)"/.exec(term)?.[1].split("…") ?? []);
  assert(quoted.length > 8, "no messages are quoted");
  // The system's own words.
  const ours = quoted.filter((text) => text !== "No space left on device");
  assertEquals(
    ours.filter((text) => !sources.includes(text.replace(/(trades: row \d+ )/, ""))),
    [],
  );
});

Deno.test("a topic fits the terminal, down to forty columns; what is to be copied stays in one piece", async () => {
  for (const columns of [40, 60, 100]) {
    for (const name of TOPIC_NAMES) {
      const copied = new Set(
        piecesOf(await loadTopic(name)!).flatMap((piece) => {
          if (typeof piece === "string" || "terms" in piece) return [];
          if ("session" in piece) return piece.session.split("\n");
          return ("line" in piece ? piece.line : piece.file).split("\n");
        }),
      );
      const lines = (await topicHelp(testWorld({ columns }), COMMANDS, name)).split("\n");
      const too_wide = lines.filter((line) => line.length > columns && !copied.has(line.slice(2)));
      assertEquals(too_wide, []);
      assertEquals(lines.filter((line) => line !== line.trimEnd()), []);
    }
  }
});

Deno.test("help shows a topic, and of a command that has its name where to find it", async () => {
  const { stdout: of_log } = await runIn("nowhere", ["help", "log"]);
  assertStringIncludes(of_log, "log: what events are");
  assertStringIncludes(of_log, "  log              read the log, or follow it");
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

Deno.test("a topic is coloured on a terminal, and plain everywhere else", async () => {
  const is_coloured = async (different: Parameters<typeof testWorld>[0]) =>
    (await topicHelp(testWorld(different), COMMANDS, "index")).includes("\u001b[");
  assertEquals(await is_coloured({ is_terminal: true, vars: { TERM: "xterm" } }), true);
  assertEquals(await is_coloured({}), false);
  assertEquals(
    await is_coloured({ is_terminal: true, vars: { TERM: "xterm", NO_COLOR: "1" } }),
    false,
  );
  assertEquals(await is_coloured({ vars: { FORCE_COLOR: "1" } }), true);
});
