/** Questions to what is stored that take more than one look. */
import { trace_path_events_max, trace_path_steps_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";
import type { TracedEvent } from "../event/event.ts";
import type { TraceFilter } from "../event/filter.ts";
import { type CausationPath, Lineage } from "./lineage.ts";
import { queryTraces } from "../store/query.ts";

/**
 * The chain of causes of an event, its origin first. One question for the event, one for its
 * correlation; and as many again as there are correlations that the chain leads into. Of a correlation
 * with more events than are worth loading for that, the causes are asked for one by one, unless there
 * are many: a question takes longer than an event.
 */
export async function storedPath(
  world: World,
  dir: string,
  event_id: string,
  onDamage?: OnTraceDamage,
): Promise<CausationPath<TracedEvent>> {
  return await askedPath((filter) => queryTraces(world, dir, filter, onDamage), event_id);
}

/** Answers a question for events. */
type Ask = (filter: TraceFilter) => Promise<TracedEvent[]>;

/** The same, of events that somebody else has. */
export async function askedPath(
  ask: Ask,
  event_id: string,
): Promise<CausationPath<TracedEvent>> {
  const known = new KnownEvents(ask);
  await known.find(event_id);
  for (;;) {
    const lineage = new Lineage(known.events);
    const [last] = lineage.withId(event_id);
    if (!last) return { path: [], end: "absent", repeated: [], crossings: [] };
    const path = lineage.pathTo(last);
    if (path.missing_cause === undefined) return path;
    if (!await known.findCause(path.missing_cause, path.path[0].correlation_id)) return path;
  }
}

/** The events that have been loaded on the way back along a chain. */
class KnownEvents {
  events: TracedEvent[] = [];
  /** Correlations of which all events are here, and those of which there are too many. */
  readonly #whole = new Set<string>();
  readonly #large = new Set<string>();
  #steps = 0;

  constructor(readonly ask: Ask) {}

  /** Looks for a cause, in the correlation of its effect first; false when it is nowhere. */
  async findCause(event_id: string, correlation_id: string): Promise<boolean> {
    if (!this.#large.has(correlation_id)) return await this.find(event_id);
    if (this.#steps++ >= trace_path_steps_max) {
      await this.#loadWhole(correlation_id);
      return true;
    }
    const found = await this.#query({ event_ids: [event_id], correlation_id });
    this.events.push(...found);
    return found.length > 0 || await this.find(event_id);
  }

  /** Looks for an event everywhere, and loads what it belongs to; false when there is nothing new. */
  async find(event_id: string): Promise<boolean> {
    const found = await this.#query({ event_ids: [event_id] });
    let is_new = false;
    for (const correlation_id of new Set(found.map((event) => event.correlation_id))) {
      if (this.#whole.has(correlation_id)) continue;
      is_new = true;
      if (!this.#large.has(correlation_id)) await this.#load(correlation_id);
      if (!this.#large.has(correlation_id)) continue;
      for (const event of found) {
        if (event.correlation_id === correlation_id) this.events.push(event);
      }
    }
    return is_new;
  }

  async #load(correlation_id: string): Promise<void> {
    const limit = trace_path_events_max + 1;
    const events = await this.#query({ correlation_id, limit });
    if (events.length === limit) {
      this.#large.add(correlation_id);
      return;
    }
    this.#whole.add(correlation_id);
    for (const event of events) this.events.push(event);
  }

  async #loadWhole(correlation_id: string): Promise<void> {
    this.#large.delete(correlation_id);
    this.#whole.add(correlation_id);
    const events = this.events.filter((event) => event.correlation_id !== correlation_id);
    for (const event of await this.#query({ correlation_id })) events.push(event);
    this.events = events;
  }

  #query(filter: TraceFilter): Promise<TracedEvent[]> {
    return this.ask({ ...filter, without_data: true });
  }
}

/** An event, or all events of a correlation, and everything that came of them in the same correlation. */
export async function storedLineage(
  world: World,
  dir: string,
  name: string,
  onDamage?: OnTraceDamage,
): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
  const ask: Ask = (filter) => queryTraces(world, dir, { ...filter, without_data: true }, onDamage);
  const of_correlation = await ask({ correlation_id: name });
  if (of_correlation.length > 0) {
    const lineage = new Lineage(of_correlation);
    return { lineage, roots: lineage.roots() };
  }
  const found = await ask({ event_ids: [name] });
  const events: TracedEvent[] = [];
  for (const correlation_id of new Set(found.map((event) => event.correlation_id))) {
    for (const event of await ask({ correlation_id })) events.push(event);
  }
  const lineage = new Lineage(events);
  return { lineage, roots: [...lineage.withId(name)] };
}
