import { quoted } from "../../base/error.ts";
import type { MigrationStep } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags, ofArtifact, text, texts } from "../flags.ts";
import { parsedJson, readJson } from "../input.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "schema migrate",
  summary: "declare the next version of a registered type",
  description: "Never rewrites old events: ledger log upcasts them to the new version by the " +
    "steps given here, in the order rename, default, drop; the index keeps payloads as written. " +
    "Validates new events against the new schema: the old one after these steps, or that of " +
    "--schema. A version cannot be taken back. With --artifact, the same for a type of " +
    "artifacts: the steps are about its columns, and queries, verify and compact read older " +
    "files as the new version.",
  examples: {
    "ledger schema migrate risk.breached --rename level=severity --default desk='\"main\"'":
      "rename a field; add one, with its value for old events",
    "ledger log --type risk.breached": "old events are shown as the new version",
  },
  positionals: [{ name: "TYPE", summary: "a registered type", required: true }],
  flags: {
    "artifact": ofArtifact(),
    "rename": texts("OLD=NEW", "rename a field or column"),
    "default": texts("FIELD=JSON", "add one, with this value in old events or rows"),
    "drop": texts("FIELD", "remove one"),
    "schema": text(
      "FILE",
      "the new version's schema; - for stdin (default: the old one, after the steps)",
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
    const ledger = openFor(world, flags);
    const migrated = flags.artifact
      ? await ledger.migrateArtifactType(type, steps, schema)
      : await ledger.migrateType(type, steps, schema);
    if (flags.json) return printJson(world, { name: type, ...migrated });
    const older = flags.artifact ? "older files" : "older events";
    print(
      world,
      `${type} is now at version ${migrated.version}; ${older} are read as this version`,
    );
  },
});

function pair(flag: string, given: string, form: string): [string, string] {
  const equals = given.indexOf("=");
  if (equals > 0 && equals < given.length - 1) {
    return [given.slice(0, equals), given.slice(equals + 1)];
  }
  throw usage("schema migrate", `--${flag} is ${quoted(given)}; it has to be ${form}`);
}
