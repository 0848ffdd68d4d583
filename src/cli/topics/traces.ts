import type { Topic } from "../topic.ts";

export default {
  name: "traces",
  summary: "which signal led to this fill, and where the time went",
  see: ["trace ingest", "trace path", "trace latency", "trace export"],
  text: String.raw`
A strategy's events (signals, orders, fills) can be traced: each with the event that caused it
(causation_id), the group it belongs to (correlation_id: one run, say), its source, and when it was
created, emitted, received and processed, in microseconds since 1970 or as ISO times. Traces are stored
apart from the log, as Parquet by day and type. An event_id is stored once, however often it is
ingested.

  $ echo '{"event_id":"s1","event_type":"SIGNAL","source_container":"momentum","correlation_id":"bt1","created_at":1704067200000000,"emitted_at":1704067200000100,"received_at":1704067200000900,"processed_at":1704067200004000,"data":{"symbol":"SOL","strength":0.7}}' | ledger trace ingest
  1 event
  $ echo '{"event_id":"o1","event_type":"ORDER","source_container":"portfolio","correlation_id":"bt1","causation_id":"s1","created_at":1704067200004100,"emitted_at":1704067200004200,"received_at":1704067200004400,"processed_at":1704067200006000,"data":{"quantity":12}}' | ledger trace ingest
  1 event
  $ echo '{"event_id":"f1","event_type":"FILL","source_container":"execution","correlation_id":"bt1","causation_id":"o1","created_at":1704067200009000,"emitted_at":1704067200009050,"received_at":1704067200009250,"processed_at":1704067200010000,"data":{"price":101.5}}' | ledger trace ingest
  1 event
  $ echo '{"event_id":"f2","event_type":"FILL","source_container":"execution","correlation_id":"bt1","causation_id":"o1","created_at":1704067200009400,"emitted_at":1704067200009450,"received_at":1704067200009600,"processed_at":1704067200010900,"data":{"price":101.6}}' | ledger trace ingest
  1 event
  $ echo '{"event_id":"p1","event_type":"PORTFOLIO","source_container":"portfolio","correlation_id":"bt1","causation_id":"f1","created_at":1704067200010100,"emitted_at":1704067200010150,"received_at":1704067200010300,"processed_at":1704067200011800,"data":{"cash":8800}}' | ledger trace ingest
  1 event
  $ ledger trace path f1
  step  type    event_id  source     market time               wall time                  after  queued  in all  data
     1  SIGNAL  s1        momentum   2024-01-01 00:00:00.000Z  2024-01-01 00:00:00.000Z          800 µs          symbol=SOL strength=0.7
     2  ORDER   o1        portfolio  2024-01-01 00:00:00.004Z  2024-01-01 00:00:00.004Z  4.1 ms  200 µs  4.1 ms  quantity=12
     3  FILL    f1        execution  2024-01-01 00:00:00.009Z  2024-01-01 00:00:00.009Z  4.9 ms  200 µs    9 ms  price=101.5
  $ ledger trace tree bt1
  SIGNAL s1  momentum  4 ms
  └─ ORDER o1  portfolio  1.9 ms
     ├─ FILL f1  execution  1 ms
     │  └─ PORTFOLIO p1  portfolio  1.7 ms
     └─ FILL f2  execution  1.5 ms
  $ ledger trace latency bt1
  From creation to the end of processing, in ms:
  type       count   mean  median    p90    p95    p99    max  queued   work
  FILL           2  1.250   1.250  1.450  1.475  1.495  1.500   0.175  1.025
  ORDER          1  1.900   1.900  1.900  1.900  1.900  1.900   0.200  1.600
  PORTFOLIO      1  1.700   1.700  1.700  1.700  1.700  1.700   0.150  1.500
  SIGNAL         1  4.000   4.000  4.000  4.000  4.000  4.000   0.800  3.100

  From cause to effect, in ms:
  hop               count   mean  median    p90    p95    p99    max
  FILL → PORTFOLIO      1  1.100   1.100  1.100  1.100  1.100  1.100
  ORDER → FILL          2  5.100   5.100  5.260  5.280  5.296  5.300
  SIGNAL → ORDER        1  4.100   4.100  4.100  4.100  4.100  4.100

  All of them, in ms:
            1 to 2          4  ████████████████████████████████████████
            2 to 5          1  ██████████
  $ ledger trace query --type FILL
  time                      type  event_id  source     correlation  cause  latency ms
  2024-01-01 00:00:00.009Z  FILL  f1        execution  bt1          o1              1
  2024-01-01 00:00:00.009Z  FILL  f2        execution  bt1          o1            1.5
  $ ledger query --db traces "select event_id, data->>'price' as price, latency_ms, queue_time_ms from trace_events where event_type = 'FILL' order by (data->>'price')::double desc"
  event_id  price  latency_ms  queue_time_ms
  f2        101.6         1.5           0.15
  f1        101.5           1            0.2
  $ ledger trace compact
  5 events of 5 write-ahead files written to 5 Parquet files
  2 files (4.1 kB) merged into 1 (2.4 kB)
  $ ledger trace stats
  type       events  first                     last
  FILL            2  2024-01-01 00:00:00.009Z  2024-01-01 00:00:00.009Z
  ORDER           1  2024-01-01 00:00:00.004Z  2024-01-01 00:00:00.004Z
  PORTFOLIO       1  2024-01-01 00:00:00.010Z  2024-01-01 00:00:00.010Z
  SIGNAL          1  2024-01-01 00:00:00.000Z  2024-01-01 00:00:00.000Z
  5 events of 1 correlation: 4 files of 8.6 kB

‹trace_events› in ‹ledger query --db traces› has the events as they are at that moment, Parquet or not.
Its times are microseconds, as in make_timestamp(timestamp).

An event's own time (timestamp) is the market's; without one it is that of its creation. Wall time,
latencies and what stands after, queued and in all come from the program's stamps alone. Stamps that
are missing or run backwards are left out of latencies, and counted.

‹ledger trace publish› writes the outcome of a traced run to the log; the index then has it beside the
runs, and a path leads on to the run and its artifacts:

  $ ledger emit run.started --run-id traced --correlation-id bt1
  1769174332945_8e7b927a
  $ ledger trace publish bt1 --run-id traced --metrics '{"sharpe_ratio":1.4,"total_trades":2}'
  1769174333945_8e7b927b 5 events of bt1
  $ ledger rebuild
  data/ledger/index/runs.duckdb built from nothing: 2 new events (875 B), 2 events in all, 0 runs
  $ ledger query "select run_id, sharpe_ratio, event_count, status from backtest_analytics.backtest_runs"
  run_id  sharpe_ratio  event_count  status
  traced           1.4            5  completed
  $ ledger query "select event_type, mean_latency_ms, p95_latency_ms, event_count from backtest_analytics.event_latencies order by event_type"
  event_type  mean_latency_ms  p95_latency_ms  event_count
  FILL                   1.25           1.475            2
  ORDER                   1.9             1.9            1
  PORTFOLIO               1.7             1.7            1
  SIGNAL                    4               4            1
  $ ledger trace path p1
  step  type       event_id  source     market time               wall time                  after  queued  in all  data
     1  SIGNAL     s1        momentum   2024-01-01 00:00:00.000Z  2024-01-01 00:00:00.000Z          800 µs          symbol=SOL strength=0.7
     2  ORDER      o1        portfolio  2024-01-01 00:00:00.004Z  2024-01-01 00:00:00.004Z  4.1 ms  200 µs  4.1 ms  quantity=12
     3  FILL       f1        execution  2024-01-01 00:00:00.009Z  2024-01-01 00:00:00.009Z  4.9 ms  200 µs    9 ms  price=101.5
     4  PORTFOLIO  p1        portfolio  2024-01-01 00:00:00.010Z  2024-01-01 00:00:00.010Z  1.1 ms  150 µs   10 ms  cash=8800

  run traced, running

  # for Jaeger or Tempo; correlation is the trace, cause the parent span
  ledger trace export bt1 --to otlp-json --out data/ledger/bt1.json

  # a flame chart for Perfetto or chrome://tracing
  ledger trace export bt1 --to chrome --out data/ledger/bt1.trace.json

  # a smaller trace: every critical event with its neighbours, and a share of the rest
  ledger trace sample --rate 0.1 --out data/ledger/sample.ndjson

Programs in TypeScript trace as they publish, with Tracer and TracedEventBus of src/mod.ts: the event
that a handler handles is the cause of what it publishes, also across await. See
fixtures/embedding/backtest.ts.

A critical event (SIGNAL, ORDER, FILL, RISK_BREACH, PORTFOLIO, or types of your own) is in a
write-ahead file before trace() returns, the others within 64 events or 50 ms. So a killed program
loses no critical event. Parquet is made later, never while a strategy waits: when a tracer is closed,
by ‹ledger watch› about once a minute from what no living writer holds, or by ‹ledger trace compact›,
which also makes few files of many. Each record of a
write-ahead file carries a checksum: damage is reported with its place, and the records around it are
read.
`,
} satisfies Topic;
