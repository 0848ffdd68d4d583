import { defineCommand } from "../command.ts";
import { exitOfUnread } from "../exit_code.ts";
import { required, runsFlags, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "runs compact",
  summary: "merge a month's artifacts, so that queries open few files",
  description: "Merges the artifacts of a month's runs into one Parquet file per type, beside " +
    "the runs; their own files stay. ledger query --db catalog reads the merged files, so that a " +
    "query over thousands of runs opens a few. Runs that are new or changed since are read from " +
    "their own files, until the month is compacted again.",
  examples: {
    "ledger runs compact --month $(date -u +%Y-%m)": "this month",
    'ledger query --db catalog "select call_id, count(*) as runs from alerts group by all"':
      "a query over all runs",
  },
  flags: {
    "month": required(text("YYYY-MM", "which month"), "which month? --month 2026-01"),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const onNotice = (message: string) => say(world, message);
    const report = await ledger.runs.compact(flags.month, { onNotice });
    const exit_code = exitOfUnread(world, report.unread, "is not merged");
    if (flags.json) {
      printJson(world, report);
      return exit_code;
    }
    for (const { artifact_type, runs, rows, bytes, path } of report.files) {
      const what = `${counted(rows, "row")} of ${counted(runs, "run")}`;
      print(world, `${artifact_type}: ${what} in ${path} (${humanBytes(bytes)})`);
    }
    for (const { path, reason } of report.left_out) say(world, `${path} stays as it is: ${reason}`);
    if (report.files.length === 0) print(world, `no run of ${flags.month} has artifacts`);
    return exit_code;
  },
});
