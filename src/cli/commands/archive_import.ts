import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, say } from "../output.ts";

export default defineCommand({
  name: "archive import",
  summary: "bring a day back from its archive",
  description: "Proves every byte of an archive that ledger retain made, against its digests and " +
    "against this ledger's chain of seals, then puts its parts back, as Parquet; ledger restore " +
    "makes lines of them. An archive that is damaged, or of another ledger, changes nothing.",
  examples: [
    {
      line: "ledger archive import data/ledger/archive/ledger-2026-01-23.tar",
      shows: "the day is in the log again",
    },
    {
      line: "ledger archive import data/ledger/archive/ledger-2026-01-23.tar --json",
      shows: "the same, for a program",
    },
  ],
  positionals: [{ name: "FILE", summary: "the archive", required: true }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [path] }) => {
    const { upkeep } = openFor(world, flags);
    const returned = await upkeep.importArchive(path);
    if (flags.json) {
      print(world, JSON.stringify(returned));
      return EXIT_OK;
    }
    const { day, parts, was_here } = returned;
    if (was_here) {
      print(world, `${day} is here already, as it was archived`);
      return EXIT_OK;
    }
    for (const { part, events, bytes } of parts) {
      print(world, `${part}  ${counted(events, "event")}, ${humanBytes(bytes)}, as it was sealed`);
    }
    say(world, `${day} is back in the log; the index takes note at the next: ledger rebuild`);
    return EXIT_OK;
  },
});
