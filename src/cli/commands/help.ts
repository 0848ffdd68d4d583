import { LedgerError, quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print } from "../output.ts";
import { TOPIC_NAMES } from "../topics.ts";

export default defineCommand({
  name: "help",
  summary: "list commands and topics, or explain one",
  description: "Without a word, lists the commands and the topics. With a command, shows its " +
    "help; with a topic, explains it, with command lines to copy.",
  examples: {
    "ledger help": "all commands and topics",
    "ledger help emit": "one command",
    "ledger help durability": `one topic; there are ${TOPIC_NAMES.join(", ")}`,
  },
  positionals: [{ name: "COMMAND", summary: "a command, or a topic", many: true }],
  flags: { "json": asJson() },
  run: async ({ world, table, run, flags: { json }, words }) => {
    const { overview, topicHelp } = await import("../help.ts");
    const [first, second] = words;
    if (first === undefined) return print(world, await overview(world, table, undefined, json));
    if (second === undefined && TOPIC_NAMES.includes(first)) {
      return print(world, await topicHelp(world, table, first, json));
    }
    const first_words = (names: string[]) => names.map((name) => name.split(" ")[0]);
    if (first_words(table.names()).includes(first)) {
      return await run([...words, "--help", ...json ? ["--json"] : []], world);
    }
    const near = nearest(first, [...TOPIC_NAMES, ...first_words(table.listed())]);
    throw new LedgerError({
      code: "usage",
      message: `there is no help on ${quoted(first)}`,
      hint: near
        ? `did you mean: ledger help ${near}?`
        : `topics are ${TOPIC_NAMES.join(", ")}; for a list of commands: ledger help`,
    });
  },
});
