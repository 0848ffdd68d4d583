import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "archive import",
  summary: "bring a day back from its archive",
  description: "Checks every byte of an archive that ledger retain made, against its digests and " +
    "this ledger's chain of seals. Then puts the day's parts back, as Parquet; ledger restore " +
    "turns them into lines. An archive that is damaged or of another ledger changes nothing.",
  examples: {
    "ledger archive import data/ledger/archive/ledger-2026-01-23.tar": "put a day back",
    "ledger archive import data/ledger/archive/ledger-2026-01-23.tar --json": "the same, as JSON",
  },
  positionals: [{ name: "FILE", summary: "the archive", required: true }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [path] }) => {
    const imported = await openFor(world, flags).upkeep.importArchive(path);
    if (flags.json) return printJson(world, imported);
    const { day, parts, was_here } = imported;
    if (was_here) return print(world, `${day} is in the log already, identical to its archive`);
    for (const { part, events, bytes } of parts) {
      print(world, `${part}  ${counted(events, "event")}, ${humanBytes(bytes)}, as it was sealed`);
    }
    say(world, `${day} is back in the log; to index it again: ledger rebuild`);
  },
});
