import { LEVELS, OWN_KINDS } from "../../runs/artifacts/definitions.ts";
import { defineCommand } from "../command.ts";
import { sayUnregistered } from "../exit_code.ts";
import { ledgerFlags, ofArtifact, text } from "../flags.ts";
import { readJson } from "../input.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "schema register",
  summary: "add an event type or an artifact type of your own",
  description: "Registers a type, with a JSON Schema for its events, in events/_schema.json. " +
    "Supports type, enum, const, properties, required, additionalProperties, items and the usual " +
    "limits; rejects other keywords. A pattern is a regular expression without back references " +
    "and lookaround, so that matching takes linear time. Does not check events that are in the " +
    "log already. Registering the same schema again changes nothing. What the first " +
    "system's _schema.json says stays: types with a schema are registered, others are named. " +
    "With --artifact, registers a type of artifacts: FILE has its columns, each with a kind " +
    `(${OWN_KINDS.join(", ")}: a time is in milliseconds since 1970, a level one of ` +
    `${LEVELS.join(", ")}). As far as they are known it also has required, unit, description, ` +
    "bounds and usual (min, max, above, below): values outside of bounds are refused, those " +
    "outside of usual noted. key names the " +
    "columns that no two rows share, order those by which rows ascend; is_open takes further " +
    "columns, is_single_row exactly one row. run_id is there by itself. Runs store, show, query " +
    "and compact such artifacts as they do the built-in ones.",
  examples: {
    [
      `echo '{"type":"object","required":["level"],"properties":{"level":` +
      `{"enum":["low","high"]}}}' | ledger schema register risk.breached -`
    ]: "a type whose events need a level",
    [`ledger emit risk.breached --event-data '{"level":"high"}'`]: "emit one",
    [
      `echo '{"columns":{"ts_ms":{"kind":"time","required":true},"iv":{"kind":"number",` +
      `"bounds":{"min":0}}},"key":["ts_ms"]}' | ledger schema register --artifact volatility -`
    ]: "an artifact type",
  },
  positionals: [
    { name: "TYPE", summary: "the new type's name, such as risk.breached", required: true },
    { name: "FILE", summary: "the schema, as JSON; - for standard input", required: true },
  ],
  flags: {
    "artifact": ofArtifact(),
    "description": text("TEXT", "what it records, in a line"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags, words: [name, file] }) => {
    const schema = await readJson(world, file);
    const ledger = openFor(world, flags);
    const { artifact, description } = flags;
    const { type, changed } = artifact
      ? await ledger.registerArtifactType(name, schema, description)
      : await ledger.registerType(name, schema, description);
    if (flags.json) printJson(world, { name, changed, ...type });
    else if (changed) print(world, `registered ${name}, version ${type.version}`);
    else print(world, `${name} is registered with this schema already, version ${type.version}`);
    if (!artifact) sayUnregistered(world, ledger);
  },
});
