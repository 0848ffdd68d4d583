import {
  ARTIFACT_TYPES,
  artifactDefinition,
  type ArtifactType,
} from "../../runs/artifacts/definitions.ts";
import { defineCommand } from "../command.ts";
import { asJson, format } from "../flags.ts";
import { print, printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "runs schema",
  summary: "the columns of an artifact type",
  description: "Lists the columns of an artifact type: name, Parquet type, whether it may be " +
    "null, and what it means. Without TYPE, lists the types.",
  examples: {
    "ledger runs schema": "the artifact types",
    "ledger runs schema trades": "the columns of one",
  },
  positionals: [{ name: "TYPE", summary: ARTIFACT_TYPES.join(", "), choices: ARTIFACT_TYPES }],
  flags: { "format": format(), "json": asJson() },
  run: ({ world, flags, words: [type] }) => {
    const format = rowFormat(flags);
    if (type === undefined) {
      const rows = ARTIFACT_TYPES.map((artifact_type) => {
        const { path, summary, columns } = artifactDefinition(artifact_type);
        return { artifact_type, path, columns: columns.length, holds: summary };
      });
      return printRows(world, rows, [
        { field: "artifact_type", title: "artifact" },
        { field: "path" },
        { field: "columns", right: true },
        { field: "holds" },
      ], format);
    }
    const { path, summary, columns, is_open, takes_objects, is_single_row } = artifactDefinition(
      type as ArtifactType,
    );
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
