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

‹ledger legacy compare› lists what differs, ‹ledger legacy import› appends the events that the old rows
imply (twice changes nothing), and ‹ledger legacy archive› says when the old file may go.

  $ ledger legacy compare
  run_id  field            legacy         event_log
  old-1   completed_at_ms  1767225700000
  old-1   run              present
  old-1   started_at_ms    1767225601000
  old-1   summary_json     {"trades":98}
  old-2   error            no candles
  old-2   failed_at_ms     1767229300000
  old-2   run              present
  old-2   started_at_ms    1767229201000
  8 differences; to import runs: ledger legacy import
  $ ledger legacy import
  6 events appended and indexed
  $ ledger legacy compare
  the log holds all that the legacy database holds
  $ ledger legacy archive
  data/baseline_results.duckdb can be put away: the log holds every run in it, with the same data.
  To compress it: gzip data/baseline_results.duckdb

Code written for the first system's emitter keeps working: getEventEmitter() of src/mod.ts has its
positional signatures.
`,
} satisfies Topic;
