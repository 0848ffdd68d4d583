/**
 * Every maximum and every default, with its unit last in the name. A limit that is part of the
 * log's contract says so: changing it changes what counts as valid history.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** A part takes no more events once they would carry it past this size (a single event always fits). */
export const part_bytes_max = 100 * MIB;

/** Contract: a longer line is corrupt when read, and refused when emitted. Without its newline. */
export const event_bytes_max = 8 * MIB;

/** Contract: the last millisecond of year 9999. */
export const timestamp_ms_max = 253_402_300_799_999;

/**
 * A timestamp given to emit that is below this (March 1973) is taken for seconds and refused. Only
 * at emit: history is never judged by it.
 */
export const timestamp_ms_plausible_min = 100_000_000_000;

/** How deep an emitted event may nest: far past any real event, well inside every reader's stack. */
export const nesting_max = 500;

/** Length of a run id, which has to serve as a folder name. */
export const run_id_chars_max = 200;

/** Length of a writer's name, which has to serve inside a file name. */
export const writer_chars_max = 64;

/** How long an append waits for a day's lock before it says "busy". */
export const lock_wait_ms = 10_000;

/** How long a reader waits to take a size between two writes. */
export const read_lock_wait_ms = 1_000;

/** How often a day's folder is made again when it goes while its lock is opened. */
export const folder_tries_max = 10;

/** How often a lock is tried in a row before pausing; more take the processor from whoever holds it. */
export const lock_tries_max = 2;

/** How long the pause between such rows of tries is; the system makes it 0.07 or so. */
export const lock_pause_ms = 0.02;

/** After so much of that, a lock is waited for in line. */
export const lock_poll_ms = 10;

/** Of a time in which a thread did nothing but compute, a wait counts no more than this. */
export const attended_step_ms = 250;

/** One write under the lock is no larger than this (unless a single event is), so that others get their turn. */
export const write_bytes_max = 4 * MIB;

/** Events that are written together go through one buffer if they surely fit into this. */
export const small_group_bytes = 64 * KIB;

/** How much of a file or a stream is read at once. */
export const read_bytes = 1 * MIB;

/** How long whoever seals or compacts waits for another who does. */
export const seal_lock_wait_ms = 30_000;

/** A day is over this long after its midnight: late events of it mostly came by then. */
export const seal_grace_ms = 3_600_000;

/** How many parts are packed at the same time: each takes up to 150 MB of memory. */
export const pack_threads_max = 2;

/** How often an answer is looked for that nothing else would tell of. */
export const answer_look_ms = 3;

/** How often a daemon looks whether there is something to seal. */
export const seal_look_ms = 600_000;

/** A sealed part's flaws are noted up to so many; with more, its lines are judged anew each time. */
export const flaws_max = 1_000;

/** Where in a sealed file something has changed is told to within this. */
export const proof_block_bytes = 64 * KIB;

/** What a pull that is killed has to find again by comparing bytes is no more than this. */
export const unrecorded_pull_bytes_max = 64 * MIB;

/** How far a stream may run ahead of its syncs. */
export const unsynced_bytes_max = 64 * MIB;

/** And how many parts it keeps open until they are synced: each day has its own. */
export const unsynced_files_max = 16;

/** How many days a writer keeps open at once. */
export const open_days_max = 16;

/** A folder whose time is younger than this when listed may change again without its time showing it. */
export const folder_time_trusted_after_ms = 100;

/** How often follow looks at every part, whatever the file system notified. */
export const follow_poll_ms = 1_000;

/** How long follow gathers notifications before it reads. */
export const follow_debounce_ms = 5;

/** Threads that DuckDB may use for a query. */
export const duckdb_threads_max = 2;

/** And while an index is built: the other core reads and judges lines meanwhile. */
export const duckdb_building_threads_max = 1;

/** How much DuckDB keeps in memory before it writes to its temporary folder. */
export const duckdb_memory_limit = "384MB";

/** How much staged text goes into the index in one go. */
export const staged_bytes_max = 16 * MIB;

/** How many event ids are looked at together for repeated ones. */
export const ids_at_once_max = 2_000_000;

/** How far reading on a thread of its own may be ahead of DuckDB, in staged files. */
export const handfuls_ahead_max = 4;

/** A longer line is staged on its own, so that DuckDB's read buffers can stay small. */
export const staged_line_chars_max = 512 * KIB;

/** How long a rebuild waits for another one to end before it says "busy". */
export const index_lock_wait_ms = 30_000;

/** How long a daemon waits when nothing is notified. */
export const watch_interval_s = 30;

/** How long a daemon gathers notifications before it syncs. */
export const watch_debounce_ms = 100;

/** After a sync a daemon rests at least this long, so that a busy log is taken in by the handful. */
export const watch_rest_ms = 250;

/** A sync that took no longer needs no longer rest: copying a small index costs little. */
export const watch_short_sync_ms = 300;

/** And this many times what it took beyond that, so that a large index never takes over a core. */
export const watch_rest_factor = 10;

/** A daemon looks at the runs no sooner than this after the last time, */
export const catalog_rest_ms = 1_000;

/** and this many times as long as that took. */
export const catalog_rest_factor = 20;

/** A writer that never waits lets its program's other work have a turn this often. */
export const turn_ms_max = 20;

/** How many clients a server of ours has at once: few enough to leave descriptors for the log. */
export const http_connections_max = 64;

/** Length of a request's first line, */
export const http_request_line_bytes_max = 8 * KIB;

/** and of all its headers together, */
export const http_header_bytes_max = 16 * KIB;

/** of which there are no more than this. */
export const http_headers_max = 100;

/** A request's body is kept in memory whole. */
export const http_body_bytes_max = 1 * MIB;

/** How long a client may take to say what it wants, */
export const http_head_wait_ms = 10_000;

/** to send the body, */
export const http_body_wait_ms = 30_000;

/** to ask again on the same connection: more than Prometheus rests between two looks. */
export const http_idle_ms = 75_000;

/** and to take each bit of an answer. */
export const http_write_wait_ms = 10_000;

/** How long a client that was refused may go on sending, so that it reads why. */
export const http_linger_ms = 1_000;

/**
 * A connection ends after so much was answered. What nobody reads then fits into the system's buffers,
 * so a health answer never waits for a client.
 */
export const http_answered_bytes_max = 1 * MIB;

/** How long requests in hand may take once a server closes. */
export const http_close_wait_ms = 2_000;

/** How long a listener rests that cannot take a client. */
export const http_accept_pause_ms = 100;

/** For how long it has to go well before that is told again. */
export const http_accept_quiet_ms = 60_000;

/** An index this far behind the log is unhealthy. */
export const unhealthy_after_s = 120;

/** How long a look at a lock takes where the system can only wait for it, before it counts as held. */
export const owner_look_ms = 20;

/** A longer manifest is refused: what it holds goes into the catalog, and into one event. */
export const manifest_chars_max = 8 * MIB;

/** A run that nobody owned, and nobody wrote to for so long, is stale. */
export const stale_after_ms = 3_600_000;

/** A row group of a Parquet file holds at most so many rows: what is kept in memory until it is written. */
export const row_group_rows_max = 65_536;

/** And is written earlier once its values take about this much. */
export const row_group_bytes_max = 32 * MIB;

/** How many rows of a Parquet file are handed over at once. */
export const row_batch_rows = 8_192;

/** How much of an archive is compressed, and read back, at once. */
export const archive_stretch_bytes = 4 * MIB;

/** A row of an artifact's input is no longer than this: what has to be in memory at once. */
export const input_row_bytes_max = 8 * MIB;

/** How many rows of an input are looked at together. */
export const input_batch_rows = 2_048;

/** Length of a feature's name. */
export const feature_name_chars_max = 200;

/** How many values of features wait in memory until their types are known; more wait in a scratch file. */
export const feature_values_in_memory_max = 250_000;

/** How many files of alerts are taken in by one statement. */
export const alert_files_at_once = 500;

/** Traced times lie between 1970 and 2255: microseconds that a double holds exactly. */
export const timestamp_us_max = Number.MAX_SAFE_INTEGER;

/** A traced event's time below this (March 1973) is taken for milliseconds or seconds and refused. */
export const timestamp_us_plausible_min = 100_000_000_000_000;

/** Length of a traced event's type, which has to serve as a folder name. */
export const traced_type_chars_max = 100;

/** What is left of a folder's name, 255 bytes everywhere, after `type=`. */
export const traced_type_folder_bytes_max = 250;

/** So many traced events that are not critical share a write, */
export const trace_batch_events = 64;

/** or as many as come within this time. */
export const trace_batch_wait_ms = 50;

/** How many traced events wait in memory when the disk takes none; the next one is refused. */
export const trace_buffer_events_max = 1_000;

/** A write-ahead file of traces takes no more events past this size: one of them is read at once. */
export const trace_segment_bytes_max = 32 * MIB;

/** How many events of a correlation a tracer keeps in memory. */
export const trace_memory_events_max = 10_000;

/** And of how many correlations; the one that was quiet the longest goes first. */
export const trace_memory_correlations_max = 64;

/** Traces are asked for one correlation at a time: small row groups leave more of a file unread. */
export const trace_row_group_rows = 16_384;

/** A file of traces this large is not merged with others any more. */
export const trace_merged_bytes_max = 256 * MIB;

/** A correlation with more events than this is not loaded whole to follow one chain through it, */
export const trace_path_events_max = 2_000;

/** unless so many causes in such correlations have been asked for one by one. */
export const trace_path_steps_max = 8;

/** How often a folder of traces is listed again because it changed meanwhile. */
export const trace_listings_max = 100;

/** Events kept before and after each critical one when a trace is sampled. */
export const sample_context_events = 5;

/** The share of the other events that a sample keeps. */
export const sample_rate = 0.1;

/** How much more densely than this a busy stretch is sampled at most. */
export const sample_activity_factor_max = 3;

/** How many events make up a stretch of which a sample takes its share. */
export const sample_stretch_events = 100;

/** A clock that is further behind the newest event than this has jumped back. */
export const clock_jump_ms = 60_000;

/** Between this machine's clock and that of the disk's host, more than this is worth a word. */
export const clock_skew_ms = 5_000;

/** A disk that is full in fewer days than this, at the rate the log grows, is worth a word. */
export const days_until_full_min = 14;

/** And so is one with less room than this. */
export const free_bytes_min = 500 * MIB;

/** How many runs a report lists one by one; the others are counted, and drawn over time. */
export const report_runs_listed_max = 50;

/** Of how many runs a report draws the phases and the returns when none are named, */
export const report_runs_drawn_max = 6;

/** and when some are. */
export const report_named_runs_drawn_max = 20;

/** How many phases of a run a report draws, and how many it sums up over all runs. */
export const report_phases_max = 24;

/** How many policies a report compares. */
export const report_policies_max = 24;

/** How many types of traced events a report tells the latency of. */
export const report_types_max = 30;

/** How many losing trades a report follows back to their signals. */
export const report_losses_max = 5;

/** How many steps of such a chain a report shows. */
export const report_path_steps_max = 12;

/** A curve is drawn from about so many of its points: the ends and the extremes of each stretch. */
export const report_curve_points_max = 240;

/** A report is smaller than this whatever it is about: what it shows is limited by all of the above. */
export const report_bytes_max = 1_000_000;

/** How many states a pattern of an event type may have, written out: each is looked at for each character. */
export const pattern_states_max = 2_000;

/** How deep the groups of a pattern nest. */
export const pattern_nesting_max = 100;

/** A text is not matched when that could take more steps than this: a second or so. */
export const pattern_steps_max = 2 ** 28;

/** What a command is given whole, JSON or SQL, is no longer than this. */
export const input_text_bytes_max = 64 * MIB;

/** What is read whole of another box, or of an archive: its records, registry, manifests. */
export const outside_text_bytes_max = 64 * MIB;

/** A file of another box, or an archive, is no larger than this. */
export const outside_file_bytes_max = 64 * 1024 * MIB;

/** What follows the end of an archive: other programs fill up their last block. */
export const tar_end_bytes_max = 1 * MIB;

/** A part of another box has no larger number: its next one has to be a number too. */
export const pulled_number_max = 999_999_999;

/** So many of the corrupt lines of a part that was pulled are told one by one; all are counted. */
export const corrupt_lines_told_max = 10;

/** The footer of a Parquet file is read whole, */
export const parquet_footer_bytes_max = 64 * MIB;

/** and so is a page, once it is unpacked, */
export const parquet_page_bytes_max = 256 * MIB;

/** whose rows have levels, a byte each. */
export const packed_group_rows_max = 16 * 1024 * 1024;

/** A pipe that says nothing is asked again no later than this. */
export const pipe_pause_ms_max = 20;

/** A half-written file of a run that nobody owns is left over when nothing was written to it for so long. */
export const stale_temp_after_ms = 60_000;
