/** What there is of traces, in numbers. */
import { resolve } from "@std/path";
import type { World } from "../base/world.ts";
import { literal } from "../duckdb/door.ts";
import { openForTraces } from "./query.ts";
import { takeSnapshot } from "./snapshot.ts";

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
  files: number;
  bytes: number;
}

/** Counts what there is. */
export async function traceStats(world: World, dir: string): Promise<TraceStats> {
  const { recent, files } = takeSnapshot(world, dir, {});
  const types = new Map<string, TypeStats>();
  const correlations = new Set<string>();
  const add = (event_type: string, events: number, first: number, last: number) => {
    const known = types.get(event_type);
    types.set(event_type, {
      event_type,
      events: (known?.events ?? 0) + events,
      first: Math.min(known?.first ?? Infinity, first),
      last: Math.max(known?.last ?? -Infinity, last),
    });
  };
  for (const { event_type, timestamp, correlation_id } of recent) {
    add(event_type, 1, timestamp, timestamp);
    correlations.add(correlation_id);
  }
  if (files.length > 0) {
    const opened = await openForTraces(world, dir);
    try {
      const paths = files.map((path) => literal(resolve(world.cwd(), path))).join(", ");
      const from = `read_parquet([${paths}], hive_partitioning = false)`;
      const rows = await opened.database.rows<Record<string, string | bigint>>(
        `select event_type, count(*) as events, min(timestamp) as first, max(timestamp) as last
         from ${from} group by event_type`,
      );
      for (const { event_type, events, first, last } of rows) {
        add(String(event_type), Number(events), Number(first), Number(last));
      }
      const names = await opened.database.rows<{ correlation_id: string }>(
        `select distinct correlation_id from ${from}`,
      );
      for (const { correlation_id } of names) correlations.add(correlation_id);
    } finally {
      opened.close();
    }
  }
  const of_types = [...types.values()].sort((a, b) => a.event_type < b.event_type ? -1 : 1);
  return {
    events: of_types.reduce((sum, { events }) => sum + events, 0),
    correlations: correlations.size,
    types: of_types,
    waiting: recent.length,
    files: files.length,
    bytes: files.reduce((sum, path) => sum + (world.files.facts(path)?.size_bytes ?? 0), 0),
  };
}
