import type { Topic } from "../topic.ts";

export default {
  name: "legacy",
  summary: "moving from the first system: its database and its emitter",
  see: ["legacy compare", "legacy import", "legacy archive", "query"],
  text: String.raw`
The first system kept its runs in a DuckDB database (schema optimizer). ‹ledger query --legacy
data/baseline_results.duckdb› opens it beside the index and adds the views all_runs and
all_run_status: every run once, with its source. Before the cutover (2026-01-23, or --cutover DAY) the
old database wins, from it on the log.

  $ ledger emit run.started --run-id r1
  1769174320945_8e7b925b
  $ ledger rebuild
  data/ledger/index/runs.duckdb built from nothing: 1 new event (108 B), 1 event in all, 0 runs
  $ ledger query --legacy data/baseline_results.duckdb "select run_id, source from all_runs order by run_id"
  run_id  source
  old-1   legacy
  old-2   legacy

‹ledger legacy compare› looks in the log for each value of the old rows and lists what differs.
‹ledger legacy import› appends the events that the rows imply; twice changes nothing:

- runs_d | run.created and, where there is a summary, run.completed. The tables do not say when a run
  ended: its time is that of the last thing it did, and completed_at_is_known says false.
- pipeline_phases_f | phase.started and phase.completed; neither for a phase that never started.
- trials_f | trial.recorded, with params_json as params and every number and boolean as metrics.
- walk_forward_f | trial.recorded: the fold and its days as params, the numbers as metrics.

TIMESTAMP without a zone is UTC. A number that JSON does not have (NaN) is null, and its text stands in
not_finite; JSON that Python wrote with NaN in it is kept as text beside. All other tables with rows, and
columns that hold values and are not of these tables, are not understood: import and compare list them.

  $ ledger legacy compare
  run_id  table   id     field  legacy   event_log
  old-1   runs_d  old-1  row    present
  old-2   runs_d  old-2  row    present
  2 differences; to import: ledger legacy import
  not understood, and not in the log: optimizer.islands_f (1 row)
  $ ledger legacy import
  5 events appended and indexed
  not understood, and not in the log: optimizer.islands_f (1 row)
  $ ledger legacy archive
  table               rows  in_log  never_started  digest
  optimizer.runs_d       2       2              0  the same
  optimizer.trials_f     2       2              0  the same
  not understood, and not in the log: optimizer.islands_f (1 row)
  data/baseline_results.duckdb has to stay: 1 table or column not understood.
  To put it away without: ledger legacy archive --except optimizer.islands_f

‹ledger legacy archive› says when the old file may go: it counts rows, compares digests over all values
that were read, and says no where anything that holds values is not understood, unless --except names it.

  $ ledger legacy archive --except optimizer.islands_f
  table               rows  in_log  never_started  digest
  optimizer.runs_d       2       2              0  the same
  optimizer.trials_f     2       2              0  the same
  data/baseline_results.duckdb can be put away: the log holds all of it but optimizer.islands_f, with the same data.
  To compress it: gzip data/baseline_results.duckdb

The first system also kept an index/runs.duckdb, and event types in events/_schema.json. The first rebuild
moves its index to runs.duckdb.first-system and builds one from the log. Its event types stay: those with
a JSON Schema are registered, the others are kept in the file under first_system.

Code written for the first system's emitter keeps working: getEventEmitter() of src/mod.ts has its
positional signatures, and it never throws or rejects. What cannot be recorded goes to onError (standard
error, where there is none) and counts in lost_events; NaN becomes null, with a warning; dispose() waits
for what was emitted and closes the ledger.
`,
} satisfies Topic;
