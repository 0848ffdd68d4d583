import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { format, ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, fieldColumns, printRows, rowFormat, say } from "../output.ts";

export default defineCommand({
  name: "legacy compare",
  summary: "where the first system's database and the log differ",
  description: "Brings the index up to date, then compares each run of the legacy database " +
    "(schema optimizer: runs_d, runs_status) with it. JSON is compared by value, not by " +
    "spelling. Exit code 3 when anything differs.",
  examples: {
    [`ledger legacy compare ${LEGACY_PATH}`]: "list the differences",
    [`ledger legacy compare ${LEGACY_PATH} --format csv`]: "for a spreadsheet",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: { "format": format(), ...ledgerFlags() },
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const rows = await compareLegacy(openFor(world, flags), path);
    const columns = fieldColumns("run_id field legacy event_log");
    const format = rowFormat(flags);
    if (rows.length > 0 || format !== "table") printRows(world, rows, columns, format);
    const differences = `${
      counted(rows.length, "difference")
    }; to import runs: ledger legacy import`;
    say(
      world,
      rows.length === 0 ? "the log holds all that the legacy database holds" : differences,
    );
    return rows.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});
