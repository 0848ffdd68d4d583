import type { World } from "../../base/world.ts";
import {
  analyzeLatency,
  barText,
  histogramOf,
  latenciesMs,
  type LatencyReport,
  type LeftOutStamps,
  type TypeLatency,
} from "../../trace/ask/latency.ts";
import { defineCommand } from "../command.ts";
import { format, ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  fieldColumns,
  humanCount,
  paintFor,
  plain,
  print,
  printJson,
  printRows,
  rowFormat,
  say,
} from "../output.ts";
import { queryTraces } from "../traces.ts";

export default defineCommand({
  name: "trace latency",
  summary: "where the time went: per event type, and from cause to effect",
  description: "Computes, for a correlation's events by type, the latency from creation to the " +
    "end of processing, split into time on the bus and work, and the latency from causes to " +
    "effects. Leaves out timestamps that are missing or run backwards, and counts them.",
  examples: {
    "ledger trace latency bt1": "tables, and a histogram",
    "ledger trace latency bt1 --json": "the same, as one JSON object",
    "ledger trace latency bt1 --format csv": "a row a type, and a row from cause to effect",
  },
  positionals: [{ name: "CORRELATION", summary: "the correlation's id", required: true }],
  flags: { "format": format(), ...ledgerFlags() },
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    const events = await queryTraces(world, ledger, { correlation_id, without_data: true });
    const report = analyzeLatency(events);
    const latencies_ms = latenciesMs(events);
    const format = rowFormat(flags);
    if (format === "json") {
      printJson(world, { ...report, histogram: histogramOf(latencies_ms) });
    } else if (format === "table") {
      printTypes(world, report);
      printHops(world, report);
      printHistogram(world, latencies_ms);
    } else printRows(world, rowsOf(report), FIELDS, format);
  },
});

const FIGURES = ["count", "mean_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"] as const;

const FIELDS = fieldColumns(
  `from to ${FIGURES.join(" ")} queued_mean_ms work_mean_ms missing negative out_of_order`,
);

/** Types and hops side by side: what has no cause of its own is from its own creation to its end. */
function rowsOf({ types, hops }: LatencyReport): Record<string, unknown>[] {
  const rowOf = (ends: { from: string | null; to: string }, of: Partial<TypeLatency>) => ({
    ...ends,
    ...Object.fromEntries(FIGURES.map((figure) => [figure, of.latency?.[figure] ?? null])),
    queued_mean_ms: of.queue?.mean_ms ?? null,
    work_mean_ms: of.processing?.mean_ms ?? null,
    ...of.left_out,
  });
  return [
    ...Object.entries(types).map(([to, latency]) => rowOf({ from: null, to }, latency)),
    ...hops.map(({ from, to, ...latency }) => rowOf({ from, to }, latency)),
  ];
}

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
