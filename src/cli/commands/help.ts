import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { commandNames } from "../commands.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "help",
  summary: "what there is, or how a command works",
  description: "Without a word, lists the commands. With a command, shows its help.",
  examples: [
    { line: "ledger help", shows: "all commands" },
    { line: "ledger help emit", shows: "one command" },
  ],
  positionals: [{ name: "COMMAND", summary: "a command", many: true, choices: commandNames }],
  flags: z.strictObject({}),
  run: async ({ world, words }) => {
    const { overview } = await import("../help.ts");
    if (words.length === 0) {
      print(world, await overview(world));
      return EXIT_OK;
    }
    const { run } = await import("../run.ts");
    return await run([...words, "--help"], world);
  },
});
