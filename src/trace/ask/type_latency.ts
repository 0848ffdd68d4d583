/** Latency by type over many correlations: their stamps are read, and nothing else. */
import type { World } from "../../base/world.ts";
import type { TraceFilter } from "../event/filter.ts";
import { rowsOfTraces, TraceSession, wantedRows } from "../store/query.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";
import {
  Durations,
  type DurationSummary,
  type LeftOutStamps,
  type Stamps,
  stampsOf,
} from "./latency.ts";

/** How long the events of a type took, from creation to the end of processing. */
export interface TypeDurations {
  event_type: string;
  events: number;
  /** Null where no event has the stamps for it. */
  latency: DurationSummary | null;
  left_out: LeftOutStamps;
}

// Doubles hold every time there is, and come over faster than whole numbers of 64 bits.
const COLUMNS = ["created_at", "emitted_at", "received_at", "processed_at"]
  .map((stamp) => `${stamp}::double`).join(", ");

/** Latencies per type of all wanted events, with the rules of `analyzeLatency`. */
export async function typeLatencies(
  world: World,
  dir: string,
  filter: TraceFilter = {},
  onDamage?: OnTraceDamage,
): Promise<TypeDurations[]> {
  using session = new TraceSession(world, dir, onDamage);
  return await session.overSnapshot(filter, async ({ recent, files }) => {
    const types = new Map<string, { events: number; durations: Durations }>();
    const add = (event_type: string, stamps: Stamps) => {
      const of_type = types.getOrInsertComputed(event_type, newType);
      of_type.events++;
      of_type.durations.add(stampsOf(stamps));
    };
    for (const event of recent) add(event.event_type, event);
    if (files.length > 0) {
      const { where, values } = wantedRows(filter);
      const sql = `select event_type, ${COLUMNS} from ${rowsOfTraces(world, files)} ${where}`;
      for await (const rows of session.rows(sql, values)) {
        for (const row of rows as [string, ...(number | null)[]][]) {
          const [event_type, created_at, emitted_at, received_at, processed_at] = row;
          add(event_type, { created_at, emitted_at, received_at, processed_at });
        }
      }
    }
    return [...types].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([event_type, { events, durations }]) => {
        const latency = durations.summary();
        return { event_type, events, latency, left_out: durations.left_out };
      });
  });
}

const newType = () => ({ events: 0, durations: new Durations() });
