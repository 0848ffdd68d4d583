import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import type { MigrationStep } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, text, texts } from "../flags.ts";
import { parsedJson } from "../json_input.ts";
import { openFor, readInput } from "../open.ts";
import { print } from "../output.ts";
import { usage } from "../parse.ts";

const schemaMigrate = defineCommand({
  name: "schema migrate",
  summary: "declare the next version of an event type of your own",
  description: "Old events are never rewritten: ledger log reads them as the new version, by the " +
    "steps declared here, in the order rename, default, drop; the index keeps payloads as they were " +
    "written. New events are checked against the new schema: the old one with the steps applied, or " +
    "the one given with --schema. A version is for good.",
  examples: [
    {
      line: "ledger schema migrate risk.breached --rename level=severity --default desk='\"main\"'",
      shows: "a field gets another name, and a new one a value for old events",
    },
    { line: "ledger log --type risk.breached", shows: "old events are shown as the new version" },
  ],
  positionals: [{ name: "TYPE", summary: "a registered type", required: true }],
  flags: z.strictObject({
    "rename": texts({ value: "OLD=NEW", description: "a field has another name now" }),
    "default": texts({ value: "FIELD=JSON", description: "what old events hold in a new field" }),
    "drop": texts({ value: "FIELD", description: "a field is gone" }),
    "schema": text({
      value: "FILE",
      description:
        "the new version's JSON Schema; - for stdin (default: the old one, after the steps)",
    }),
    "json": asJson(),
    "dir": dir(),
  }),
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
    const schema = flags.schema === undefined
      ? undefined
      : parsedJson(await readInput(world, flags.schema), flags.schema);
    const migrated = await openFor(world, flags).migrateType(type, steps, schema);
    if (flags.json) print(world, JSON.stringify({ name: type, ...migrated }));
    else print(world, `${type} is at version ${migrated.version}; older events are read as it`);
    return EXIT_OK;
  },
});
export default schemaMigrate;

function pair(flag: string, given: string, form: string): [string, string] {
  const equals = given.indexOf("=");
  if (equals > 0 && equals < given.length - 1) {
    return [given.slice(0, equals), given.slice(equals + 1)];
  }
  throw usage(schemaMigrate, `--${flag} is "${given}"; it has to be ${form}`);
}
