/**
 * Pure mapping: a row of the first system -> the events that it implies. JSON is taken over as the text
 * that it is, so that no digit and no spelling is lost; what JSON cannot hold stands beside it as text.
 */
import { startOfDay } from "../base/format.ts";
import { CUTOVER } from "./attach.ts";
import type { Cell, LegacyRow } from "./rows.ts";

/** When a row without any time is said to have been: before the log was the truth. */
export const BEFORE_CUTOVER_MS = startOfDay(CUTOVER) - 1;

/** What the ids of events begin with that were brought over. */
export const LEGACY_ID_PREFIX = "legacy-";

/** An event to be. */
export interface ImpliedEvent {
  event_id: string;
  event_type: string;
  at_ms: number;
  line: string;
}

/** The events of a row. Neither is there for a phase that never started. */
export interface ImpliedEvents {
  begin?: ImpliedEvent;
  end?: ImpliedEvent;
}

/** The members of an event as JSON texts. */
type Members = Record<string, string | Record<string, string>>;

/** `created_ms` is when its run was created, for a row without a time of its own. */
export function eventsOf(row: LegacyRow, created_ms = BEFORE_CUTOVER_MS): ImpliedEvents {
  switch (row.table.name) {
    case "runs_d":
      return runEvents(row, created_ms);
    case "pipeline_phases_f":
      return isNeverStarted(row) ? {} : phaseEvents(row, created_ms);
    case "trials_f":
      return { begin: trialEvent(row, "trial", created_ms) };
    case "walk_forward_f":
      return { begin: trialEvent(row, "fold", created_ms) };
  }
}

/** Whether a row is a phase that is planned, or was left out: no event says that. */
export function isNeverStarted({ table, cells }: LegacyRow): boolean {
  if (table.name !== "pipeline_phases_f") return false;
  const status = cells.get("status")?.text;
  if (status === "pending" || status === "skipped") return !cells.has("started_at");
  return !["started_at", "completed_at", "duration_ms"].some((name) => cells.has(name)) &&
    status === undefined;
}

/** Whether a row has an event of its own that ends it. */
function hasEnd({ table, cells }: LegacyRow): boolean {
  if (table.name === "runs_d") return cells.has("summary_json");
  const status = cells.get("status")?.text ?? "";
  return table.name === "pipeline_phases_f" &&
    (cells.has("completed_at") || cells.has("duration_ms") ||
      ["completed", "failed"].includes(status));
}

function runEvents(row: LegacyRow, created_ms: number): ImpliedEvents {
  const at_ms = row.cells.get("created_at")?.at_ms;
  const begin = eventOf(row, "begin", "run.created", at_ms ?? created_ms, {
    ...(at_ms === undefined ? { created_at_is_known: "false" } : {}),
    run_type: '"unknown"',
    config: "{}",
    data_fingerprint: '"unknown"',
  });
  if (!hasEnd(row)) return { begin };
  // The tables do not say when a run ended: not before whatever else they say of it.
  const ended_ms = Math.max(row.ended_at_ms ?? 0, begin.at_ms);
  const end = eventOf(row, "end", "run.completed", ended_ms, {
    completed_at_is_known: "false",
    artifact_paths: "{}",
  });
  return { begin, end };
}

function phaseEvents(row: LegacyRow, created_ms: number): ImpliedEvents {
  const { cells } = row;
  const completed_ms = cells.get("completed_at")?.at_ms;
  const given_ms = Number(cells.get("duration_ms")?.text ?? NaN);
  const known_ms = cells.get("started_at")?.at_ms;
  const started_ms = known_ms ??
    (completed_ms === undefined ? created_ms : completed_ms - (given_ms > 0 ? given_ms : 0));
  const begin = eventOf(row, "begin", "phase.started", started_ms, {
    ...(known_ms === undefined ? { started_at_is_known: "false" } : {}),
    phase_order: "0",
  });
  if (!hasEnd(row)) return { begin };
  const ended_ms = completed_ms ?? started_ms + (given_ms > 0 ? given_ms : 0);
  const named = ["phase_id", "phase_name"].filter((name) => cells.has(name))
    .map((name) => [name, JSON.stringify(cells.get(name)!.text)]);
  const end = eventOf(row, "end", "phase.completed", ended_ms, {
    ...Object.fromEntries(named),
    ...(completed_ms === undefined ? { completed_at_is_known: "false" } : {}),
    duration_ms: String(Math.max(0, ended_ms - started_ms)),
    output_summary: "{}",
  });
  return { begin, end };
}

function trialEvent(row: LegacyRow, kind: string, created_ms: number): ImpliedEvent {
  const at_ms = row.cells.get("created_at")?.at_ms;
  return eventOf(row, "begin", "trial.recorded", at_ms ?? created_ms, {
    ...(at_ms === undefined ? { created_at_is_known: "false" } : {}),
    ...(kind === "fold" ? { is_fold: "true" } : {}),
    params: {},
    metrics: {},
  }, kind);
}

function eventOf(
  row: LegacyRow,
  on: "begin" | "end",
  event_type: string,
  at_ms: number,
  defaults: Members,
  kind = event_type,
): ImpliedEvent {
  const { run_id, key } = row;
  const members: Members = { ...defaults };
  for (const cell of row.cells.values()) {
    if (placeOf(row, cell) === on) put(members, row, cell);
  }
  const id = [kind, run_id, ...(row.table.key === "run_id" ? [] : [key])].join("/");
  const event_id = LEGACY_ID_PREFIX + id;
  const written = Object.entries({
    event_type: JSON.stringify(event_type),
    event_id: JSON.stringify(event_id),
    timestamp_ms: String(at_ms),
    run_id: JSON.stringify(run_id),
    ...members,
    imported_from: '"legacy"',
  }).map(([name, member]) => `${JSON.stringify(name)}:${jsonOf(member)}`);
  return { event_id, event_type, at_ms, line: `{${written.join()}}` };
}

function jsonOf(member: string | Record<string, string>): string {
  if (typeof member === "string") return member;
  const written = Object.entries(member).map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return `{${written.join()}}`;
}

/** On which of a row's events a value stands. */
export function placeOf(row: LegacyRow, { column }: Cell): "begin" | "end" {
  return column.on === "end" && hasEnd(row) ? "end" : "begin";
}

/** The members that lead to a value. What is given as a whole takes no further parts: they stand beside it. */
export function pathOf(row: LegacyRow, { column: { path, kind } }: Cell): readonly string[] {
  const [parent, ...rest] = path;
  const is_whole = kind !== "json" && rest.length > 0 &&
    [...row.cells.values()].some(({ column }) =>
      column.path.length === 1 && column.path[0] === parent
    );
  return is_whole ? rest : path;
}

function put(members: Members, row: LegacyRow, cell: Cell): void {
  const { column: { kind, name, path: [top] }, text } = cell;
  if (kind === "time") {
    if (cell.at_ms === undefined || isFinerThanMs(text)) members[name] = JSON.stringify(text);
    return;
  }
  const { json, original } = jsonOfCell(cell);
  const [parent, below] = pathOf(row, cell);
  if (below === undefined) members[parent] = json;
  else (members[parent] as Record<string, string>)[below] = json;
  if (original === undefined) return;
  if (kind === "json") members[originalName(cell)] = JSON.stringify(original);
  else {
    const words = (members.not_finite ??= {}) as Record<string, string>;
    words[below ?? top] = JSON.stringify(original);
  }
}

/** Where the text stands that JSON could not hold as it was. */
export function originalName({ column: { path } }: Cell): string {
  return `${path.at(-1)}_text`;
}

/** An event's time is in milliseconds; Python's clock is finer. */
export function isFinerThanMs(text: string): boolean {
  return /\.\d{3}\d*[1-9]/.test(text);
}

/** A value as JSON; with what it was, where JSON has no such thing. */
export function jsonOfCell({ column, text }: Cell): { json: string; original?: string } {
  switch (column.kind) {
    case "boolean":
      return { json: text };
    case "number":
      return /\d/.test(text) ? { json: text } : { json: "null", original: text };
    case "json":
      return objectOf(text);
    default:
      return { json: JSON.stringify(text) };
  }
}

/** What Python writes for numbers that JSON does not have; strings are passed over. */
const PYTHON_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** The first system wrote JSON objects; what is something else is kept under a name. */
function objectOf(text: string): { json: string; original?: string } {
  const parsed = objectText(text);
  if (parsed !== undefined) return { json: parsed };
  const mended = objectText(text.replace(PYTHON_NUMBER, (at) => at.startsWith('"') ? at : "null"));
  return { json: mended ?? "{}", original: text };
}

function objectText(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const is_object = typeof value === "object" && value !== null && !Array.isArray(value);
    return is_object ? text.trim() : `{"value":${text.trim()}}`;
  } catch {
    return undefined;
  }
}
