/**
 * The runs of a legacy database as events of the log. JSON is taken over as the text that it is, so
 * that no digit and no spelling is lost.
 */
import { startOfDay } from "../base/format.ts";
import type { Database } from "../duckdb/connection.ts";
import { CUTOVER } from "./attach.ts";
import { endsOf, eventsOfLegacyRuns, type LegacyRun, legacyRuns, type RunEvent } from "./runs.ts";
import { LEGACY_EVENT_IDS, LEGACY_ID_PREFIX } from "../index/run_views.ts";

/** When a run without any time is said to have been created: it was before the log was the truth. */
const BEFORE_CUTOVER_MS = startOfDay(CUTOVER) - 1;

/** The lines that the legacy rows imply, each with an id that is the same every time. */
export async function impliedLines(database: Database): Promise<string[]> {
  const said = await eventsOfLegacyRuns(database);
  const ids = await database.rows<{ event_id: string }>(LEGACY_EVENT_IDS);
  const known = new Set(ids.map(({ event_id }) => event_id));
  const lines: string[] = [];
  for (const run of await legacyRuns(database)) {
    const native = (said.get(run.run_id) ?? [])
      .filter(({ event_id }) => !event_id.startsWith(LEGACY_ID_PREFIX));
    for (const event of eventsOf(run)) {
      const id = `${LEGACY_ID_PREFIX}${event.type}-${run.run_id}`;
      // A run that stands in the legacy tables twice is said once, as its first row has it.
      if (known.has(id) || native.some(({ event_type }) => saysThat(event_type, event.type))) {
        continue;
      }
      known.add(id);
      lines.push(lineOf(event, id, run.run_id));
    }
  }
  return lines;
}

/** An event to be; its fields are JSON texts. */
interface ImpliedEvent {
  type: RunEvent["event_type"];
  at: number;
  fields: Record<string, string>;
}

/** One end is like another: what the log says of how a run ended is not said again otherwise. */
function saysThat(said: string, type: string): boolean {
  const isEnd = (name: string) => name === "run.completed" || name === "run.failed";
  return said === type || (isEnd(said) && isEnd(type));
}

function eventsOf(run: LegacyRun): ImpliedEvent[] {
  const { created_at_ms, started_at_ms, completed_at_ms, failed_at_ms } = run;
  const times = [started_at_ms, completed_at_ms, failed_at_ms].filter((time) => time !== null);
  const events: ImpliedEvent[] = [{
    type: "run.created",
    at: created_at_ms ?? (times.length > 0 ? Math.min(...times) : BEFORE_CUTOVER_MS),
    fields: {
      run_type: JSON.stringify(run.run_type ?? "unknown"),
      config: objectText(run.config),
      data_fingerprint: JSON.stringify(run.data_fingerprint ?? ""),
      ...(created_at_ms === null ? { created_at_is_known: "false" } : {}),
    },
  }];
  if (started_at_ms !== null) events.push({ type: "run.started", at: started_at_ms, fields: {} });
  for (const { type, at } of endsOf(run)) {
    const fields: Record<string, string> = type === "run.failed"
      ? { error: JSON.stringify(run.error ?? "") }
      : { summary: objectText(run.summary_json), artifact_paths: "{}" };
    events.push({ type, at, fields });
  }
  // A failed run may have a summary, and a good one an error: the last event says it too.
  const last = events.at(-1)!;
  if (run.error !== null && failed_at_ms === null) last.fields.error = JSON.stringify(run.error);
  if (run.summary_json !== null && completed_at_ms === null) {
    last.fields.summary = objectText(run.summary_json);
  }
  return events;
}

function lineOf({ type, at, fields }: ImpliedEvent, id: string, run_id: string): string {
  const members = Object.entries({
    event_type: JSON.stringify(type),
    event_id: JSON.stringify(id),
    timestamp_ms: String(at),
    run_id: JSON.stringify(run_id),
    ...fields,
    imported_from: '"legacy"',
  });
  return `{${members.map(([name, text]) => `"${name}":${text}`).join(",")}}`;
}

/** The first system wrote JSON objects; what is something else is kept under a name. */
export function objectText(text: string | null): string {
  if (text === null) return "{}";
  try {
    const value: unknown = JSON.parse(text);
    const is_object = typeof value === "object" && value !== null && !Array.isArray(value);
    return is_object ? text.trim() : `{"value":${text.trim()}}`;
  } catch {
    // Not JSON (Python writes NaN): kept as the text it is.
    return `{"value":${JSON.stringify(text)}}`;
  }
}
