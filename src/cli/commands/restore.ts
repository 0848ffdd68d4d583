import { quoted } from "../../base/error.ts";
import { isDay } from "../../base/format.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "restore",
  summary: "turn a compacted day back into lines",
  description: "Writes the lines of a day's compacted parts, byte for byte, checks them against " +
    "the digests that they were sealed with, and only then removes the Parquet files.",
  examples: {
    "ledger restore 2026-01-23": "back to JSONL",
    "ledger restore 2026-01-23 --json": "the same, with the parts as JSON",
  },
  positionals: [{ name: "DAY", summary: "the day, as YYYY-MM-DD", required: true }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [day] }) => {
    if (!isDay(day)) {
      throw usage("restore", `DAY is ${quoted(day)}; it has to be a day, such as 2026-01-23`);
    }
    const parts = await openFor(world, flags).upkeep.restore(day);
    if (flags.json) return printJson(world, parts);
    for (const { part, bytes } of parts) {
      print(world, `${part}  ${humanBytes(bytes)}, as it was sealed`);
    }
    if (parts.length === 0) say(world, `no part of ${day} is compacted`);
    else say(world, `${counted(parts.length, "part")} restored`);
  },
});
