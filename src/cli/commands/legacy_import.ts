import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { LEGACY_PATH } from "../../legacy/attach.ts";
import { importLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print } from "../output.ts";

export default defineCommand({
  name: "legacy import",
  summary: "bring the first system's runs over into the log",
  description:
    "Appends run.created, run.started, run.completed and run.failed events for what the " +
    "legacy database says and the log does not, at their own times, with ids that are the same " +
    "every time: importing twice changes nothing. JSON is taken over as it is written. A run " +
    "without a creation time is as old as the first thing that it did. Then the legacy file can go.",
  examples: [
    { line: `ledger legacy import ${LEGACY_PATH}`, shows: "bring all runs over" },
    { line: `ledger legacy compare ${LEGACY_PATH}`, shows: "and see that nothing is left" },
  ],
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const ledger = openFor(world, flags);
    try {
      const report = await importLegacy(ledger, path);
      print(
        world,
        flags.json
          ? JSON.stringify(report)
          : `${counted(report.imported, "event")} appended and indexed`,
      );
      return EXIT_OK;
    } finally {
      await ledger.close();
    }
  },
});
