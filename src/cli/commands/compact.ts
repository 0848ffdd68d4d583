import type { World } from "../../base/world.ts";
import { type CompactReport, dayOf } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags, required, time, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, Progress, say } from "../output.ts";

export default defineCommand({
  name: "compact",
  summary: "turn the lines of old days into Parquet",
  description: "Writes the sealed parts of old days as zstd Parquet with typed columns. A part's " +
    "lines are deleted only after the Parquet file has reproduced every byte of them. log, " +
    "verify and rebuild read both forms, with the same offsets. ledger restore turns Parquet " +
    "back into lines.",
  examples: {
    "ledger compact --before 30d": "all days that ended at least 30 days ago",
    "ledger compact --before 2026-01-01 --keep-jsonl": "keep the lines beside the Parquet files",
  },
  flags: {
    "before": required(
      time("the first day that is not compacted"),
      "before which day? --before 2026-01-01",
    ),
    "keep-jsonl": toggle("keep the lines too"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const before_day = dayOf(flags.before.ms(world.now_ms()));
    using progress = new Progress(world);
    const due_bytes = (await ledger.survey()).days
      .filter(({ day }) => day < before_day)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    let done_bytes = 0;
    const report = await ledger.upkeep.compact({
      before_day,
      keep_jsonl: flags["keep-jsonl"],
      onPart: ({ bytes }) => progress.show(done_bytes += bytes, due_bytes),
      onNotice: (message) => say(world, message),
    });
    progress.clear();
    if (flags.json) printJson(world, report);
    else printReport(world, report, before_day);
  },
});

function printReport(world: World, { compacted, left }: CompactReport, before_day: string): void {
  let [before, after] = [0, 0];
  for (const { part, events, bytes, compacted_bytes } of compacted) {
    [before, after] = [before + bytes, after + compacted_bytes];
    const sizes = `${humanBytes(bytes)} -> ${humanBytes(compacted_bytes)}`;
    print(world, `${part}  ${counted(events, "event")}, ${sizes}`);
  }
  for (const { part, reason } of left) print(world, `${part}  not compacted: ${reason}`);
  if (compacted.length > 0) {
    const sizes = `${humanBytes(before)} -> ${humanBytes(after)}`;
    print(world, `${counted(compacted.length, "part")} compacted: ${sizes}, every byte read back`);
  } else if (left.length === 0) say(world, `no part before ${before_day} is left to compact`);
}
