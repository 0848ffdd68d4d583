/**
 * Every maximum and every default, with its unit last in the name. A limit that is part of the
 * log's contract says so: changing it changes what counts as valid history.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

// Events

/** Contract: a longer line is corrupt when read, and refused when emitted. Without its newline. */
export const event_bytes_max = 8 * MIB;
/** Contract: the last millisecond of year 9999. */
export const timestamp_ms_max = 253_402_300_799_999;
/** Emit takes a timestamp below this (March 1973) for seconds; history is never judged by it. */
export const timestamp_ms_plausible_min = 100_000_000_000;
/** A run's rows seldom have a time of the year 2100 or later: it is noted as odd. */
export const timestamp_ms_plausible_max = 4_102_444_799_999;
/** How deep an emitted event may nest: far past any real event, well inside every reader's stack. */
export const nesting_max = 500;
/** A run id has to serve as a folder name. */
export const run_id_chars_max = 200;
/** A tag, or the name of a group or a run: it has to fit a line. */
export const label_chars_max = 100;
/** A note is read by people; a document is a file. */
export const note_chars_max = 10_000;
/** A writer's name has to serve inside a file name. */
export const writer_chars_max = 64;
export const type_name_chars_max = 100;
/** How many states a pattern of an event type may have: each is looked at for each character. */
export const pattern_states_max = 2_000;
export const pattern_nesting_max = 100;
/** A text is not matched when that could take more steps than this: a second or so. */
export const pattern_steps_max = 2 ** 28;
/** How many names similar to an unknown one are offered, and how many letters they may differ in. */
export const similar_names_max = 3;
export const similar_distance_max = 3;
/** Where nothing is near, so many names are listed. */
export const names_listed_max = 20;

// Locks

/** How long an append waits for a day's lock before it says "busy". */
export const lock_wait_ms = 10_000;
/** How long a reader waits to take a size between two writes. */
export const read_lock_wait_ms = 1_000;
/** How often a day's folder is made again when it goes while its lock is opened. */
export const folder_tries_max = 10;
/** How often a lock is tried in a row before pausing; more take the processor from its holder. */
export const lock_tries_max = 2;
/** The pause between such rows of tries; the system makes it 0.07 or so. */
export const lock_pause_ms = 0.02;
/** After so much of that, a lock is waited for in line. */
export const lock_poll_ms = 10;
/** A wait counts no more than this of a time in which its thread did nothing but compute. */
export const attended_step_ms = 250;
/** How long probing a lock takes where the system can only wait for it, before it counts as held. */
export const lock_probe_ms = 20;
/** The same, where a holder is named: on a busy machine a free lock is not given within less. */
export const lock_held_ms = 1_000;

// Writing

/** A part takes no more events once they would carry it past this size (one event always fits). */
export const part_bytes_max = 100 * MIB;
/** One write under the lock is no larger (unless one event is), so that others get their turn. */
export const write_bytes_max = 4 * MIB;
/** Events that are written together go through one buffer if they surely fit into this. */
export const small_group_bytes = 64 * KIB;
/** How far a stream may run ahead of its syncs, */
export const unsynced_bytes_max = 64 * MIB;
/** and how many parts it keeps open until they are synced: each day has its own. */
export const unsynced_files_max = 16;
export const open_days_max = 16;
/** A writer that never waits lets its program's other work have a turn this often. */
export const turn_ms_max = 20;
/** The buffer in which records of a write-ahead file are checked; a larger group gets its own. */
export const record_buffer_bytes = 128 * KIB;

// Reading

export const read_bytes = 1 * MIB;
/** How often a part, or its day, is read again because it was compacted or restored meanwhile. */
export const part_looks_max = 10;
/** A folder whose time is younger than this may change again without its time showing it. */
export const folder_time_trusted_after_ms = 100;
/** How often follow looks at every part, whatever the file system notified. */
export const follow_poll_ms = 1_000;
export const follow_debounce_ms = 5;
/** A pipe that is silent is asked again no later than this. */
export const pipe_pause_ms_max = 20;
/** Recent events are looked for in so much of the end of a part, and in so many parts. */
export const recent_tail_bytes = 64 * KIB;
export const recent_parts_max = 4;
/** The same for events of one type, which are rarer. */
export const recent_events_bytes = 1 * MIB;

// Sealing, compacting, archiving

/** How long sealing or compacting waits for another process that does. */
export const seal_lock_wait_ms = 30_000;
/** A day is over this long after its midnight: late events of it mostly came by then. */
export const seal_grace_ms = 3_600_000;
/** How often a daemon looks whether there is something to seal. */
export const seal_poll_ms = 600_000;
/** So many flaws of a sealed part are noted; with more, its lines are validated anew each time. */
export const flaws_max = 1_000;
/** Where in a sealed file something has changed is known to within this. */
export const checksum_block_bytes = 64 * KIB;
/** How many parts are packed at the same time: each takes up to 150 MB of memory. */
export const pack_threads_max = 2;
/** How often a caller polls a thread that posts no messages, */
export const answer_poll_ms = 3;
/** and how long its answers may be; a longer one is posted. */
export const thread_answer_bytes_max = 64 * KIB;
/** More line templates have no use: lines are kept as they are. Nor has a longer one. */
export const line_templates_max = 1_000;
export const line_template_chars_max = 16_384;
/** How many templates are tried on a line before it is parsed. */
export const line_templates_tried_max = 8;
export const archive_block_bytes = 4 * MIB;
/** What may follow the end of an archive: other programs fill up their last block. */
export const tar_end_bytes_max = 1 * MIB;

// What another box wrote, and what a caller names

/** Read whole: records, registry, manifests. */
export const outside_text_bytes_max = 64 * MIB;
export const outside_file_bytes_max = 64 * 1024 * MIB;
/** A part of another box has no larger number: its next one has to be a number too. */
export const pulled_number_max = 999_999_999;
/** A pull that is killed has to find no more than this again by comparing bytes. */
export const unrecorded_pull_bytes_max = 64 * MIB;
/** JSON or SQL that a command gets is read whole, and begins with a buffer of so much. */
export const input_text_bytes_max = 64 * MIB;
export const input_piece_bytes = 64 * KIB;
/** So much of a file says which format it has. */
export const file_kind_bytes = 4 * KIB;

// DuckDB and the index

export const duckdb_threads_max = 2;
/** While an index is built, the other core reads and validates lines. */
export const duckdb_building_threads_max = 1;
/** How much DuckDB keeps in memory before it writes to its temporary folder. */
export const duckdb_memory_limit = "384MB";
/** How long to wait while another process unpacks the library, which takes it half a second. */
export const unpack_wait_ms = 60_000;
/** How much spooled text is loaded at once, */
export const spool_bytes_max = 16 * MIB;
/** in writes of about this. */
export const spool_flush_chars = 256 * KIB;
/** A longer line is spooled on its own, so that DuckDB's read buffers can stay small: */
export const spool_line_chars_max = 512 * KIB;
/** a line in the longest encoding, and a buffer of some of them. */
export const spool_line_bytes_max = 4 * spool_line_chars_max;
export const spool_buffer_bytes = 4 * spool_line_bytes_max;
/** How far the reader thread may be ahead of DuckDB, in spool files. */
export const batches_ahead_max = 4;
export const ids_at_once_max = 2_000_000;
/** How often a sync is tried again where parts go from the log, or are renamed, while it reads. */
export const index_sync_tries_max = 5;
/** How long a rebuild waits for another one to end before it says "busy". */
export const index_lock_wait_ms = 30_000;
/** A question waits no longer than about this for an index to be brought up to date, */
export const fresh_sync_ms_max = 1_000;
/** which takes at least this, */
export const sync_fixed_ms = 80;
/** and in a millisecond copies so many bytes of the index, loads so many bytes of lines */
export const index_copy_rate = 500_000;
export const index_load_rate = 50_000;
/** (a compacted part has about so many times its own), */
export const index_compacted_factor = 8;
/** looks at so many runs, and reads so many of those that changed. */
export const runs_scan_rate = 50;
export const runs_read_rate = 8;
/** How many runs `latestRuns` returns where the caller does not say. */
export const latest_runs = 10;
/** Of a database of the first system so many rows are held at a time, and at least those of one run. */
export const legacy_batch_rows_max = 20_000;

// Parquet

/** A row group holds at most so many rows: what is kept in memory until it is written. */
export const row_group_rows_max = 65_536;
/** It is written earlier once its values take about this much. */
export const row_group_bytes_max = 32 * MIB;
/** A longer line, which is no event, has to be in memory whole several times: it is not packed. */
export const packed_line_bytes_max = row_group_bytes_max;
/** A part with less lines is left as it is: its Parquet file would be about as large, or larger. */
export const compact_bytes_min = 10_000;
export const row_batch_rows = 8_192;
/** A file of others that is taken as an input has no more rows, columns and row groups, */
export const parquet_rows_max = 1_000_000_000;
export const parquet_columns_max = 10_000;
export const parquet_row_groups_max = 100_000;
/** and no column of a row group that is longer than this, as it lies there. */
export const parquet_column_bytes_max = 1024 * MIB;
/** The header of a page is looked for in so many bytes, and then in all of its column. */
export const parquet_page_header_bytes = 4 * KIB;
/** The footer is read whole, */
export const parquet_footer_bytes_max = 64 * MIB;
/** and so is a page, once it is unpacked, */
export const parquet_page_bytes_max = 256 * MIB;
/** whose rows have levels, a byte each. */
export const packed_group_rows_max = 16 * 1024 * 1024;
/** More than most columns of a group take: what is not written to is no memory yet. */
export const packed_buffer_bytes = 8 * MIB;
/** Buffers in which a page is unpacked; its header may claim any size. */
export const parquet_chunk_bytes_min = 64;
export const parquet_chunk_bytes_max = 64 * MIB;

// Runs

/** An input of a run is read in pieces that fit into a core's cache; others get a turn now and then. */
export const input_read_bytes = 256 * KIB;
export const input_turn_bytes = 16 * MIB;
/** Inputs of more bytes in all are read on so many threads; */
export const input_threads_bytes_min = 32 * MIB;
export const input_threads_max = 2;
/** the digest of one with at least so many bytes is kept, of so many files, */
export const input_kept_bytes_min = 8 * MIB;
export const inputs_kept_max = 10_000;
/** unless it had been written to so shortly before that its time need not show a second write. */
export const input_settled_after_ms = 2_000;
/** A run has no more inputs: a manifest names them all. */
export const inputs_max = 10_000;
/** A longer manifest is refused: what it holds goes into the catalog, and into one event. */
export const manifest_chars_max = 8 * MIB;
/** A part of the name of an attached file: file systems take 255, and while it is written it is longer. */
export const file_name_bytes_max = 200;
/** A run without an owner that was not written to for so long is stale. */
export const stale_after_ms = 3_600_000;
/** And so is a half-written file of such a run. */
export const stale_temp_after_ms = 60_000;
/** A row of an artifact's input is no longer than this: what has to be in memory at once. */
export const input_row_bytes_max = 8 * MIB;
export const input_batch_rows = 2_048;
/** A longer input of text is read by DuckDB, which takes longer than that to load. */
export const columnar_bytes_min = 128 * KIB;
/** Threads of DuckDB cost more than they save for an input shorter than this. */
export const parallel_bytes_min = 8 * MIB;
export const feature_name_chars_max = 200;
export const artifact_columns_max = 1_000;
/** So many values of features wait in memory for their types; more wait in a scratch file. */
export const feature_values_in_memory_max = 250_000;
export const alert_files_at_once = 500;
/** A staged row of the catalog, which holds manifests. */
export const catalog_row_bytes_max = 64 * MIB;
/** What `runs show` reads from the end of a run's log file, and how many lines of it that shows. */
export const run_log_tail_bytes = 8 * KIB;
export const run_log_lines_shown = 5;
/** Points of metrics wait in a write-ahead file until they are this many, */
export const metrics_segment_points_max = 1_000_000;
/** or this large: a segment is read at once. */
export const metrics_segment_bytes_max = 16 * MIB;
/** So many points are one record; more that come in one go become Parquet at once. */
export const metrics_record_points_max = 65_536;
/** A segment is read whole; a longer file is refused by name. */
export const metrics_segment_read_bytes_max = 256 * MIB;
/** A metric's name heads a column, in tables of ours and of others. */
export const metric_name_chars_max = 250;
/** The difference of two steps is exact as a double. */
export const metric_step_max = 2 ** 52;
/** So many points of a run are gone through for a look at it. */
export const metrics_summed_points_max = 1_000_000;
/** How often the segments of a run are listed again because they changed meanwhile. */
export const metrics_listings_max = 100;
/** How many inputs of a run it lists. */
export const run_inputs_shown = 20;
/** How many runs a query of the catalog returns where the caller does not say, */
export const runs_found_max = 1_000_000;
/** and how many the command line lists. */
export const runs_listed = 20;
/** How many runs are compared at once. */
export const runs_compared_max = 20;

/** What git prints about a repository is read up to this, and waited for so long. */
export const git_bytes_max = 16 * MIB;
export const git_wait_ms = 60_000;
/** A run's patch of uncommitted changes is no larger; of what lies beyond it there are digests. */
export const patch_bytes_max = 1_000_000;
/** Of changed files so many are listed, and so many bytes digested: a run has to begin. */
export const changed_files_listed_max = 10_000;
export const digested_bytes_max = 256 * MIB;
/** So many digests stand in one command of a rerun. */
export const files_verified_max = 100;

// Traces

/** Traced times lie between 1970 and 2255: microseconds that a double holds exactly. */
export const timestamp_us_max = Number.MAX_SAFE_INTEGER;
/** A traced time below this (March 1973) is taken for milliseconds or seconds and refused. */
export const timestamp_us_plausible_min = 100_000_000_000_000;
/** A traced event's type has to serve as a folder name, */
export const traced_type_chars_max = 100;
/** of which `type=` leaves this: 255 bytes are the limit everywhere. */
export const traced_type_folder_bytes_max = 250;
/** How many values a line of the write-ahead file has: one whose check is damaged has one more. */
export const trace_event_values_max = 16;
/** So many traced events that are not critical share a write, */
export const trace_batch_events = 64;
/** or as many as come within this time, */
export const trace_batch_wait_ms = 50;
/** for which the clock is read every so many events: for each, it would be a tenth of the cost. */
export const trace_clock_look_events = 8;
/** How many traced events wait in memory when the disk takes none; the next one is refused. */
export const trace_buffer_events_max = 1_000;
/** A write-ahead file takes no more events past this size: one of them is read at once. */
export const trace_segment_bytes_max = 32 * MIB;
/** A segment is read whole; a longer file is refused by name. */
export const trace_segment_read_bytes_max = 1024 * MIB;
/** How many events of a correlation a tracer keeps in memory, */
export const trace_memory_events_max = 10_000;
/** and of how many correlations; the one that was quiet the longest goes first. */
export const trace_memory_correlations_max = 64;
/** How many names are kept in the form in which they are written. */
export const trace_names_cached_max = 1_000;
/** Readers ask for one correlation at a time: small row groups leave more of a file unread. */
export const trace_row_group_rows = 16_384;
/** A file this large is not merged with others any more. */
export const trace_merged_bytes_max = 256 * MIB;
/** A correlation with more events than this is not loaded whole to follow one chain through it, */
export const trace_path_events_max = 2_000;
/** unless so many causes in such correlations have been asked for one by one. */
export const trace_path_steps_max = 8;
/** So many names of a filter are values of their own in its SQL. */
export const trace_names_bound_max = 100;
/** Traced events go into a table of DuckDB as JSON of about so many characters at a time. */
export const trace_sql_batch_chars = 4 * MIB;
/** So many ids of traced events are kept in memory while they are compared, the others in a table. */
export const trace_ids_in_memory_max = 500_000;
/** Ingest compares and records so many traced events, or bytes of them, at a time. */
export const trace_ingest_events_max = 100_000;
export const trace_ingest_bytes_max = 32 * MIB;
/** How often a folder of traces is listed again because it changed meanwhile. */
export const trace_listings_max = 100;
/** Recent traces are looked for in so many files of each kind, and in so much of each end of one. */
export const trace_recent_files_max = 4;
export const trace_recent_bytes = 16 * KIB;
/** A tracer compares its clock with the wall clock this often, */
export const trace_clock_look_ms = 10;
/** and follows it where it is off by more than this: it was set, or the machine slept. */
export const trace_clock_drift_ms_max = 1_000;
/** Events kept before and after each critical one when a trace is sampled. */
export const sample_context_events = 5;
/** The share of the other events that a sample keeps, */
export const sample_rate = 0.1;
/** by windows of so many events, */
export const sample_window_events = 100;
/** of which a busy one is sampled at most so much more densely. */
export const sample_activity_factor_max = 3;

// The daemon, and the health of a ledger

export const watch_interval_s = 30;
export const watch_debounce_ms = 100;
/** After a sync a daemon rests at least this long, so that a busy log is loaded in batches, */
export const watch_rest_ms = 250;
/** and, past what a sync of a small index takes, */
export const watch_short_sync_ms = 300;
/** this many times what it took, so that a large index never takes over a core. */
export const watch_rest_factor = 10;
/** A daemon looks at the runs no sooner than this after the last time, */
export const catalog_rest_ms = 1_000;
/** and this many times as long as that took. */
export const catalog_rest_factor = 20;
/** At traces to convert no sooner than this, so that a file does not become many small ones, */
export const trace_convert_rest_ms = 60_000;
/** and this many times as long as that took. */
export const trace_convert_rest_factor = 20;
/** An index this far behind the log is unhealthy. */
export const unhealthy_after_s = 120;
/** A clock that is further behind the newest event than this has jumped back. */
export const clock_jump_ms = 60_000;
/** Doctor warns when the clocks of this machine and of the disk's host differ by more than this, */
export const clock_skew_ms = 5_000;
/** when a disk fills up in fewer days, at the rate the log grows, */
export const days_until_full_min = 14;
/** or has less room. */
export const free_bytes_min = 500 * MIB;

// HTTP

/** The limits of a server where its caller gives no others. */
export const HTTP_LIMITS = {
  /** How many clients a server has at once: few enough to leave descriptors for the log. */
  connections_max: 64,
  request_line_bytes_max: 8 * KIB,
  /** Of all headers together. */
  header_bytes_max: 16 * KIB,
  headers_max: 100,
  /** A body is kept in memory whole. */
  body_bytes_max: 1 * MIB,
  /** How long a client may take to send the head of a request, */
  head_wait_ms: 10_000,
  /** to send the body, */
  body_wait_ms: 30_000,
  /** to ask again on the same connection: more than Prometheus rests between two looks, */
  idle_ms: 75_000,
  /** and to take each bit of an answer. */
  write_wait_ms: 10_000,
  /** How long a client that was refused may go on sending, so that it reads why. */
  linger_ms: 1_000,
  /**
   * A connection ends after so much was answered. What the client does not read then fits into the
   * system's buffers, so a health answer never waits for a client.
   */
  answered_bytes_max: 1 * MIB,
  close_wait_ms: 2_000,
  accept_pause_ms: 100,
  /** For how long it has to go well before a failure is reported again. */
  accept_quiet_ms: 60_000,
};
/** A client that ended a body with one CRLF too many is forgiven so many of them. */
export const http_empty_lines_max = 2;
export const http_chunk_line_bytes_max = 256;
export const http_read_bytes = 16 * KIB;
/** How much a client has to take within one deadline: it cannot take an answer byte by byte. */
export const http_write_bytes = 64 * KIB;

// The report

/** A report is smaller than this whatever it is about, but for pictures; all of the below sees to it. */
export const report_bytes_max = 1_000_000;
/** How many pictures a report has room for, and how large they may be: one, and all together. */
export const report_pictures_max = 60;
export const report_picture_bytes_max = 3 * MIB;
export const report_pictures_bytes_max = 12 * MIB;
/** How many runs a report lists one by one; the others are counted, and drawn over time. */
export const report_runs_listed_max = 50;
/** Of how many runs a report draws the phases and the returns when none are named, */
export const report_runs_drawn_max = 6;
/** and when some are. */
export const report_named_runs_drawn_max = 20;
/** A question that a report offers for typing is no longer than this. */
export const report_ask_chars_max = 4_000;
/** How many phases of a run a report draws, and how many it sums up over all runs. */
export const report_phases_max = 24;
export const report_policies_max = 24;
export const report_groups_max = 24;
/** Of how many types of traced events a report gives the latency. */
export const report_types_max = 30;
/** How many losing trades a report follows back to their signals, */
export const report_losses_max = 5;
/** and how many steps of such a chain it shows. */
export const report_path_steps_max = 12;
/** A curve is drawn from about so many of its points: the ends and extremes of each interval. */
export const report_curve_points_max = 240;
export const report_histogram_bins = 24;
/** Runs over time have so many bars; with more of them, each stands for a longer time. */
export const report_bars_max = 62;
/** With fewer, a bar would be a wall. */
export const report_bars_min = 14;
/** Names are cut to this, */
export const report_name_chars_max = 120;
/** and to this in titles. */
export const report_title_chars_max = 80;

// Filters

/** The text of a filter, an order or a list of columns. */
export const filter_chars_max = 16_384;
/** How deep parentheses and nots may stand in one another, */
export const filter_depth_max = 64;
/** and how many comparisons there may be. */
export const filter_conditions_max = 500;
/** So much of the text stands in an error, around the place. */
export const filter_excerpt_columns = 70;

// What a person reads on a terminal

export const quoted_chars_max = 60;
/** Of names, so many are listed and the others counted; */
export const names_shown_max = 3;
/** of places that are damaged, */
export const damage_shown_max = 10;
/** of events that the first system's emitter could not record, */
export const emitter_errors_said_max = 10;
/** and of findings. */
export const findings_shown_max = 20;
/** Days that `status` lists, and events with which `log --follow` begins. */
export const status_days = 10;
export const follow_last_events = 10;
/** Lines are gathered up to this: a write for each would take most of the time. */
export const gathered_output_chars_max = 65_536;
/** So many rows decide how wide a table's columns are. */
export const table_width_rows = 1_000;
/** Deeper than this, a line of a tree gives its depth in figures. */
export const tree_depth_drawn_max = 40;
export const help_columns_min = 36;
export const help_columns_max = 100;
/** Work that is done sooner shows no progress, */
export const progress_quiet_ms = 500;
/** which changes no more often than this. */
export const progress_every_ms = 100;
/** How many words a shell is offered to complete with, */
export const completions_max = 200;
/** among them runs, of which older months are not listed, */
export const completed_runs_max = 200;
/** and which are sorted by age where a month has no more than this. */
export const completed_dated_runs_max = 1_000;
/** Groups are looked for in the manifests of so many runs. */
export const completed_manifests_max = 50;

/** Descriptors that the runtime takes to listen for signals: with fewer left it aborts. */
export const signal_descriptors = 6;

// The fleet

/** An object store answers within this, or is asked again; */
export const store_answer_ms_max = 30_000;
/** an upload may take so long for each MB more; */
export const store_upload_mb_ms = 4_000;
/** it is asked again after this, twice as long each time, with jitter, */
export const store_retry_first_ms = 100;
/** up to this, */
export const store_retry_ms_max = 20_000;
/** and of what can be asked twice so many times. */
export const store_tries_max = 6;
/** An answer that is no object has at most so many bytes, */
export const store_answer_bytes_max = 16 * MIB;
/** of an error a message quotes so many characters, */
export const store_error_chars_max = 200;
/** and of a listing a page has so many names. */
export const store_page_names = 1_000;
/** The name of a box in a fleet. */
export const box_name_chars_max = 64;
/** A file with the keys of a store has at most so many bytes. */
export const key_file_bytes_max = 64 * KIB;
/** A store is tried by so many writers at once, */
export const probe_race_writers = 32;
/** on so many keys; */
export const probe_race_keys = 10;
/** its clock may be off by this: signatures hold for 15 minutes. */
export const probe_skew_ms_max = 5 * 60_000;
/** from this on, `fleet status` names it. */
export const clock_skew_told_ms = 60_000;
/** The key of an object has at most so many bytes, */
export const object_key_bytes_max = 1_024;
/** and an object, which is in memory whole when it is put, so many. */
export const object_bytes_max = 1024 * MIB;
/** A file of a run up to this stands in a bundle, */
export const bundled_file_bytes_max = 1 * MIB;
/** and of one run at most so much; all else is an object of its own. */
export const bundled_run_bytes_max = 16 * MIB;
/** A segment of a log holds so many bytes of lines, */
export const segment_bytes_max = 64 * MIB;
/** or those of so long; */
export const segment_flush_ms = 60_000;
/** a shipper looks this often whether the log has grown that much. */
export const ship_look_ms = 5_000;
/** So many objects are asked for at once. */
export const store_heads_at_once = 32;
/** A pull fetches so many segments of a box at once, */
export const pulled_segments_at_once = 4;
/** of so many boxes. */
export const pulled_boxes_at_once = 4;
/** `fleet fold --every` waits at least so long. */
export const fold_every_ms_min = 1_000;
/** How long `ship --drain` tries. */
export const ship_drain_ms_max = 600_000;
/** Statistics of a table hold texts up to so many characters, whole. */
export const lake_text_chars_max = 32;
/** A fold job takes segments up to so many bytes of lines into one commit. */
export const fold_bytes_max = 256 * MIB;
/** A table gets a checkpoint once so many commits have come since the last one; */
export const checkpoint_commits = 100;
/** an action of it has at most so many bytes. */
export const checkpoint_line_bytes_max = 64 * MIB;
/** Files of a day are merged into ones of at least so many bytes, */
export const lake_file_bytes_min = 128 * MIB;
/** and at most so many; */
export const lake_file_bytes_max = 256 * MIB;
/** a merged one that is smaller is merged again with what is at least this part of it; */
export const lake_remerge_share = 1 / 4;
/** once its day is over and no file came for so long, */
export const lake_quiet_ms = 3_600_000;
/** or there are so many. */
export const lake_day_files_max = 500;
/** A file that a table has dropped, or never took in, stays for so long: a reader may have it open. */
export const lake_kept_ms = 7 * 86_400_000;
/** A job commits what it put, on top of what it read, within this: well before a sweep. */
export const lake_commit_ms_max = 86_400_000;
/** Of the ids that stand in several days, a verification names so many. */
export const repeated_ids_shown_max = 20;
/** How often a job looks for what can be swept. */
export const lake_sweep_every_ms = 86_400_000;
