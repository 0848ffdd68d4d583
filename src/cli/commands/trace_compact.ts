import { tracePaths } from "../../trace/event/files.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";
import { sayDamage, toldFlush } from "../traces.ts";

export default defineCommand({
  name: "trace compact",
  summary: "merge write-ahead and small files into large Parquet files",
  description: "Turns write-ahead files that ingesting and killed programs left into Parquet, " +
    "and merges the small files of each day and type, which makes queries faster. Writers and " +
    "readers continue meanwhile; after a kill at any step, nothing is lost or counted twice. " +
    "Moves damaged bytes of write-ahead files to traces/_quarantine, reports each place, and " +
    "exits with code 3.",
  examples: {
    "ledger trace compact": "all traces",
    "ledger trace compact --json": "the answer as JSON",
  },
  flags: ledgerFlags(),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const report = await ledger.traces.compact();
    const { quarantine } = tracePaths(ledger.traces.dir);
    const { recovered, merged, into, bytes_before, bytes_after } = report;
    const { damage } = recovered;
    if (flags.json) printJson(world, report);
    else {
      const { quarantined, unchecked } = recovered;
      const bad = `; ${counted(quarantined, "bad line")} moved to ${quarantine}`;
      const old = `; ${counted(unchecked, "record")} without a checksum`;
      print(
        world,
        toldFlush(recovered) +
          (quarantined > 0 ? bad : "") + (unchecked > 0 ? old : ""),
      );
      const before = `${counted(merged, "file")} (${humanBytes(bytes_before)})`;
      if (merged > 0) print(world, `${before} merged into ${into} (${humanBytes(bytes_after)})`);
    }
    sayDamage(world, damage);
    if (damage.length === 0) return EXIT_OK;
    const places = counted(damage.length, "damaged place");
    say(world, `the bytes of ${places} hold no readable event; they are kept in ${quarantine}`);
    return EXIT_FINDINGS;
  },
});
