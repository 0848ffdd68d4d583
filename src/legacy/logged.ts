/**
 * What the log says of the runs of a legacy batch. The log's own lines are looked at, not the tables made
 * from them: those hold the last of several ends only, and of a trial only parameters and metrics. Days
 * that are archived are known from the index alone.
 */
import { parseExact } from "../base/json.ts";
import type { Database } from "../duckdb/connection.ts";
import { LOG_ORDER } from "../index/tables.ts";
import { fieldsAreRight, isBuiltIn, type LedgerEvent, type LogCursor } from "../log/mod.ts";
import { type ImpliedEvents, LEGACY_ID_PREFIX } from "./events.ts";
import type { LegacyRow } from "./rows.ts";

const TYPES = [
  ...["run.created", "run.completed", "run.failed", "phase.started", "phase.completed"],
  "trial.recorded",
];

/** An event that stands in the log. */
export interface LoggedEvent {
  event: LedgerEvent;
  /** Parsed without the loss of a digit. */
  exact: Readonly<Record<string, unknown>>;
  /** The day whose archive has the whole of it; of a trial, parameters and metrics are known here. */
  archived_day?: string;
}

/** The counterparts of a row in the log. */
export interface Counterparts {
  begin?: LoggedEvent;
  end?: LoggedEvent;
}

/** A reader of the log's events of some types. */
export interface LogSource {
  cursor(filter: { types: readonly string[] }): LogCursor;
}

/** The events of some runs, to be looked up by what the first system's rows say. */
export class LoggedRuns {
  readonly #by_id = new Map<string, LoggedEvent>();
  /** Those that were not brought over: by type, run and what tells them apart, in log order. */
  readonly #native = new Map<string, LoggedEvent[]>();
  readonly #created = new Map<string, LoggedEvent>();
  readonly #ends = new Map<string, LoggedEvent>();
  /** How many phases of one name a run's rows had so far. */
  readonly #nth = new Map<string, number>();

  static async read(
    log: LogSource,
    database: Database,
    run_ids: readonly string[],
  ): Promise<LoggedRuns> {
    const logged = new LoggedRuns();
    const of_runs = `run_id in (select unnest(from_json($1, '["varchar"]')))
      and event_type in ('${TYPES.join("', '")}')`;
    const ids = JSON.stringify(run_ids);
    await logged.#readArchived(database, of_runs, ids);
    const days = await database.rows<{ log_day: string }>(
      `select distinct log_day from events where not is_archived and ${of_runs} order by log_day`,
      [ids],
    );
    const wanted: ReadonlySet<unknown> = new Set(run_ids);
    const cursor = log.cursor({ types: TYPES });
    for await (const record of cursor.pass(days.map(({ log_day }) => log_day))) {
      if (record.kind !== "event" || !wanted.has(record.event.run_id)) continue;
      logged.#add(record.event, record.text);
    }
    return logged;
  }

  async #readArchived(database: Database, of_runs: string, ids: string): Promise<void> {
    const others = await database.rows<{ payload: string; log_day: string }>(
      `select payload, log_day from other_events where is_archived and ${of_runs}
       order by ${LOG_ORDER}`,
      [ids],
    );
    for (const { payload, log_day } of others) this.#add(JSON.parse(payload), payload, log_day);
    const trials = await database.rows<Record<string, string | bigint>>(
      `select event_id, run_id, timestamp_ms, trial_id, params, metrics, log_day from trial_events
       where is_archived and ${of_runs.split("and event_type")[0]} order by ${LOG_ORDER}`,
      [ids],
    );
    for (const { params, metrics, timestamp_ms, log_day, ...others } of trials) {
      const texts = Object.entries(others).map(([name, text]) =>
        `,${JSON.stringify(name)}:${JSON.stringify(text)}`
      );
      const text = `{"event_type":"trial.recorded","timestamp_ms":${timestamp_ms}` +
        `${texts.join("")},"params":${params},"metrics":${metrics}}`;
      this.#add(JSON.parse(text), text, log_day as string);
    }
  }

  #add(event: LedgerEvent, text: string, archived_day?: string): void {
    const { event_id, event_type, run_id } = event;
    if (isBuiltIn(event_type) && !fieldsAreRight(event, event_type)) return;
    if (this.#by_id.has(event_id)) return;
    const exact = parseExact(text) as Record<string, unknown>;
    const logged: LoggedEvent = { event, exact, archived_day };
    this.#by_id.set(event_id, logged);
    if (event_type === "run.created") {
      const first = this.#created.get(run_id as string);
      // A time that was guessed yields to one that is known: so does the index.
      const yields = first?.event.created_at_is_known === false &&
        event.created_at_is_known !== false;
      if (!first || yields) this.#created.set(run_id as string, logged);
    }
    if (event_type === "run.completed" || event_type === "run.failed") {
      this.#ends.set(run_id as string, logged);
    }
    if (event_id.startsWith(LEGACY_ID_PREFIX)) return;
    const place = placeOf(event_type, run_id, event.trial_id ?? event.phase_name);
    this.#native.set(place, [...this.#native.get(place) ?? [], logged]);
  }

  /** Whether the log has this event. */
  has(event_id: string): boolean {
    return this.#by_id.has(event_id);
  }

  /**
   * What the log has for a row: what counts of its run, what was brought over, or what was emitted about
   * the same thing. Asked in the order of the rows: the k-th phase of a name is the k-th that was emitted.
   */
  of(row: LegacyRow, { begin, end }: ImpliedEvents): Counterparts {
    const run_id = row.run_id ?? "";
    if (row.table.name === "runs_d") {
      const last = this.#ends.get(run_id);
      return { begin: this.#created.get(run_id), end: last };
    }
    const own = {
      begin: this.#by_id.get(begin?.event_id ?? ""),
      end: this.#by_id.get(end?.event_id ?? ""),
    };
    if (row.table.name !== "pipeline_phases_f") {
      return { begin: own.begin ?? this.#nativeOf("trial.recorded", run_id, row.key, 0) };
    }
    const name = row.cells.get("phase_name")?.text ?? "";
    const place = placeOf("phase", run_id, name);
    const nth = this.#nth.get(place) ?? 0;
    this.#nth.set(place, nth + 1);
    return {
      begin: own.begin ?? this.#nativeOf("phase.started", run_id, name, nth),
      end: own.end ?? this.#nativeOf("phase.completed", run_id, name, nth),
    };
  }

  /** Whether something that was not brought over says how this run began, or ended. */
  saysOfRun(run_id: string, on: "begin" | "end"): boolean {
    const types = on === "begin" ? ["run.created"] : ["run.completed", "run.failed"];
    return types.some((type) => this.#nativeOf(type, run_id, undefined, 0) !== undefined);
  }

  #nativeOf(type: string, run_id: string, key: string | null | undefined, nth: number) {
    return this.#native.get(placeOf(type, run_id, key))?.[nth];
  }
}

function placeOf(...words: unknown[]): string {
  return JSON.stringify(words);
}
