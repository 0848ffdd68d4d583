import * as z from "zod/mini";
import { LedgerError, quoted } from "../../base/error.ts";
import { similarNames } from "../../base/nearest.ts";
import { isBuiltIn } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { exitOfRegistry, openFor } from "../open.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "schema show",
  summary: "the JSON Schema of an event type",
  description: "Prints the JSON Schema that events of a type are checked against when they are " +
    "emitted; for a registered type, its version and migrations too.",
  examples: [
    { line: "ledger schema show run.created", shows: "what a run.created event has to hold" },
    { line: "ledger schema show trial.recorded --json", shows: "the same on one line" },
  ],
  positionals: [{
    name: "TYPE",
    summary: "the event's type",
    required: true,
  }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [type] }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const custom = registry.types.get(type);
    if (!custom && !isBuiltIn(type)) {
      throw new LedgerError({
        code: "invalid",
        message: `cannot show ${quoted(type)}: no such type is known`,
        hint: `did you mean ${similarNames(type, registry.names()).join(" or ")}?`,
      });
    }
    const { jsonSchemaOf } = await import("../../log/event/schemas.ts");
    const shown = isBuiltIn(type) ? jsonSchemaOf(type) : custom;
    print(world, JSON.stringify(shown, null, flags.json ? 0 : 2));
    return await exitOfRegistry(world, ledger);
  },
});
