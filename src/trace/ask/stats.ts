/** What there is of traces, in numbers. */
import type { World } from "../../base/world.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";
import { openForTraces, overSnapshot, rowsOfTraces } from "../store/query.ts";

/** The events of a type. */
export interface TypeStats {
  event_type: string;
  events: number;
  /** The first and the last time, in microseconds. */
  first: number;
  last: number;
}

/** All traces. */
export interface TraceStats {
  events: number;
  correlations: number;
  types: TypeStats[];
  /** Events in write-ahead files, of which no Parquet was made yet. */
  waiting: number;
  /** Records in write-ahead files that have no checksum, since version 0.1.0 wrote them. */
  unchecked: number;
  /** Damaged places in write-ahead files; what is in them is not counted. */
  damaged: number;
  files: number;
  bytes: number;
}

/** Counts what there is. */
export async function traceStats(
  world: World,
  dir: string,
  onDamage?: OnTraceDamage,
): Promise<TraceStats> {
  return await overSnapshot(world, dir, {}, onDamage, async (snapshot) => {
    const { recent, files, damage, unchecked } = snapshot;
    const counted = new Counted();
    for (const { event_type, timestamp, correlation_id } of recent) {
      counted.add(event_type, 1, timestamp, timestamp);
      counted.correlations.add(correlation_id);
    }
    if (files.length > 0) await addStored(world, dir, files, counted);
    const types = counted.types();
    return {
      events: types.reduce((sum, { events }) => sum + events, 0),
      correlations: counted.correlations.size,
      types,
      waiting: recent.length,
      unchecked,
      damaged: damage.length,
      files: files.length,
      bytes: files.reduce((sum, path) => sum + (world.files.facts(path)?.size_bytes ?? 0), 0),
    };
  });
}

/** What was counted so far. */
class Counted {
  readonly correlations = new Set<string>();
  readonly #types = new Map<string, TypeStats>();

  /** Takes in events of a type, and between which times they were. */
  add(event_type: string, events: number, first: number, last: number): void {
    const known = this.#types.get(event_type);
    this.#types.set(event_type, {
      event_type,
      events: (known?.events ?? 0) + events,
      first: Math.min(known?.first ?? Infinity, first),
      last: Math.max(known?.last ?? -Infinity, last),
    });
  }

  types(): TypeStats[] {
    return [...this.#types.values()].sort((a, b) => a.event_type < b.event_type ? -1 : 1);
  }
}

async function addStored(
  world: World,
  dir: string,
  files: readonly string[],
  counted: Counted,
): Promise<void> {
  const { database, close } = await openForTraces(world, dir);
  try {
    const from = rowsOfTraces(world, files);
    const rows = await database.rows<Record<string, string | bigint>>(
      `select event_type, count(*) as events, min(timestamp) as first, max(timestamp) as last
       from ${from} group by event_type`,
    );
    for (const { event_type, events, first, last } of rows) {
      counted.add(String(event_type), Number(events), Number(first), Number(last));
    }
    const names = await database.rows<{ correlation_id: string }>(
      `select distinct correlation_id from ${from}`,
    );
    for (const { correlation_id } of names) counted.correlations.add(correlation_id);
  } finally {
    close();
  }
}
