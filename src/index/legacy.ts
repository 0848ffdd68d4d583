/**
 * The first system's database beside ours: queried together while both are in use (dual mode),
 * compared, and brought over into the log, after which it can go.
 */
import { resolve } from "@std/path";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/door.ts";

/** Where the first system keeps its database. */
export const LEGACY_PATH = "data/baseline_results.duckdb";

/** The day from which the log is the truth. */
export const CUTOVER = "2026-01-23";

/** The tables that the first system has, and the columns that ours has for them. */
const LEGACY_TABLES = {
  runs_d: ["run_id", "run_type", "created_at_ms", "config", "data_fingerprint"],
  runs_status: [
    "run_id",
    "started_at_ms",
    "completed_at_ms",
    "failed_at_ms",
    "error",
    "summary_json",
  ],
} as const;

/** What the door is told, to open a legacy database read-only before it closes. */
export function attachment(world: World, path: string): { path: string; name: string } {
  const absolute = resolve(world.cwd(), path);
  if (!world.files.facts(absolute)?.is_file) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no database of the first system at ${absolute}`,
      where: { path: absolute },
      hint: `say where it is: --legacy PATH (usually ${LEGACY_PATH})`,
    });
  }
  return { path: absolute, name: "legacy" };
}

/**
 * Views of the legacy tables with our columns, under names of their own. A column or a table that the
 * legacy file does not have is null or empty; one that has no runs at all is an error.
 */
async function createLegacyViews(database: Database): Promise<void> {
  const found = await database.rows<{ table_name: string; column_name: string }>(`
    select table_name, column_name from duckdb_columns()
    where database_name = 'legacy' and schema_name = 'optimizer'`);
  const columns = new Map<string, Set<string>>();
  for (const { table_name, column_name } of found) {
    if (!columns.has(table_name)) columns.set(table_name, new Set());
    columns.get(table_name)!.add(column_name);
  }
  if (!columns.get("runs_d")?.has("run_id")) {
    throw new LedgerError({
      code: "invalid",
      message: "the legacy database has no table optimizer.runs_d with a run_id",
      hint: columns.size === 0
        ? "is it the right file? It has no schema named optimizer"
        : `it has: ${[...columns.keys()].join(", ")}`,
    });
  }
  for (const [table, wanted] of Object.entries(LEGACY_TABLES)) {
    const there = columns.get(table);
    const selected = wanted.map((name) => `${selectedColumn(name, there)} as ${name}`).join(", ");
    const from = there?.has("run_id")
      ? `from legacy.optimizer.${table}`
      : `from (select 1) where false`;
    await database.run(`create temp view legacy_${table} as select ${selected} ${from}`);
  }
}

function selectedColumn(name: string, there: ReadonlySet<string> | undefined): string {
  const type = name.endsWith("_ms") ? "bigint" : "varchar";
  return there?.has(name) ? `cast(${name} as ${type})` : `cast(null as ${type})`;
}

/** Adds the views `all_runs` and `all_run_status`: each run once, and where it is from. */
export async function createDualViews(database: Database, cutover_day: string): Promise<void> {
  await createLegacyViews(database);
  const cutover_ms = Date.parse(`${cutover_day}T00:00:00Z`);
  // Before the cutover the legacy database wins, from it on the log; alone, either counts.
  await database.run(`
    create temp view winning_source as
    select run_id,
      if(l.run_id is not null and (d.run_id is null or
        coalesce(l.created_at_ms, d.created_at_ms) < ${cutover_ms}), 'legacy', 'event_log') as source
    from legacy_runs_d l full join runs_d d using (run_id)`);
  await database.run(`
    create temp view all_runs as
    select run_id, run_type, created_at_ms, cast(config as varchar) as config, data_fingerprint,
      source
    from runs_d join winning_source w using (run_id) where w.source = 'event_log'
    union all
    select run_id, run_type, created_at_ms, config, data_fingerprint, source
    from legacy_runs_d join winning_source w using (run_id) where w.source = 'legacy'`);
  await database.run(`
    create temp view all_run_status as
    select run_id, started_at_ms, completed_at_ms, failed_at_ms, error,
      cast(summary_json as varchar) as summary_json, coalesce(w.source, 'event_log') as source
    from runs_status left join winning_source w using (run_id)
    where coalesce(w.source, 'event_log') = 'event_log'
    union all
    select run_id, started_at_ms, completed_at_ms, failed_at_ms, error, summary_json, source
    from legacy_runs_status join winning_source w using (run_id) where w.source = 'legacy'`);
}

/** One thing that the log says otherwise than the legacy database, or not at all. */
export interface LegacyDifference {
  run_id: string;
  field: string;
  legacy: string | null;
  event_log: string | null;
}

/** What the legacy database holds that the log does not say. */
export async function compareLegacy(database: Database): Promise<LegacyDifference[]> {
  const same = (field: string) => `l.${field} is distinct from d.${field}`;
  const text = (field: string) => `cast(${field} as varchar)`;
  const runs = ["run_type", "created_at_ms", "data_fingerprint"].map((field) => `
    select l.run_id, '${field}' as field, ${text(`l.${field}`)} as legacy,
      ${text(`d.${field}`)} as event_log
    from legacy_runs_d l join runs_d d using (run_id)
    where l.${field} is not null and ${same(field)}`);
  const status = ["started_at_ms", "completed_at_ms", "failed_at_ms", "error"].map((field) => `
    select l.run_id, '${field}' as field, ${text(`l.${field}`)} as legacy,
      ${text(`d.${field}`)} as event_log
    from legacy_runs_status l left join runs_status d using (run_id)
    where l.${field} is not null and ${same(field)}`);
  const jsons = JSON_FIELDS.map(([table, field]) => `
    select l.run_id, '${field}' as field, ${text(`l.${field}`)} as legacy,
      ${text(`d.${field}`)} as event_log
    from legacy_${table} l join ${table} d using (run_id)
    where l.${field} is not null and ${text(`l.${field}`)} is distinct from ${text(`d.${field}`)}`);
  const rows = await database.rows<LegacyDifference & Record<string, never>>(`
    select run_id, 'run' as field, 'present' as legacy, null as event_log
    from legacy_runs_d where run_id not in (select run_id from runs_d)
    union all ${[...runs, ...status, ...jsons].join(" union all ")}
    order by run_id, field`);
  return rows.filter(({ field, legacy, event_log }) =>
    !JSON_FIELDS.some(([, name]) => name === field) || event_log === null ||
    canonical(objectOf(legacy)) !== canonical(objectOf(event_log))
  );
}

/** JSON is compared by what it says: neither spaces nor the order of keys make a difference. */
const JSON_FIELDS = [["runs_d", "config"], ["runs_status", "summary_json"]] as const;

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, member) =>
      typeof member === "object" && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => a < b ? -1 : 1))
        : member,
  );
}

/** The events that the legacy rows imply, each with an id that is the same every time. */
export async function impliedEvents(database: Database): Promise<Record<string, unknown>[]> {
  const rows = await database.rows<Record<string, unknown>>(`
    select d.run_id, d.run_type, d.created_at_ms, d.config, d.data_fingerprint, s.started_at_ms,
      s.completed_at_ms, s.failed_at_ms, s.error, s.summary_json
    from legacy_runs_d d left join legacy_runs_status s using (run_id)
    order by d.created_at_ms, d.run_id`);
  const known = new Set(
    (await database.rows<{ event_id: string }>(
      `select event_id from events where event_id like 'legacy-%'`,
    )).map(({ event_id }) => event_id),
  );
  const held = new Map(
    (await database.rows<HeldRun>(`
      select run_id, d.run_id is not null as created, s.started_at_ms is not null as started,
        coalesce(s.completed_at_ms, s.failed_at_ms) is not null as ended
      from runs_d d full join runs_status s using (run_id)`)).map((run) => [run.run_id, run]),
  );
  return rows.flatMap((row) => eventsOfRun(row, held.get(String(row.run_id))))
    .filter((event) => !known.has(String(event.event_id)));
}

/** What the log says of a run already. */
interface HeldRun extends Record<string, unknown> {
  run_id: string;
  created: boolean;
  started: boolean;
  ended: boolean;
}

function eventsOfRun(
  row: Record<string, unknown>,
  held: HeldRun | undefined,
): Record<string, unknown>[] {
  const { run_id } = row;
  const at = (field: string) => (row[field] === null ? undefined : Number(row[field]));
  const event = (event_type: string, timestamp_ms: number | undefined, fields: object) =>
    timestamp_ms === undefined ? [] : [{
      event_type,
      event_id: `legacy-${event_type}-${run_id}`,
      timestamp_ms,
      run_id,
      ...fields,
      imported_from: "legacy",
    }];
  const created = held?.created ? [] : event("run.created", at("created_at_ms"), {
    run_type: row.run_type ?? "unknown",
    config: objectOf(row.config),
    data_fingerprint: row.data_fingerprint ?? "",
  });
  const completed_at = at("completed_at_ms");
  const failed_at = at("failed_at_ms");
  const failed = completed_at === undefined ? failed_at : undefined;
  const ended = held?.ended ? [] : [
    ...event("run.failed", failed, { error: row.error ?? "" }),
    ...event("run.completed", completed_at, {
      summary: objectOf(row.summary_json),
      artifact_paths: {},
    }),
  ];
  return [
    ...created,
    ...(held?.started ? [] : event("run.started", at("started_at_ms"), {})),
    ...ended,
  ];
}

/** The first system wrote JSON objects; what is something else is kept under a name. */
function objectOf(text: unknown): unknown {
  if (text === null) return {};
  let value: unknown = text;
  try {
    value = JSON.parse(String(text));
  } catch {
    // Not JSON: kept as the text it is.
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { value };
}
