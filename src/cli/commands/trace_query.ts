import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { table_width_rows } from "../../base/limits.ts";
import { latencyMs, queueTimeMs, type TracedEvent } from "../../trace/event/event.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, format, text, texts, time } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  type Column,
  printRows,
  rowFormat,
  RowPrinter,
  showTracedTime,
  type TableLayout,
} from "../output.ts";
import { timeToUs } from "../times.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace query",
  summary: "traced events, by correlation, type, source and time",
  description: "Lists traced events in the order of their time. As JSON, NDJSON or CSV with all " +
    "their fields, and latency_ms (creation to the end of processing) and queue_time_ms (on the " +
    "bus) beside them.",
  examples: [
    { line: "ledger trace query --correlation bt1", shows: "everything of one run" },
    {
      line: "ledger trace query --type FILL --limit 10 --format ndjson",
      shows: "fills, for programs",
    },
  ],
  flags: z.strictObject({
    "correlation": text({
      value: "ID",
      description: "of this correlation",
      aliases: ["correlation-id"],
    }),
    "type": texts({ value: "TYPE", description: "of this type; may be repeated" }),
    "source": text({ value: "NAME", description: "emitted by this container" }),
    "event-id": texts({ value: "ID", description: "with this id; may be repeated" }),
    "since": time({ description: "from this time on" }),
    "until": time({ description: "before this time" }),
    "limit": count({ short: "n", description: "at most so many, the earliest (default: all)" }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const now_ms = world.now_ms();
    const us = (flag: "since" | "until") =>
      flags[flag] === undefined ? undefined : timeToUs(flag, flags[flag], now_ms);
    const batches = ledger.traces.read({
      correlation_id: flags.correlation,
      event_types: flags.type,
      event_ids: flags["event-id"],
      source: flags.source,
      since_us: us("since"),
      until_us: us("until"),
      limit: flags.limit,
    });
    const printed = rowFormat(flags.format, flags.json, "table");
    if (printed === "table") {
      let layout: TableLayout | undefined;
      let first: TracedEvent[] = [];
      for await (const batch of batches) {
        for (const event of batch) first.push(event);
        if (first.length < table_width_rows) continue;
        layout = printRows(world, first.map(rowOf), COLUMNS, "table", layout);
        first = [];
      }
      if (first.length > 0 || !layout) printRows(world, first.map(rowOf), COLUMNS, "table", layout);
      sayWhatIsMissing(world, ledger.traces.damage);
      return EXIT_OK;
    }
    const printer = new RowPrinter(world, FIELDS, printed);
    for await (const batch of batches) for (const event of batch) printer.print(rowOf(event));
    printer.end();
    sayWhatIsMissing(world, ledger.traces.damage);
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

const COLUMNS: Column[] = [
  { field: "timestamp", title: "time", show: showTracedTime },
  { field: "event_type", title: "type" },
  { field: "event_id" },
  { field: "source_container", title: "source" },
  { field: "correlation_id", title: "correlation" },
  { field: "causation_id", title: "cause" },
  { field: "latency_ms", title: "latency ms", right: true },
];

const FIELDS: Column[] = [
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
  "sequence_number",
  "partition_key",
  "version",
  "data",
].map((field) => ({ field }));
