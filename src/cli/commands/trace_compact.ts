import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { tracePaths } from "../../trace/event/files.ts";
import { counted, humanBytes, print, say } from "../output.ts";
import { sayDamage } from "../trace_damage.ts";

export default defineCommand({
  name: "trace compact",
  summary: "few large files in place of many small ones",
  description:
    "Makes Parquet of what ingesting and killed programs left in write-ahead files, and " +
    "one file of the small ones of a day and type. Questions get faster. Writers and readers go on " +
    "meanwhile; killed at any step, nothing is lost and nothing counted twice. Damaged bytes of " +
    "write-ahead files are moved to traces/_quarantine, each place is said, and the exit code is 3.",
  examples: [
    { line: "ledger trace compact", shows: "all traces" },
    { line: "ledger trace compact --json", shows: "told as JSON" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const report = await ledger.traces.compact();
    const { quarantine } = tracePaths(ledger.traces.dir);
    if (flags.json) print(world, JSON.stringify(report));
    else {
      const { recovered, merged, into, bytes_before, bytes_after } = report;
      print(
        world,
        `${counted(recovered.events, "event")} of ${
          counted(recovered.segments, "write-ahead file")
        } ` +
          `made into ${counted(recovered.files, "Parquet file")}` +
          (recovered.quarantined > 0
            ? `; ${counted(recovered.quarantined, "bad line")} moved to ${quarantine}`
            : "") +
          (recovered.unchecked > 0
            ? `; ${counted(recovered.unchecked, "record")} had no checksum`
            : ""),
      );
      if (merged > 0) {
        print(
          world,
          `${counted(merged, "file")} (${humanBytes(bytes_before)}) merged into ${into} ` +
            `(${humanBytes(bytes_after)})`,
        );
      }
    }
    const { damage } = report.recovered;
    sayDamage(world, damage);
    if (damage.length === 0) return EXIT_OK;
    say(
      world,
      `what was in ${
        counted(damage.length, "damaged place")
      } is no event any more: its bytes are ` +
        `kept in ${quarantine}`,
    );
    return EXIT_FINDINGS;
  },
});
