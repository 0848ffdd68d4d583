import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print } from "../output.ts";
import { usage } from "../parse.ts";

const runsCompact = defineCommand({
  name: "runs compact",
  summary: "put a month's artifacts together, for questions to thousands of runs",
  description: "Makes one Parquet file an artifact type for a month, beside the runs; their own " +
    "files stay. `ledger query --db catalog` then reads these: a question to thousands of runs " +
    "opens a few files. Runs that come or change later are read from their own files until the " +
    "month is compacted again.",
  examples: [
    { line: "ledger runs compact --month $(date -u +%Y-%m)", shows: "this month" },
    {
      line: `ledger query --db catalog "select call_id, count(*) as runs from alerts group by all"`,
      shows: "a question to all runs",
    },
  ],
  flags: z.strictObject({
    "month": text({ value: "YYYY-MM", description: "which month; has to be given" }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.month === undefined) throw usage(runsCompact, "which month? --month 2026-01");
    await using ledger = openFor(world, flags);
    const report = await ledger.runs.compact(flags.month);
    if (flags.json) print(world, JSON.stringify(report));
    else {
      for (const { artifact_type, runs, rows, bytes, path } of report.files) {
        print(
          world,
          `${artifact_type}: ${counted(rows, "row")} of ${counted(runs, "run")} in ${path} ` +
            `(${humanBytes(bytes)})`,
        );
      }
      if (report.files.length === 0) print(world, `no run of ${flags.month} has artifacts`);
    }
    return EXIT_OK;
  },
});
export default runsCompact;
