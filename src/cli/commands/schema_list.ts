import { EVENT_TYPE_SUMMARIES, isBuiltIn, requiredFields } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { exitOfRegistry } from "../exit_code.ts";
import { format, ledgerFlags, ofArtifact } from "../flags.ts";
import { openFor } from "../open.ts";
import { printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "schema list",
  summary: "list the event types, or the artifact types",
  description: "Lists the built-in types and those registered in this ledger, with their " +
    "required fields; with --artifact, those of artifacts, with their required columns.",
  examples: {
    "ledger schema list": "all types",
    "ledger schema list --format csv": "for a spreadsheet",
  },
  flags: { "artifact": ofArtifact(), "format": format(), ...ledgerFlags() },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const shape = rowFormat(flags);
    const is_data = shape === "json" || shape === "ndjson";
    const types = flags.artifact
      ? (await ledger.runs.artifactTypes()).all().map((definition) => {
        const { type, version, columns, summary: records } = definition;
        const required = columns.filter(({ kind, nullable }) => !nullable && kind !== "run_id");
        return { type, version, fields: required.map(({ name }) => name), records };
      })
      : registry.names().map((type) => {
        const custom = registry.types.get(type);
        const fields = isBuiltIn(type)
          ? requiredFields(type)
          : custom?.schema.required as string[] | undefined ?? [];
        const records = isBuiltIn(type) ? EVENT_TYPE_SUMMARIES[type] : custom?.description ?? "";
        return { type, version: registry.versionOf(type), fields, records };
      });
    const rows = types.map((type) => {
      return { ...type, fields: is_data ? type.fields : type.fields.join(", ") };
    });
    printRows(world, rows, [
      { field: "type" },
      { field: "version", right: true },
      { field: "fields", title: `required ${flags.artifact ? "columns" : "fields"}` },
      { field: "records" },
    ], shape);
    return await exitOfRegistry(world, ledger);
  },
});
