/** The runs that a legacy database holds, and what the log says of them already. */
import { withNumbers } from "../base/json.ts";
import type { Database } from "../duckdb/connection.ts";
import { EVENTS_OF_LEGACY_RUNS, LEGACY_RUNS } from "../index/run_views.ts";

/** A run as the first system's tables have it. Times are in milliseconds. */
export interface LegacyRun {
  run_id: string;
  /** Whether it is in `runs_d`; a run can have a status alone. */
  is_in_runs: boolean;
  run_type: string | null;
  created_at_ms: number | null;
  config: string | null;
  data_fingerprint: string | null;
  started_at_ms: number | null;
  completed_at_ms: number | null;
  failed_at_ms: number | null;
  error: string | null;
  summary_json: string | null;
}

/** An event of the log that says something of a run as a whole. */
export interface RunEvent {
  run_id: string;
  event_id: string;
  event_type: "run.created" | "run.started" | "run.completed" | "run.failed";
  timestamp_ms: number;
  /** Its line in the log. */
  payload: string;
}

/** Every legacy run, in the order in which they were created. */
export async function legacyRuns(database: Database): Promise<LegacyRun[]> {
  const rows = await database.rows<Record<string, unknown>>(LEGACY_RUNS);
  return rows.map((row) => {
    const run = withNumbers<LegacyRun>(row);
    // A type that is empty is none.
    return run.run_type === "" ? { ...run, run_type: null } : run;
  });
}

/** What the log says of the legacy runs, in its own order, by run. */
export async function eventsOfLegacyRuns(database: Database): Promise<Map<string, RunEvent[]>> {
  const rows = await database.rows<Record<string, unknown>>(EVENTS_OF_LEGACY_RUNS);
  const events = rows.map((row) =>
    ({ ...row, timestamp_ms: Number(row.timestamp_ms) }) as RunEvent
  );
  return Map.groupBy(events, ({ run_id }) => run_id);
}

/** How a run ended. Of two ends the later counts; of two at once, the good one. */
export function endsOf(run: LegacyRun): { type: "run.completed" | "run.failed"; at: number }[] {
  const { completed_at_ms, failed_at_ms } = run;
  const ends: ReturnType<typeof endsOf> = [];
  if (failed_at_ms !== null) ends.push({ type: "run.failed", at: failed_at_ms });
  if (completed_at_ms !== null) ends.push({ type: "run.completed", at: completed_at_ms });
  return ends.sort((a, b) => a.at - b.at);
}
