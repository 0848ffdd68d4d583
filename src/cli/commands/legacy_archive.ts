import { quoted } from "../../base/error.ts";
import { LEGACY_PATH } from "../../legacy/attach.ts";
import { compareLegacy } from "../../legacy/legacy.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags, texts } from "../flags.ts";
import { sayNotUnderstood } from "../legacy.ts";
import { openFor } from "../open.ts";
import { countColumn, counted, print, printJson, printRows } from "../output.ts";
import { usage } from "../parse.ts";

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
    const { differences, tables, not_understood } = await compareLegacy(
      openFor(world, flags),
      path,
    );
    const except = flags.except ?? [];
    const named = (difference: (typeof differences)[number]) => {
      const table = `optimizer.${difference.table}`;
      return [table, `${table}.${difference.field}`];
    };
    const all = [...differences.flatMap(named), ...not_understood.map(({ name }) => name)];
    const unused = except.find((name) => !all.includes(name));
    if (unused !== undefined) {
      const choices = all.length === 0 ? "nothing" : [...new Set(all)].join(", ");
      throw usage(
        "legacy archive",
        `--except is ${quoted(unused)}; what is not in the log is ${choices}`,
      );
    }
    const missing = differences.filter((difference) =>
      !named(difference).some((name) => except.includes(name))
    );
    const unread = not_understood.filter(({ name }) => !except.includes(name));
    const uneven = tables.filter(({ table, rows, in_log, never_started, digest, digest_in_log }) =>
      !except.some((name) => `${name}.`.startsWith(`${table}.`)) &&
      (in_log + never_started !== rows || digest !== digest_in_log)
    );
    const safe = missing.length + unread.length + uneven.length === 0;
    if (flags.json) {
      printJson(world, { path, safe, differences: missing.length, tables, not_understood, except });
      return safe ? EXIT_OK : EXIT_FINDINGS;
    }
    printRows(
      world,
      tables.map(({ digest, digest_in_log, ...table }) => ({
        ...table,
        digest: digest === digest_in_log ? "the same" : "another",
      })),
      [
        { field: "table" },
        countColumn("rows"),
        countColumn("in_log"),
        countColumn("never_started"),
        { field: "digest" },
      ],
    );
    sayNotUnderstood(world, not_understood);
    if (safe) {
      const but = except.length === 0 ? "" : ` but ${except.join(", ")}`;
      print(world, `${path} can be put away: the log holds all of it${but}, with the same data.`);
      print(world, `To compress it: gzip ${path}`);
      return EXIT_OK;
    }
    const reasons = [
      ...missing.length > 0 ? [`${counted(missing.length, "difference")} to the log`] : [],
      ...unread.length > 0
        ? [`${counted(unread.length, "table or column", "tables or columns")} not understood`]
        : [],
    ];
    print(world, `${path} has to stay: ${reasons.join("; ") || "counts or digests differ"}.`);
    if (missing.length > 0) {
      print(world, "To list them: ledger legacy compare. To import: ledger legacy import");
    }
    if (unread.length > 0) {
      print(world, `To put it away without: ledger legacy archive --except ${unread[0].name}`);
    }
    return EXIT_FINDINGS;
  },
});
