import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { diffRuns } from "../../runs/catalog/diff.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, format, runsDir, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { plain, print, printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "runs diff",
  summary: "two runs side by side: parameters, timings, metrics",
  description: "Compares what the manifests of two runs say. Lists what differs, or with --all " +
    "everything; of numbers, also by how much.",
  examples: [
    { line: "ledger runs diff demo-1 demo-2", shows: "what differs" },
    {
      line: "ledger runs diff demo-1 demo-2 --all --format markdown",
      shows: "everything, for a report",
    },
  ],
  positionals: [
    { name: "A", summary: "a run's id, or the beginning of it", required: true },
    { name: "B", summary: "the other run's id, or the beginning of it", required: true },
  ],
  flags: z.strictObject({
    "all": toggle({ description: "also what is the same" }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words }) => {
    await using ledger = openFor(world, flags);
    const [a, b] = await Promise.all(words.map((run_id) => ledger.runs.find(run_id)));
    const rows = diffRuns(a.readManifest(), b.readManifest())
      .filter(({ differs }) => flags.all || differs);
    const printed = rowFormat(flags.format, flags.json, "table");
    if (printed === "table" && rows.length === 0) {
      print(world, `${a.run_id} and ${b.run_id} differ in nothing that their manifests say`);
      return EXIT_OK;
    }
    const data = rows.map(({ differs: _, ...row }) => row);
    const show = (value: unknown) => value === undefined ? "–" : plain(value);
    printRows(world, data, [
      { field: "about" },
      { field: "name" },
      { field: "a", title: printed === "table" ? a.run_id : "a", right: true, cut: true, show },
      { field: "b", title: printed === "table" ? b.run_id : "b", right: true, cut: true, show },
      { field: "change", right: true, show: (value) => value === undefined ? "" : String(value) },
    ], printed);
    return EXIT_OK;
  },
});
