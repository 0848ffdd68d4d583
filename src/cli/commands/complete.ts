import { defineCommand } from "../command.ts";
import { candidatesFor } from "../complete.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "complete",
  summary: "answer a shell that completes a command line",
  description: "Takes the words typed so far, the last of them unfinished, and prints what it " +
    "may become, one candidate a line.",
  examples: {
    "ledger complete -- sch": "what a word may become",
    "ledger complete -- emit --run": "what a flag may become",
  },
  positionals: [{ name: "WORDS", summary: "the words typed so far", many: true }],
  flags: {},
  run: async ({ world, table, words }) => {
    // An error would be printed in the midst of the line; running the command tells it.
    const candidates = await candidatesFor(world, table, words).catch(() => []);
    if (candidates.length > 0) print(world, candidates.join("\n"));
  },
});
