import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  countColumn,
  counted,
  humanBytes,
  print,
  printJson,
  printRows,
  showTracedTime,
} from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace stats",
  summary: "how much is traced",
  description:
    "Counts traced events by type, correlations, and the files and bytes that hold them.",
  examples: {
    "ledger trace stats": "a table",
    "ledger trace stats --json": "the same, as JSON",
  },
  flags: ledgerFlags(),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const stats = await ledger.traces.stats();
    sayWhatIsMissing(world, ledger.traces.damage);
    if (flags.json) return printJson(world, stats);
    printRows(world, stats.types, [
      { field: "event_type", title: "type" },
      countColumn("events"),
      { field: "first", show: showTracedTime },
      { field: "last", show: showTracedTime },
    ]);
    const { events, correlations, bytes, files, waiting, unchecked } = stats;
    const stored = `${counted(files, "file")} of ${humanBytes(bytes)}`;
    const not_stored = `, and ${
      counted(waiting, "event")
    } not in Parquet yet: ledger trace compact`;
    print(
      world,
      `${counted(events, "event")} of ${counted(correlations, "correlation")}: ${stored}` +
        (waiting > 0 ? not_stored : "") +
        (unchecked > 0 ? ` (${counted(unchecked, "record")} without a checksum)` : ""),
    );
  },
});
