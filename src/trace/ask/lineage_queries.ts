/** Loading of the events that a question about lineage needs: several queries, which follow one another. */
import { trace_path_events_max, trace_path_steps_max } from "../../base/limits.ts";
import type { TracedEvent } from "../event/event.ts";
import type { TraceFilter } from "../event/filter.ts";
import { type CausationPath, findCausationPath, Lineage } from "./lineage.ts";

/** Answers a query: a session of the store does. */
type Ask = (filter: TraceFilter) => Promise<TracedEvent[]>;

/**
 * Loads an event and its causes, for `findCausationPath`. One query for the event, one for its
 * correlation; and as many again as there are correlations that the chain leads into. Of a correlation
 * with more events than are worth loading for that, the causes are asked for one by one, unless there
 * are many: a query takes longer than an event.
 */
export async function loadCauses(ask: Ask, event_id: string): Promise<TracedEvent[]> {
  const loader = new CauseLoader(ask);
  await loader.find(event_id);
  for (;;) {
    const { path, missing_cause } = findCausationPath(loader.events, event_id);
    if (missing_cause === undefined) return loader.events;
    if (!await loader.findCause(missing_cause, path[0].correlation_id)) return loader.events;
  }
}

/** Loads the events on the way back along a chain. */
class CauseLoader {
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
    const found = Map.groupBy(
      await this.#query({ event_ids: [event_id] }),
      ({ correlation_id }) => correlation_id,
    );
    let is_new = false;
    for (const [correlation_id, events] of found) {
      if (this.#whole.has(correlation_id)) continue;
      is_new = true;
      if (!this.#large.has(correlation_id)) await this.#load(correlation_id);
      if (this.#large.has(correlation_id)) this.events = this.events.concat(events);
    }
    return is_new;
  }

  async #load(correlation_id: string): Promise<void> {
    const limit = trace_path_events_max + 1;
    const events = await this.#query({ correlation_id, limit });
    const is_large = events.length === limit;
    (is_large ? this.#large : this.#whole).add(correlation_id);
    if (!is_large) this.events.push(...events);
  }

  async #loadWhole(correlation_id: string): Promise<void> {
    this.#large.delete(correlation_id);
    this.#whole.add(correlation_id);
    const others = this.events.filter((event) => event.correlation_id !== correlation_id);
    this.events = others.concat(await this.#query({ correlation_id }));
  }

  #query(filter: TraceFilter): Promise<TracedEvent[]> {
    return this.ask({ ...filter, without_data: true });
  }
}

/** The chain of causes of an event, its origin first; its events have their data, and finding it took none. */
export async function loadPath(ask: Ask, event_id: string): Promise<CausationPath<TracedEvent>> {
  const found = findCausationPath(await loadCauses(ask, event_id), event_id);
  const correlation_ids = [...new Set(found.path.map(({ correlation_id }) => correlation_id))];
  const event_ids = found.path.map((event) => event.event_id);
  const whole = event_ids.length === 0 ? [] : await ask({ correlation_ids, event_ids });
  const same = Map.groupBy(whole, identityOf);
  const path = found.path.map((event) => same.get(identityOf(event))?.shift() ?? event);
  return { ...found, path };
}

/** What two events with one id differ in. */
function identityOf(event: TracedEvent): string {
  const { event_id, event_type, correlation_id, causation_id, timestamp, sequence_number } = event;
  return JSON.stringify([
    ...[event_id, event_type, correlation_id, causation_id, timestamp, sequence_number],
  ]);
}

/** Loads an event, or all events of a correlation, and everything that came of them in the same one. */
export async function loadLineage(
  ask: Ask,
  name: string,
): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
  const of_correlation = await ask({ correlation_id: name, without_data: true });
  if (of_correlation.length > 0) {
    const lineage = new Lineage(of_correlation);
    return { lineage, roots: lineage.roots() };
  }
  const found = await ask({ event_ids: [name], without_data: true });
  const events: TracedEvent[][] = [];
  for (const correlation_id of new Set(found.map((event) => event.correlation_id))) {
    events.push(await ask({ correlation_id, without_data: true }));
  }
  const lineage = new Lineage(events.flat());
  return { lineage, roots: [...lineage.withId(name)] };
}
