import { LedgerError, quoted } from "../../base/error.ts";
import { similarNames } from "../../base/nearest.ts";
import { isBuiltIn } from "../../log/mod.ts";
import { isArtifactType } from "../../runs/artifacts/definitions.ts";
import { defineCommand } from "../command.ts";
import { exitOfRegistry } from "../exit_code.ts";
import { ledgerFlags, ofArtifact } from "../flags.ts";
import { openFor } from "../open.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "schema show",
  summary: "the schema of an event type, or of a registered artifact type",
  description: "Prints the JSON Schema that events of a type are validated against; for a " +
    "registered type, also its version and migrations. With --artifact, what was registered of " +
    "an artifact type; the columns of any: ledger runs schema.",
  examples: {
    "ledger schema show run.created": "the schema of run.created",
    "ledger schema show trial.recorded --json": "on one line",
  },
  positionals: [{ name: "TYPE", summary: "the type's name", required: true }],
  flags: { "artifact": ofArtifact(), ...ledgerFlags() },
  run: async ({ world, flags, words: [type] }) => {
    const ledger = openFor(world, flags);
    const { registry } = ledger;
    const known = flags.artifact ? registry.artifacts : registry.types;
    const is_built_in = !flags.artifact && isBuiltIn(type);
    const custom = known.get(type);
    if (!custom && !is_built_in) {
      const names = flags.artifact ? [...known.keys()] : registry.names();
      throw new LedgerError({
        code: "invalid",
        message: `cannot show ${quoted(type)}: there is no such type`,
        hint: !flags.artifact && registry.artifacts.has(type)
          ? `it is a type of artifacts: ledger schema show --artifact ${type}`
          : isArtifactType(type)
          ? `it is a built-in type of artifacts: ledger runs schema ${type}`
          : names.length === 0
          ? "none is registered: ledger schema register --artifact NAME FILE"
          : `did you mean ${similarNames(type, names).join(" or ")}?`,
      });
    }
    const { jsonSchemaOf } = await import("../../log/event/schemas.ts");
    const shown = is_built_in ? jsonSchemaOf(type) : custom;
    print(world, JSON.stringify(shown, null, flags.json ? 0 : 2));
    return await exitOfRegistry(world, ledger);
  },
});
