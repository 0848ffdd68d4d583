import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, humanCount, print, printRows, showTracedTime } from "../output.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace stats",
  summary: "what is traced, in numbers",
  description:
    "Counts the traced events by type, the correlations, and what they take on the disk.",
  examples: [
    { line: "ledger trace stats", shows: "a table" },
    { line: "ledger trace stats --json", shows: "for programs" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const stats = await ledger.traces.stats();
    sayWhatIsMissing(world, ledger.traces.damage);
    if (flags.json) {
      print(world, JSON.stringify(stats));
      return EXIT_OK;
    }
    printRows(world, stats.types.map((type) => ({ ...type })), [
      { field: "event_type", title: "type" },
      { field: "events", right: true, show: (events) => humanCount(Number(events)) },
      { field: "first", show: showTracedTime },
      { field: "last", show: showTracedTime },
    ], "table");
    const { events, correlations, bytes, files, waiting, unchecked } = stats;
    print(
      world,
      `${counted(events, "event")} of ${counted(correlations, "correlation")}: ` +
        `${counted(files, "file")} of ${humanBytes(bytes)}` +
        (waiting > 0
          ? `, and ${
            counted(waiting, "event")
          } of which no Parquet was made yet: ledger trace compact`
          : "") +
        (unchecked > 0 ? ` (${counted(unchecked, "record")} without a checksum)` : ""),
    );
    return EXIT_OK;
  },
});
