/**
 * Lineage: the graph of causes and effects. Pure, and without recursion: a chain may be as long as memory
 * allows.
 *
 * A cause is named by its id, and ids come from programs: they may be missing, occur several times, lie
 * in another correlation, or lead back to where they came from. None of that is an error here; all of it
 * is reported.
 */
import { betweenMs, queueTimeMs, type TracedEvent } from "../event/event.ts";

/** What lineage needs to know of an event. */
export interface LineageEvent {
  event_id: string;
  correlation_id: string;
  causation_id: string;
}

/** An id that several events have. */
export interface RepeatedId {
  event_id: string;
  events: number;
}

/** An event whose cause belongs to another correlation. */
export interface Crossing extends LineageEvent {
  cause_correlation_id: string;
}

/** How a path back to the origin ended. */
export type PathEnd =
  /** At an event that nothing caused. */
  | "root"
  /** At an event whose cause is not there. */
  | "missing_cause"
  /** At an event that was met before. */
  | "cycle"
  /** There is no event to begin with. */
  | "absent";

/** The chain of causes of an event, the origin first. */
export interface CausationPath<Event> {
  path: Event[];
  end: PathEnd;
  /** The id of the cause that is not there. */
  missing_cause?: string;
  /** The ids that go round in a circle, each caused by the one before it. */
  cycle?: string[];
  /** Ids on the way that several events have; the likeliest one was followed. */
  repeated: RepeatedId[];
  crossings: Crossing[];
}

/** A line of a tree: its events in order, effects below their cause. */
export interface TreeLine<Event> {
  event: Event;
  /** 0 at the root. */
  depth: number;
  /** Whether no other effect of the same cause follows. */
  is_last: boolean;
}

/** What is not as it should be among a set of events. */
export interface LineageProblems<Event> {
  /** Events whose cause is not among them. */
  orphans: Event[];
  /** The ids of each circle. */
  cycles: string[][];
  repeated: RepeatedId[];
  crossings: Crossing[];
}

/** Events, looked up by what they caused and what caused them. */
export class Lineage<Event extends LineageEvent> {
  readonly events: readonly Event[];
  readonly #by_id = new Map<string, Event | Event[]>();
  #effects?: Map<Event | undefined, Event[]>;

  constructor(events: Iterable<Event>) {
    this.events = [...events];
    for (const event of this.events) {
      const same_id = this.#by_id.get(event.event_id);
      // Nearly every id is had by one event: an array for each would take as much as the events.
      if (same_id === undefined) this.#by_id.set(event.event_id, event);
      else if (Array.isArray(same_id)) same_id.push(event);
      else this.#by_id.set(event.event_id, [same_id, event]);
    }
  }

  /** All events with an id, in the order given. */
  withId(event_id: string): readonly Event[] {
    const found = this.#by_id.get(event_id);
    return found === undefined ? [] : Array.isArray(found) ? found : [found];
  }

  /**
   * The event that caused this one; undefined when none did, or when it is not there. Of several with
   * its id the first of the same correlation, if any is, and the event itself only if it is the only one.
   */
  causeOf(event: Event): Event | undefined {
    if (event.causation_id === "") return undefined;
    const found = this.#by_id.get(event.causation_id);
    if (found === undefined || !Array.isArray(found)) return found;
    const others = found.filter((other) => other !== event);
    return others.find(({ correlation_id }) => correlation_id === event.correlation_id) ??
      others[0];
  }

  /** The events that this one caused, in the order given. */
  effectsOf(event: Event): readonly Event[] {
    this.#effects ??= Map.groupBy(this.events, (effect) => this.causeOf(effect));
    return this.#effects.get(event) ?? [];
  }

  /** The chain from the origin to an event. */
  pathTo(event: Event): CausationPath<Event> {
    const path: Event[] = [];
    const repeated: RepeatedId[] = [];
    const crossings: Crossing[] = [];
    const met = new Set<Event>();
    let end: PathEnd = "root";
    let current: Event | undefined = event;
    while (current !== undefined && !met.has(current)) {
      met.add(current);
      path.push(current);
      const events = this.withId(current.event_id).length;
      if (events > 1) repeated.push({ event_id: current.event_id, events });
      const cause = this.causeOf(current);
      if (cause) crossings.push(...crossing(current, cause));
      else if (current.causation_id !== "") end = "missing_cause";
      current = cause;
    }
    const last = path[path.length - 1];
    const cycle = current && path.slice(path.indexOf(current)).map(({ event_id }) => event_id);
    return {
      path: path.reverse(),
      end: cycle ? "cycle" : end,
      ...(cycle ? { cycle: cycle.reverse() } : {}),
      ...(end === "missing_cause" ? { missing_cause: last.causation_id } : {}),
      repeated: repeated.reverse(),
      crossings: crossings.reverse(),
    };
  }

  /** Where trees begin: at what nothing caused, what lost its cause, and one event of each circle. */
  roots(): Event[] {
    const in_cycle = new Set(this.#cycles().map(([first]) => first));
    return this.events.filter((event) => in_cycle.has(event) || this.causeOf(event) === undefined);
  }

  /** Everything that came of an event, itself included. */
  *treeOf(root: Event): Generator<TreeLine<Event>> {
    const met = new Set<Event>([root]);
    const open: TreeLine<Event>[] = [{ event: root, depth: 0, is_last: true }];
    for (let line = open.pop(); line !== undefined; line = open.pop()) {
      yield line;
      const effects = this.effectsOf(line.event).filter((effect) => !met.has(effect));
      for (let at = effects.length - 1; at >= 0; at--) {
        met.add(effects[at]);
        const is_last = at === effects.length - 1;
        open.push({ event: effects[at], depth: line.depth + 1, is_last });
      }
    }
  }

  /** What is not as it should be. */
  problems(): LineageProblems<Event> {
    const orphans: Event[] = [];
    const crossings: Crossing[] = [];
    for (const event of this.events) {
      const cause = this.causeOf(event);
      if (cause) crossings.push(...crossing(event, cause));
      else if (event.causation_id !== "") orphans.push(event);
    }
    const repeated: RepeatedId[] = [];
    for (const [event_id, found] of this.#by_id) {
      if (Array.isArray(found)) repeated.push({ event_id, events: found.length });
    }
    const cycles = this.#cycles().map((cycle) => cycle.map(({ event_id }) => event_id));
    return { orphans, cycles, repeated, crossings };
  }

  /** Every event has one cause at most, so walking back from each one finds every circle once. */
  #cycles(): Event[][] {
    const done = new Set<Event>();
    const cycles: Event[][] = [];
    for (const start of this.events) {
      const walked = new Map<Event, number>();
      let current: Event | undefined = start;
      while (current !== undefined && !done.has(current) && !walked.has(current)) {
        walked.set(current, walked.size);
        current = this.causeOf(current);
      }
      const from = current && walked.get(current);
      if (from !== undefined) cycles.push([...walked.keys()].slice(from).reverse());
      for (const event of walked.keys()) done.add(event);
    }
    return cycles;
  }
}

function crossing(event: LineageEvent, cause: LineageEvent): Crossing[] {
  if (event.correlation_id === cause.correlation_id) return [];
  const { event_id, correlation_id, causation_id } = event;
  return [{ event_id, correlation_id, causation_id, cause_correlation_id: cause.correlation_id }];
}

/**
 * The chain of causes from the origin to an event: from the signal to the fill.
 *
 * ```ts
 * const signal = { event_id: "s", correlation_id: "c", causation_id: "" };
 * const fill = { event_id: "f", correlation_id: "c", causation_id: "s" };
 * const { path, end } = findCausationPath([fill, signal], "f");
 * if (path[0] !== signal || path[1] !== fill || end !== "root") throw new Error("lost");
 * ```
 */
export function findCausationPath<Event extends LineageEvent>(
  events: Iterable<Event>,
  event_id: string,
): CausationPath<Event> {
  const lineage = new Lineage(events);
  const [event] = lineage.withId(event_id);
  return event ? lineage.pathTo(event) : { path: [], end: "absent", repeated: [], crossings: [] };
}

/** An event on a chain, and the time since the events before it: the program's, not the market's. */
export type PathStep = TracedEvent & {
  /** Counted from 1. */
  step: number;
  /** From the creation of its cause to its own; null at the beginning, and without these stamps. */
  hop_ms: number | null;
  /** On the bus; null where that was not stamped. */
  queue_time_ms: number | null;
  since_origin_ms: number | null;
};

/** The steps of a chain, its origin first. */
export function pathSteps(path: readonly TracedEvent[]): PathStep[] {
  return path.map((event, index) => ({
    step: index + 1,
    ...event,
    hop_ms: sinceCreationMs(path[index - 1], event),
    queue_time_ms: queueTimeMs(event) ?? null,
    since_origin_ms: index === 0 ? null : sinceCreationMs(path[0], event),
  }));
}

function sinceCreationMs(from: TracedEvent | undefined, to: TracedEvent): number | null {
  return betweenMs(from?.created_at ?? null, to.created_at) ?? null;
}
