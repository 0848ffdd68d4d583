import { EVENT_TYPE_SUMMARIES, isBuiltIn, requiredFields } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { exitOfRegistry } from "../exit_code.ts";
import { format, ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "schema list",
  summary: "list the event types",
  description: "Lists the built-in types and those registered in this ledger, with their " +
    "required fields.",
  examples: {
    "ledger schema list": "all types",
    "ledger schema list --format csv": "for a spreadsheet",
  },
  flags: { "format": format(), ...ledgerFlags() },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const shape = rowFormat(flags);
    const is_data = shape === "json" || shape === "ndjson";
    const rows = registry.names().map((type) => {
      const custom = registry.types.get(type);
      const fields = isBuiltIn(type)
        ? requiredFields(type)
        : custom?.schema.required as string[] | undefined ?? [];
      return {
        type,
        version: registry.versionOf(type),
        fields: is_data ? fields : fields.join(", "),
        records: isBuiltIn(type) ? EVENT_TYPE_SUMMARIES[type] : custom?.description ?? "",
      };
    });
    printRows(world, rows, [
      { field: "type" },
      { field: "version", right: true },
      { field: "fields", title: "required fields" },
      { field: "records" },
    ], shape);
    return await exitOfRegistry(world, ledger);
  },
});
