import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { noEventsOf } from "../../trace/event/filter.ts";
import {
  analyzeLatency,
  barText,
  histogramOf,
  latenciesMs,
  type LatencyReport,
  type LeftOutStamps,
} from "../../trace/ask/latency.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanCount, paintFor, plain, print, printRows, say } from "../output.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace latency",
  summary: "where the time went: per type of event, and from cause to effect",
  description:
    "Of a correlation's events, tells per type how long it took from creation to the end " +
    "of processing, with the wait on the bus apart from the work, and from causes to effects. " +
    "Stamps that are missing or run backwards are left out, and counted.",
  examples: [
    { line: "ledger trace latency bt1", shows: "tables, and a histogram" },
    { line: "ledger trace latency bt1 --json", shows: "the same for programs" },
  ],
  positionals: [{ name: "CORRELATION", summary: "the correlation's id", required: true }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id, without_data: true });
    sayWhatIsMissing(world, ledger.traces.damage);
    if (events.length === 0) {
      throw noEventsOf(ledger.traces.dir, correlation_id);
    }
    const report = analyzeLatency(events);
    const latencies_ms = latenciesMs(events);
    if (flags.json) {
      print(world, JSON.stringify({ ...report, histogram: histogramOf(latencies_ms) }));
      return EXIT_OK;
    }
    tellTypes(world, report);
    tellHops(world, report);
    tellHistogram(world, latencies_ms);
    return EXIT_OK;
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

function tellTypes(world: World, { types }: LatencyReport): void {
  print(
    world,
    paintFor(world, world.stdout).bold("From creation to the end of processing, in ms:"),
  );
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
  ], "table");
  for (const [type, { left_out }] of Object.entries(types)) tellLeftOut(world, type, left_out);
}

function tellHops(world: World, { hops }: LatencyReport): void {
  const rows = hops.flatMap(({ from, to, latency }) =>
    latency ? [{ hop: `${from} → ${to}`, ...latency }] : []
  );
  if (rows.length > 0) {
    print(world, `\n${paintFor(world, world.stdout).bold("From cause to effect, in ms:")}`);
    printRows(world, rows, [{ field: "hop" }, ...figureColumns], "table");
  }
  for (const { from, to, left_out } of hops) tellLeftOut(world, `${from} → ${to}`, left_out);
}

function tellHistogram(world: World, latencies_ms: readonly number[]): void {
  const bars = histogramOf(latencies_ms);
  if (bars.length === 0) return;
  const most = bars.reduce((largest, { count }) => Math.max(largest, count), 0);
  const { bold, cyan } = paintFor(world, world.stdout);
  print(world, `\n${bold("All of them, in ms:")}`);
  for (const { from_ms, to_ms, count } of bars) {
    const range = `${from_ms} to ${to_ms}`.padStart(16);
    print(
      world,
      `${range}  ${humanCount(count).padStart(9)}  ${cyan(barText(count, most))}`.trimEnd(),
    );
  }
}

function tellLeftOut(world: World, name: string, left_out: LeftOutStamps): void {
  const told = Object.entries(left_out).filter(([, count]) => count > 0)
    .map(([why, count]) => `${humanCount(count)} ${why.replaceAll("_", " ")}`);
  if (told.length > 0) say(world, `${plain(name)}: stamps left out: ${told.join(", ")}`);
}
