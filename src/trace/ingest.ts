/** A stream of NDJSON into a store: events that another program traced, one a line. */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { event_bytes_max, read_bytes, unsynced_bytes_max } from "../base/limits.ts";
import type { Input, World } from "../base/world.ts";
import { type Line, linesOf } from "../log/lines.ts";
import { completeTraced, parseTraced, type TracedDefaults } from "./event.ts";
import { MicrosecondClock } from "./clock.ts";
import type { TraceStore } from "./store.ts";

/** How a stream is taken in. */
export interface IngestOptions {
  /** What a bad line does: end the stream (what came before it is kept), or be passed over. */
  on_error?: "stop" | "skip";
  /** Told each bad line that is passed over. */
  onBadLine?: (error: LedgerError) => void;
  /** Ends the stream early; what was read until then is kept. */
  signal?: AbortSignal;
  /** What the stream is called in errors. */
  name?: string;
}

/** What became of a stream. */
export interface IngestReport {
  lines: number;
  /** Events that are durable. */
  events: number;
  bad: number;
}

const NEWLINE = 10;

/** Takes in every line of an input; durable when it returns. Throws at a bad line unless told to skip. */
export async function ingestStream(
  world: World,
  store: TraceStore,
  input: Pick<Input, "read">,
  options: IngestOptions = {},
): Promise<IngestReport> {
  const report: IngestReport = { lines: 0, events: 0, bad: 0 };
  const defaults = defaultsFor(world);
  let unsynced_bytes = 0;
  let syncing: Promise<void> | undefined;
  try {
    for await (const block of blocksOf(input, options.signal)) {
      for (const line of linesOf(block, 0)) takeLine(store, line, defaults, report, options);
      unsynced_bytes += block.length;
      if (unsynced_bytes < unsynced_bytes_max) continue;
      // Syncing goes on beside reading, and is never more than one such stretch behind it.
      await syncing;
      syncing = store.sync();
      // Whoever waits for it hears of it; until then it is nobody's.
      syncing.catch(() => {});
      unsynced_bytes = 0;
    }
    await syncing;
    await store.sync();
    return report;
  } catch (error) {
    await syncing?.catch(() => {});
    await store.sync();
    const said = asLedgerError(error);
    if (!said) throw error;
    const kept = report.events === 1 ? "1 event is kept" : `${report.events} events are kept`;
    throw said.with({ message: `${said.message}. ${kept}`, detail: { durable: report.events } });
  }
}

function takeLine(
  store: TraceStore,
  { text, size_bytes }: Line,
  defaults: TracedDefaults,
  report: IngestReport,
  options: IngestOptions,
): void {
  report.lines++;
  if (size_bytes === 0) return;
  const where = { path: options.name ?? "standard input", line: report.lines };
  let event;
  try {
    if (text === undefined) throw cannotTrace("it is not valid UTF-8");
    if (text.trim() === "") return;
    event = completeTraced(parseTraced(text), defaults);
  } catch (cause) {
    const error = asLedgerError(cause)?.with({ where });
    if (!error) throw cause;
    report.bad++;
    if (options.on_error !== "skip") throw error;
    options.onBadLine?.(error);
    return;
  }
  store.record(event);
  report.events++;
}

function defaultsFor(world: World): TracedDefaults {
  const clock = new MicrosecondClock(world);
  const suffix = world.random_uint32().toString(16).padStart(8, "0");
  const sequences = new Map<string, number>();
  let ids = 0;
  return {
    eventId: (event_type) => `${event_type}_${suffix}_${(ids++).toString(36)}`,
    now_us: () => clock.now_us(),
    nextSequence(correlation_id) {
      const next = (sequences.get(correlation_id) ?? 0) + 1;
      sequences.set(correlation_id, next);
      return next;
    },
  };
}

/** Stretches of whole lines. A last line without a newline counts as a line. */
async function* blocksOf(
  input: Pick<Input, "read">,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(read_bytes);
  let filled = 0;
  while (!signal?.aborted) {
    if (filled === buffer.length) {
      if (filled > event_bytes_max) throw cannotTrace(`it is longer than ${event_bytes_max} bytes`);
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const got = await input.read(buffer.subarray(filled));
    if (got === null) break;
    const newline = buffer.lastIndexOf(NEWLINE, filled + got - 1);
    filled += got;
    if (newline < 0) continue;
    yield buffer.subarray(0, newline + 1);
    buffer.copyWithin(0, newline + 1, filled);
    filled -= newline + 1;
  }
  // Told to stop in the middle of a line: what there is of it says nothing about the whole.
  if (filled === 0 || signal?.aborted) return;
  const last = new Uint8Array(filled + 1);
  last.set(buffer.subarray(0, filled));
  last[filled] = NEWLINE;
  yield last;
}

function cannotTrace(reason: string): LedgerError {
  return new LedgerError({ code: "invalid", message: `cannot trace this event: ${reason}` });
}
