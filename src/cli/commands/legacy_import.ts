import { LEGACY_PATH } from "../../legacy/attach.ts";
import { importLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags } from "../flags.ts";
import { sayNotUnderstood, sayRefused } from "../legacy.ts";
import { openFor } from "../open.ts";
import { counted, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "legacy import",
  summary: "import the first system's runs into the log",
  description: "Appends what the log lacks, with the original times: a run is run.created and, " +
    "where it has a summary, run.completed; a phase is phase.started and phase.completed; a trial " +
    "and a walk-forward fold are trial.recorded. Ids are derived, so a second import changes " +
    "nothing. JSON is kept as written. Tables and columns that are not understood and hold values " +
    "are listed, with exit code 3.",
  examples: {
    [`ledger legacy import ${LEGACY_PATH}`]: "import all runs",
    [`ledger legacy compare ${LEGACY_PATH}`]: "then check that nothing is missing",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    await using ledger = openFor(world, flags);
    const report = await importLegacy(ledger, path);
    const { imported, refused, never_started, not_understood } = report;
    if (flags.json) printJson(world, report);
    else print(world, `${counted(imported, "event")} appended and indexed`);
    if (never_started > 0) {
      say(world, `${counted(never_started, "phase")} never started: no event says that`);
    }
    sayRefused(world, refused);
    sayNotUnderstood(world, not_understood);
    return refused.length + not_understood.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});
