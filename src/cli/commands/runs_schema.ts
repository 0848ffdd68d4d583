import { ARTIFACT_TYPES } from "../../runs/artifacts/definitions.ts";
import { defineCommand } from "../command.ts";
import { format, ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { print, printRows, rowFormat } from "../output.ts";
import { checkChoice } from "../parse.ts";

export default defineCommand({
  name: "runs schema",
  summary: "the columns of an artifact type",
  description: "Lists the columns of an artifact type: name, Parquet type, whether it may be " +
    "null, and what it means. Without TYPE, lists the types.",
  examples: {
    "ledger runs schema": "the artifact types",
    "ledger runs schema trades": "the columns of one",
  },
  positionals: [{
    name: "TYPE",
    summary: `${ARTIFACT_TYPES.join(", ")}, or a registered one`,
    choices: ARTIFACT_TYPES,
    is_open: true,
  }],
  flags: { "format": format(), ...ledgerFlags() },
  run: async ({ world, flags, words: [type] }) => {
    const types = await openFor(world, flags).runs.artifactTypes();
    const format = rowFormat(flags);
    if (type === undefined) {
      const rows = types.all().map(({ type: artifact_type, path, summary, columns }) => {
        return { artifact_type, path, columns: columns.length, holds: summary };
      });
      return printRows(world, rows, [
        { field: "artifact_type", title: "artifact" },
        { field: "path" },
        { field: "columns", right: true },
        { field: "holds" },
      ], format);
    }
    checkChoice("runs schema", "TYPE", type, types.names());
    const { path, summary, columns, is_open, takes_objects, is_single_row } = types.of(type);
    if (format === "table") print(world, `${path}: ${summary}\n`);
    const rows = columns.map(({ name, type, nullable, description }) => {
      return { column: name, type, nullable, description };
    });
    printRows(world, rows, [
      { field: "column" },
      { field: "type", show: (type) => String(type).toUpperCase() },
      { field: "nullable", title: "null", show: (nullable) => nullable ? "may be" : "" },
      { field: "description" },
    ], format);
    if (format !== "table") return;
    const objects = takes_objects ? ", and JSON objects" : "";
    if (is_open) print(world, `and any further columns of numbers, texts and booleans${objects}`);
    if (is_single_row) print(world, "exactly one row");
  },
});
