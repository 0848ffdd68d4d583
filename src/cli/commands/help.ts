import * as z from "zod/mini";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import { type CommandTable, defineCommand } from "../command.ts";
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
  run: async ({ world, table, run, words }) => {
    const { overview, topicHelp } = await import("../help.ts");
    const [first, second] = words;
    if (first === undefined) {
      print(world, await overview(world, table));
      return EXIT_OK;
    }
    if (second === undefined && TOPIC_NAMES.includes(first)) {
      print(world, await topicHelp(world, table, first));
      return EXIT_OK;
    }
    if (!table.names().some((name) => name.split(" ")[0] === first)) throw noHelp(table, first);
    return await run([...words, "--help"], world);
  },
});

function noHelp(table: CommandTable, asked: string): LedgerError {
  const words = table.listed().map((name) => name.split(" ")[0]);
  const near = nearest(asked, [...TOPIC_NAMES, ...words]);
  return new LedgerError({
    code: "usage",
    message: `there is no help on ${quoted(asked)}`,
    hint: near
      ? `did you mean: ledger help ${near}?`
      : `topics are ${TOPIC_NAMES.join(", ")}; for a list of commands: ledger help`,
  });
}
