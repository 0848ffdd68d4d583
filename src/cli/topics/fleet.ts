import type { Topic } from "../topic.ts";

export default {
  name: "fleet",
  summary: "many boxes: their logs and runs in one object store",
  see: ["ship", "fleet init", "fleet fold"],
  text: String.raw`
A fleet is a prefix in a bucket of an object store that speaks the S3 API: Amazon S3, Ceph, and others that
keep a create-only PUT (If-None-Match: *). Each box sends its log there. The log on the box stays
the authority: an event is acknowledged when it is durable on its disk, and nothing waits for the store.

Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION, or from a file of
mode 0600 that --keys names; that one is read again when the store refuses them. TLS is the rule; http://
goes to this machine alone. A private authority: --ca FILE.

  # once: is the store fit for it? makes the bucket a fleet
  ledger fleet init s3://lab/fleet --endpoint http://127.0.0.1:7480

  # which rights the keys of a box, a fold job and a reader need
  ledger fleet init s3://lab/fleet --print-policy

  # once a box: its name
  ledger fleet join s3://lab/fleet --endpoint http://127.0.0.1:7480 --as research-1

  # what is durable now; for cron
  ledger ship --once

  # or always: a daemon that syncs the index and sends the log
  ledger watch --ship

  # what is not sent yet; asks no store (of watch --health: ledger_ship_lag_bytes in /metrics)
  ledger status

  # old days leave this box, but only those of which the store has every byte
  ledger retain --days 30 --shipped --yes

  # before a box goes away: tries again until all is sent, for five minutes
  ledger ship --drain --timeout 5m

  # one small job, anywhere: what boxes have sent becomes part of the tables
  ledger fleet fold --every 5m

  # on a host that is no box, every command of the fleet takes the address
  ledger fleet fold s3://lab/fleet --endpoint http://127.0.0.1:7480

  # the lines with which DuckDB, ClickHouse, Spark or Polars reads the tables
  ledger fleet sql duckdb

  # on any machine that reads: fetch what is new of all boxes, and index it
  ledger fleet pull
  ledger query --fleet "select box, status, count(*) from latest_runs group by all"

  # how far each box has come
  ledger fleet status

  # which segments of each box are in each table
  ledger fleet status --tables

  # days that are older than a year leave the tables, and the segments that only hold them
  ledger fleet retain --days 365 --yes

  # are each box's chains of segments whole? reads every one back
  ledger fleet verify --deep

SLURM: an epilog sends what a job wrote, however the job ended. A box is a node with a folder of its own
(/scratch/lab here), or a shared folder; what is not sent in time, the next epilog sends:

  ## /etc/slurm/ship-epilog.sh; in slurm.conf: Epilog=/etc/slurm/ship-epilog.sh and PrologEpilogTimeout=660
  cd /scratch/lab || exit 0
  /usr/sbin/runuser -u lab -- /usr/local/bin/ledger ship --drain --timeout 5m >> ship.log 2>&1
  exit 0

The box joined with --keys FILE, since an epilog has SLURM's variables alone, and exits with 0, since one that
fails takes its node out of service. fixtures/recipes/ship-slurm-epilog.sh is a whole one.

What is sent:

- log | lines that are durable, and that this box wrote or imported; what pull took in is not its own
- segments | at most 64 MB of lines of one part, packed by column; numbered without a gap; each names the one
  before it by digest
- when | ship --once sends what is durable now, --follow and watch --ship every minute, or sooner where 64 MB are
  new; a box with nothing new puts nothing
- runs | each that has ended, completed or failed, once and whole: its files in bundles, which are segments
  with a chain of their own, a file of more than 1 MB as an object; the manifest last. Patches and attached
  files stay on the box, unless it joined with --with-code, --with-files. What is attached to a run later
  stays too, and so do runs that are archived
- traces | the events of programs that have ended, each once, in bundles too; what a living program traces is
  sent when it has closed its store
- resuming | the store decides: a number is taken once; a box that does not know whether its segment
  arrived asks, and adopts it if its lines are the same

What stops a box:

- another box of its name, or a disk restored from an older image | what is in the store is not what is
  here: the box stops, says where, and exits with 3
- segments that were deleted in the store | ledger ship --repair puts them again, as long as the log has them;
  bundles as long as their runs, and the files of traces, are as they were
- a segment that cannot be read | fold and pull stop at it, of that box alone, name it, and exit with 3;
  the others go on
- keys that have expired | ledger ship --follow, --drain and watch --ship wait, and read the key file again at
  each try; emitting goes on
- a clock that is minutes off | the store refuses the signature; the error says by how much

The tables are Delta Lake tables that ask nothing of their readers (reader 1, writer 2, no features):

- lake/events | one row an event of any box, with its place in that box's log; payload is the line, and null
  of a trial
- lake/trials | one row a trial, with params and metrics as JSON text
- lake/runs, lake/artifacts | one row an ended run with its summary, and an artifact of one, as in the catalog;
  times are milliseconds, parameters and summary JSON text
- lake/alerts | one row a call of a run, from its artifact alerts
- lake/traces | one row a traced event; times are microseconds, data is JSON text
- box, log_day | which box's, and the UTC day, by which files are parted: that of the log; of a run and its
  artifacts and calls that of the run's creation; of a traced event that on which it was handled
- order | total within a box, by log_part and log_offset; none across boxes
- the same event_id twice | both rows stay, as both lines stay in the log; once their day is merged,
  lake/duplicates names each row that does not count (box, log_part, log_offset) and the one that does. A
  row that counts goes on to count. Across days: ledger fleet verify --deep
- engines | ledger fleet sql ENGINE prints what Spark, ClickHouse, DuckDB and Polars read them with; each is
  tried. Trino, Athena, Databricks, Snowflake and others that read Delta Lake are not
- events_once | a view that those lines make: events LEFT ANTI JOIN duplicates USING (box, log_day, log_part,
  log_offset)
- merges | a day that is over, and to which nothing came for an hour, becomes files of 128 to 256 MB; no row
  changes, and streams skip such commits
- old files | what was merged, or put by a job that died, goes 7 days later by the store's clock
- fleet retain | a commit removes the days from the tables; the segments of logs go that every table has, from the
  oldest on, and fleet verify and a first fold begin behind them. Bundles of runs and traces stay
- fold jobs | any number may run; one that dies leaves nothing half done. They are the tables' only writers:
  no OPTIMIZE and no DELETE of another engine beside them

What was pulled, without an engine:

- fleet pull | fetches the segments themselves, each proven by its chain and digest; --since DAY leaves
  earlier days in the store, --box NAME the other boxes; stopped anywhere, it goes on there
- query --fleet | the tables and views of query, with the column box first: rows are those of each box's own
  index. An event_id that a box logged twice is there once; the same one of two boxes, twice
- runs, artifacts, alerts, traces | the rows that engines read in lake/; times are whole numbers there
- backtest_runs_catalog, backtest_artifacts_catalog, trace_events | the same with the types of a box's own
  catalog and traces; a run is there once it has ended
- run_id | is unique on a box, not in a fleet: group and join by box, run_id
- the cache | is no log: never shipped, sealed or retained; deleted, it can be pulled again

In the bucket, below the prefix:

- fleet.json | what makes it a fleet, and what the probe found
- boxes/NAME.json | the claim of a name
- log/box=NAME/000000000001.parquet | the segments of a box; START-000000000042.json says that fleet retain
  removed those before the 42nd
- artifacts/box=NAME/ | bundles of a box's runs; runs/box=NAME/2026-01/run_id=ID/ their large files
- traces/box=NAME/ | bundles of its traced events
- lake/TABLE/_delta_log/ | the log of a table; lake/TABLE/log_day=…/ its files

On the box, below the ledger's folder:

- fleet.json | the fleet and this box's name; no secret
- fleet/cache/ | what was pulled: the segments and bundles as in the bucket, and index/fleet.duckdb
- fleet/shipped.jsonl | which ranges the store has acknowledged; a hint: without it, a box asks the store
- fleet/shipped_artifacts.jsonl, fleet/shipped_traces.jsonl | the same of its runs and traces
`,
} satisfies Topic;
