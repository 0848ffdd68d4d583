import { LedgerError, quoted } from "../../base/error.ts";
import { similarNames } from "../../base/nearest.ts";
import { isBuiltIn } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { exitOfRegistry } from "../exit_code.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "schema show",
  summary: "the JSON Schema of an event type",
  description: "Prints the JSON Schema that events of a type are validated against; for a " +
    "registered type, also its version and migrations.",
  examples: {
    "ledger schema show run.created": "the schema of run.created",
    "ledger schema show trial.recorded --json": "on one line",
  },
  positionals: [{ name: "TYPE", summary: "the event's type", required: true }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [type] }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const custom = registry.types.get(type);
    if (!custom && !isBuiltIn(type)) {
      throw new LedgerError({
        code: "invalid",
        message: `cannot show ${quoted(type)}: there is no such type`,
        hint: `did you mean ${similarNames(type, registry.names()).join(" or ")}?`,
      });
    }
    const { jsonSchemaOf } = await import("../../log/event/schemas.ts");
    const shown = isBuiltIn(type) ? jsonSchemaOf(type) : custom;
    print(world, JSON.stringify(shown, null, flags.json ? 0 : 2));
    return await exitOfRegistry(world, ledger);
  },
});
