/**
 * Database schema: the tables of `runs.duckdb`, their version, and the log's order of their rows. The index
 * of a fleet has the same tables, with the box before what is unique within one log.
 */

/** Whose events a database holds: those of one log, or of the logs of many boxes. */
export type IndexScope = "log" | "boxes";

/** What goes before a column that is unique within one log. */
export function boxColumn(scope: IndexScope): "" | "box, " {
  return scope === "boxes" ? "box, " : "";
}

/** Rises with every change below and in `run_views.ts`; an index of another version is built anew. */
export const INDEX_VERSION = 5;

/** The tables that hold what the log says. What is in them is a function of the log alone. */
export const CONTENT_TABLES = `other_events trial_events runs_d runs_status phase_timings
  artifacts_catalog baseline_results run_annotations run_notes run_links artifact_uses rejected_lines duplicate_events`
  .split(/\s+/);

/** The day, the part by its number (of six digits, or more), the place in it. */
const PLACE = ["log_day", "length(split_part(log_part, '.', 1))", "log_part", "log_offset"];

export const LOG_ORDER = PLACE.join(", ");

export const LATEST_FIRST = PLACE.map((column) => `${column} desc`).join(", ");

const EVENT_PLACE =
  `log_day varchar not null, log_part varchar not null, log_offset bigint not null`;

const PARTS_COVERED = `
-- How far each part is indexed, and what its last indexed line was.
create table index_parts (
  log_day varchar not null, log_part varchar not null, indexed_to bigint not null,
  last_line_at bigint not null, last_line_hash varchar not null,
  -- Not in the log any more: what is known of it stands only here, and in its archive.
  is_archived boolean not null
);
`;

const SEGMENTS_COVERED = `
-- Which segments of each chain of a box are indexed, from one number to another.
create table index_segments (
  source varchar not null, box varchar not null, from_seq bigint not null, to_seq bigint not null
);
`;

/** Creates the tables of a database. */
export function tablesOf(scope: IndexScope): string {
  const box = scope === "boxes" ? "box varchar not null, " : "";
  return `
create table index_facts (key varchar not null, value varchar not null);
insert into index_facts values ('version', '${INDEX_VERSION}');

${scope === "boxes" ? SEGMENTS_COVERED : PARTS_COVERED}
-- The days that were archived, and where their archives are; null when there is none. A day that has
-- late events has several archives.
create table archived_days (
  ${box}log_day varchar not null, archived_at_ms bigint not null, archive varchar
);

-- Trials are nearly all there is of most logs, so they are held once, in columns of their own.
create table trial_events (
  ${box}event_id varchar not null, run_id varchar not null, timestamp_ms bigint not null,
  correlation_id varchar, causation_id varchar, ${EVENT_PLACE},
  trial_id varchar not null, params json not null, metrics json not null,
  is_archived boolean not null
);

create table other_events (
  ${box}event_id varchar not null, event_type varchar not null, run_id varchar,
  timestamp_ms bigint not null, correlation_id varchar, causation_id varchar, ${EVENT_PLACE},
  -- False for an event of a built-in type whose fields are not of that type: it is in no other table.
  fields_ok boolean not null,
  -- The line as it stands in the log.
  payload json not null,
  is_archived boolean not null
);

create table runs_d (
  ${box}run_id varchar not null, run_type varchar, created_at_ms bigint, config json,
  data_fingerprint varchar
);

create table runs_status (
  ${box}run_id varchar not null, started_at_ms bigint, completed_at_ms bigint, failed_at_ms bigint,
  error varchar, summary_json json
);

create table phase_timings (
  ${box}run_id varchar not null, phase_name varchar not null, phase_order bigint, started_at_ms bigint,
  completed_at_ms bigint, duration_ms double, output_summary_json json
);

create table artifacts_catalog (
  ${box}run_id varchar not null, artifact_type varchar not null, artifact_path varchar not null,
  size_bytes bigint not null, created_at_ms bigint not null
);

create table baseline_results (
  ${box}run_id varchar not null, alerts_total bigint not null, alerts_ok bigint not null,
  artifact_path varchar not null, completed_at_ms bigint not null
);

-- What people say of runs: the last word counts. Null was never said; an empty text was taken back.
create table run_annotations (
  ${box}run_id varchar not null, tags varchar[] not null, name varchar, pin boolean, "group" varchar
);

create table run_notes (
  ${box}run_id varchar not null, noted_at_ms bigint not null, note varchar not null
);

create table run_links (
  ${box}run_id varchar not null, to_run_id varchar not null, kind varchar not null,
  linked_at_ms bigint not null
);

-- Which artifacts of other runs a run read, and what they held then.
create table artifact_uses (
  ${box}run_id varchar not null, used_run_id varchar not null, artifact_type varchar not null,
  sha256 varchar not null, used_at_ms bigint not null
);

create table rejected_lines (
  ${box}part varchar not null, "offset" bigint not null, reason varchar not null
);

create table duplicate_events (${box}event_id varchar not null, ${EVENT_PLACE});
`;
}
