/**
 * Reconciliation: what a legacy database holds that the log does not say. Each value that is read is
 * looked for in the log, by itself and in a digest over all of a table; what is not read is named.
 */
import { textDigest } from "../base/files/checksum.ts";
import { canonicalJson, parseExact } from "../base/json.ts";
import type { Database } from "../duckdb/connection.ts";
import {
  BEFORE_CUTOVER_MS,
  eventsOf,
  type ImpliedEvents,
  isFinerThanMs,
  isNeverStarted,
  jsonOfCell,
  originalName,
  pathOf,
  placeOf,
} from "./events.ts";
import { type Counterparts, type LoggedEvent, LoggedRuns, type LogSource } from "./logged.ts";
import { type Cell, legacyBatches, type LegacyRow } from "./rows.ts";
import { legacyName, type LegacyTable, type NotUnderstood, readLegacySchema } from "./tables.ts";

/** One thing that the log says otherwise than the legacy database, or not at all. */
export interface LegacyDifference {
  run_id: string | null;
  table: string;
  /** Which row of its table. */
  id: string | null;
  /** A column; `row` where the log has nothing of the row. */
  field: string;
  legacy: string;
  event_log: string | null;
}

/** How much of a table is in the log. */
export interface LegacyTableReport {
  table: string;
  /** As the database counts them. */
  rows: number;
  /** Those of which the log says everything. */
  in_log: number;
  /** Phases that never started: no event says that, and nothing came of them. */
  never_started: number;
  /** Over all values that were read, */
  digest: string;
  /** and over the same as the log has them. */
  digest_in_log: string;
}

/** What was read and compared, and what was not. */
export interface LegacyComparison {
  differences: LegacyDifference[];
  tables: LegacyTableReport[];
  not_understood: NotUnderstood[];
}

/** What of a phase that never started is a plan, not a result. */
const PLAN = `phase_id phase_name phase_order status input_phase_id input_summary_json config_json
  retry_count`.split(/\s+/);

/** Compares all that is understood, and names the rest. */
export async function compareWithLog(
  log: LogSource,
  database: Database,
): Promise<LegacyComparison> {
  const schema = await readLegacySchema(database);
  const reports = new Map<LegacyTable, LegacyTableReport>();
  for (const table of schema.tables) {
    const full_name = `optimizer.${table.name}`;
    const rows = Number(await database.value(`select count(*) from ${legacyName(full_name)}`));
    const none = textDigest("");
    const digests = { digest: none, digest_in_log: none };
    reports.set(table, { table: full_name, rows, in_log: 0, never_started: 0, ...digests });
  }
  const differences: LegacyDifference[] = [];
  for await (const { run_ids, rows } of legacyBatches(database, schema)) {
    const logged = await LoggedRuns.read(log, database, run_ids);
    const missing = new Set<string | null>();
    for (const row of rows) {
      const compared = new ComparedRow(row, logged);
      compared.addTo(reports.get(row.table)!);
      // Of a run that the log does not know, one line says it.
      if (!missing.has(row.run_id)) differences.push(...compared.differences);
      if (row.table.name === "runs_d" && compared.is_missing) missing.add(row.run_id);
    }
  }
  const not_understood = await schema.notUnderstood(database);
  return { differences, tables: [...reports.values()], not_understood };
}

/** A row beside what the log says of it. */
class ComparedRow {
  readonly differences: LegacyDifference[] = [];
  readonly is_missing: boolean;
  readonly #is_never_started: boolean;
  readonly #said: [name: string, legacy: string, in_log: string | null][] = [];

  constructor(readonly row: LegacyRow, logged: LoggedRuns) {
    this.#is_never_started = isNeverStarted(row);
    const implied: ImpliedEvents = eventsOf(row, BEFORE_CUTOVER_MS);
    const found: Counterparts = this.#is_never_started ? {} : logged.of(row, implied);
    if (found.end && implied.end && found.end.event.event_type !== implied.end.event_type) {
      found.end = undefined;
    }
    this.is_missing = !this.#is_never_started && !found.begin;
    const { archived_day } = found.begin ?? {};
    if (this.is_missing) this.#differs("row", "present", null);
    for (const cell of row.cells.values()) this.#compare(cell, found);
    if (archived_day === undefined || this.differences.length === 0) return;
    this.differences.length = 0;
    this.#differs("row", "present", `in the archive of day=${archived_day}`);
  }

  #compare(cell: Cell, found: Counterparts): void {
    const { row, is_missing } = this;
    const { name } = cell.column;
    if (this.#is_never_started && PLAN.includes(name)) return;
    const event = found[placeOf(row, cell)];
    const legacy = canonicalOf(cell);
    const in_log = event ? canonicalIn(event, row, cell) : null;
    this.#said.push([name, legacy, in_log]);
    if (!is_missing && legacy !== in_log) this.#differs(name, cell.text, in_log);
  }

  #differs(field: string, legacy: string, event_log: string | null): void {
    const { run_id, key, table: { name, key: key_name } } = this.row;
    const id = key_name === "run_id" ? run_id : key;
    this.differences.push({ run_id, table: name, id, field, legacy, event_log });
  }

  addTo(report: LegacyTableReport): void {
    if (this.#is_never_started) report.never_started++;
    if (this.differences.length === 0) report.in_log += this.#is_never_started ? 0 : 1;
    const { run_id, key } = this.row;
    const chain = (digest: string, at: 1 | 2) =>
      textDigest(
        digest + JSON.stringify([run_id, key, this.#said.map((said) => [said[0], said[at]])]),
      );
    report.digest = chain(report.digest, 1);
    report.digest_in_log = chain(report.digest_in_log, 2);
  }
}

/** One text for all that says the same: spaces, the order of keys and spellings make no difference. */
function canonicalOf(cell: Cell): string {
  const { column: { kind }, text, at_ms } = cell;
  if (kind === "time") {
    return at_ms === undefined || isFinerThanMs(text) ? JSON.stringify(text) : String(at_ms);
  }
  const { json, original } = jsonOfCell(cell);
  return original === undefined ? canonicalJson(parseExact(json)) : JSON.stringify(original);
}

/** The same of what an event has where a value belongs; null where it has nothing. */
function canonicalIn(logged: LoggedEvent, row: LegacyRow, cell: Cell): string | null {
  const { exact, event } = logged;
  const { column: { kind, name }, at_ms } = cell;
  const path = pathOf(row, cell);
  if (kind === "time") {
    if (typeof exact[name] === "string") return JSON.stringify(exact[name]);
    // What was emitted itself has no finer time than this.
    const is_native = event.imported_from !== "legacy";
    if (is_native && event.timestamp_ms === at_ms) return canonicalOf(cell);
    return String(event.timestamp_ms);
  }
  const { original } = jsonOfCell(cell);
  if (original !== undefined) {
    const said = kind === "json"
      ? exact[originalName(cell)]
      : memberOf(exact, ["not_finite", path.at(-1)!]);
    if (said !== undefined) return JSON.stringify(said);
  }
  const said = memberOf(exact, path);
  return said === undefined ? null : canonicalJson(said);
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  let member = value;
  for (const name of path) {
    if (typeof member !== "object" || member === null || !Object.hasOwn(member, name)) {
      return undefined;
    }
    member = (member as Record<string, unknown>)[name];
  }
  return member;
}
