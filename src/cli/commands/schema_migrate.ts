import { quoted } from "../../base/error.ts";
import type { MigrationStep } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags, text, texts } from "../flags.ts";
import { parsedJson, readJson } from "../input.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "schema migrate",
  summary: "declare the next version of a registered event type",
  description: "Never rewrites old events: ledger log upcasts them to the new version by the " +
    "steps given here, in the order rename, default, drop; the index keeps payloads as written. " +
    "Validates new events against the new schema: the old one after these steps, or that of " +
    "--schema. A version cannot be taken back.",
  examples: {
    "ledger schema migrate risk.breached --rename level=severity --default desk='\"main\"'":
      "rename a field; add one, with its value for old events",
    "ledger log --type risk.breached": "old events are shown as the new version",
  },
  positionals: [{ name: "TYPE", summary: "a registered type", required: true }],
  flags: {
    "rename": texts("OLD=NEW", "rename a field"),
    "default": texts("FIELD=JSON", "add a field, with this value in old events"),
    "drop": texts("FIELD", "remove a field"),
    "schema": text(
      "FILE",
      "the new version's JSON Schema; - for stdin (default: the old one, after the steps)",
    ),
    ...ledgerFlags(),
  },
  run: async ({ world, flags, words: [type] }) => {
    const steps: MigrationStep[] = [
      ...(flags.rename ?? []).map((given) => {
        const [rename, to] = pair("rename", given, "OLD=NEW");
        return { rename, to };
      }),
      ...(flags.default ?? []).map((given) => {
        const [field, json] = pair("default", given, "FIELD=JSON");
        return { default: field, value: parsedJson(json, `--default ${given}`) };
      }),
      ...(flags.drop ?? []).map((drop) => ({ drop })),
    ];
    const { schema: file } = flags;
    const schema = file === undefined ? undefined : await readJson(world, file);
    const migrated = await openFor(world, flags).migrateType(type, steps, schema);
    if (flags.json) printJson(world, { name: type, ...migrated });
    else {print(
        world,
        `${type} is now at version ${migrated.version}; older events are read as this version`,
      );}
  },
});

function pair(flag: string, given: string, form: string): [string, string] {
  const equals = given.indexOf("=");
  if (equals > 0 && equals < given.length - 1) {
    return [given.slice(0, equals), given.slice(equals + 1)];
  }
  throw usage("schema migrate", `--${flag} is ${quoted(given)}; it has to be ${form}`);
}
