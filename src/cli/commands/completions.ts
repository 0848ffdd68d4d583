import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { completionScript, SHELLS } from "../completion_scripts.ts";
import { print } from "../output.ts";
import { usage } from "../parse.ts";

const completions = defineCommand({
  name: "completions",
  summary: "make a shell complete commands, flags and values",
  description: "Prints a script for bash, zsh or fish that asks this program for completions, so " +
    "that they fit whatever version is installed.",
  examples: [
    { line: "ledger completions bash", shows: "for ~/.bashrc: source <(ledger completions bash)" },
    { line: "ledger completions fish", shows: "a file ledger.fish for ~/.config/fish/completions" },
  ],
  positionals: [{
    name: "SHELL",
    summary: SHELLS.join(", "),
    required: true,
    choices: () => SHELLS,
  }],
  flags: z.strictObject({}),
  run: ({ world, words: [shell] }) => {
    const script = completionScript(shell);
    if (!script) {
      throw usage(completions, `SHELL is "${shell}"; it has to be ${SHELLS.join(", ")}`);
    }
    print(world, script);
    return Promise.resolve(EXIT_OK);
  },
});
export default completions;
