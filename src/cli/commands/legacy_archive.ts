import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print } from "../output.ts";

export default defineCommand({
  name: "legacy archive",
  summary: "whether the first system's database may be put away, and why",
  description: "Moves nothing. Compares, and says whether the log holds all that the legacy " +
    "database says, so that the file can be put away and dual mode be left. Exit code 3 when it " +
    "may not yet.",
  examples: [
    { line: `ledger legacy archive ${LEGACY_PATH}`, shows: "may it go?" },
    { line: `ledger legacy archive ${LEGACY_PATH} --json`, shows: "the same for a script" },
  ],
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const differences = await compareLegacy(openFor(world, flags), path);
    const safe = differences.length === 0;
    if (flags.json) {
      print(world, JSON.stringify({ path, safe, differences: differences.length }));
    } else if (safe) {
      print(world, `${path} may be put away: every run in it is in the log, and says the same.`);
      print(world, `To put it away:  gzip ${path}`);
    } else {
      print(world, `${path} may not go yet: ${counted(differences.length, "difference")}.`);
      print(
        world,
        "List them: ledger legacy compare. Bring missing runs over: ledger legacy import",
      );
    }
    return safe ? EXIT_OK : EXIT_FINDINGS;
  },
});
