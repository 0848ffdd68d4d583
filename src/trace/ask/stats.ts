/** Statistics of all traces: how many events of which types, in which files. */
import type { World } from "../../base/world.ts";
import { rowsOfTraces, TraceSession } from "../store/query.ts";
import type { OnTraceDamage } from "../store/wal_read.ts";

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
  /** Events in write-ahead files, which are not flushed to Parquet yet. */
  waiting: number;
  /** Records in write-ahead files that have no checksum, since version 0.1.0 wrote them. */
  unchecked: number;
  /** Damaged places in write-ahead files; what is in them is not counted. */
  damaged: number;
  files: number;
  bytes: number;
}

/** Counts all traces. */
export async function traceStats(
  world: World,
  dir: string,
  onDamage?: OnTraceDamage,
): Promise<TraceStats> {
  using session = new TraceSession(world, dir, onDamage);
  return await session.overSnapshot({}, async ({ recent, files, damage, unchecked }) => {
    const correlations = new Set(recent.map(({ correlation_id }) => correlation_id));
    const types = new Map<string, TypeStats>();
    const add = (event_type: string, events: number, first: number, last: number) => {
      const known = types.get(event_type);
      types.set(event_type, {
        event_type,
        events: (known?.events ?? 0) + events,
        first: Math.min(known?.first ?? Infinity, first),
        last: Math.max(known?.last ?? -Infinity, last),
      });
    };
    for (const { event_type, timestamp } of recent) add(event_type, 1, timestamp, timestamp);
    if (files.length > 0) {
      const database = await session.database();
      const from = rowsOfTraces(world, files);
      const rows = await database.rows<Record<string, string | bigint>>(
        `select event_type, count(*) as events, min(timestamp) as first, max(timestamp) as last
         from ${from} group by event_type`,
      );
      for (const { event_type, events, first, last } of rows) {
        add(String(event_type), Number(events), Number(first), Number(last));
      }
      const names = await database.rows<{ correlation_id: string }>(
        `select distinct correlation_id from ${from}`,
      );
      for (const { correlation_id } of names) correlations.add(correlation_id);
    }
    return {
      events: types.values().reduce((sum, { events }) => sum + events, 0),
      correlations: correlations.size,
      types: [...types.values()].sort((a, b) => a.event_type < b.event_type ? -1 : 1),
      waiting: recent.length,
      unchecked,
      damaged: damage.length,
      files: files.length,
      bytes: files.reduce((sum, path) => sum + (world.files.facts(path)?.size_bytes ?? 0), 0),
    };
  });
}
