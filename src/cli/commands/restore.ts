import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { isDay } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, say } from "../output.ts";
import { usage } from "../parse.ts";

const restore = defineCommand({
  name: "restore",
  summary: "give a compacted day its lines back",
  description: "Writes the lines of a day's compacted parts as they were, byte for byte, checks " +
    "them against the digest they were sealed with, and only then removes the Parquet files.",
  examples: [
    { line: "ledger restore 2026-01-23", shows: "as JSONL again" },
    { line: "ledger restore 2026-01-23 --json", shows: "the same, for a program" },
  ],
  positionals: [{ name: "DAY", summary: "the day, as YYYY-MM-DD", required: true }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [day] }) => {
    if (!isDay(day)) throw usage(restore, `${JSON.stringify(day)} is no day: 2026-01-23`);
    const parts = await openFor(world, flags).upkeep.restore(day);
    if (flags.json) {
      print(world, JSON.stringify(parts));
      return EXIT_OK;
    }
    for (const { part, bytes } of parts) {
      print(world, `${part}  ${humanBytes(bytes)}, as it was sealed`);
    }
    if (parts.length === 0) say(world, `nothing of ${day} is compacted`);
    else say(world, `${counted(parts.length, "part")} restored`);
    return EXIT_OK;
  },
});
export default restore;
