import type { World } from "../../base/world.ts";
import {
  analyzeLatency,
  barText,
  histogramOf,
  latenciesMs,
  type LatencyReport,
  type LeftOutStamps,
} from "../../trace/ask/latency.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanCount, paintFor, plain, print, printJson, printRows, say } from "../output.ts";
import { queryTraces } from "../traces.ts";

export default defineCommand({
  name: "trace latency",
  summary: "where the time went: per event type, and from cause to effect",
  description: "Computes, for a correlation's events by type, the latency from creation to the " +
    "end of processing, split into time on the bus and work, and the latency from causes to " +
    "effects. Leaves out timestamps that are missing or run backwards, and counts them.",
  examples: {
    "ledger trace latency bt1": "tables, and a histogram",
    "ledger trace latency bt1 --json": "the same, as JSON",
  },
  positionals: [{ name: "CORRELATION", summary: "the correlation's id", required: true }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    const events = await queryTraces(world, ledger, { correlation_id, without_data: true });
    const report = analyzeLatency(events);
    const latencies_ms = latenciesMs(events);
    if (flags.json) return printJson(world, { ...report, histogram: histogramOf(latencies_ms) });
    printTypes(world, report);
    printHops(world, report);
    printHistogram(world, latencies_ms);
  },
});

const FIGURES = ["count", "mean_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"] as const;

const figureColumns = FIGURES.map((field) => ({
  field,
  title: field.replace("_ms", ""),
  right: true,
  show: (value: unknown) =>
    value === undefined || value === null
      ? ""
      : field === "count"
      ? humanCount(Number(value))
      : Number(value).toFixed(3),
}));

function printTypes(world: World, { types }: LatencyReport): void {
  const { bold } = paintFor(world, world.stdout);
  print(world, bold("From creation to the end of processing, in ms:"));
  const rows = Object.entries(types).map(([type, { latency, queue, processing }]) => ({
    type,
    ...latency,
    queue: queue?.mean_ms,
    work: processing?.mean_ms,
  }));
  const mean = (value: unknown) => typeof value === "number" ? value.toFixed(3) : "";
  printRows(world, rows, [
    { field: "type" },
    ...figureColumns,
    { field: "queue", title: "queued", right: true, show: mean },
    { field: "work", right: true, show: mean },
  ]);
  for (const [type, { left_out }] of Object.entries(types)) sayLeftOut(world, type, left_out);
}

function printHops(world: World, { hops }: LatencyReport): void {
  const rows = hops.flatMap(({ from, to, latency }) =>
    latency ? [{ hop: `${from} → ${to}`, ...latency }] : []
  );
  if (rows.length > 0) {
    print(world, `\n${paintFor(world, world.stdout).bold("From cause to effect, in ms:")}`);
    printRows(world, rows, [{ field: "hop" }, ...figureColumns]);
  }
  for (const { from, to, left_out } of hops) sayLeftOut(world, `${from} → ${to}`, left_out);
}

function printHistogram(world: World, latencies_ms: readonly number[]): void {
  const bars = histogramOf(latencies_ms);
  if (bars.length === 0) return;
  const most = bars.reduce((largest, { count }) => Math.max(largest, count), 0);
  const { bold, cyan } = paintFor(world, world.stdout);
  print(world, `\n${bold("All of them, in ms:")}`);
  for (const { from_ms, to_ms, count } of bars) {
    const range = `${from_ms} to ${to_ms}`.padStart(16);
    const bar = cyan(barText(count, most));
    print(world, `${range}  ${humanCount(count).padStart(9)}  ${bar}`.trimEnd());
  }
}

function sayLeftOut(world: World, name: string, left_out: LeftOutStamps): void {
  const told = Object.entries(left_out).filter(([, count]) => count > 0)
    .map(([why, count]) => `${humanCount(count)} ${why.replaceAll("_", " ")}`);
  if (told.length > 0) say(world, `${plain(name)}: timestamps left out: ${told.join(", ")}`);
}
