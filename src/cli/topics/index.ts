import type { Topic } from "../topic.ts";

export default {
  name: "index",
  summary: "asking questions in SQL, and keeping the answers up to date",
  see: ["rebuild", "query", "watch", "report", "doctor"],
  text: String.raw`
Questions are answered by DuckDB databases that are derived from the log and from the runs. They hold
nothing of their own: delete them whenever you like, and build them again.

- index/runs.duckdb | the log as tables: runs, phases, trials, artifacts, events
- index/catalog.duckdb | the runs' manifests and artifacts (ledger help runs)
- index/alerts.duckdb | every call, and which runs used it

  $ ledger emit run.created --run-id r1 --run-type policy --config '{"stop_loss_bps":500}' --data-fingerprint prices-2026-01
  1769174320945_8e7b925b
  $ ledger emit phase.started --run-id r1 --phase-name simulate --phase-order 0
  1769174321945_8e7b925c
  $ ledger emit phase.completed --run-id r1 --phase-name simulate --duration-ms 4180 --output-summary '{"trades":117}'
  1769174322945_8e7b925d
  $ ledger emit run.failed --run-id r1 --error "no space left"
  1769174323945_8e7b925e
  $ ledger rebuild
  data/ledger/index/runs.duckdb built from nothing: 4 new events (663 B), 4 events in all, 1 run
  $ ledger query "select run_id, status, error from latest_runs limit 10"
  run_id  status  error
  r1      failed  no space left
  $ ledger query "select run_id, phase_name, duration_ms from phase_timings where run_id = 'r1'"
  run_id  phase_name  duration_ms
  r1      simulate           4180
  $ ledger query --json "select phase_names, phase_durations_ms from run_phase_summary"
  [
    {"phase_names":["simulate"],"phase_durations_ms":[4180]}
  ]

  # what there is to ask, with queries to begin with
  ledger query < /dev/null

A question first brings its index up to date, where that takes less than about a second and no other
indexer is at work. Otherwise it answers at once, and says on standard error what is missing and which
command adds it. --as-is skips both. What other programs change in the folder of runs is seen by ‹ledger
runs sync› and ‹ledger watch›.

A run is pending, running, completed or failed, by its events in the log. An indexer works on a copy
and renames it into place; a reader keeps the snapshot that it opened. So readers never wait, and
never make an indexer wait. Queries cannot write. Any DuckDB opens the file too, read-only.

The same log gives the same rows and digests, whether it was indexed at once or in a thousand steps:

  $ ledger rebuild --full --verbose
  table              rows                digest
  other_events          4  35516952160873771361
  trial_events          0                     0
  runs_d                1   7246648460856146695
  runs_status           1   8849829176274971996
  phase_timings         1   5387073620084823186
  artifacts_catalog     0                     0
  baseline_results      0                     0
  run_annotations       0                     0
  run_notes             0                     0
  run_links             0                     0
  artifact_uses         0                     0
  rejected_lines        0                     0
  duplicate_events      0                     0
  data/ledger/index/runs.duckdb built from nothing: 4 new events (663 B), 4 events in all, 1 run

‹ledger watch› keeps the index up to date while the log grows; Ctrl-C ends it. With --health it
answers /healthz (503 and a reason when the index falls behind) and /metrics for Prometheus:

  $ ledger watch --health 127.0.0.1:9184 &
  answers on http://127.0.0.1:9184/healthz and http://127.0.0.1:9184/metrics
  $ ledger emit run.completed --run-id r2 --summary '{"trades":117}' --artifact-paths '{}'
  1769174329945_8e7b9268
  $ curl -s http://127.0.0.1:9184/healthz | grep -o '"status":"[a-z]*"'
  "status":"ok"
  $ curl -s http://127.0.0.1:9184/metrics | grep '^ledger_index_lag_bytes'
  ledger_index_lag_bytes 0
  $ ledger query "select run_id, status, summary_json from latest_runs where run_id = 'r2'"
  run_id  status     summary_json
  r2      completed  {"trades":117}
  $ kill %1

  # index what is new once, as a cron job would
  ledger watch --once

  # keep up while the log grows; Ctrl-C ends it
  ledger watch --health 127.0.0.1:9184

An index that is damaged or out of date is set aside and built again, with a message. Lines that are
no events are rows of rejected_lines.

‹ledger report --out data/ledger/report.html› puts index and catalog on one page without scripts or
downloads: runs over time, phase timings, returns and equity, policies side by side, latencies, and
what led to the largest losses. Every section names the command that prints the same numbers.
`,
} satisfies Topic;
