import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { candidatesFor } from "../complete.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "complete",
  summary: "answers a shell that completes a command line",
  description:
    "Takes the words typed so far, the last of them unfinished, and prints what it may " +
    "become, one candidate a line.",
  examples: [
    { line: "ledger complete -- sch", shows: "what a word may become" },
    { line: "ledger complete -- emit --run", shows: "what a flag may become" },
  ],
  positionals: [{ name: "WORDS", summary: "the words typed so far", many: true }],
  flags: z.strictObject({}),
  hidden: true,
  run: async ({ world, table, words }) => {
    // Whatever is wrong here is told by the commands themselves, not in the midst of a line.
    const candidates = await candidatesFor(world, table, words).catch(() => []);
    if (candidates.length > 0) print(world, candidates.join("\n"));
    return EXIT_OK;
  },
});
