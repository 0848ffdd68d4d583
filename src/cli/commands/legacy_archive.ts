import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, printJson } from "../output.ts";

export default defineCommand({
  name: "legacy archive",
  summary: "can the first system's database be put away?",
  description: "Compares, and says whether the log holds everything that the legacy database " +
    "holds, so that the database can be put away. Moves nothing. Exit code 3 when it has to " +
    "stay.",
  examples: {
    [`ledger legacy archive ${LEGACY_PATH}`]: "can it be put away?",
    [`ledger legacy archive ${LEGACY_PATH} --json`]: "the same, for a script",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const { length: differences } = await compareLegacy(openFor(world, flags), path);
    const safe = differences === 0;
    if (flags.json) printJson(world, { path, safe, differences });
    else if (safe) {
      print(world, `${path} can be put away: the log holds every run in it, with the same data.`);
      print(world, `To compress it: gzip ${path}`);
    } else {
      print(world, `${path} has to stay: ${counted(differences, "difference")} to the log.`);
      print(world, "To list them: ledger legacy compare. To import runs: ledger legacy import");
    }
    return safe ? EXIT_OK : EXIT_FINDINGS;
  },
});
