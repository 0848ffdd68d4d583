/**
 * Completion of a traced event on its way in: its ids, its stamps and its number are filled in, and what
 * it must not hold is refused, with the field that is meant where a name is nearly right.
 */
import { quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import {
  timestamp_us_plausible_min,
  trace_clock_drift_ms_max,
  trace_clock_look_ms,
} from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { World } from "../../base/world.ts";
import {
  beforeMicroseconds,
  cannotTrace,
  isOfKind,
  TRACED_FIELD_NAMES,
  type TracedData,
  type TracedEvent,
  tracedProblem,
  wrongValue,
} from "./event.ts";

/** An event on its way in: what is missing is filled in. */
export type NewTracedEvent = Partial<TracedEvent> & { event_type: string };

type Given = Readonly<Record<string, unknown>>;

/** The correlation and the source of events that name none. */
const UNKNOWN = "unknown";
/** The version of the form that events have here. */
const TRACED_VERSION = "1.0";

/** Derived from the stamps; may stand in what comes in, and is not looked at. */
const DERIVED_FIELDS = ["latency_ms", "queue_time_ms"];
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...TRACED_FIELD_NAMES, ...DERIVED_FIELDS]);

/** What is filled in where an event does not say. */
interface TracedDefaults {
  correlation_id?: string;
  causation_id?: string;
  source_container?: string;
  destination?: string;
  /** Its creation and its emission, where it is traced as it happens. */
  emitted_at?: number;
  eventId(event_type: string): string;
  now_us(): number;
  nextSequence(correlation_id: string): number;
}

/** Ids, times and numbers for the events of one source. */
export class FreshDefaults implements TracedDefaults {
  correlation_id?: string;
  causation_id?: string;
  source_container?: string;
  destination?: string;
  emitted_at?: number;
  readonly #clock: MicrosecondClock;
  readonly #id_suffix: string;
  #ids = 0;
  readonly #sequences = new Map<string, number>();

  constructor(world: World) {
    this.#clock = new MicrosecondClock(world);
    // Chance for each source and a count within it: an id is never given twice, and packs well.
    this.#id_suffix = `${world.random_uint32().toString(16).padStart(8, "0")}_`;
  }

  eventId(event_type: string): string {
    return `${event_type}_${this.#id_suffix}${(this.#ids++).toString(36)}`;
  }

  now_us(): number {
    return this.#clock.now_us();
  }

  nextSequence(correlation_id: string): number {
    const next = (this.#sequences.get(correlation_id) ?? 0) + 1;
    this.#sequences.set(correlation_id, next);
    return next;
  }

  /** Forgets the count of a correlation that has ended. */
  forget(correlation_id: string): void {
    this.#sequences.delete(correlation_id);
  }
}

/** A line of NDJSON as the object that it holds. No digit of its numbers is lost. */
export function parseTraced(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseKeepingDigits(text);
  } catch (cause) {
    // The place within the line, which is the only line there is.
    const said = (cause as Error).message.replace(/ \(line \d+ column \d+\)$/, "");
    throw cannotTrace(`it is no JSON (${said})`, cause);
  }
  if (!isOfKind("object", value)) throw cannotTrace(`${quoted(value)} is no JSON object`);
  return value as Record<string, unknown>;
}

/** Fills in what an event leaves out, and throws at what it must not hold. */
export function completeTraced(given: Given, defaults: TracedDefaults): TracedEvent {
  const { event_type } = given;
  if (event_type === undefined) throw cannotTrace(unknownField(given) ?? "event_type is missing");
  if (typeof event_type !== "string") throw cannotTrace(wrongValue("event_type", event_type));
  const correlation_id = (given.correlation_id ?? defaults.correlation_id ?? UNKNOWN) as string;
  const created_at = (given.created_at ?? defaults.emitted_at ?? null) as number | null;
  const emitted_at = (given.emitted_at ?? defaults.emitted_at ?? null) as number | null;
  const event: TracedEvent = {
    event_id: (given.event_id ?? defaults.eventId(event_type)) as string,
    event_type,
    timestamp: (given.timestamp ?? created_at ?? emitted_at ?? defaults.now_us()) as number,
    correlation_id,
    causation_id: (given.causation_id ?? defaults.causation_id ?? "") as string,
    source_container: (given.source_container ?? defaults.source_container ?? UNKNOWN) as string,
    destination: (given.destination ?? defaults.destination ?? "") as string,
    created_at,
    emitted_at,
    received_at: (given.received_at ?? null) as number | null,
    processed_at: (given.processed_at ?? null) as number | null,
    data: (given.data ?? {}) as TracedData,
    version: (given.version ?? TRACED_VERSION) as string,
    sequence_number: (given.sequence_number ?? 0) as number,
    partition_key: (given.partition_key ?? "") as string,
  };
  const problem = tracedProblem(event, hasOurId(given));
  if (problem !== undefined) throw cannotTrace(creationProblem(given) ?? problem);
  const unknown = unknownField(given);
  if (unknown) throw cannotTrace(unknown);
  // Only now: an event that is refused takes no number.
  event.sequence_number =
    (given.sequence_number ?? defaults.nextSequence(correlation_id)) as number;
  return event;
}

/** Whether the id of an event is made here: of its type and of letters that stand everywhere as they are. */
export function hasOurId(given: Given): boolean {
  return (given.event_id ?? undefined) === undefined;
}

/** What is wrong with the stamps that stand in for a timestamp: not that one is what was given. */
function creationProblem(given: Given): string | undefined {
  if ((given.timestamp ?? undefined) !== undefined) return;
  const name = STAND_INS.find((stamp) => (given[stamp] ?? undefined) !== undefined);
  if (name === undefined) return;
  const value = given[name];
  if (!isOfKind("stamp", value)) return wrongValue(name, value);
  if (!isOfKind("time", value)) {
    return `${wrongValue(name, value, "time")}, or the event needs a timestamp of its own`;
  }
  if ((value as number) < timestamp_us_plausible_min) return beforeMicroseconds(name, value);
}

/** What an event's time is taken from where it has no timestamp. */
const STAND_INS = ["created_at", "emitted_at"] as const;

function unknownField(given: Given): string | undefined {
  for (const name in given) {
    if (KNOWN_FIELDS.has(name)) continue;
    const near = nearest(name, TRACED_FIELD_NAMES);
    return `there is no field ${quoted(name)}` +
      (near ? `; is it ${near}?` : "; what is the event's own goes into data");
  }
}

/**
 * Microseconds since 1970. The wall clock counts milliseconds, too coarse for what happens on a bus; the
 * monotonic clock counts finer and knows no date. So the one says where the other began.
 */
class MicrosecondClock {
  readonly #world: World;
  #base_ms: number;
  #looked_ms: number;

  constructor(world: World) {
    this.#world = world;
    this.#looked_ms = world.elapsed_ms();
    this.#base_ms = world.now_ms() - this.#looked_ms;
  }

  now_us(): number {
    const elapsed_ms = this.#world.elapsed_ms();
    if (elapsed_ms - this.#looked_ms >= trace_clock_look_ms) this.#look(elapsed_ms);
    return Math.round((this.#base_ms + elapsed_ms) * 1000);
  }

  #look(elapsed_ms: number): void {
    this.#looked_ms = elapsed_ms;
    const base_ms = this.#world.now_ms() - elapsed_ms;
    if (Math.abs(this.#base_ms - base_ms) > trace_clock_drift_ms_max) this.#base_ms = base_ms;
  }
}
