/** How long events took, by type, over many correlations: their stamps are read, and nothing else. */
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";
import type { TraceFilter } from "../event/filter.ts";
import {
  Durations,
  type DurationSummary,
  type LeftOutStamps,
  type Stamps,
  stampsOf,
} from "./latency.ts";
import { openForTraces, overSnapshot, rowsOfTraces, wantedRows } from "../store/query.ts";

/** How long the events of a type took, from creation to the end of processing. */
export interface TypeDurations {
  event_type: string;
  events: number;
  /** Null where no event has the stamps for it. */
  latency: DurationSummary | null;
  left_out: LeftOutStamps;
}

/** What takes in events, a type at a time. */
class ByType {
  readonly #types = new Map<string, { events: number; durations: Durations }>();

  add(event_type: string, stamps: Stamps): void {
    let of_type = this.#types.get(event_type);
    if (!of_type) this.#types.set(event_type, of_type = { events: 0, durations: new Durations() });
    of_type.events++;
    of_type.durations.add(stampsOf(stamps));
  }

  report(): TypeDurations[] {
    return [...this.#types].sort(([a], [b]) => a < b ? -1 : 1).map((
      [event_type, { events, durations }],
    ) => ({ event_type, events, latency: durations.summary(), left_out: durations.left_out }));
  }
}

/** Latencies per type of all wanted events, judged as `analyzeLatency` judges them. */
export async function typeLatencies(
  world: World,
  dir: string,
  filter: TraceFilter = {},
  onDamage?: OnTraceDamage,
): Promise<TypeDurations[]> {
  return await overSnapshot(world, dir, filter, onDamage, async ({ recent, files }) => {
    const types = new ByType();
    for (const event of recent) types.add(event.event_type, event);
    if (files.length === 0) return types.report();
    const { database, close } = await openForTraces(world, dir);
    try {
      await addStored(database, rowsOfTraces(world, files), filter, types);
    } finally {
      close();
    }
    return types.report();
  });
}

async function addStored(
  database: Database,
  rows: string,
  filter: TraceFilter,
  types: ByType,
): Promise<void> {
  const { where, values } = wantedRows(filter);
  // Doubles hold every time there is, and come over faster than whole numbers of 64 bits.
  const stamps = ["created_at", "emitted_at", "received_at", "processed_at"]
    .map((stamp) => `${stamp}::double`);
  const sql = `select event_type, ${stamps.join(", ")} from ${rows} ${where}`;
  try {
    const result = await database.stream(sql, values);
    for await (const chunk of result) {
      for (const row of chunk.getRows()) {
        const [event_type, created_at, emitted_at, received_at, processed_at] = row as [
          string,
          ...(number | null)[],
        ];
        types.add(event_type, { created_at, emitted_at, received_at, processed_at });
      }
    }
  } catch (error) {
    throw database.problem(error, sql);
  }
}
