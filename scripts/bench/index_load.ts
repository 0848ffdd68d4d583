/** A log for the index benches: ten days of runs, most of it trials, 261 MB for a million events. */
import { join } from "@std/path";
import { DAY_MS } from "../../src/base/format.ts";
import { writeAll } from "./events.ts";

const DAYS = 10;
const FIRST_DAY_MS = Date.UTC(2026, 0, 10);
const TRIALS_A_RUN = 490;
const FLUSH_CHARS = 1 << 20;

/** Writes a log of so many events below a folder's `data/ledger`; returns its parts. */
export function writeLog(folder: string, count: number): string[] {
  const encoder = new TextEncoder();
  const parts: string[] = [];
  for (let day = 0; day < DAYS; day++) {
    const start_ms = FIRST_DAY_MS + day * DAY_MS;
    const name = `day=${new Date(start_ms).toISOString().slice(0, 10)}`;
    const path = join(folder, "data", "ledger", "events", name);
    Deno.mkdirSync(path, { recursive: true });
    parts.push(join(path, "part-000001.jsonl"));
    using file = Deno.openSync(parts[day], { write: true, createNew: true });
    let text = "";
    for (const line of linesOfDay(day, start_ms, count / DAYS)) {
      text += line;
      if (text.length < FLUSH_CHARS) continue;
      writeAll(file, encoder.encode(text));
      text = "";
    }
    writeAll(file, encoder.encode(text));
  }
  return parts;
}

function* linesOfDay(day: number, start_ms: number, count: number): Generator<string> {
  let written = 0;
  for (let run = 0; written < count; run++) {
    for (const event of eventsOfRun(`run-${day}-${run}`)) {
      if (written === count) return;
      const timestamp_ms = start_ms + Math.floor(written / count * DAY_MS);
      const serial = (day * count + written).toString(16).padStart(8, "0");
      written++;
      yield JSON.stringify({ ...event, timestamp_ms, event_id: `${timestamp_ms}_${serial}` }) +
        "\n";
    }
  }
}

/** One run as the log sees it. */
export function* eventsOfRun(run_id: string): Generator<Record<string, unknown>> {
  const config = { stop_loss_bps: 500, window: "1m" };
  yield { event_type: "run.created", run_id, run_type: "policy", config, data_fingerprint: "fp" };
  yield { event_type: "run.started", run_id };
  yield { event_type: "phase.started", run_id, phase_name: "simulate", phase_order: 0 };
  for (let trial = 0; trial < TRIALS_A_RUN; trial++) {
    yield {
      event_type: "trial.recorded",
      run_id,
      trial_id: `t-${run_id}-${trial}`,
      params: { stop_loss_bps: 100 + trial, take_profit_bps: 1500, window: "1m" },
      metrics: { avg_return_bps: 12.5 + trial, stop_out_rate: 0.25, trades: 117 },
    };
  }
  const output_summary = { trials: TRIALS_A_RUN };
  yield {
    event_type: "phase.completed",
    run_id,
    phase_name: "simulate",
    duration_ms: 1200,
    output_summary,
  };
  yield {
    event_type: "artifact.created",
    run_id,
    artifact_type: "trades",
    artifact_path: `artifacts/runs/${run_id}/trades.parquet`,
    size_bytes: 1234,
  };
  yield {
    event_type: "run.completed",
    run_id,
    summary: { avg_return_bps: 12.5 },
    artifact_paths: {},
  };
}
