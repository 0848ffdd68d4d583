import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, duration, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, say } from "../output.ts";

export default defineCommand({
  name: "seal",
  summary: "close finished parts for good, and chain them",
  description: "Seals the parts that have rotated, and those of days that are over by a grace " +
    "period; an event that comes later opens a new part. What a sealed part holds is noted with its " +
    "digest and bound to the part that was sealed before, so that verify --deep proves that none of " +
    "it has changed, vanished or changed places. The registry of event types is bound in the same " +
    "way. watch, compact and retain seal by themselves.",
  examples: [
    { line: "ledger seal", shows: "seal what is due" },
    { line: "ledger seal --grace 0s", shows: "days that ended this very midnight too" },
  ],
  flags: z.strictObject({
    "grace": duration({ description: "how long after its end a day counts as over (default: 1h)" }),
    "accept-registry": toggle({
      description: "bind events/_schema.json as it stands, after it was changed by hand",
    }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const sealed = await ledger.upkeep.seal({
      grace_ms: flags.grace,
      accept_registry: flags["accept-registry"],
      onNotice: (message) => say(world, message),
    });
    if (flags.json) {
      print(world, JSON.stringify(sealed));
      return EXIT_OK;
    }
    for (const { part, events, bytes, seal } of sealed) {
      print(world, `${part}  ${counted(events, "event")}, ${humanBytes(bytes)}  ${seal}`);
    }
    if (sealed.length === 0) say(world, "nothing is due: no part has rotated, no day is over");
    else say(world, "note the last seal elsewhere: it proves all that is sealed up to it");
    return EXIT_OK;
  },
});
