import type { Topic } from "../topic.ts";

export default {
  name: "runs",
  summary: "a run's folder, its results as Parquet, and the catalog of all runs",
  see: ["runs create", "runs write", "runs finish", "runs rank", "runs show", "runs rerun"],
  text: String.raw`
A run has a folder, runs/YYYY-MM/run_id=ID/, with a manifest (run.json) that says what it was, which
code, data and parameters made it, which artifacts it wrote and how it ended. Artifacts are Parquet files
of known columns. _SUCCESS is written last.

This page follows a lab, fixtures/momentum in the clone: weekly closes of five equities, and momentum.ts,
which holds the two that rose most over so many weeks, and prints what came of it. It lies in a git
repository that ignores prices/. A first run says what it reads, and behind -- what makes it:

  $ ledger runs create --run-type backtest --run-id first --input prices/2024.csv --parameters '{"lookback":8}' -- deno run -R momentum.ts prices/2024.csv 8
  first runs/2026-01/run_id=first
  $ printf 'ts_ms,equity\n1712350800,100000\n' | ledger runs write first equity || true
  error: cannot store equity: row 1 (line 2) has 1712350800 in column "ts_ms"; it has to be 100000000000 or more, in milliseconds since 1970
     at: standard input:2
   hint: these look like seconds: in milliseconds it is 1712350800000
  $ deno run -R momentum.ts prices/2024.csv 8 equity | ledger runs write first equity
  runs/2026-01/run_id=first/results/equity.parquet 39 rows, 2.3 kB
  $ echo '<svg xmlns="http://www.w3.org/2000/svg"/>' | ledger runs attach first - --as plots/equity.svg
  runs/2026-01/run_id=first/files/plots/equity.svg plot, image/svg+xml, 42 B
  $ ledger runs finish first --summary "$(deno run -R momentum.ts prices/2024.csv 8)"
  first completed after 4.00 s
  $ ledger runs query
  run_id  run_type  status                      created    took  artifacts  branch  commit    on disk
  first   backtest  completed  2026-01-23 13:18:40.945Z  4.00 s          1  main    e402c17b  yes

A run's type is any name. Every row is checked before anything is stored, and what is impossible is
refused: times in seconds, prices of 0, an exit before its entry. Rows are CSV, JSON, NDJSON or Parquet, as
pandas and Polars write it. Any other file is attached: a plot, a model, a notebook.

  # which artifacts can be stored, their columns, and which values are possible and usual
  ledger runs schema

  # a type of your own, which runs store, show, query and compact as they do the built-in ones
  echo '{"columns":{"ts_ms":{"kind":"time","required":true},"turnover":{"kind":"number","bounds":{"min":0}}},"key":["ts_ms"]}' | ledger schema register --artifact turnover -

Now a sweep. What it is to show is claimed before its trials: its place in the log proves that it came
first, or an earlier seal; timestamps prove nothing. Meanwhile the program is edited, and not committed:

  $ ledger runs claim --group lookback --hypothesis 'a quarter tells more than a month' --metric total_return --higher --trials 4
  lookback  a quarter tells more than a month (higher total_return in 4 trials)
  $ echo '// Costs are 5 bps of what is traded.' >> momentum.ts
  $ ledger runs create --run-type backtest --run-id fast-2024 --group lookback --input prices/2024.csv --parameters '{"lookback":4}' -- deno run -R momentum.ts prices/2024.csv 4
  fast-2024 runs/2026-01/run_id=fast-2024
  $ ledger runs finish fast-2024 --summary "$(deno run -R momentum.ts prices/2024.csv 4)"
  fast-2024 completed after 1.00 s
  $ ledger runs create --run-type backtest --run-id fast-2025 --group lookback --input prices/2025.csv --parameters '{"lookback":4}' -- deno run -R momentum.ts prices/2025.csv 4
  fast-2025 runs/2026-01/run_id=fast-2025
  $ ledger runs finish fast-2025 --summary "$(deno run -R momentum.ts prices/2025.csv 4)"
  fast-2025 completed after 1.00 s
  $ ledger runs create --run-type backtest --run-id slow-2024 --group lookback --input prices/2024.csv --parameters '{"lookback":13}' -- deno run -R momentum.ts prices/2024.csv 13
  slow-2024 runs/2026-01/run_id=slow-2024
  $ ledger runs finish slow-2024 --summary "$(deno run -R momentum.ts prices/2024.csv 13)"
  slow-2024 completed after 1.00 s
  $ ledger runs create --run-type backtest --run-id slow-2025 --group lookback --input prices/2025.csv --parameters '{"lookback":13}' -- deno run -R momentum.ts prices/2025.csv 13
  slow-2025 runs/2026-01/run_id=slow-2025
  $ deno run -R momentum.ts prices/2025.csv 13 equity | ledger runs write slow-2025 equity
  runs/2026-01/run_id=slow-2025/results/equity.parquet 39 rows, 2.4 kB
  odd, equity: row 39 has 48.965458813672775 in column "return"; it is usually from -1 to 10
  $ ledger runs finish slow-2025 --summary "$(deno run -R momentum.ts prices/2025.csv 13)"
  slow-2025 completed after 2.00 s
  odd, equity: row 39 has 48.965458813672775 in column "return"; it is usually from -1 to 10

Which run was best? One, by far:

  $ ledger runs rank --by total_return --where "group = 'lookback'"
  rank  run_id     status     total_return  lookback  run_type                   created
     1  slow-2025  completed       54.2415        13  backtest  2026-01-23 13:18:53.945Z
     2  slow-2024  completed        0.3234        13  backtest  2026-01-23 13:18:51.945Z
     3  fast-2024  completed        0.1321         4  backtest  2026-01-23 13:18:47.945Z
     4  fast-2025  completed        0.0378         4  backtest  2026-01-23 13:18:49.945Z

Is anything odd in its numbers? Odd values are kept; they, and artifacts that disagree (a summary that is
not that of its trades, an equity that does not end where its returns lead), are findings, which a run's
page shows beside its code, its data and its claim:

  $ ledger runs show slow-2025 --no-events
  slow-2025  backtest  completed
    folder     runs/2026-01/run_id=slow-2025
    created    2026-01-23 13:18:53.945Z
    started    2026-01-23 13:18:53.945Z
    completed  2026-01-23 13:18:55.945Z
    code       main, e402c17bbace, 1 changed file
    command    deno run -R momentum.ts prices/2025.csv 13
    data       5210c92cca1a99f2ed5929fc576209285f20638f3fa17c9649a79b843be40338
    schema     manifest 1.0.0, artifacts 1.0.0
    parameters lookback=13
    summary    total_return=54.2415 sharpe=1.1724 max_drawdown=0.0568 turnover=5
    group      lookback
    claimed    a quarter tells more than a month (higher total_return in 4 trials)
               it stands before the first trial: both stand in day=2026-01-23/part-000001.jsonl, the claim first

  input            rows    size  from                      to                        sha256
  prices/2025.csv   260  6.5 kB  2025-01-03 21:00:00.000Z  2025-12-26 21:00:00.000Z  43b9428afbd2

  artifact  rows    size  on disk  path
  equity      39  2.4 kB  yes      results/equity.parquet

    odd  equity: row 39 has 48.965458813672775 in column "return"; it is usually from -1 to 10

    total             2.00 s  ██████████████████████████████
  $ ledger query --db catalog "select run_id, make_timestamp_ms(ts_ms) as week, return from equity where return > 1"
  run_id     week                             return
  slow-2025  2025-12-26 21:00:00  48.965458813672775

The vendor has quoted one close in cents. What people say of a run are events: the run stays as it is.

  $ ledger runs annotate slow-2025 --tag suspect --note 'CRUX closes 2025 at 15535: cents, not dollars'
  slow-2025

Months later. Which data? Of each input a run keeps digest, size, rows and time range; the digest of those
digests is its data, so that equal text is equal bytes. Files of 8 MB and more are not read again while
size and time are the old ones; --rehash reads them. Now the vendor sends a correction:

  $ ledger runs query --input prices/2025.csv --columns run_id,group,notes
  run_id     group     notes
  slow-2025  lookback  CRUX closes 2025 at 15535: cents, not dollars
  fast-2025  lookback
  $ echo '1766782800000,CRUX,155.35' >> prices/2025.csv
  $ ledger runs verify --all --deep --inputs
  prices/2025.csv: an input of run fast-2025 has other bytes now: 6.5 kB; the run read 6.5 kB, 260 rows, sha256 43b9428afbd2
  prices/2025.csv: an input of run slow-2025 has other bytes now: 6.5 kB; the run read 6.5 kB, 260 rows, sha256 43b9428afbd2
  5 runs, 2 artifacts, 1 attached file, 5 inputs: 2 findings

Which code, and can I run it again? Commit, branch and what was not committed are kept, lines that look
like secrets masked; not what git ignores. What cannot be brought back stands first; here all can:

  $ ledger runs rerun fast-2024
  # brings back all that is known of run fast-2024
  set -e
  # the code: commit e402c17bbace7901a4fdf07ab2ad49ba8ed020b8
  git clone --quiet --no-checkout -- /srv/lab rerun-fast-2024
  git -C rerun-fast-2024 checkout --quiet --detach e402c17bbace7901a4fdf07ab2ad49ba8ed020b8
  # what was not committed
  git -C rerun-fast-2024 -c apply.ignoreWhitespace=no apply --unidiff-zero --whitespace=nowarn /srv/lab/runs/2026-01/run_id=fast-2024/provenance/diff.patch
  # all else in the fresh folder
  cd rerun-fast-2024
  # inputs, and what the files have to be
  [ -e ./prices/2024.csv ] || { mkdir -p ./prices && cp -- /srv/lab/prices/2024.csv ./prices/2024.csv; }
  printf '%s\n' "c40e7cdd878381164c887982537c7a5cfb0e690d7bf8a433f51ed0d42ccb60eb  momentum.ts" "3aa52767aecfe9693be44b936974580a7e752368f707a152ca77c7ce731d6262  prices/2024.csv" | sha256sum --check --quiet
  # the run, with parameters {"lookback":4}
  deno run -R momentum.ts prices/2024.csv 4

  # read it; then it does the run again in a fresh folder, and prints the same summary
  ledger runs rerun fast-2024 | sh

The run with the wrong price is made again with the right one, linked to the old, and compared:

  $ ledger runs create --run-type backtest --run-id slow-again --group lookback --input prices/2025.csv --parameters '{"lookback":13}' -- deno run -R momentum.ts prices/2025.csv 13
  slow-again runs/2026-01/run_id=slow-again
  $ ledger runs finish slow-again --summary "$(deno run -R momentum.ts prices/2025.csv 13)"
  slow-again completed after 1.00 s
  $ ledger runs annotate slow-again --name keeper --tag best --link corrects=slow-2025
  slow-again
  $ ledger runs diff slow-2025 keeper
  name                        slow-2025    slow-again              change  verdict
  tags                      ["suspect"]      ["best"]
  data_fingerprint         5210c92cca1a  681a7e599b11
  name                                –        keeper
  inputs.prices/2025.csv   43b9428afbd2  466b7f4abb7e
  timing.total_ms                  2000          1000     -1000 (-50.0 %)  better
  summary.total_return          54.2415        0.0967  -54.1448 (-99.8 %)  worse
  summary.sharpe                 1.1724        0.9727   -0.1997 (-17.0 %)  worse
  summary.max_drawdown           0.0568        0.0644   +0.0076 (+13.4 %)  worse
  artifacts.equity.rows              39             –
  artifacts.equity.sha256  67912758b951             –
  $ ledger runs lineage keeper
  slow-again  keeper  completed
  up: what it used, or is linked to
  └─ slow-2025  completed  corrects

Which group, what did people say of it, what was claimed before? A name stands where an id does:

  $ ledger runs query --where "group = 'lookback' and ('best' in tags or notes is not null)" --columns run_id,name,group,tags,notes
  run_id      name    group     tags         notes
  slow-again  keeper  lookback  ["best"]
  slow-2025           lookback  ["suspect"]  CRUX closes 2025 at 15535: cents, not dollars
  $ ledger runs group lookback --by params.lookback --metric total_return --where "findings = 0 and not 'suspect' in tags"
  lookback  runs  mean total_return  deviation  95 % from        to
        13     2            0.21005   0.160301    -1.2302    1.6503
         4     2            0.08495  0.0666802  -0.514148  0.684048
  $ ledger runs claim --group lookback
  lookback  2026-01-23 13:18:46.945Z  a quarter tells more than a month (higher total_return in 4 trials)
    it stands before the first trial: both stand in day=2026-01-23/part-000001.jsonl, the claim first

Two windows for each lookback: the intervals are wide, and overlap. That a run used another's artifact is
said by ‹ledger runs lineage RUN --uses OTHER --artifact TYPE›.

Metrics (name, step, value) are logged while a run goes on, in any order and any number of goes: by
‹ledger runs write RUN metrics›, or run.logMetrics({ loss: 0.3 }, { step: 7 }) in the library. They are
durable when that returns, and become results/metrics.parquet when the run ends; all readers read both.

How a run stands, as ‹ledger runs query --status stale› lists it:

- completed, failed | it has ended, and is catalogued
- pending, running | it was created, or is at work
- crashed | the program that held its lock is gone
- stale | created from a shell, and unchanged for an hour (--stale-after)
- unfinished | it says that it completed and lacks _SUCCESS: finish it again

A query over all runs finds each type of artifact under its name: trades, summary, equity, one of your
own. Each column has the type that ‹ledger runs schema TYPE› lists, whatever a file of the first system
stores it as; values that cannot be read as one are null, and named. ‹ledger runs sync› reads new manifests
into the catalog, which queries do by themselves; the catalog can be deleted at any time. DuckDB, Polars
and pandas read the Parquet files without this program: fixtures/recipes/README.md.

‹ledger runs compact --month 2026-01› joins a month's artifacts, so that a query over thousands of runs opens
a few files; the runs' own files stay. ‹ledger runs prune --before 2025-06 --archive runs/archive --yes› moves
old months into archives, each read back before its runs go; the catalog keeps their rows. Pinned runs
stay. ‹runs› alone, beside the executable, stands for ‹ledger runs›.
`,
} satisfies Topic;
