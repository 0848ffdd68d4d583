import { LEGACY_PATH } from "../../legacy/attach.ts";
import { importLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, printJson } from "../output.ts";

export default defineCommand({
  name: "legacy import",
  summary: "import the first system's runs into the log",
  description: "Appends run.created, run.started, run.completed and run.failed events for what " +
    "the log lacks, with their original times. Their ids are derived, so a second import changes " +
    "nothing. JSON is kept as written. A run without a creation time gets that of its first " +
    "event.",
  examples: {
    [`ledger legacy import ${LEGACY_PATH}`]: "import all runs",
    [`ledger legacy compare ${LEGACY_PATH}`]: "then check that nothing is missing",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    await using ledger = openFor(world, flags);
    const report = await importLegacy(ledger, path);
    if (flags.json) return printJson(world, report);
    print(world, `${counted(report.imported, "event")} appended and indexed`);
  },
});
