import { diffRuns } from "../../runs/catalog/diff.ts";
import { defineCommand } from "../command.ts";
import { format, runsFlags, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { plain, print, printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "runs diff",
  summary: "compare two runs: parameters, timings, metrics",
  description: "Compares the manifests of two runs. Lists what differs, or everything with " +
    "--all; for numbers, also by how much.",
  examples: {
    "ledger runs diff demo-1 demo-2": "what differs",
    "ledger runs diff demo-1 demo-2 --all --format markdown": "everything, for a report",
  },
  positionals: [
    { name: "A", summary: "a run's id, or the beginning of it", required: true },
    { name: "B", summary: "the other run's id, or the beginning of it", required: true },
  ],
  flags: { "all": toggle("list also what is the same"), "format": format(), ...runsFlags() },
  run: async ({ world, flags, words }) => {
    await using ledger = openFor(world, flags);
    const [a, b] = await Promise.all(words.map((run_id) => ledger.runs.find(run_id)));
    const rows = diffRuns(a.readManifest(), b.readManifest())
      .filter(({ differs }) => flags.all || differs)
      .map(({ differs: _, ...row }) => row);
    const format = rowFormat(flags);
    const is_table = format === "table";
    if (is_table && rows.length === 0) {
      return print(world, `the manifests of ${a.run_id} and ${b.run_id} do not differ`);
    }
    const show = (value: unknown) => value === undefined ? "–" : plain(value);
    printRows(world, rows, [
      { field: "about" },
      { field: "name" },
      { field: "a", title: is_table ? a.run_id : "a", right: true, cut: true, show },
      { field: "b", title: is_table ? b.run_id : "b", right: true, cut: true, show },
      { field: "change", right: true, show: (value) => String(value ?? "") },
    ], format);
  },
});
