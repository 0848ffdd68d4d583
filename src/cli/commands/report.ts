import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { asIs, count, force, runsFlags, text, where } from "../flags.ts";
import { freshen, openForRuns } from "../open.ts";
import { counted, humanBytes, printJson, say } from "../output.ts";
import { openOutput } from "../output_file.ts";

export default defineCommand({
  name: "report",
  summary: "make one HTML page about all runs, or some",
  description: "Makes a self-contained HTML file: runs over time, phase timings, returns and " +
    "equity, policies compared, latencies of traced events, what led to the largest losses, and " +
    "pictures that were attached to the latest runs. " +
    "Exit code 3 when something could not be read; the page says what. --json prints what the " +
    "page shows as one object; with --out too, the page still goes into the file.",
  examples: {
    "ledger report --out data/ledger/report.html": "all runs, into a file",
    "ledger report r1 > report.html": "one run, to standard output",
    'ledger report --where "summary.sharpe > 1" --out data/ledger/best.html': "those that fit",
    "ledger report --sort -summary.sharpe --limit 5 --out data/ledger/five.html": "the best five",
    "ledger report --json": "the numbers of the page",
  },
  positionals: [{
    name: "RUN",
    summary: "a run's id, or the beginning of it; without any, all runs",
    many: true,
  }],
  flags: {
    "where": where(),
    "sort": text("COLUMNS", "take runs in this order: -summary.sharpe"),
    "limit": count("at most so many runs", { short: "n" }),
    "out": text("FILE", "where to write (default: standard output)"),
    "force": force("a file that is not a report"),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words }) => {
    await using ledger = openForRuns(world, flags);
    // A file that cannot be written ends the command before the work, not after it.
    const { withoutPictureBytes } = await import("../../report/gather/data.ts");
    const { isReport } = await import("../../report/page/page.ts");
    const { makeReport } = await import("../../report/report.ts");
    using output = openOutput(world, flags.out, ledger, { force: flags.force, isOlder: isReport });
    await freshen(world, ledger, flags, "log", "runs");
    const onNotice = (message: string) => say(world, message);
    const { where, sort, limit } = flags;
    const report = await makeReport(ledger, { runs: words, where, sort, limit, onNotice });
    const { data, html, problems } = report;
    if (!flags.json || flags.out !== undefined) output.write(html);
    output.finish();
    if (flags.json) {
      printJson(world, { ...withoutPictureBytes(data), out: flags.out, problems });
      return problems.length > 0 ? EXIT_FINDINGS : EXIT_OK;
    }
    for (const { message, hint } of problems) {
      say(world, `could not be read: ${message}${hint ? ` (${hint})` : ""}`);
    }
    if (flags.out !== undefined) {
      const bytes = new TextEncoder().encode(html).length;
      say(world, `${counted(report.runs, "known run")}, ${humanBytes(bytes)}: ${flags.out}`);
    }
    return problems.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});
