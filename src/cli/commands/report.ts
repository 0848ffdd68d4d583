import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { dir, force, runsDir, text } from "../flags.ts";
import { openForRuns } from "../open.ts";
import { counted, humanBytes, say } from "../output.ts";
import { openOutput } from "../output_file.ts";

export default defineCommand({
  name: "report",
  summary: "one page about all of it, or about some runs",
  description: "Makes one HTML file that needs nothing beside it, with runs over time, phase " +
    "timings, returns and equity, policies compared, latencies of traced events, and what led to " +
    "the largest losses. It is made of the index and the catalog as they are: first `ledger " +
    "rebuild` and `ledger runs sync`. Exit code 3 when something is there that could not be read; " +
    "the page says what.",
  examples: [
    { line: "ledger report --out data/ledger/report.html", shows: "all of it, into a file" },
    { line: "ledger report r1 > report.html", shows: "one run, into a file that the shell opens" },
  ],
  positionals: [{
    name: "RUN",
    summary: "a run's id, or the beginning of it; without any, all runs",
    many: true,
  }],
  flags: z.strictObject({
    "out": text({ value: "FILE", description: "where to (default: standard output)" }),
    "force": force("a file that is no report"),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words }) => {
    await using ledger = openForRuns(world, flags);
    // A file that cannot be written is told before the work, not after it.
    const { isReport } = await import("../../report/page/page.ts");
    const { makeReport } = await import("../../report/report.ts");
    using output = openOutput(world, flags.out, ledger, { force: flags.force, isOlder: isReport });
    const report = await makeReport(ledger, { runs: words });
    output.write(report.html);
    output.finish();
    for (const problem of report.problems) {
      say(
        world,
        `could not be read: ${problem.message}${problem.hint ? ` (${problem.hint})` : ""}`,
      );
    }
    if (flags.out !== undefined) {
      const bytes = new TextEncoder().encode(report.html).length;
      say(world, `${counted(report.runs, "run")}, ${humanBytes(bytes)}: ${flags.out}`);
    }
    return report.problems.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});
