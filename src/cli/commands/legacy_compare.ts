import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { format, ledgerFlags } from "../flags.ts";
import { sayNotUnderstood } from "../legacy.ts";
import { openFor } from "../open.ts";
import { counted, fieldColumns, printRows, rowFormat, say } from "../output.ts";

export default defineCommand({
  name: "legacy compare",
  summary: "where the first system's database and the log differ",
  description: "Brings the index up to date, then looks in the log for each value of the legacy " +
    "database (schema optimizer: runs_d, pipeline_phases_f, trials_f, walk_forward_f). JSON is " +
    "compared by value, not by spelling. Lists tables and columns that hold values and are not " +
    "understood. Exit code 3 when anything differs or is not understood.",
  examples: {
    [`ledger legacy compare ${LEGACY_PATH}`]: "list the differences",
    [`ledger legacy compare ${LEGACY_PATH} --format csv`]: "for a spreadsheet",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: { "format": format(), ...ledgerFlags() },
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const { differences, not_understood } = await compareLegacy(openFor(world, flags), path);
    const columns = fieldColumns("run_id table id field legacy event_log");
    const format = rowFormat(flags);
    if (differences.length > 0 || format !== "table") {
      printRows(world, differences, columns, format);
    }
    say(
      world,
      differences.length === 0
        ? "the log holds all that was read of the legacy database"
        : `${counted(differences.length, "difference")}; to import: ledger legacy import`,
    );
    sayNotUnderstood(world, not_understood);
    return differences.length + not_understood.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});
