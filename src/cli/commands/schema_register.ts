import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, text } from "../flags.ts";
import { parsedJson } from "../json_input.ts";
import { openFor, readInput } from "../open.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "schema register",
  summary: "add an event type of your own",
  description:
    "Registers a type with a JSON Schema for its events, in events/_schema.json. Known " +
    "keywords: type, enum, const, properties, required, additionalProperties, items and the usual " +
    "limits; another keyword is refused, not ignored. A pattern is a regular expression without back " +
    "references and lookaround, so that no text takes long. Events that are in the log already are not " +
    "judged by it. Registering the same again changes nothing.",
  examples: [
    {
      line: `echo '{"type":"object","required":["level"],"properties":{"level":` +
        `{"enum":["low","high"]}}}' | ledger schema register risk.breached -`,
      shows: "a type whose events need a level",
    },
    {
      line: `ledger emit risk.breached --event-data '{"level":"high"}'`,
      shows: "emit one",
    },
  ],
  positionals: [
    { name: "TYPE", summary: "the new type's name, such as risk.breached", required: true },
    { name: "FILE", summary: "the JSON Schema; - for standard input", required: true },
  ],
  flags: z.strictObject({
    "description": text({ description: "what such an event records, in a line" }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags, words: [type, file] }) => {
    const ledger = openFor(world, flags);
    const schema = parsedJson(await readInput(world, file), file);
    const { type: registered, changed } = await ledger.registerType(
      type,
      schema,
      flags.description,
    );
    if (flags.json) print(world, JSON.stringify({ name: type, changed, ...registered }));
    else if (changed) print(world, `registered ${type}, version ${registered.version}`);
    else print(world, `${type} was registered so already, version ${registered.version}`);
    return EXIT_OK;
  },
});
