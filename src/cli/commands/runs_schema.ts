import { ARTIFACT_TYPES } from "../../runs/artifacts/definitions.ts";
import { limitsText, rowRules } from "../../runs/artifacts/checks.ts";
import { defineCommand } from "../command.ts";
import { format, ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { print, printRows, rowFormat } from "../output.ts";
import { checkChoice } from "../parse.ts";

export default defineCommand({
  name: "runs schema",
  summary: "the columns of an artifact type",
  description: "Lists the columns of an artifact type: name, Parquet type, whether it may be " +
    "null, its unit, which values are possible and which are usual, and what it means. Without TYPE, lists the " +
    "types, those that are registered in this ledger among them.",
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
    const definition = types.of(type);
    const { path, summary, columns, is_open, takes_objects, is_single_row } = definition;
    if (format === "table") print(world, `${path}${summary && `: ${summary}`}\n`);
    const rows = columns.map((column) => {
      const { name, type, nullable, unit = null, description } = column;
      const values = limitsText(column) || null;
      return { column: name, type, nullable, unit, values, description };
    });
    printRows(world, rows, [
      { field: "column" },
      { field: "type", show: (type) => String(type).toUpperCase() },
      { field: "nullable", title: "null", show: (nullable) => nullable ? "may be" : "" },
      { field: "unit" },
      { field: "values" },
      { field: "description" },
    ], format);
    if (format !== "table") return;
    const objects = takes_objects ? ", and JSON objects" : "";
    if (is_open) print(world, `and any further columns of numbers, texts and booleans${objects}`);
    if (is_single_row) print(world, "exactly one row");
    for (const rule of rowRules(definition)) print(world, rule);
  },
});
