/**
 * What a legacy database holds that the log does not say. The log's own lines are looked at, not the
 * tables made from them: those hold the last of several ends only, and numbers no longer than a
 * double's.
 */
import type { Database } from "../duckdb/connection.ts";
import { canonicalJson, parseExact } from "../base/json.ts";
import { objectText } from "./import.ts";
import { endsOf, eventsOfLegacyRuns, type LegacyRun, legacyRuns, type RunEvent } from "./runs.ts";

/** One thing that the log says otherwise than the legacy database, or not at all. */
export interface LegacyDifference {
  run_id: string;
  field: string;
  legacy: string | null;
  event_log: string | null;
}

/** All differences, by run and field. */
export async function differencesIn(database: Database): Promise<LegacyDifference[]> {
  const logged = await eventsOfLegacyRuns(database);
  const runs = await legacyRuns(database);
  return runs.flatMap((run) => differencesOf(run, new LoggedRun(logged.get(run.run_id) ?? [])))
    .sort((a, b) => compareTexts(a.run_id, b.run_id) || compareTexts(a.field, b.field));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What the log says of one run. */
class LoggedRun {
  constructor(readonly events: readonly RunEvent[]) {}

  first(type: RunEvent["event_type"]): RunEvent | undefined {
    return this.events.find(({ event_type }) => event_type === type);
  }

  /** The last end counts. */
  end(): RunEvent | undefined {
    return this.events.findLast(({ event_type }) =>
      event_type === "run.completed" || event_type === "run.failed"
    );
  }

  /** The end that a legacy end should be: the one that counts, or one that another came after. */
  endLike(end: { type: string; at: number }, counts: boolean): RunEvent | undefined {
    const last = this.end();
    if (counts) return last?.event_type === end.type ? last : undefined;
    return this.events.find(({ event_type, timestamp_ms }) =>
      event_type === end.type && timestamp_ms === end.at
    );
  }
}

/** A member of an event's line; undefined where there is no such event or no such member. */
function memberOf(event: RunEvent | undefined, name: string): unknown {
  return event && (parseExact(event.payload) as Record<string, unknown>)[name];
}

function differencesOf(run: LegacyRun, logged: LoggedRun): LegacyDifference[] {
  const differences: LegacyDifference[] = [];
  const { run_id } = run;
  /** `told` is what the log says, as JSON; what the legacy database does not know is no difference. */
  const check = (field: string, legacy: string | null, told: unknown, isSame: boolean) => {
    if (legacy === null || isSame) return;
    const event_log = told === undefined
      ? null
      : typeof told === "string"
      ? told
      : JSON.stringify(told);
    differences.push({ run_id, field, legacy, event_log });
  };
  const text = (field: string, legacy: string | null, told: unknown) =>
    check(field, legacy, told, told === legacy);
  const time = (field: string, legacy: number | null, told: number | undefined) =>
    check(field, legacy === null ? null : String(legacy), told, told === legacy);
  const json = (field: string, legacy: string | null, told: unknown) =>
    check(field, legacy, told, told !== undefined && saysTheSame(legacy, told));

  const created = logged.first("run.created");
  if (run.is_in_runs && !created) text("run", "present", undefined);
  else {
    text("run_type", run.run_type, memberOf(created, "run_type"));
    time("created_at_ms", run.created_at_ms, created?.timestamp_ms);
    text("data_fingerprint", run.data_fingerprint, memberOf(created, "data_fingerprint"));
    json("config", run.config, memberOf(created, "config"));
  }
  time("started_at_ms", run.started_at_ms, logged.first("run.started")?.timestamp_ms);

  const ends = endsOf(run);
  const endOf = (type: string) => {
    const at = ends.findIndex((end) => end.type === type);
    return at < 0 ? undefined : logged.endLike(ends[at], at === ends.length - 1);
  };
  const failed = endOf("run.failed");
  const completed = endOf("run.completed");
  time("failed_at_ms", run.failed_at_ms, failed?.timestamp_ms);
  time("completed_at_ms", run.completed_at_ms, completed?.timestamp_ms);
  // Where no such end belongs to them, whichever event has them will do.
  const having = (name: string) =>
    logged.events.map((event) => memberOf(event, name)).findLast((told) => told !== undefined);
  const error = run.failed_at_ms === null ? having("error") : memberOf(failed, "error");
  const summary = run.completed_at_ms === null ? having("summary") : memberOf(completed, "summary");
  text("error", run.error, error);
  json("summary_json", run.summary_json, summary);
  return differences;
}

/** JSON is compared by what it says: spaces, the order of keys and spellings make no difference. */
function saysTheSame(legacy: string | null, told: unknown): boolean {
  return canonicalJson(parseExact(objectText(legacy))) === canonicalJson(told);
}
