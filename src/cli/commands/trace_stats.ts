import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { type Column, counted, humanBytes, humanCount, print, printRows } from "../output.ts";
import { utcMicroseconds } from "../traces.ts";

export default defineCommand({
  name: "trace stats",
  summary: "what there is of traces, in numbers",
  description:
    "Counts events by type, correlations, files and bytes, and the events that wait for " +
    "`trace compact` to make Parquet of them.",
  examples: [
    { line: "ledger trace stats", shows: "what there is" },
    { line: "ledger trace stats --json", shows: "the same for programs" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const stats = await ledger.traces.stats();
    if (flags.json) {
      print(world, JSON.stringify(stats));
      return EXIT_OK;
    }
    printRows(world, stats.types.map((row) => ({ ...row })), COLUMNS, "table");
    print(
      world,
      `${counted(stats.events, "event")} of ${counted(stats.correlations, "correlation")} in ` +
        `${counted(stats.files, "file")} (${humanBytes(stats.bytes)}); ` +
        `${humanCount(stats.waiting)} wait for \`trace compact\``,
    );
    return EXIT_OK;
  },
});

const COLUMNS: Column[] = [
  { field: "event_type", title: "type" },
  { field: "events", right: true, show: (value) => humanCount(Number(value)) },
  { field: "first", show: (value) => utcMicroseconds(Number(value)) },
  { field: "last", show: (value) => utcMicroseconds(Number(value)) },
];
