/** Questions to what is stored that take more than one look. */
import type { World } from "../base/world.ts";
import type { TracedEvent } from "./event.ts";
import { type CausationPath, Lineage } from "./lineage.ts";
import { queryTraces } from "./query.ts";

/**
 * The chain of causes of an event, its origin first. One question for the event, one for its
 * correlation; and as many again as there are correlations that the chain leads into.
 */
export async function storedPath(
  world: World,
  dir: string,
  event_id: string,
): Promise<CausationPath<TracedEvent>> {
  const known: TracedEvent[] = [];
  const loaded = new Set<string>();
  for (let wanted = event_id;;) {
    const found = await queryTraces(world, dir, { event_ids: [wanted], without_data: true });
    const correlations = new Set(found.map(({ correlation_id }) => correlation_id));
    let is_new = false;
    for (const correlation_id of correlations) {
      if (loaded.has(correlation_id)) continue;
      loaded.add(correlation_id);
      is_new = true;
      const events = await queryTraces(world, dir, { correlation_id, without_data: true });
      for (const event of events) known.push(event);
    }
    const lineage = new Lineage(known);
    const [last] = lineage.withId(event_id);
    if (!last) return { path: [], end: "absent", repeated: [], crossings: [] };
    const path = lineage.pathTo(last);
    if (path.missing_cause === undefined || !is_new) return path;
    wanted = path.missing_cause;
  }
}

/** An event, or all events of a correlation, and everything that came of them in the same correlation. */
export async function storedLineage(
  world: World,
  dir: string,
  name: string,
): Promise<{ lineage: Lineage<TracedEvent>; roots: TracedEvent[] }> {
  const of_correlation = await queryTraces(world, dir, {
    correlation_id: name,
    without_data: true,
  });
  if (of_correlation.length > 0) {
    const lineage = new Lineage(of_correlation);
    return { lineage, roots: lineage.roots() };
  }
  const found = await queryTraces(world, dir, { event_ids: [name], without_data: true });
  const events: TracedEvent[] = [];
  for (const correlation_id of new Set(found.map((event) => event.correlation_id))) {
    const more = await queryTraces(world, dir, { correlation_id, without_data: true });
    for (const event of more) events.push(event);
  }
  const lineage = new Lineage(events);
  return { lineage, roots: [...lineage.withId(name)] };
}
