/** Traced events of many backtests: each correlation a thousand bars, some of which end in a fill. */
import { join } from "@std/path";
import { writeAll } from "./events.ts";

const EVENTS_A_CORRELATION = 1_000;
const T0 = 1_704_067_200_000_000;
const FLUSH_CHARS = 1 << 20;
/** One in so many bars leads to a signal, an order and a fill. */
const BARS_A_SIGNAL = 17;

/** The correlation in the middle of them all, and the fill it ends with. */
export function wanted(count: number): { correlation_id: string; fill: string } {
  const run = Math.floor(count / EVENTS_A_CORRELATION / 2);
  return { correlation_id: correlationOf(run), fill: `${run}-fill-0` };
}

function correlationOf(run: number): string {
  return `backtest_20240101_000000_${run.toString(16).padStart(8, "0")}`;
}

/** Writes so many events as NDJSON into a folder; returns the file's path. */
export function writeTraceFile(folder: string, count: number): string {
  const path = join(folder, "traces.ndjson");
  using file = Deno.openSync(path, { write: true, createNew: true });
  const encoder = new TextEncoder();
  let text = "";
  for (let run = 0; run * EVENTS_A_CORRELATION < count; run++) {
    for (const event of eventsOf(run)) {
      text += `${JSON.stringify(event)}\n`;
      if (text.length < FLUSH_CHARS) continue;
      writeAll(file, encoder.encode(text));
      text = "";
    }
  }
  writeAll(file, encoder.encode(text));
  return path;
}

function* eventsOf(run: number): Generator<Record<string, unknown>> {
  let at = 0;
  for (let bar = 0; at < EVENTS_A_CORRELATION; bar++) {
    const chain = bar % BARS_A_SIGNAL === 0 && at + 4 <= EVENTS_A_CORRELATION
      ? ["BAR", "SIGNAL", "ORDER", "FILL"]
      : ["BAR"];
    let cause = "";
    for (const event_type of chain) {
      const nth = event_type === "FILL" ? bar / BARS_A_SIGNAL : at;
      const event_id = `${run}-${event_type.toLowerCase()}-${nth}`;
      const created_at = T0 + run * 1_000_000 + at * 900;
      yield {
        event_id,
        event_type,
        timestamp: created_at,
        correlation_id: correlationOf(run),
        causation_id: cause,
        source_container: "strategy",
        created_at,
        processed_at: created_at + 40 + at % 60,
        data: { price: 100 + (at % 500) / 100 },
        sequence_number: ++at,
      };
      cause = event_id;
    }
  }
}
