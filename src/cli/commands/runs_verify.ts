import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir, toggle } from "../flags.ts";
import { openForRuns } from "../open.ts";
import { counted, print } from "../output.ts";
import { usage } from "../parse.ts";

const runsVerify = defineCommand({
  name: "runs verify",
  summary: "whether runs are whole: manifests, files, rows, digests",
  description: "Compares each artifact with what its manifest says: there, of that size, with so " +
    "many rows, of the right columns; with --deep also byte for byte, by digest. Names files that " +
    "no manifest knows. Exit code 3 when something was found.",
  examples: [
    { line: "ledger runs verify demo-1 --deep", shows: "one run, every byte" },
    { line: "ledger runs verify --all", shows: "all of them" },
  ],
  positionals: [{ name: "ID", summary: "the run's id, or the beginning of it" }],
  flags: z.strictObject({
    "all": toggle({ description: "every run" }),
    "deep": toggle({ description: "read every byte and compare digests" }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words: [run_id] }) => {
    if ((run_id === undefined) !== flags.all) {
      throw usage(runsVerify, run_id ? "ID or --all, not both" : "which run? ID, or --all");
    }
    await using ledger = openForRuns(world, flags);
    const report = await ledger.runs.verify({ run_id, deep: flags.deep });
    if (flags.json) print(world, JSON.stringify(report));
    else {
      for (const { path, problem } of report.findings) print(world, `${path}: ${problem}`);
      const found = report.findings.length === 0
        ? "all as their manifests say"
        : counted(report.findings.length, "finding");
      print(
        world,
        `${counted(report.runs, "run")}, ${counted(report.artifacts, "artifact")}: ${found}`,
      );
    }
    return report.findings.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});
export default runsVerify;
