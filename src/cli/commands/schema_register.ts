import { defineCommand } from "../command.ts";
import { sayUnregistered } from "../exit_code.ts";
import { ledgerFlags, text } from "../flags.ts";
import { readJson } from "../input.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "schema register",
  summary: "add an event type of your own",
  description: "Registers a type, with a JSON Schema for its events, in events/_schema.json. " +
    "Supports type, enum, const, properties, required, additionalProperties, items and the usual " +
    "limits; rejects other keywords. A pattern is a regular expression without back references " +
    "and lookaround, so that matching takes linear time. Does not check events that are in the " +
    "log already. Registering the same schema again changes nothing. What the first " +
    "system's _schema.json says stays: types with a schema are registered, others are named.",
  examples: {
    [
      `echo '{"type":"object","required":["level"],"properties":{"level":` +
      `{"enum":["low","high"]}}}' | ledger schema register risk.breached -`
    ]: "a type whose events need a level",
    [`ledger emit risk.breached --event-data '{"level":"high"}'`]: "emit one",
  },
  positionals: [
    { name: "TYPE", summary: "the new type's name, such as risk.breached", required: true },
    { name: "FILE", summary: "the JSON Schema; - for standard input", required: true },
  ],
  flags: { "description": text("TEXT", "what such an event records, in a line"), ...ledgerFlags() },
  run: async ({ world, flags, words: [name, file] }) => {
    const schema = await readJson(world, file);
    const ledger = openFor(world, flags);
    const { type, changed } = await ledger.registerType(name, schema, flags.description);
    if (flags.json) printJson(world, { name, changed, ...type });
    else if (changed) print(world, `registered ${name}, version ${type.version}`);
    else print(world, `${name} is registered with this schema already, version ${type.version}`);
    sayUnregistered(world, ledger);
  },
});
