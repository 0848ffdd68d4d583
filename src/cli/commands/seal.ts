import { defineCommand } from "../command.ts";
import { duration, ledgerFlags, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "seal",
  summary: "close finished parts, and add their digests to a hash chain",
  description: "Seals parts that have rotated, and those of days that ended longer ago than a " +
    "grace period; a later event opens a new part. Records each part's digest, chained to that " +
    "of the part sealed before, so that verify --deep proves that no sealed part was changed, " +
    "removed or reordered. Binds the registry of event types in the same way. watch, compact and " +
    "retain seal by themselves.",
  examples: {
    "ledger seal": "seal what is due",
    "ledger seal --grace 0s": "also the day that ended at midnight",
  },
  flags: {
    "grace": duration("how long after its end a day is sealed (default: 1h)"),
    "accept-registry": toggle("bind events/_schema.json as it is, after a change by hand"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    const sealed = await openFor(world, flags).upkeep.seal({
      grace_ms: flags.grace,
      accept_registry: flags["accept-registry"],
      onNotice: (message) => say(world, message),
    });
    if (flags.json) return printJson(world, sealed);
    for (const { part, events, bytes, seal } of sealed) {
      print(world, `${part}  ${counted(events, "event")}, ${humanBytes(bytes)}  ${seal}`);
    }
    if (sealed.length === 0) say(world, "nothing to seal: no part has rotated, no day has ended");
    else {
      say(
        world,
        "Save this digest on another machine: it later proves that nothing before it was altered",
      );
    }
  },
});
