import { latencyMs, queueTimeMs, type TracedEvent } from "../../trace/event/event.ts";
import { defineCommand } from "../command.ts";
import { count, format, ledgerFlags, text, texts, time } from "../flags.ts";
import { openFor } from "../open.ts";
import { type Column, fieldColumns, rowFormat, RowPrinter, showTracedTime } from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace query",
  summary: "list traced events by correlation, type, source and time",
  description: "Lists traced events by time. JSON, NDJSON and CSV have all their fields, and " +
    "latency_ms (from creation to the end of processing) and queue_time_ms (on the bus).",
  examples: {
    "ledger trace query --correlation bt1": "everything of one run",
    "ledger trace query --type FILL --limit 10 --format ndjson": "fills, for a program",
  },
  flags: {
    "correlation": text("ID", "of this correlation", { aliases: ["correlation-id"] }),
    "type": texts("TYPE", "of this type; may be repeated"),
    "source": text("NAME", "emitted by this container"),
    "event-id": texts("ID", "with this id; may be repeated"),
    "since": time("from this time on"),
    "until": time("before this time"),
    "limit": count("at most so many, the earliest (default: all)", { short: "n" }),
    "format": format(),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const now_ms = world.now_ms();
    const batches = ledger.traces.read({
      correlation_id: flags.correlation,
      event_types: flags.type,
      event_ids: flags["event-id"],
      source: flags.source,
      since_us: flags.since?.us(now_ms),
      until_us: flags.until?.us(now_ms),
      limit: flags.limit,
    });
    const format = rowFormat(flags);
    const printer = new RowPrinter(world, format === "table" ? COLUMNS : FIELDS, format);
    for await (const batch of batches) for (const event of batch) printer.print(rowOf(event));
    printer.end();
    sayWhatIsMissing(world, ledger.traces.damage);
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

const FIELDS = fieldColumns(
  "event_id event_type timestamp correlation_id causation_id source_container destination " +
    "created_at emitted_at received_at processed_at latency_ms queue_time_ms " +
    "sequence_number partition_key version data",
);
