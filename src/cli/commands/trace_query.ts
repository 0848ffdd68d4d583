import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { latencyMs, queueTimeMs, type TracedEvent } from "../../trace/event.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, format, text, texts, time } from "../flags.ts";
import { openFor } from "../open.ts";
import { type Column, printRows, rowFormat, RowPrinter } from "../output.ts";
import { timeToMs } from "../times.ts";
import { ms, utcMicroseconds } from "../traces.ts";

const US_A_MS = 1000;

export default defineCommand({
  name: "trace query",
  summary: "list traced events: by correlation, type, source, time",
  description: "Prints the events that fit, in the order of their time; those of runs that are " +
    "going on too. A table on a terminal, NDJSON otherwise.",
  examples: [
    { line: "ledger trace query --type FILL --format table", shows: "all fills" },
    {
      line: "ledger trace query --correlation unknown --since 2026-01-23 --json",
      shows: "what names no correlation, from that day on",
    },
  ],
  flags: z.strictObject({
    "correlation": text({ value: "ID", description: "of this correlation" }),
    "type": texts({ value: "TYPE", description: "of this type; may be given several times" }),
    "source": text({ value: "NAME", description: "emitted by this container" }),
    "event-id": texts({ value: "ID", description: "with this id; may be given several times" }),
    "since": time({ description: "from this time on" }),
    "until": time({ description: "before this time" }),
    "limit": count({ short: "n", description: "at most so many, the earliest first" }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const now_ms = world.now_ms();
    const us = (name: "since" | "until") =>
      flags[name] === undefined ? undefined : timeToMs(name, flags[name], now_ms) * US_A_MS;
    const batches = ledger.traces.read({
      correlation_id: flags.correlation,
      event_types: flags.type?.flatMap((type) => type.split(",")),
      event_ids: flags["event-id"],
      source: flags.source,
      since_us: us("since"),
      until_us: us("until"),
      limit: flags.limit,
    });
    const printed = rowFormat(
      flags.format,
      flags.json,
      world.stdout.is_terminal ? "table" : "ndjson",
    );
    const printer = new RowPrinter(world, DATA_COLUMNS, printed);
    let widths: number[] | undefined;
    for await (const events of batches) {
      const rows = events.map(rowOf);
      if (printed === "table") widths = printRows(world, rows, TABLE_COLUMNS, printed, widths);
      else for (const row of rows) printer.print(row);
    }
    if (printed !== "table") printer.end();
    else if (!widths) printRows(world, [], TABLE_COLUMNS, printed);
    return EXIT_OK;
  },
});

function rowOf(event: TracedEvent): Record<string, unknown> {
  return {
    ...event,
    latency_ms: latencyMs(event) ?? null,
    queue_time_ms: queueTimeMs(event) ?? null,
  };
}

const DATA_COLUMNS: Column[] = [
  "event_id",
  "event_type",
  "timestamp",
  "correlation_id",
  "causation_id",
  "source_container",
  "destination",
  "created_at",
  "emitted_at",
  "received_at",
  "processed_at",
  "latency_ms",
  "queue_time_ms",
  "data",
  "sequence_number",
].map((field) => ({ field }));

const TABLE_COLUMNS: Column[] = [
  { field: "timestamp", title: "time", show: (value) => utcMicroseconds(Number(value)) },
  { field: "event_type", title: "type" },
  { field: "event_id", title: "event" },
  { field: "causation_id", title: "caused by" },
  { field: "source_container", title: "source" },
  { field: "latency_ms", title: "took ms", right: true, show: ms },
  { field: "correlation_id", title: "correlation" },
];
