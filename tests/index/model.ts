/**
 * The tables of the index, written down a second time: over the records of our own reader, in plain
 * JavaScript, with no thought for speed.
 */
import { assert, assertEquals } from "@std/assert";
import { fieldsAreRight, isBuiltIn } from "../../src/log/event/event.ts";
import { partStem } from "../../src/log/format/layout.ts";
import { type EventRecord, LogCursor } from "../../src/log/read/cursor.ts";
import { linesOnDisk, testWorld } from "../harness.ts";
import { rowsOf } from "./indexes.ts";

type Row = Record<string, unknown>;

/** What is to be in each table. */
type Tables = Record<string, Row[]>;

/** A run's fields that only some of its events give. */
function blankRun(run_id: string) {
  return {
    run_id,
    started_at_ms: null as number | null,
    completed_at_ms: null as number | null,
    failed_at_ms: null as number | null,
    error: null as unknown,
    summary_json: null as unknown,
  };
}

interface Annotations {
  tags: Set<string>;
  name?: unknown;
  pin?: unknown;
  group?: unknown;
  /** What its creation says. */
  begun?: string;
}

class Model {
  readonly annotated = new Map<string, Annotations>();
  readonly created = new Map<string, Row>();
  readonly runs = new Map<string, ReturnType<typeof blankRun>>();
  readonly tables: Tables = {
    events: [],
    phase_timings: [],
    trial_results: [],
    artifacts_catalog: [],
    baseline_results: [],
    run_annotations: [],
    run_notes: [],
    run_links: [],
    artifact_uses: [],
    rejected_lines: [],
    duplicate_events: [],
  };

  take({ event, part, offset }: EventRecord): void {
    const { event_id, event_type, run_id } = event;
    // A time that is written as -0 is the time 0.
    const at = event.timestamp_ms + 0;
    const fields_ok = !isBuiltIn(event_type) || fieldsAreRight(event, event_type);
    this.tables.events.push({
      event_id,
      event_type,
      // No run has an empty id, so an empty one names none.
      run_id: typeof run_id === "string" && run_id !== "" ? run_id : null,
      timestamp_ms: at,
      log_day: part.day,
      log_part: partStem(part),
      log_offset: offset,
      fields_ok,
    });
    if (fields_ok && isBuiltIn(event_type)) this.#derive(event_type, event, at);
  }

  #run(run_id: string) {
    if (!this.runs.has(run_id)) this.runs.set(run_id, blankRun(run_id));
    return this.runs.get(run_id)!;
  }

  #derive(type: string, event: Row, at: number): void {
    const run_id = event.run_id as string;
    const { run_type, config, data_fingerprint, trial_id, params, metrics } = event;
    const { alerts_total, alerts_ok, artifact_type, artifact_path, size_bytes } = event;
    switch (type) {
      case "run.created": {
        const run = { run_id, run_type, created_at_ms: at, config, data_fingerprint };
        if (!this.created.has(run_id)) this.created.set(run_id, run);
        if (typeof event.group === "string") this.#annotations(run_id).begun ??= event.group;
        return;
      }
      case "run.started":
        this.#run(run_id).started_at_ms ??= at;
        return;
      case "run.completed":
      case "run.failed": {
        const well = type === "run.completed";
        Object.assign(this.#run(run_id), {
          completed_at_ms: well ? at : null,
          failed_at_ms: well ? null : at,
          error: well ? null : event.error,
          summary_json: well ? event.summary : null,
        });
        return;
      }
      case "phase.started":
      case "phase.completed":
        return this.#phase(type === "phase.started", event, at);
      case "trial.recorded":
        this.tables.trial_results.push({ run_id, trial_id, recorded_at_ms: at, params, metrics });
        return;
      case "artifact.created":
        this.tables.artifacts_catalog
          .push({ run_id, artifact_type, artifact_path, size_bytes, created_at_ms: at });
        return;
      case "run.annotated":
        return this.#annotate(event, at);
      case "run.linked": {
        const { to_run_id, kind, removed } = event;
        const links = this.tables.run_links;
        const found = links.findIndex((link) =>
          link.run_id === run_id && link.to_run_id === to_run_id && link.kind === kind
        );
        if (found >= 0) links.splice(found, 1);
        if (removed !== true) links.push({ run_id, to_run_id, kind, linked_at_ms: at });
        return;
      }
      case "artifact.used": {
        const { used_run_id, sha256 } = event;
        this.tables.artifact_uses
          .push({ run_id, used_run_id, artifact_type, sha256, used_at_ms: at });
        return;
      }
      case "baseline.completed":
        this.tables.baseline_results
          .push({ run_id, alerts_total, alerts_ok, artifact_path, completed_at_ms: at });
    }
  }

  #annotations(run_id: string): Annotations {
    if (!this.annotated.has(run_id)) this.annotated.set(run_id, { tags: new Set() });
    return this.annotated.get(run_id)!;
  }

  #annotate(event: Row, at: number): void {
    const run_id = event.run_id as string;
    const said = this.#annotations(run_id);
    const { tags, tags_removed, note, name, pin, group } = event;
    for (const tag of (tags_removed ?? []) as string[]) said.tags.delete(tag);
    for (const tag of (tags ?? []) as string[]) said.tags.add(tag);
    said.name = name ?? said.name;
    said.pin = pin ?? said.pin;
    said.group = group ?? said.group;
    if (note) this.tables.run_notes.push({ run_id, noted_at_ms: at, note });
  }

  annotations(): Row[] {
    return [...this.annotated].map(([run_id, { tags, name, pin, group, begun }]) => ({
      run_id,
      tags: { items: [...tags] },
      name: name ?? null,
      pin: pin ?? null,
      group: group ?? begun ?? null,
    }));
  }

  /** The k-th start belongs to the k-th end: either fills the first row that lacks it. */
  #phase(starts: boolean, event: Row, at: number): void {
    const { run_id, phase_name } = event;
    const own = starts ? "started_at_ms" : "completed_at_ms";
    const rows = this.tables.phase_timings;
    const waiting = rows.find((row) =>
      row.run_id === run_id && row.phase_name === phase_name && row[own] === null
    );
    const row = waiting ?? {
      run_id,
      phase_name,
      phase_order: null,
      started_at_ms: null,
      completed_at_ms: null,
      duration_ms: null,
      output_summary_json: null,
    };
    if (!waiting) rows.push(row);
    Object.assign(
      row,
      starts ? { started_at_ms: at, phase_order: event.phase_order } : {
        completed_at_ms: at,
        // DuckDB reads -0 as 0.
        duration_ms: event.duration_ms === 0 ? 0 : event.duration_ms,
        output_summary_json: event.output_summary,
      },
    );
  }

  latest(): Row[] {
    const ids = new Set([...this.created.keys(), ...this.runs.keys()]);
    return [...ids].map((run_id) => {
      const run = this.runs.get(run_id) ?? blankRun(run_id);
      const status = run.completed_at_ms !== null
        ? "completed"
        : run.failed_at_ms !== null
        ? "failed"
        : run.started_at_ms !== null
        ? "running"
        : "pending";
      return { run_id, status };
    });
  }
}

/** The tables that a log should have. */
async function modelOf(dir: string): Promise<Tables> {
  const model = new Model();
  const known = new Set<string>();
  const { duplicate_events, rejected_lines } = model.tables;
  for await (const record of new LogCursor(testWorld(), dir).pass()) {
    const { kind, part, label, offset } = record;
    if (kind === "corrupt") rejected_lines.push({ part: label, offset, reason: record.reason });
    if (kind !== "event") continue;
    const { event_id } = record.event;
    if (!known.has(event_id)) model.take(record);
    else {
      const place = { log_day: part.day, log_part: partStem(part), log_offset: offset };
      duplicate_events.push({ event_id, ...place });
    }
    known.add(event_id);
  }
  return {
    ...model.tables,
    run_annotations: model.annotations(),
    runs_d: [...model.created.values()],
    runs_status: [...model.runs.values()],
    latest_runs: model.latest(),
  };
}

/** Columns that hold JSON, which is compared by what it says. */
const JSONS = ["config", "summary_json", "output_summary_json", "params", "metrics"];

/** How the rows of a table are identified and compared, whatever their order. */
function comparable(rows: Row[], from_index: boolean): string[] {
  return rows.map((row) =>
    Deno.inspect(
      Object.entries(row).sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => [
        name,
        // Numbers that no double holds come as Infinity, and -0 as 0, wherever they were read.
        // DuckDB's package takes a byte order mark off the head of every text that it hands out.
        !JSONS.includes(name) ? shown(value) : canonical(
          from_index && typeof value === "string" ? JSON.parse(value) : value,
        ),
      ]),
      { depth: 1e4, strAbbreviateSize: 1e7, iterableLimit: 1e6, compact: true, breakLength: 1e9 },
    )
  ).sort();
}

function shown(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^\uFEFF/, "");
  const { items } = Object(value);
  return items ? items.toSorted() : value;
}

function canonical(value: unknown): unknown {
  return JSON.stringify(value, (_, member) => Object.is(member, -0) ? 0 : member);
}

/** The first few that differ say enough, and stay readable. */
function assertSameRows(found: string[], wanted: string[], table: string): void {
  const without = (rows: string[], others: string[]) => {
    const left = new Map<string, number>();
    for (const row of others) left.set(row, (left.get(row) ?? 0) + 1);
    return rows.filter((row) => {
      const count = left.get(row) ?? 0;
      left.set(row, count - 1);
      return count <= 0;
    }).slice(0, 3);
  };
  assertEquals(
    { missing: without(wanted, found), too_many: without(found, wanted) },
    { missing: [], too_many: [] },
    table,
  );
}

/** Fails unless the live index holds what the model says, and every line got one verdict. */
export async function assertLikeModel(dir: string): Promise<void> {
  const tables = await modelOf(dir);
  for (const [table, wanted] of Object.entries(tables)) {
    const columns = wanted.length === 0 ? "*" : Object.keys(wanted[0]).map((name) => `"${name}"`);
    const found = await rowsOf(dir, `select ${columns} from ${table}`);
    assertSameRows(comparable(found, true), comparable(wanted, false), table);
  }
  const lines = linesOnDisk(dir).length;
  const { events, duplicate_events, rejected_lines } = tables;
  assert(
    events.length + duplicate_events.length + rejected_lines.length === lines,
    `${events.length} + ${duplicate_events.length} + ${rejected_lines.length} for ${lines} lines`,
  );
}
