import { compact_bytes_min } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { type CompactPlan, type CompactReport, dayOf } from "../../log/mod.ts";
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
    "back into lines. A part of less than " + humanBytes(compact_bytes_min) + " keeps its lines, " +
    "which take less room; --all turns those into Parquet too.",
  examples: {
    "ledger compact --before 30d --dry-run": "what would be turned into Parquet",
    "ledger compact --before 30d": "all days that ended at least 30 days ago",
    "ledger compact --before 2026-01-01 --keep-jsonl": "keep the lines beside the Parquet files",
  },
  flags: {
    "before": required(
      time("the first day that is not compacted"),
      "before which day? --before 2026-01-01",
    ),
    "all": toggle(`also parts of less than ${humanBytes(compact_bytes_min)}`),
    "keep-jsonl": toggle("keep the lines too"),
    "dry-run": toggle("print what would be turned into Parquet; do nothing"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const before_day = dayOf(flags.before.ms(world.now_ms()));
    const request = { before_day, all: flags.all, keep_jsonl: flags["keep-jsonl"] };
    using progress = new Progress(world);
    const plan = await ledger.upkeep.planCompact(request);
    if (flags["dry-run"]) {
      return flags.json ? printJson(world, plan) : printPlan(world, plan, before_day);
    }
    const due_bytes = sumOf(plan.due, "bytes");
    let done_bytes = 0;
    const report = await ledger.upkeep.compact({
      ...request,
      onPart: ({ bytes }) => progress.show(done_bytes += bytes, due_bytes),
      onNotice: (message) => say(world, message),
    });
    progress.clear();
    if (flags.json) printJson(world, report);
    else printReport(world, report, before_day);
  },
});

function printPlan(world: World, { due, left }: CompactPlan, before_day: string): void {
  for (const { part, bytes } of due) print(world, `${part}  ${humanBytes(bytes)}`);
  printLeft(world, left);
  if (due.length > 0) {
    const size = humanBytes(sumOf(due, "bytes"));
    print(world, `${counted(due.length, "part")} to be turned into Parquet: ${size}`);
    say(world, "nothing was done: --dry-run");
  } else if (left.length === 0) sayNothingLeft(world, before_day);
}

function printReport(world: World, { compacted, left }: CompactReport, before_day: string): void {
  for (const { part, events, bytes, compacted_bytes } of compacted) {
    const sizes = `${humanBytes(bytes)} -> ${humanBytes(compacted_bytes)}`;
    print(world, `${part}  ${counted(events, "event")}, ${sizes}`);
  }
  printLeft(world, left);
  if (compacted.length > 0) {
    const [before, after] = [sumOf(compacted, "bytes"), sumOf(compacted, "compacted_bytes")];
    const sizes = `${humanBytes(before)} -> ${humanBytes(after)}`;
    print(world, `${counted(compacted.length, "part")} compacted: ${sizes}, every byte read back`);
  } else if (left.length === 0) sayNothingLeft(world, before_day);
}

/** Why parts keep their lines: of small ones only how many, since there may be one for each day. */
function printLeft(world: World, left: CompactReport["left"]): void {
  for (const { part, reason, small_bytes } of left) {
    if (small_bytes === undefined) print(world, `${part}  not compacted: ${reason}`);
  }
  const small = left.filter(({ small_bytes }) => small_bytes !== undefined);
  if (small.length === 0) return;
  const what = `${counted(small.length, "part")} with ${humanBytes(sumOf(small, "small_bytes"))}`;
  const limit = humanBytes(compact_bytes_min);
  print(world, `${what} left as lines: of less than ${limit} each; --all compacts them too`);
}

function sayNothingLeft(world: World, before_day: string): void {
  say(world, `no part before ${before_day} is left to compact`);
}

function sumOf<Field extends string>(
  rows: readonly { [field in Field]?: number }[],
  field: Field,
): number {
  return rows.reduce((sum, row) => sum + (row[field] ?? 0), 0);
}
