import * as z from "zod/mini";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import { defineCommand } from "../command.ts";
import { commandNames, listedNames } from "../commands.ts";
import { print } from "../output.ts";
import { TOPIC_NAMES } from "../topics.ts";

export default defineCommand({
  name: "help",
  summary: "what there is, how a command works, or what a topic is about",
  description: "Without a word, lists the commands and the topics. With a command, shows its " +
    "help; with a topic, tells about it, with command lines that work as they stand.",
  examples: [
    { line: "ledger help", shows: "all commands and topics" },
    { line: "ledger help emit", shows: "one command" },
    { line: "ledger help durability", shows: `one topic; there are ${TOPIC_NAMES.join(", ")}` },
  ],
  positionals: [{ name: "COMMAND", summary: "a command, or a topic", many: true }],
  flags: z.strictObject({}),
  run: async ({ world, words }) => {
    const { overview, topicHelp } = await import("../help.ts");
    const [first, second] = words;
    if (first === undefined) {
      print(world, await overview(world));
      return EXIT_OK;
    }
    if (second === undefined && TOPIC_NAMES.includes(first)) {
      print(world, await topicHelp(world, first));
      return EXIT_OK;
    }
    if (!commandNames().some((name) => name.split(" ")[0] === first)) throw noHelp(first);
    const { run } = await import("../run.ts");
    return await run([...words, "--help"], world);
  },
});

function noHelp(asked: string): LedgerError {
  const words = listedNames().map((name) => name.split(" ")[0]);
  const near = nearest(asked, [...TOPIC_NAMES, ...words]);
  return new LedgerError({
    code: "usage",
    message: `there is no help on ${quoted(asked)}`,
    hint: near
      ? `did you mean: ledger help ${near}?`
      : `topics are ${TOPIC_NAMES.join(", ")}; for a list of commands: ledger help`,
  });
}
