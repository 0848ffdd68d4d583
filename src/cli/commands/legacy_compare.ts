import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, format } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, printRows, rowFormat, say } from "../output.ts";

export default defineCommand({
  name: "legacy compare",
  summary: "what the first system's database holds that the log does not say",
  description: "Brings the index up to date, then compares every run of the legacy database " +
    "(schema optimizer: runs_d, runs_status) with it. Exit code 3 when anything differs. JSON is " +
    "compared by what it says, not by how it is written.",
  examples: [
    { line: `ledger legacy compare ${LEGACY_PATH}`, shows: "list the differences" },
    { line: `ledger legacy compare ${LEGACY_PATH} --format csv`, shows: "for a spreadsheet" },
  ],
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: z.strictObject({ "format": format(), "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const differences = await compareLegacy(openFor(world, flags), path);
    const columns = ["run_id", "field", "legacy", "event_log"].map((field) => ({ field }));
    const rows = differences.map((difference) => ({ ...difference }));
    const format = rowFormat(flags.format, flags.json, "table");
    if (rows.length > 0 || format !== "table") printRows(world, rows, columns, format);
    say(
      world,
      rows.length === 0
        ? "the log says all that the legacy database holds"
        : `${counted(rows.length, "difference")}; to bring missing runs over: ledger legacy import`,
    );
    return rows.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});
