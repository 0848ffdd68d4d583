import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, sayNotes } from "../exit_code.ts";
import { runsFlags, toggle } from "../flags.ts";
import { openForRuns } from "../open.ts";
import { counted, print, printJson, Progress } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs verify",
  summary: "check runs against their manifests: files, rows, digests",
  description: "Checks that each artifact exists, with the size, rows and columns that its " +
    "manifest records, and each attached file with its size; with --deep also with the same " +
    "digest, and that summary and trades, equity and returns agree. Lists files that no manifest " +
    "names. With --inputs it also says which files that runs read have changed since, or are " +
    "gone. A column that is stored as another type is no finding where every value can be read " +
    "as one of its own: standard error names it. Exit code 3 when it finds something.",
  examples: {
    "ledger runs verify demo-1 --deep": "one run, every byte",
    "ledger runs verify --all": "all runs",
    "ledger runs verify --all --inputs": "what has changed of the data that runs read",
  },
  positionals: [{
    name: "ID",
    summary: "the run's id, or the beginning of it (default: $LEDGER_RUN_ID)",
  }],
  flags: {
    "all": toggle("every run"),
    "deep": toggle("read every byte and compare digests"),
    "inputs": toggle("compare the files that runs read with what they were"),
    "rehash": toggle("with --inputs: read large files also where size and time are the old ones"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [typed] }) => {
    const run_id = typed ?? (flags.all ? undefined : world.env("LEDGER_RUN_ID") || undefined);
    if ((run_id === undefined) !== flags.all) {
      throw usage("runs verify", run_id ? "ID or --all, not both" : "which run? ID, or --all");
    }
    const { deep, inputs, rehash } = flags;
    if (rehash && !inputs) throw usage("runs verify", "--rehash goes with --inputs");
    await using ledger = openForRuns(world, flags);
    using progress = new Progress(world);
    const { say: onNotice, show: onProgress } = progress;
    const report = await ledger.runs.verify({ run_id, deep, inputs, rehash, onNotice, onProgress });
    progress.clear();
    const { findings, runs, artifacts, files } = report;
    const is_whole = findings.length === 0;
    if (flags.json) printJson(world, report);
    else {
      sayNotes(world, report.notes);
      for (const { path, problem } of findings) print(world, `${path}: ${problem}`);
      const found = is_whole ? "as their manifests record" : counted(findings.length, "finding");
      const counts = [
        counted(runs, "run"),
        counted(artifacts, "artifact"),
        ...files > 0 ? [counted(files, "attached file")] : [],
        ...report.inputs === undefined ? [] : [counted(report.inputs, "input")],
      ];
      print(world, `${counts.join(", ")}: ${found}`);
    }
    return is_whole ? EXIT_OK : EXIT_FINDINGS;
  },
});
