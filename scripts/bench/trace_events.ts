/** Traced events as runs make them: bars, indicators, and now and then a signal that leads to a fill. */
import type { TracedEvent } from "../../src/mod.ts";
import { writeAll } from "./events.ts";

/** Into how many correlations the events fall. */
export const CORRELATIONS = 100;

const START_US = Date.UTC(2026, 0, 23, 9) * 1000;
/** One in ten is critical. */
const TYPES = ["BAR", "INDICATOR", "BAR", "INDICATOR", "BAR", "INDICATOR", "BAR", "INDICATOR"];
const CHAIN = ["SIGNAL", "ORDER", "FILL"];

/** So many events; the same ones each time. */
export function* tracedEvents(count: number): Generator<TracedEvent> {
  const in_correlation = Math.ceil(count / CORRELATIONS);
  let seed = 42;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  let chain = 0;
  let cause = "";
  for (let n = 0; n < count; n++) {
    const is_critical = n % 10 === 9;
    const event_type = is_critical ? CHAIN[chain++ % 3] : TYPES[n % 8];
    const correlation = Math.floor(n / in_correlation);
    const event_id = `${event_type}_5f3a9c01_${n.toString(36)}`;
    const created_at = START_US + n * 37 + Math.floor(random() * 30);
    const price = Math.round(10_000 + random() * 5_000) / 100;
    yield {
      event_id,
      event_type,
      timestamp: created_at,
      correlation_id: `backtest_20260123_09${String(correlation).padStart(4, "0")}_0badcafe`,
      causation_id: event_type === "BAR" || event_type === "SIGNAL" ? "" : cause,
      source_container: event_type === "BAR" ? "data_feed" : "momentum_strategy",
      destination: "",
      created_at,
      emitted_at: created_at,
      received_at: created_at + 3 + Math.floor(random() * 20),
      processed_at: created_at + 60 + Math.floor(random() * 200),
      data: { symbol: "SPY", price, volume: Math.floor(random() * 100_000) },
      version: "1.0",
      sequence_number: n % in_correlation + 1,
      partition_key: "",
    };
    if (is_critical || event_type === "BAR") cause = event_id;
  }
}

/** The same as NDJSON; as events of the log they have a run and a time in milliseconds too. */
export function writeTracedFile(path: string, count: number, form?: "as events of the log"): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  let text = "";
  const write = () => {
    writeAll(file, encoder.encode(text));
    text = "";
  };
  for (const event of tracedEvents(count)) {
    const timestamp_ms = Math.floor(event.timestamp / 1000);
    const as_log = { event_type: "run.started", run_id: "bench", timestamp_ms };
    const causation_id = event.causation_id || null;
    text += JSON.stringify(form ? { ...event, causation_id, ...as_log } : event) + "\n";
    if (text.length > 1_000_000) write();
  }
  write();
}
