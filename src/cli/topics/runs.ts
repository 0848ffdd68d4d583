import type { Topic } from "../topic.ts";

export default {
  name: "runs",
  summary: "a run's folder, its results as Parquet, and the catalog of all runs",
  see: ["runs create", "runs write", "runs attach", "runs finish", "runs query", "runs annotate"],
  text: String.raw`
A run has a folder, runs/YYYY-MM/run_id=ID/, with a manifest (run.json) that says what it was, which
code and parameters made it, which artifacts it wrote and how it ended. Artifacts are Parquet files of
known columns. _SUCCESS is written last.

- call | one recommendation to trade a token, by a caller
- alert | the message that made the call: who, which token, when
- policy | the rule that a simulated trade follows, such as a stop loss

Here two policies trade the same two calls:

  $ ledger runs create --run-type policy --run-id tight --data-fingerprint prices-2024-01 --dataset '{"from":"2024-01-01","to":"2024-01-31","interval":"5m","calls_count":2}' --parameters '{"policy":{"kind":"fixed_stop","stop_loss_bps":300}}'
  tight runs/2026-01/run_id=tight
  $ printf 'call_id,mint,caller_name,chain,alert_ts_ms,created_at\nc1,m1,ann,sol,1704067200000,2024-01-01\nc2,m2,bob,sol,1704153600000,2024-01-02\n' | ledger runs write tight alerts
  runs/2026-01/run_id=tight/inputs/alerts.parquet 2 rows, 889 B
  $ printf 'call_id,entry_ts_ms,entry_px,exit_ts_ms,exit_px,exit_reason,realized_return_bps,stop_out,max_adverse_excursion_bps,time_exposed_ms,tail_capture\nc1,1704067260000,1.0,1704070860000,1.5,target,5000,false,120,3600000,0.5\nc2,1704153660000,1.0,1704154260000,0.97,stop,-300,true,300,600000,\n' | ledger runs write tight trades
  runs/2026-01/run_id=tight/policy/trades.parquet 2 rows, 1.8 kB
  $ echo '{"calls_processed":2,"calls_excluded":0,"trades_count":2,"avg_return_bps":2350,"median_return_bps":2350,"stop_out_rate":0.5,"avg_max_adverse_excursion_bps":210,"avg_time_exposed_ms":2100000}' | ledger runs write tight summary
  runs/2026-01/run_id=tight/results/summary.parquet 1 row, 1.5 kB
  $ ledger runs finish tight --timing '{"plan_ms":12,"coverage_ms":85,"execution_ms":1840}'
  tight completed after 1.94 s

Every row is checked before anything is stored; an error names the row and the column:

  $ ledger runs create --run-type policy --run-id wide --data-fingerprint prices-2024-01 --parameters '{"policy":{"kind":"fixed_stop","stop_loss_bps":900}}'
  wide runs/2026-01/run_id=wide
  $ echo '{"call_id":"c1","entry_ts_ms":"yesterday"}' | ledger runs write wide trades || true
  error: cannot store trades: row 1 (line 1) has "yesterday" in column "entry_ts_ms"; it has to be a whole number of milliseconds from 0 to 253402300799999
     at: standard input:1
   hint: nothing was stored; correct it and repeat
  $ printf 'call_id,entry_ts_ms,entry_px,exit_ts_ms,exit_px,exit_reason,realized_return_bps,stop_out,max_adverse_excursion_bps,time_exposed_ms,tail_capture\nc1,1704067260000,1.0,1704070860000,1.5,target,5000,false,120,3600000,0.5\nc2,1704153660000,1.0,1704157260000,1.12,target,1200,false,640,3600000,0.2\n' | ledger runs write wide trades
  runs/2026-01/run_id=wide/policy/trades.parquet 2 rows, 1.8 kB
  $ echo '{"calls_processed":2,"calls_excluded":0,"trades_count":2,"avg_return_bps":3100,"median_return_bps":3100,"stop_out_rate":0,"avg_max_adverse_excursion_bps":380,"avg_time_exposed_ms":3600000}' | ledger runs write wide summary
  runs/2026-01/run_id=wide/results/summary.parquet 1 row, 1.5 kB
  $ ledger runs finish wide --timing '{"plan_ms":11,"coverage_ms":83,"execution_ms":2210}'
  wide completed after 2.30 s
  $ ledger runs create --run-type policy --run-id broken
  broken runs/2026-01/run_id=broken
  $ ledger runs finish broken --status failed --error 'no candles for c2'
  broken failed after 1.00 s

  # which artifacts can be stored, their columns, and which values are possible and usual
  ledger runs schema

Impossible values are refused as well: times in seconds, prices of 0, an exit before its entry. Odd
values are kept; they, and a summary that is not that of the trades, are findings in the manifest, which
‹ledger runs show› prints.

Metrics (name, step, value) are logged while a run goes on, in any order and any number of goes: by
‹ledger runs write RUN metrics›, or run.logMetrics({ loss: 0.3 }, { step: 7 }) in the library. They are
durable when that returns, wait in results/metrics.wal, and become results/metrics.parquet when the run
ends. ‹ledger runs show›, ‹readMetrics› and queries of the table ‹metrics› read both.

‹ledger runs sync› reads new and changed manifests into the catalog, and says of each run that it
leaves out why. The catalog can be deleted at any time: the manifests are the truth.

  $ ledger runs sync --stats
  ✓ Initialized catalog tables
  ✓ Registered 3 runs
  ✓ Skipped 0 runs

  Catalog Statistics:
    Total runs: 3
    Completed: 2
    Failed: 1
    Runs: 3 ended of 3 known
    By type: { "policy": 3 }
    Total artifacts: 5
    By type: { "alerts": 1, "summary": 2, "trades": 2 }
  $ ledger runs query --limit 10
  run_id  run_type  status                      created    took  artifacts  branch  commit  on disk
  broken  policy    failed     2026-01-23 13:18:50.945Z  1.00 s          0                  yes
  wide    policy    completed  2026-01-23 13:18:45.945Z  2.30 s          2                  yes
  tight   policy    completed  2026-01-23 13:18:40.945Z  1.94 s          3                  yes
  $ ledger runs query --run-id tight --artifact-type trades
  runs/2026-01/run_id=tight/policy/trades.parquet
  $ ledger runs rank --by avg_return_bps
  rank  run_id  status     avg_return_bps  stop_loss_bps  run_type  trades  stop_out_rate                   created
     1  wide    completed            3100            900  policy         2              0  2026-01-23 13:18:45.945Z
     2  tight   completed            2350            300  policy         2            0.5  2026-01-23 13:18:40.945Z
  $ ledger runs diff tight wide
  name                                          tight          wide              change  verdict
  dataset.from                             2024-01-01             –
  dataset.to                               2024-01-31             –
  dataset.interval                                 5m             –
  dataset.calls_count                               2             –
  params.policy.stop_loss_bps                     300           900     +600 (+200.0 %)
  timing.total_ms                                1937          2304      +367 (+18.9 %)  worse
  timing.plan_ms                                   12            11         -1 (-8.3 %)  better
  timing.coverage_ms                               85            83         -2 (-2.4 %)  better
  timing.execution_ms                            1840          2210      +370 (+20.1 %)  worse
  summary.avg_return_bps                         2350          3100      +750 (+31.9 %)  better
  summary.median_return_bps                      2350          3100      +750 (+31.9 %)  better
  summary.stop_out_rate                           0.5             0     -0.5 (-100.0 %)  better
  summary.avg_max_adverse_excursion_bps           210           380      +170 (+81.0 %)  worse
  summary.avg_time_exposed_ms                 2100000       3600000  +1500000 (+71.4 %)  worse
  artifacts.alerts.rows                             2             –
  artifacts.alerts.sha256                617d995bbce5             –
  artifacts.summary.sha256               08095ad4125a  513584cfede8
  artifacts.trades.sha256                6dc6b2b43abd  f308f7bf9484
  $ ledger runs show wide
  wide  policy  completed
    folder     runs/2026-01/run_id=wide
    created    2026-01-23 13:18:45.945Z
    started    2026-01-23 13:18:45.945Z
    completed  2026-01-23 13:18:49.945Z
    data       prices-2024-01
    schema     manifest 1.0.0, artifacts 1.0.0
    parameters policy={"kind":"fixed_stop","stop_loss_bps":900}
    summary    calls_processed=2 calls_excluded=0 trades_count=2 avg_return_bps=3100 median_return_bps=3100 stop_out_rate=0 avg_max_adverse_excursion_bps=380 avg_time_exposed_ms=3600000 avg_tail_capture=null median_tail_capture=null

  artifact  rows    size  on disk  path
  trades       2  1.8 kB  yes      policy/trades.parquet
  summary      1  1.5 kB  yes      results/summary.parquet

    total             2.30 s  ██████████████████████████████
    plan               11 ms  █
    coverage           83 ms  █
    execution         2.21 s  █████████████████████████████

    2026-01-23 13:18:45.945Z  run.created
    2026-01-23 13:18:45.945Z  run.started
    2026-01-23 13:18:47.945Z  artifact.created  trades
    2026-01-23 13:18:48.945Z  artifact.created  summary
    2026-01-23 13:18:49.945Z  run.completed
  $ ledger runs verify --all --deep
  3 runs, 5 artifacts: as their manifests record

What people say of a run are events, so that one that has ended stays as it is. A name stands for its run
where an id does; a tag is taken off with --untag.

  $ ledger runs annotate wide --tag best --note 'holds with doubled costs' --name keeper
  wide
  $ ledger runs annotate tight --group stops
  tight
  $ ledger runs annotate keeper --group stops
  wide
  $ ledger runs query --where "'best' in tags and group = 'stops'" --columns run_id,name,group,notes
  run_id  name    group  notes
  wide    keeper  stops  holds with doubled costs
  $ ledger runs group stops --by params.policy.stop_loss_bps --metric avg_return_bps
  policy.stop_loss_bps  runs  mean avg_return_bps  deviation  95 % from  to
                   900     1                 3100
                   300     1                 2350
  $ ledger runs lineage wide --uses tight --artifact trades
  wide  keeper  completed
  up: what it used, or is linked to
  └─ tight  completed  trades 6dc6b2b43abd

‹runs group› takes runs of one setting for a sample: create them with --group and with seeds or windows
that differ. ‹runs rank --per group› shows the best of each group, and of how many it is the best.

Any other file of a run that goes on is kept by ‹ledger runs attach RUN FILE›: a plot, a model, a notebook.
It lies below files/ in the run's folder, its digest stands in the manifest, and the report shows pictures.

A run keeps the code that made it: commit, branch, and what was not committed. Give the command line
after --, and a script brings all of it back in a fresh folder. What cannot be brought back stands first:
files with names of secrets, lines that looked like one (they read [masked]), files beyond 1 MB. What git
ignores is not looked at.

  # what this run was made with, and the commands that do it again
  ledger runs create --run-type policy --run-id again --seed 7 -- python backtest.py --stop 0.03
  ledger runs rerun again

A run also keeps which data it read. --input takes files and patterns; the manifest has digest, size,
rows and time range of each (a CSV's and a Parquet file's), and the fingerprint of the data is the
digest of their digests: two runs with one fingerprint read the same bytes. A file that changes while it
is read makes no run. Files of 8 MB and more are not read again while size and time are the old ones;
--rehash reads them.

  # which files a run reads, which runs read a file, what has changed since
  ledger runs create --run-type policy --run-id measured --input 'prices/*.csv'
  ledger runs query --input prices/2026-01.csv --status any
  ledger runs verify --all --inputs

‹ledger runs claim RUN› says before the trials of a run what they are to show, and how many there will be.
‹ledger runs show› tells whether the claim is proven to stand before the first of them: it is a line before
it in one part of the log, or its part was sealed earlier. Timestamps prove nothing.

How a run stands:

- completed, failed | it has ended, and is catalogued
- pending, running | it was created, or is at work
- crashed | the program that held its lock is gone
- stale | created from a shell, and unchanged for an hour (--stale-after)
- unfinished | it says that it completed and lacks _SUCCESS: finish it again

‹ledger runs query --status stale› lists those that did not end.

A query over all runs finds each type of artifact under its name: trades, summary, equity, one of your
own (ledger schema register --artifact). Each column has the type that ‹ledger runs schema TYPE› lists, whatever a file
of the first system stores it as; values that cannot be read as one are null, and named.

  $ ledger query --db catalog "select run_id, count(*) as trades, avg(realized_return_bps) as avg_return from trades group by run_id order by avg_return desc"
  run_id  trades  avg_return
  wide         2        3100
  tight        2        2350
  $ ledger query --db catalog "select date_trunc('day', make_timestamp_ms(alert_ts_ms)) as day, caller_name, count(*) as calls from alerts group by all order by all"
  day                  caller_name  calls
  2024-01-01 00:00:00  ann              1
  2024-01-02 00:00:00  bob              1
  $ ledger runs sync --alerts
  ✓ Registered 0 runs
  ✓ Skipped 0 runs
  ✓ Added the alerts of 1 run
  $ ledger query --db alerts "select call_id, caller_name, run_count, run_ids from alerts order by call_id"
  call_id  caller_name  run_count  run_ids
  c1       ann                  1  ["tight"]
  c2       bob                  1  ["tight"]

DuckDB, Polars and pandas read the Parquet files without this program: fixtures/recipes/README.md.

‹runs compact --month 2026-01› joins a month's artifacts, so that a query over thousands of runs opens
a few files; the runs' own files stay. ‹runs prune --before 2025-06 --archive runs/archive --yes› moves
old months into archives, each read back before its runs go; the catalog keeps their rows. ‹runs›
alone, beside the executable, stands for ‹ledger runs›.
`,
} satisfies Topic;
