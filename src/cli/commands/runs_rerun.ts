import { defineCommand, runWord } from "../command.ts";
import { runsFlags, toggle } from "../flags.ts";
import { openForRuns } from "../open.ts";
import { print, printJson } from "../output.ts";
import { rerunScript } from "../../runs/evidence/rerun.ts";

export default defineCommand({
  name: "runs rerun",
  summary: "print the commands that do a run again",
  description:
    "Prints a script that brings a run's code, inputs and arguments back in a fresh folder: clones " +
    "its repository, checks the commit out, applies the changes that were not committed, compares " +
    "digests, and gives the command again. What cannot be brought back stands first. Runs nothing " +
    "of it, and writes nothing.",
  examples: {
    "ledger runs rerun demo-1": "read it before you give it to a shell",
    "ledger runs rerun demo-1 --json": "the same, as JSON",
  },
  positionals: [runWord()],
  flags: {
    "print": toggle("print the commands: nothing else is ever done"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [run_id] }) => {
    await using ledger = openForRuns(world, flags);
    const rerun = await ledger.runs.planRerun(run_id);
    if (flags.json) printJson(world, rerun);
    else print(world, rerunScript(rerun));
  },
});
