import * as z from "zod/mini";
import { EVENT_TYPE_SUMMARIES, EVENT_TYPES, isBuiltIn } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, format } from "../flags.ts";
import { exitOfRegistry, openFor } from "../open.ts";
import { printRows, rowFormat } from "../output.ts";

export default defineCommand({
  name: "schema list",
  summary: "the event types that may be emitted",
  description: "Lists the built-in types with their required fields, and the types registered in " +
    "this ledger.",
  examples: [
    { line: "ledger schema list", shows: "all types" },
    { line: "ledger schema list --format csv", shows: "the same for a spreadsheet" },
  ],
  flags: z.strictObject({ "format": format(), "json": asJson(), "dir": dir() }),
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const rows = registry.names().map((type) => {
      const custom = registry.types.get(type);
      return {
        type,
        version: registry.versionOf(type),
        fields: isBuiltIn(type)
          ? Object.keys(EVENT_TYPES[type]).join(", ")
          : ((custom?.schema.required as string[] | undefined) ?? []).join(", "),
        records: isBuiltIn(type) ? EVENT_TYPE_SUMMARIES[type] : custom?.description ?? "",
      };
    });
    const columns = [
      { field: "type" },
      { field: "version", right: true },
      { field: "fields", title: "required fields" },
      { field: "records" },
    ];
    printRows(world, rows, columns, rowFormat(flags.format, flags.json, "table"));
    return await exitOfRegistry(world, ledger);
  },
});
