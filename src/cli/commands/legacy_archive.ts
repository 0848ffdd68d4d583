import { LEGACY_PATH } from "../../legacy/attach.ts";
import { shellWord } from "../../base/format.ts";
import { judgeLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags, texts } from "../flags.ts";
import { sayNotUnderstood } from "../legacy.ts";
import { openFor } from "../open.ts";
import { countColumn, counted, print, printJson, printRows } from "../output.ts";

export default defineCommand({
  name: "legacy archive",
  summary: "can the first system's database be put away?",
  description: "Counts the rows of each table, compares a digest over all values with the same " +
    "out of the log, and says whether the database can be put away. Moves nothing. Exit code 3 " +
    "when it has to stay: where something differs, and where a table or column that is not " +
    "understood holds values.",
  examples: {
    [`ledger legacy archive ${LEGACY_PATH}`]: "can it be put away?",
    [`ledger legacy archive ${LEGACY_PATH} --except optimizer.islands_f`]:
      "the same, where a table may be lost",
  },
  positionals: [{ name: "PATH", summary: `the database (default: ${LEGACY_PATH})` }],
  flags: {
    "except": texts("NAME", "a table or column that need not be in the log: SCHEMA.TABLE[.COLUMN]"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags, words: [path = LEGACY_PATH] }) => {
    const verdict = await judgeLegacy(openFor(world, flags), path, flags.except);
    const { safe, differences, tables, not_understood, except } = verdict;
    if (flags.json) printJson(world, { path, ...verdict });
    else {
      const rows = tables.map(({ digest, digest_in_log, ...table }) => ({
        ...table,
        digest: digest === digest_in_log ? "the same" : "another",
      }));
      const counts = ["rows", "in_log", "never_started"].map((name) => countColumn(name));
      printRows(world, rows, [{ field: "table" }, ...counts, { field: "digest" }]);
    }
    sayNotUnderstood(world, not_understood);
    if (flags.json) return safe ? EXIT_OK : EXIT_FINDINGS;
    if (safe) {
      const but = except.length === 0 ? "" : ` but ${except.join(", ")}`;
      print(world, `${path} can be put away: the log holds all of it${but}, with the same data.`);
      print(world, `To compress it: gzip ${path}`);
      return EXIT_OK;
    }
    const unread = not_understood.length;
    const reasons = [
      ...differences > 0 ? [`${counted(differences, "difference")} to the log`] : [],
      ...unread > 0
        ? [`${counted(unread, "table or column", "tables or columns")} not understood`]
        : [],
    ];
    print(world, `${path} has to stay: ${reasons.join("; ") || "counts or digests differ"}.`);
    if (differences > 0) {
      print(world, "To list them: ledger legacy compare. To import: ledger legacy import");
    }
    if (unread > 0) {
      const named = [...new Set([...except, ...not_understood.map(({ name }) => name)])]
        .map((name) => ` --except ${shellWord(name)}`).join("");
      const of = path === LEGACY_PATH ? "" : ` ${shellWord(path)}`;
      print(world, `To put it away without: ledger legacy archive${of}${named}`);
    }
    return EXIT_FINDINGS;
  },
});
