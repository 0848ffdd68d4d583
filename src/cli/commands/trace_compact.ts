import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print } from "../output.ts";

export default defineCommand({
  name: "trace compact",
  summary: "make Parquet of what ended programs left, and few files of many",
  description: "Events of programs that are still running are left alone. Readers and writers go " +
    "on meanwhile, and wherever it is cut off no event is lost or counted twice.",
  examples: [
    { line: "ledger trace compact", shows: "all traces" },
    { line: "ledger trace compact --json", shows: "the same for programs" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const report = await ledger.traces.compact();
    const { recovered, merged, into, bytes_before, bytes_after } = report;
    if (flags.json) print(world, JSON.stringify(report));
    else {
      print(world, `${counted(recovered.events, "event")} made into Parquet`);
      if (recovered.quarantined > 0) {
        print(world, `${counted(recovered.quarantined, "damaged line")} moved to quarantine`);
      }
      const sizes = `${humanBytes(bytes_before)} -> ${humanBytes(bytes_after)}`;
      if (merged > 0) print(world, `${counted(merged, "file")} merged into ${into} (${sizes})`);
    }
    return EXIT_OK;
  },
});
