/**
 * Bulk load in SQL: every statement that fills an index. Values are bound; no statement is built from
 * what a user or an event says. A full build and an increment run the same statements, and so do the
 * index of one log and that of many boxes, where what is unique within a log has its box beside it.
 */
import { spool_buffer_bytes, spool_line_bytes_max } from "../base/limits.ts";
import { ROW_COLUMNS } from "./rows.ts";
import { boxColumn, type IndexScope, LATEST_FIRST, LOG_ORDER } from "./tables.ts";

/** The statements that fill an index of a scope. */
export type LoadSql = ReturnType<typeof loadSql>;

/** Makes the statements for one log, or for the logs of many boxes. */
export function loadSql(scope: IndexScope) {
  const box = boxColumn(scope);
  const box_of = (table: string) => box && `${table}.${box}`;
  const places = (count: number) => {
    const last = count + (box ? 1 : 0);
    return `values (${Array.from({ length: last }, (_, n) => `$${n + 1}`).join(", ")})`;
  };
  /** Whether what is unique within a log is among the rows of a relation. */
  const isIn = (columns: string, relation: string) =>
    `(${box}${columns}) in (select (${box}${columns}) from ${relation})`;

  const spooled_columns = Object.entries({ ...box && { box: "varchar" }, ...ROW_COLUMNS });

  const trials_of_file = `
    read_json($1, format = 'newline_delimited', maximum_object_size = ${spool_line_bytes_max},
    columns = {
      "@in": 'INTEGER', "@at": 'BIGINT', event_id: 'VARCHAR', run_id: 'VARCHAR',
      timestamp_ms: 'BIGINT', correlation_id: 'VARCHAR', causation_id: 'VARCHAR',
      trial_id: 'VARCHAR', params: 'JSON', metrics: 'JSON'}) t
    join spooled_parts p on p.number = t."@in"`;

  /** Deletes from tables what is repeated in a source, but for the first in log order, and notes it. */
  const deleteRepeated = (source: string, hashes: string, tables: readonly string[]) => [
    `create or replace temp table repeated as
     select ${box}event_id, ${LOG_PLACE} from ${source}
     where hash(${box}event_id) in (${hashes})
     qualify row_number() over (partition by ${box}event_id order by ${LOG_ORDER}) > 1`,
    `insert into duplicate_events from repeated`,
    ...tables.map((table) => `delete from ${table} where ${isIn(LOG_PLACE, "repeated")}`),
  ];

  return {
    /**
     * Reads a file of spooled events, without quotes and escapes: what stands between the separators is
     * the value, byte for byte, and no value has a separator in it.
     */
    READ_SPOOLED_ROWS: `
create or replace temp table spooled as
select * from read_csv($1, delim = '\u0001', quote = '', escape = '', comment = '',
  header = false, auto_detect = false, new_line = '\\n', nullstr = '', strict_mode = false,
  max_line_size = ${spool_line_bytes_max}, buffer_size = ${spool_buffer_bytes},
  columns = {${spooled_columns.map(([name, type]) => `${name}: '${type}'`)}})`,

    /** The parts that spooled trials name by number. */
    SPOOL_NO_PARTS: `create or replace temp table spooled_parts (
  number integer, ${box && "box varchar, "}log_day varchar, log_part varchar)`,
    ADD_SPOOLED_PART: `insert into spooled_parts ${places(3)}`,

    ADD_SPOOLED_TRIALS: `
insert into spooled
select ${box_of("p")}p.log_day, p.log_part, "@at", event_id, 'trial.recorded', run_id, timestamp_ms,
  correlation_id, causation_id, true, null, trial_id, params, metrics
from ${trials_of_file}`,

    /** Loads packed trials from their columns; `json` writes them as DuckDB does those of lines. */
    LOAD_PACKED_TRIALS: `
insert into trial_events
select ${box && "$4, "}${EVENT_COLUMNS}, $2, $3, log_offset, trial_id, json(params), json(metrics),
  false
from read_parquet($1) where is_trial`,

    /** Loads the trials of a file at once, where there is nothing that they could repeat. */
    LOAD_TRIALS: `
insert into trial_events
select ${
      box_of("p")
    }${EVENT_COLUMNS}, p.log_day, p.log_part, "@at", trial_id, params, metrics, false
from ${trials_of_file}`,

    /** The table of spooled events, empty, for events that no file can carry. */
    SPOOL_NOTHING: `create or replace temp table spooled (
  ${spooled_columns.map((column) => column.join(" "))})`,
    ADD_SPOOLED_ROW: `insert into spooled ${places(Object.keys(ROW_COLUMNS).length)}`,

    /** Counts spooled events that sort before their indexed twin: the first in log order has changed. */
    COUNT_SPOOLED_BEFORE_TWIN: `
select count(*) from spooled s join events e using (${box}event_id)
where (s.log_day, length(split_part(s.log_part, '.', 1)), s.log_part, s.log_offset)
    < (e.log_day, length(split_part(e.log_part, '.', 1)), e.log_part, e.log_offset)`,

    DROP_KNOWN: [
      `insert into duplicate_events
       select ${box}event_id, ${LOG_PLACE} from spooled where ${isIn("event_id", "events")}`,
      `delete from spooled where ${isIn("event_id", "events")}`,
    ],

    COUNT_SPOOLED_AGAIN: `select count(*) - count(distinct (${box}event_id)) from spooled`,
    DROP_REPEATED: deleteRepeated(
      "spooled",
      `select hash(${box}event_id) as id_hash from spooled group by id_hash having count(*) > 1`,
      ["spooled"],
    ),

    /** Looks for ids that are in the tables twice, a share of all ids at a time: memory has an end. */
    ADD_REPEATED_HASHES: `
insert into repeated_hashes
select hash(${box}event_id) as id_hash from events
where hash(${box}event_id) % $1::ubigint = $2::ubigint
group by id_hash having count(*) > 1`,

    /** Deletes what is in the tables twice. */
    DELETE_REPEATED: deleteRepeated("events", "select id_hash from repeated_hashes", [
      "other_events",
      "trial_events",
    ]),

    LOAD_SPOOLED: [
      `insert into trial_events
       select ${box}${EVENT_COLUMNS}, ${LOG_PLACE}, trial_id, params, metrics, false from spooled
       where trial_id is not null`,
      `insert into other_events
       select ${box}event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id,
         ${LOG_PLACE}, fields_ok, payload, false from spooled where trial_id is null`,
      `insert into touched select distinct ${box}run_id from spooled
       where trial_id is null and fields_ok and run_id is not null`,
    ],

    /** Begins a list of the runs whose rows have to be derived anew. */
    TOUCH_NOTHING: `create or replace temp table touched (${box && "box varchar, "}run_id varchar)`,
    DERIVE: Object.entries(derivedRows(box, isIn("run_id", "touched"))).flatMap(
      ([table, rows]) => [
        `delete from ${table} where ${isIn("run_id", "touched")}`,
        `insert into ${table} ${rows}`,
      ],
    ),

    ADD_REJECTED: `insert into rejected_lines ${places(3)}`,
  };
}

export const COUNT_EVENTS = `select count(*) from events`;
export const REPEAT_NO_HASHES = `create or replace temp table repeated_hashes (id_hash ubigint)`;

const EVENT_COLUMNS = "event_id, run_id, timestamp_ms, correlation_id, causation_id";
const LOG_PLACE = "log_day, log_part, log_offset";

/** A count that JSON may write as 3, 3.0 or 3e0. */
function whole(path: string): string {
  return `cast(cast(payload->>'$.${path}' as double) as bigint)`;
}

/** What the last event that says anything of a field says of it. */
function lastSaid(field: string): string {
  const value = `payload->>'$.${field}'`;
  return `last(${value} order by ${LOG_ORDER}) filter ((${value}) is not null)`;
}

/** For each derived table, the rows of the touched runs. */
function derivedRows(box: string, is_touched: string): Readonly<Record<string, string>> {
  const run = `${box}run_id`;
  const of_touched = `fields_ok and ${is_touched}`;
  /** The events of one type with well-formed fields, of the touched runs. */
  const ofType = (event_type: string) =>
    `from other_events where event_type = '${event_type}' and ${of_touched}`;
  const phase_numbered = `row_number() over (
    partition by ${run}, payload->>'$.phase_name' order by ${LOG_ORDER}) as nth`;
  return {
    // Two run.created: the first wins; one whose time was guessed yields to one that knows it.
    runs_d: `
    select distinct on (${run}) ${run}, payload->>'$.run_type', timestamp_ms, payload->'$.config',
      payload->>'$.data_fingerprint'
    ${ofType("run.created")}
    order by ${run}, payload->>'$.created_at_is_known' is not distinct from 'false', ${LOG_ORDER}`,
    // Completed and failed: the last in log order wins.
    runs_status: `
    with started as (
      select ${run}, first(timestamp_ms order by ${LOG_ORDER}) as started_at_ms
      ${ofType("run.started")} group by ${run}
    ), ended as (
      select distinct on (${run}) ${run}, timestamp_ms, event_type = 'run.completed' as well, payload
      from other_events where event_type in ('run.completed', 'run.failed') and ${of_touched}
      order by ${run}, ${LATEST_FIRST}
    )
    select ${run}, s.started_at_ms,
      case when e.well then e.timestamp_ms end,
      case when not e.well then e.timestamp_ms end,
      case when not e.well then e.payload->>'$.error' end,
      case when e.well then e.payload->'$.summary' end
    from started s full join ended e using (${run})`,
    // The k-th start of a run's phase pairs with its k-th end.
    phase_timings: `
    with started as (
      select ${run}, payload->>'$.phase_name' as phase_name, timestamp_ms,
        ${whole("phase_order")} as phase_order, ${phase_numbered}
      ${ofType("phase.started")}
    ), ended as (
      select ${run}, payload->>'$.phase_name' as phase_name, timestamp_ms,
        cast(payload->>'$.duration_ms' as double) as duration_ms,
        payload->'$.output_summary' as output_summary, ${phase_numbered}
      ${ofType("phase.completed")}
    )
    select ${run}, phase_name, s.phase_order, s.timestamp_ms, e.timestamp_ms, e.duration_ms,
      e.output_summary
    from started s full join ended e using (${run}, phase_name, nth)`,
    artifacts_catalog: `
    select ${run}, payload->>'$.artifact_type', payload->>'$.artifact_path',
      ${whole("size_bytes")}, timestamp_ms
    ${ofType("artifact.created")}`,
    baseline_results: `
    select ${run}, ${whole("alerts_total")}, ${whole("alerts_ok")}, payload->>'$.artifact_path',
      timestamp_ms
    ${ofType("baseline.completed")}`,
    // The last word counts. The group of a run's creation holds until another is said.
    run_annotations: `
    with mentions as (
      select ${run}, unnest(cast(payload->'$.tags' as varchar[])) as tag, true as is_put,
        ${LOG_PLACE} ${ofType("run.annotated")}
      union all
      select ${run}, unnest(cast(payload->'$.tags_removed' as varchar[])), false,
        ${LOG_PLACE} ${ofType("run.annotated")}
    ), tagged as (
      select ${run}, list(tag order by tag) filter (is_put) as tags from (
        select distinct on (${run}, tag) ${run}, tag, is_put from mentions
        order by ${run}, tag, ${LATEST_FIRST}, is_put desc)
      group by ${run}
    ), said as (
      select ${run}, ${lastSaid("name")} as name, cast(${lastSaid("pin")} as boolean) as pin,
        ${lastSaid("group")} as "group"
      ${ofType("run.annotated")} group by ${run}
    ), begun as (
      select ${run}, first(payload->>'$.group' order by ${LOG_ORDER}) as "group"
      ${ofType("run.created")} and json_type(payload, '$.group') = 'VARCHAR' group by ${run}
    )
    select ${run}, coalesce(tags, []), name, pin, coalesce(s."group", b."group")
    from said s full join begun b using (${run}) left join tagged using (${run})`,
    run_notes: `
    select ${run}, timestamp_ms, payload->>'$.note'
    ${ofType("run.annotated")} and (payload->>'$.note') <> ''`,
    run_links: `
    select ${run}, to_run_id, kind, linked_at_ms from (
      select distinct on (${run}, payload->>'$.to_run_id', payload->>'$.kind')
        ${run}, payload->>'$.to_run_id' as to_run_id, payload->>'$.kind' as kind,
        timestamp_ms as linked_at_ms, (payload->>'$.removed') = 'true' as is_removed
      ${ofType("run.linked")}
      order by ${run}, payload->>'$.to_run_id', payload->>'$.kind', ${LATEST_FIRST})
    where is_removed is not true`,
    artifact_uses: `
    select ${run}, payload->>'$.used_run_id', payload->>'$.artifact_type', payload->>'$.sha256',
      timestamp_ms
    ${ofType("artifact.used")}`,
  };
}

export const FORGET_COVERAGE = `delete from index_parts; delete from archived_days`;
export const ADD_PART = `insert into index_parts values ($1, $2, $3, $4, $5, $6)`;
export const ALL_PARTS = `from index_parts`;
export const VERSION = `select value from index_facts where key = 'version'`;
export const TOTALS = `
select (select count(*) from events) as events, (select count(*) from rejected_lines) as rejected,
  (select coalesce(sum(indexed_to), 0) from index_parts where not is_archived) as bytes`;

const MARKED = ["other_events", "trial_events"];

/** Rows of a table, and their digest, whatever their order, and whether a day is archived or not. */
export function digestOf(table: string): string {
  const columns = MARKED.includes(table) ? "* exclude (is_archived)" : "*";
  return `select count(*) as rows, coalesce(sum(hash(t)), 0)::varchar as digest
    from (select ${columns} from ${table}) t`;
}

export const ARCHIVED_DAYS = `from archived_days order by all`;
export const ADD_ARCHIVED_DAY = `insert into archived_days values ($1, $2, $3)`;

/** Marks the rows of parts that are not in the log any more, and those of parts that are again. */
export const MARK_ARCHIVED = MARKED.map((table) =>
  `update ${table} set is_archived = not is_archived where is_archived != ((log_day, log_part) in
     (select (log_day, log_part) from index_parts where is_archived))`
);

/** The name of the live index beside one that is built anew. */
export const LIVE = "live";
export const KEEP_NO_PARTS = `create temp table kept_parts (log_day varchar, log_part varchar)`;
export const KEEP_PART = `insert into kept_parts values ($1, $2)`;
const IS_KEPT = `(log_day, log_part) in (select (log_day, log_part) from kept_parts)`;

/** Takes over the rows of those parts; what they say is derived anew. */
export const KEEP = [
  ...[...MARKED, "duplicate_events"].map((table) =>
    `insert into ${table} by name from ${LIVE}.main.${table} where ${IS_KEPT}`
  ),
  `insert into rejected_lines by name from ${LIVE}.main.rejected_lines
   where part in (select 'day=' || log_day || '/' || log_part || '.jsonl' from kept_parts)`,
  `insert into touched
   select distinct run_id from other_events where fields_ok and run_id is not null`,
];
