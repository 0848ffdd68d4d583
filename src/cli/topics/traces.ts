import type { Topic } from "../topic.ts";

const SIGNAL = `{"event_id":"s1","event_type":"SIGNAL","correlation_id":"bt1",` +
  `"created_at":1704067200000000,"processed_at":1704067200004000}`;
const FILL = `{"event_id":"f1","event_type":"FILL","correlation_id":"bt1","causation_id":"s1",` +
  `"created_at":1704067200009000,"processed_at":1704067200010000}`;

const topic: Topic = {
  name: "traces",
  summary: "which signal led to this fill, and where the time went",
  pieces: [
    "A strategy's events can be traced: each with what caused it (causation_id), what it belongs to " +
    "(correlation_id: one run, say), where it came from, and when it was made, put on the bus, " +
    "received and processed, in microseconds since 1970. Traces are kept apart from the log.",
    { shows: "take in a signal", line: `echo '${SIGNAL}' | ledger trace ingest` },
    { shows: "and the fill that it led to", line: `echo '${FILL}' | ledger trace ingest` },
    { shows: "from the fill back to its signal", line: "ledger trace path f1" },
    { shows: "everything of a correlation, as a tree", line: "ledger trace tree bt1" },
    { shows: "where the time went", line: "ledger trace latency bt1" },
    { shows: "events by type, source and time", line: "ledger trace query --type FILL --limit 10" },
    "Programs in TypeScript trace as they publish, with Tracer and TracedEventBus of src/mod.ts: what a " +
    "handler publishes was caused by the event that it handles.",
    "A critical event (SIGNAL, ORDER, FILL, RISK_BREACH, PORTFOLIO, or types of your own) is in a " +
    "write-ahead file before trace() returns, the others within 64 events or 50 ms. So a killed " +
    "program loses no critical event. Parquet is made of them later, never while a strategy waits. Each " +
    "record of a write-ahead file carries a checksum: damage is told with its place, and all around it " +
    "is read.",
    {
      shows: "make Parquet of what is waiting, and few files of many",
      line: "ledger trace compact",
    },
    { shows: "how much there is", line: "ledger trace stats" },
    {
      shows: "a smaller trace that still has everything critical",
      line: "ledger trace sample --rate 0.1 --out data/ledger/sample.ndjson",
    },
    {
      shows: "for Jaeger or Tempo; --to chrome is for Perfetto",
      line: "ledger trace export bt1 --to otlp-json --out data/ledger/bt1.json",
    },
    {
      shows: "say in the log what came of it, so that the index has it beside the runs",
      line: `ledger trace publish bt1 --metrics '{"sharpe_ratio":1.4}'`,
    },
    "Stamps that are missing or run backwards are left out of latencies, and counted. A chain that is " +
    "cut says so: its cause was not traced, or stands in the log (ledger rebuild, then ask again).",
  ],
  see: ["trace ingest", "trace path", "trace latency", "trace export"],
};
export default topic;
