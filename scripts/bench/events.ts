/** The load: events as a parameter search makes them, about 260 bytes a line, the same every time. */

/** Events of this type are one in ten of the load; the others are trials. */
export const RARER_TYPE = "phase.completed";

const DAY_START_MS = Date.UTC(2026, 0, 23);
/** A million of them fill most of one day. */
const STEP_MS = 50;

/** The k-th event, as a program gives it to the library: id and time are left to us. */
export function eventFields(k: number): Record<string, unknown> {
  const run_id = `run-${digits(Math.floor(k / 1000), 6)}`;
  if (k % 10 === 9) {
    return {
      event_type: RARER_TYPE,
      run_id,
      phase_name: `walk-forward-${digits(k % 97, 2)}`,
      duration_ms: 1000 + (k % 8999),
      output_summary: {
        trials: 100 + (k % 900),
        best_trial: `t-${digits(k, 8)}`,
        best_sharpe: fraction(k, 3),
      },
    };
  }
  return {
    event_type: "trial.recorded",
    run_id,
    trial_id: `t-${digits(k, 8)}`,
    params: { lookback_bars: 10 + (k % 90), entry_z: fraction(k, 2), exit_z: fraction(k * 7, 1) },
    metrics: { sharpe: fraction(k, 3), pnl: fraction(k * 13, 9), max_drawdown: fraction(k, 1) },
  };
}

/** The k-th event as a whole line, with id and time and its newline. */
export function eventLine(k: number): string {
  const timestamp_ms = DAY_START_MS + k * STEP_MS;
  const event_id = `${timestamp_ms}_${(k >>> 0).toString(16).padStart(8, "0")}`;
  return JSON.stringify({ ...eventFields(k), timestamp_ms, event_id }) + "\n";
}

const LINES_A_WRITE = 10_000;

/** Writes so many lines into a file, from the k-th event on. */
export function writeEventFile(path: string, count: number, first = 0): void {
  const encoder = new TextEncoder();
  using file = Deno.openSync(path, { write: true, createNew: true });
  const end = first + count;
  for (let k = first; k < end; k += LINES_A_WRITE) {
    let text = "";
    for (let line = k; line < Math.min(k + LINES_A_WRITE, end); line++) text += eventLine(line);
    writeAll(file, encoder.encode(text));
  }
  file.syncSync();
}

/** Writes all of it: a system may take less than it was given. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

/** Digits that look measured: four of them, below `most`. */
function fraction(k: number, most: number): number {
  return ((k * 7919) % (most * 10_000) + 1) / 10_000;
}
