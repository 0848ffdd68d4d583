import * as z from "zod/mini";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { latencyMs, type TracedEvent } from "../../trace/event.ts";
import {
  analyzeLatency,
  type DurationSummary,
  type LatencyReport,
  type LeftOutStamps,
  stampsProblem,
} from "../../trace/latency.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, format } from "../flags.ts";
import { openFor } from "../open.ts";
import { type Column, humanCount, print, printRows, rowFormat, say } from "../output.ts";
import { usage } from "../parse.ts";
import { histogram, ms } from "../traces.ts";

const traceLatency = defineCommand({
  name: "trace latency",
  summary: "where the time went in a run: per type, per hop, and how it is spread",
  description:
    "Per type from creation to the end of processing, with the wait on the bus (queue) " +
    "apart from the work; per hop from a cause to its effect. Events with stamps that are missing, " +
    "below zero or out of order are left out, and counted.",
  examples: [
    { line: "ledger trace latency unknown", shows: "of what names no correlation" },
    { line: "ledger trace latency unknown --json", shows: "the same for programs" },
  ],
  positionals: [{ name: "CORRELATION", summary: "whose events", required: true }],
  flags: z.strictObject({ "format": format(), "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words }) => {
    const [correlation_id] = words;
    if (correlation_id === undefined) throw usage(traceLatency, "of which correlation?");
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id, without_data: true });
    if (events.length === 0) {
      throw new LedgerError({
        code: "not_found",
        message: `there is no event of correlation ${quoted(correlation_id)}`,
        hint: "to see some: ledger trace query --limit 10",
      });
    }
    const report = analyzeLatency(events);
    if (flags.json && flags.format === undefined) print(world, JSON.stringify(report));
    else {
      const printed = rowFormat(flags.format, flags.json, "table");
      printRows(world, rowsOf(report), COLUMNS, printed);
      if (printed === "table") printHistogram(world, events);
    }
    sayLeftOut(world, report);
    return EXIT_OK;
  },
});
export default traceLatency;

function rowsOf(report: LatencyReport): Record<string, unknown>[] {
  const row = (what: string, summary: DurationSummary | null) =>
    summary ? [{ what, ...summary }] : [];
  return [
    ...Object.entries(report.types).flatMap(([type, { latency, queue, processing }]) => [
      ...row(type, latency),
      ...row(`${type}, queue`, queue),
      ...row(`${type}, work`, processing),
    ]),
    ...report.hops.flatMap(({ from, to, latency }) => row(`${from} -> ${to}`, latency)),
  ];
}

const COLUMNS: Column[] = [
  { field: "what" },
  { field: "count", right: true, show: (value) => humanCount(Number(value)) },
  ...["mean", "median", "p90", "p95", "p99", "max"].map((name): Column => ({
    field: `${name}_ms`,
    title: `${name} ms`,
    right: true,
    show: ms,
  })),
];

function printHistogram(world: World, events: readonly TracedEvent[]): void {
  const latencies = events
    .filter(({ created_at, processed_at }) =>
      stampsProblem([created_at, processed_at]) === undefined
    ).map((event) => latencyMs(event)!);
  if (latencies.length === 0) return;
  print(world, "");
  for (const line of histogram(latencies)) print(world, line);
}

function sayLeftOut(world: World, report: LatencyReport): void {
  const total: LeftOutStamps = { missing: 0, negative: 0, out_of_order: 0 };
  for (const { left_out } of Object.values(report.types)) {
    for (const why of ["missing", "negative", "out_of_order"] as const) total[why] += left_out[why];
  }
  const { missing, negative, out_of_order } = total;
  if (missing + negative + out_of_order === 0) return;
  say(
    world,
    `left out: ${missing} with a stamp missing, ${negative} below zero, ${out_of_order} out of order`,
  );
}
