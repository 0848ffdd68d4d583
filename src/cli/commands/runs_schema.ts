import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { ARTIFACT_TYPES, artifactDefinition } from "../../runs/artifacts/definitions.ts";
import { artifactType } from "../artifact_type.ts";
import { defineCommand } from "../command.ts";
import { asJson, format } from "../flags.ts";
import { print, printRows, rowFormat } from "../output.ts";

const runsSchema = defineCommand({
  name: "runs schema",
  summary: "what an artifact's rows hold",
  description:
    "Lists the columns of an artifact type: name, Parquet type, whether it may be null, " +
    "and what it means. Without TYPE, lists the types.",
  examples: [
    { line: "ledger runs schema", shows: "the types of artifacts" },
    { line: "ledger runs schema trades", shows: "the columns of one" },
  ],
  positionals: [
    { name: "TYPE", summary: ARTIFACT_TYPES.join(", "), choices: () => ARTIFACT_TYPES },
  ],
  flags: z.strictObject({ "format": format(), "json": asJson() }),
  run: ({ world, flags, words: [typed] }) => {
    const printed = rowFormat(flags.format, flags.json, "table");
    if (typed === undefined) {
      const rows = ARTIFACT_TYPES.map((name) => {
        const { path, summary, columns } = artifactDefinition(name);
        return { artifact_type: name, path, columns: columns.length, holds: summary };
      });
      printRows(world, rows, [
        { field: "artifact_type", title: "artifact" },
        { field: "path" },
        { field: "columns", right: true },
        { field: "holds" },
      ], printed);
      return Promise.resolve(EXIT_OK);
    }
    const definition = artifactDefinition(artifactType(runsSchema, typed));
    const rows = definition.columns.map(({ name, type, nullable, description }) => ({
      column: name,
      type,
      nullable,
      description,
    }));
    if (printed === "table") print(world, `${definition.path}: ${definition.summary}\n`);
    printRows(world, rows, [
      { field: "column" },
      { field: "type", show: (type) => String(type).toUpperCase() },
      { field: "nullable", title: "null", show: (nullable) => nullable ? "may be" : "" },
      { field: "description" },
    ], printed);
    if (printed === "table" && definition.is_open) {
      print(world, "and any further columns of numbers, texts and flags");
    }
    if (printed === "table" && definition.is_single_row) print(world, "exactly one row");
    return Promise.resolve(EXIT_OK);
  },
});
export default runsSchema;
