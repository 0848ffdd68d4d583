/** Traced events of other programs, as NDJSON, into a store. */
import { LedgerError } from "../base/error.ts";
import { asLedgerError } from "../base/error.ts";
import { event_bytes_max, read_bytes } from "../base/limits.ts";
import type { Input, World } from "../base/world.ts";
import { linesOf } from "../log/mod.ts";
import { MicrosecondClock } from "./clock.ts";
import { completeTraced, parseTraced, type TracedDefaults } from "./event.ts";
import type { TraceStore } from "./store.ts";

/** How events are taken in. */
export interface IngestOptions {
  /** What a bad line does. Default: stop. */
  on_error?: "stop" | "skip";
  /** The correlation of events that name none. */
  correlation_id?: string;
  /** Told of each line that is skipped. */
  onSkip?: (line: number, error: LedgerError) => void;
}

/** What was taken in. All of it is durable. */
export interface IngestReport {
  events: number;
  critical: number;
  skipped: number;
}

const NEWLINE = 10;

/**
 * Takes in a stream of NDJSON. Everything before a bad line is kept, and durable, when it throws; the
 * error's `detail.durable` says how many events that are.
 */
export async function ingestTraces(
  world: World,
  store: TraceStore,
  input: Pick<Input, "read">,
  options: IngestOptions = {},
): Promise<IngestReport> {
  const defaults = defaultsOf(world);
  const before = { ...store.counters };
  let line_number = 0;
  let skipped = 0;
  let failure: LedgerError | undefined;
  const take = (text: string | undefined) => {
    line_number++;
    if (text?.trim() === "") return;
    try {
      if (text === undefined) throw notUtf8();
      const given = parseTraced(text);
      given.correlation_id ??= options.correlation_id;
      store.record(completeTraced(given, defaults));
    } catch (thrown) {
      const error = asLedgerError(thrown)?.with({ where: { line: line_number } });
      if (!error) throw thrown;
      // Only what is wrong with the line can be skipped, not what is wrong with the disk.
      if (options.on_error !== "skip" || error.code !== "invalid") throw error;
      skipped++;
      options.onSkip?.(line_number, error);
    }
  };
  try {
    for await (const block of wholeLines(input)) {
      for (const { text } of linesOf(block, 0)) take(text);
    }
  } catch (thrown) {
    failure = asLedgerError(thrown);
    if (!failure) throw thrown;
  }
  await store.sync();
  const events = store.counters.events - before.events;
  if (failure) {
    throw failure.with({
      message: `${failure.message} (the events before it are durable: ${events})`,
      detail: { durable: events },
    });
  }
  return { events, critical: store.counters.critical - before.critical, skipped };
}

/** An id for events that have none: chance for each stream, and a count within it. */
function defaultsOf(world: World): TracedDefaults {
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

/** A stream in stretches that end in a newline. Its last line may lack one. */
async function* wholeLines(input: Pick<Input, "read">): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(read_bytes);
  let filled = 0;
  for (;;) {
    if (filled === buffer.length) {
      if (filled > event_bytes_max) throw tooLong();
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const count = await input.read(buffer.subarray(filled));
    if (count === null) break;
    const end = buffer.subarray(filled, filled + count).lastIndexOf(NEWLINE);
    filled += count;
    if (end < 0) continue;
    const whole = filled - count + end + 1;
    yield buffer.subarray(0, whole);
    buffer.copyWithin(0, whole, filled);
    filled -= whole;
  }
  if (filled === 0) return;
  const last = new Uint8Array(filled + 1);
  last.set(buffer.subarray(0, filled));
  last[filled] = NEWLINE;
  yield last;
}

function notUtf8(): LedgerError {
  return new LedgerError({ code: "invalid", message: "cannot trace this event: it is not UTF-8" });
}

function tooLong(): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot trace an event of more than ${event_bytes_max} bytes`,
    hint: "put what is large into a file, and its path into data",
  });
}
