import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { type CompactReport, dayOf } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, time, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, Progress, say } from "../output.ts";
import { usage } from "../parse.ts";
import { timeToMs } from "../times.ts";

const compact = defineCommand({
  name: "compact",
  summary: "turn the lines of old days into Parquet",
  description:
    "Writes the sealed parts of all days before one as zstd Parquet, with typed columns. " +
    "A part's lines go only after its Parquet file has given every byte of them back. log, verify, " +
    "rebuild and the index read both and notice no difference; offsets stay what they were. " +
    "ledger restore gives the lines back.",
  examples: [
    { line: "ledger compact --before 30d", shows: "all days that ended a month ago" },
    { line: "ledger compact --before 2026-01-01 --keep-jsonl", shows: "keep the lines beside it" },
  ],
  flags: z.strictObject({
    "before": time({ description: "the first day that stays as it is; has to be given" }),
    "keep-jsonl": toggle({ description: "leave the lines where they are" }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.before === undefined) throw usage(compact, "before which day? --before 2026-01-01");
    const ledger = openFor(world, flags);
    const before_day = dayOf(timeToMs("before", flags.before, world.now_ms()));
    const progress = new Progress(world);
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
    if (flags.json) print(world, JSON.stringify(report));
    else tell(world, report, before_day);
    return EXIT_OK;
  },
});
export default compact;

function tell(world: World, { compacted, left }: CompactReport, before_day: string): void {
  for (const { part, events, bytes, compacted_bytes } of compacted) {
    print(
      world,
      `${part}  ${counted(events, "event")}, ${humanBytes(bytes)} -> ` +
        humanBytes(compacted_bytes),
    );
  }
  for (const { part, reason } of left) print(world, `${part}  left as it is: ${reason}`);
  if (compacted.length > 0) {
    const sum = (field: "bytes" | "compacted_bytes") =>
      compacted.reduce((total, part) => total + part[field], 0);
    const [before, after] = [sum("bytes"), sum("compacted_bytes")];
    print(
      world,
      `${counted(compacted.length, "part")} compacted: ${humanBytes(before)} -> ` +
        `${humanBytes(after)}, every byte read back`,
    );
  } else if (left.length === 0) say(world, `nothing is left to compact before ${before_day}`);
}
