import type { Topic } from "../topic.ts";

export default {
  name: "changes",
  summary: "what differs from 0.1.0, and what to do about it",
  see: ["seal", "verify", "emit", "query"],
  text: String.raw`
Version 0.2 reads, verifies, rebuilds, restores and pulls what 0.1.0 wrote. There is nothing to convert.

On disk:

- chain format 2 | An entry of events/_chain.jsonl covers every one of its fields. Once 0.2 has sealed,
  0.1.0 refuses that ledger by name: update all machines that share one.
- registry binding | Sealing binds events/_schema.json into the chain. After an edit by hand ‹ledger
  verify --deep› reports it; ‹ledger seal --accept-registry› accepts it.
- write-ahead files of traces | Each record carries its length and checksum; 0.1.0 reads them as before.
- index/runs.duckdb of the first system | The first rebuild renames it to runs.duckdb.first-system and
  builds an index; no query answers from it.
- days that leave or return | ‹ledger verify› and ‹ledger doctor› report what a killed ‹ledger retain›
  left unfinished; ‹ledger seal› finishes it.

Commands:

- runs create | --input FILE records digest, size, rows and time range of what a run reads, and makes
  its data fingerprint of the digests. Without inputs, and unless you say one, it is unknown; it was
  the digest of --dataset's JSON. ‹ledger runs query --input FILE› lists the runs that read a file,
  ‹ledger runs verify --inputs› says what has changed since, the catalog has them in run_inputs.
- runs create --run-type | Takes any name; path-only, policy, optimization and full are the known ones.
- summary | Any metrics: its known columns are checked where they are given, and have to be there in runs
  of type path-only and policy alone.
- artifact types | equity, returns, positions and metrics stand beside the seven; ‹ledger schema register
  --artifact NAME FILE› adds types of your own, with columns, units, bounds, key and order. They are
  stored, queried, verified, compacted and pulled as the others are.
- runs write RUN metrics | Adds points (name, step, value, ts_ms) to those before, in any order, while
  the run goes on; at its end they are one Parquet file. The library has logMetrics and readMetrics;
  ‹ledger runs show› prints each metric in a few figures, a query over ‹metrics› sees unfinished runs.
- fleet init, join, fold, status, verify, retain; ship | Many boxes send their logs to one object store, where they
  become Delta Lake tables: ledger help fleet.
- ship: runs and traces | Ended runs and traced events go too; tables runs, artifacts, alerts and traces.
  pull notes in the folder of runs which ones came from other boxes (.pulled): those are not sent.
- retain --shipped | Only days go whose every byte the fleet's store has; others are named, with the reason.
- watch --ship | Sends the log meanwhile, as ledger ship --follow does. ledger status and /metrics
  (ledger_ship_lag_bytes, _seconds, ledger_ship_failing) say how much waits, and ask no store for it.
- fleet sql | Prints the lines with which Spark, ClickHouse, DuckDB or Polars reads the tables.
- fleet pull, query --fleet | The logs of all boxes in one local index, each row with its box.
- network | Only commands of the fleet reach it; all others give it up before they begin.
- emit --ack | Answers every input line with one line, in order; --ack=json answers with objects.
- --force | An output replaces no file unless you say --force, and never a ledger's own file, an
  archive or a database.
- reserved paths | No output and no archive lies in a folder that holds the ledger's own files.
- query | An allow-list says which SQL functions and statements are answered; the others are refused by
  name. Files can be read only where a query names them, as in read_parquet('…').
- schema register | A pattern runs on an automaton, in one pass; one that cannot (a backreference, a
  lookahead) is refused with the reason.
- schema register, schema list | Keep what a first system's _schema.json says: types with a schema are
  registered, the others are named.
- ids | An id with a control character is refused.
- pull, archive import | Links, devices, pipes and oversized files are reported, not followed.
- compact | Parts of less than 10 kB stay lines, since they would grow; --all compacts them too.
  --dry-run lists what would be done.
- status, doctor | Events more than a day ahead of the clock are named, and are never the newest.
- watch | Turns write-ahead files of traces that no living writer holds into Parquet; /healthz and
  /metrics say how much waits (traces_waiting_bytes) and how much was converted.
- watch --health | Serves with deadlines and a connection limit; Host must name loopback.
- runs write | Takes Parquet of pandas, Polars and others, with any compression, from standard input
  too; large CSV and NDJSON are read by columns as well. A damaged one is invalid input, exit code 2.
- runs verify --inputs | An input that is not here and of another box is a note, no finding.
- runs create --input | Shows how much is read. Passwords behind -p, -pWORD, --pass and --pw are masked.
- runs finish | Takes away what killed programs left half-written in the run.
- schema migrate --artifact | Refuses to rename or drop a column that the type does not have.
- messages | Many are reworded; error codes, exit codes and JSON fields are the same.
- query --db traces | Traced events in SQL: ‹trace_events›, over write-ahead files and Parquet alike.
- trace ingest | An event whose event_id is stored already is passed over, and counted; times may be
  ISO times.
- runs query, rank, diff, report --where | One grammar for all (ledger help filters), no SQL: ‹params.x > 300 and sharpe >
  1›. Plain comparisons read as before; the error about anything else names the query that does it.
- runs query | --sort takes any names, -summary.sharpe too; --columns chooses what is shown.
- runs rank | Completed runs, others with --include and always with their status. The best first: of
  drawdown, loss, stop_out, adverse, exposed and names in _ms the smallest (--desc, --asc). Shows the
  parameters that differ. A metric that is text, or that no run has, is an error.
- runs annotate, runs tag | Tags, notes, names, pins, groups and links are said of runs by events. Filters and
  run_states have name, group, tags, pin and notes as columns; a metric of such a name is summary.name.
- runs diff | Compares code, inputs and attached files by their digests, and names, groups and tags;
  the library has runs.diff, and types for what its methods of runs take and give.
- runs show, diff | Know of an archived run what its manifest said; commands that want its folder print the
  tar that brings it back.
- report | Shows names, groups and tags of runs, and how the runs of each group stand.
- completions | Offer groups, tags and names of runs as they were said last, registered types of artifacts,
  and runs that only the log knows.
- runs prune | Keeps runs that are pinned, and says so.
- runs create --group, runs group, runs rank --per | Sweeps: mean, deviation and 95 % interval for each
  setting, the best run of each group.
- runs lineage | Which runs read whose artifacts. Three event types more: run.annotated, run.linked,
  artifact.used.
- runs diff | Takes 2 to 20 runs, or --where; holds them against the first, says which is better, and
  compares artifacts too. JSON and CSV have a row for each run and name, with numbers as numbers.
- runs write | Impossible values are refused: times in seconds, prices of 0 or less, exits before their
  entry, negative durations, rates outside of 0 to 1. Odd ones are kept and noted: ‹runs show›,
  and ‹runs query --where 'findings > 0'›.
- runs finish, runs verify --deep | A summary that is not that of the trades, and equity that its
  returns do not lead to, are findings with both numbers.
- tables | Ids of runs are never cut; empty columns go first; numbers have six digits.
- trace publish | Refuses a run that neither the log nor a folder knows.
- trace path | Shows what each event held, and the market's time apart from the program's; the time
  between steps is of creation stamps alone. Causes in a circle end in exit code 3.
- trace sample, trace export | --json, also beside --out.
- trace path, trace latency | --format, as elsewhere; --format json is the one object of --json.
- --dir, --runs-dir, --json | May stand before the command too, as in an alias: ‹ledger --dir lab status›.
- --json | Every command takes it, report, help, demo and completions too; ‹schema list --json› gives the
  required fields as an array.
- status | --format csv, ndjson and markdown print the days as rows. Where its count of runs lacks what
  log or runs have by now, it says so.
- report | --where, --sort and --limit choose runs. Six curves are the best, policies stand by their
  mean; parameters, Sharpe ratio, drawdown and commit of each run. A run that died ends with its last
  sign of life.
- runs finish --status failed | Of a run that was killed, the end is its last sign of life.
- SIGTERM | Ends watch and log --follow with 0, every other command with 130.
- demo | One that was stopped, or killed, is begun anew by the next in the same folder.
- run_states | A view in ‹query --db runs› and ‹--db catalog›: all runs that log, folder or both know, with
  the status that each has now; crashed and stale ones too.
- runs show | Shows runs that were only emitted: phases, trials, artifacts and summary from the log; also
  started, schema version and the end of the run's logs. JSON has source, timing, phases, trials, logs.
- runs create | Keeps the changes that were not committed as a patch (provenance/diff.patch, mode 0600, 1 MB
  at most), with a list of changed and untracked files and their digests; also lock files, machine, and
  the command line after --, --seed and --versions. Lines, words and users of URLs that look like secrets
  are masked and counted; files with names of secrets are never copied. --no-code keeps digests only.
  git_dirty is true for untracked files too.
- runs rerun | Prints the commands that bring code, inputs and arguments of a run back, and first what
  cannot be brought back. It starts nothing.
- runs claim | Says before its trials what a run, or a group, is to show; ‹runs show› says whether the log
  proves that it came first. The event is run.claimed.
- runs attach | Keeps any file with a run, below its files/: a plot, a model, a notebook. ‹runs show› lists
  it, ‹runs verify› compares it with its digest, ‹report› shows pictures.
- runs query | Lists ended runs of log and folders, says on standard error how many others there are, and
  with --status any lists all. --run-type takes any type; rows have source: log, folder or both.
- counts of runs | There are two, ended and known, the same in every command: runs query, runs sync --stats,
  status, doctor, watch --once, /metrics (ledger_runs_ended, ledger_runs_known), report.
- commands that take a run | Know one that was emitted a moment ago, before any rebuild.
- runs rank | Where only runs of another status fit, names them, and the --include that ranks them. Leaves
  trades and stop_out_rate out of its table where no run has them.
- doctor | Finds runs that died also where they were only emitted.
- LEDGER_RUN_ID | Stands in for the run of every command that takes one: runs show, write, log, finish and
  verify, artifacts put, trace publish.
- runs finish | Ends a run that was only emitted, also a moment ago, by an event. Timing may have any
  name that ends in _ms.
- legacy import, compare, archive | Read the first system's real tables: runs, phases, trials,
  walk-forward folds. What is not understood and holds values is listed; archive compares counts and
  digests, and says no where anything is missing or not understood, unless --except names it.
- views of artifacts | Each column has the type of its artifact type, also where a run of the first system
  stored another; values that cannot be read as one are named. A view is made only where a query names
  it as a table, so that a damaged file fails no other question.
- runs verify, pull | A column that is stored as another type is no finding while each of its values can
  be read as one of its own; standard error names it.
- runs compact | Writes the right types; a file whose values are not all of them stays by itself.
- runs write | A summary takes further metrics, features take JSON objects, a trade may lack its
  exit_reason.
- artifacts put | Refuses a run that neither log nor folder knows.
- runs query --artifact-type | Prints a path that opens; where there is no such file it ends with 1.
- runs/run_id=ID | A run outside of a month's folder is read by every command; runs sync and runs verify
  name its place.
- runs finish | total_ms is the sum of the steps, where there are some.
- exit code 3 | Also where readers of traces or pulled lines met damage: the result is printed, the
  damage is listed.
- query, runs query, show, rank, diff, trace path, report | First bring the index and the catalog up to date,
  where that is quick; otherwise they answer, and say on standard error what is missing and which command
  adds it. --as-is skips both.
- query | --format parquet > FILE; one statement at a time, two are refused; the second column named n is n_1;
  in CSV an empty text is "" and null is nothing.
- rebuild --db | With the path of the index that is there anyway, syncs the catalog too.
- runs sync, compact, prune | A run whose run.json cannot be read (a failing disk, missing rights) is named,
  keeps its row in the catalog, and makes the exit code 3. In a folder with neither runs nor a ledger they refuse, and leave nothing.

Library:

- queryRuns | Takes the first system's runType, fromDate and toDate beside our names, and refuses others. Its
  database is that of openStates() or openCatalog().
- Ledger.report, .compareLegacy, .importLegacy | are gone: makeReport(ledger), compareLegacy(ledger,
  path) and importLegacy(ledger, path) of src/mod.ts take the ledger.
- getArtifactPath, LedgerRuns.artifactPath | Return a path that opens from the current folder, or null.
- RunDirectory.markFailed | Takes an Error too.
- ArtifactRow | The type of an artifact type's rows, as in ArtifactRow<"trades">.
- the options legacy and cutover_day of openIndex and query | are gone: give attach:
  legacyDatabase(ledger, path, cutover_day).

- getEventEmitter | Never throws or rejects: errors go to onError or standard error and count in
  lost_events, and the answer is undefined. NaN is recorded as null, with a warning. dispose() ends it.
- compareLegacy, importLegacy | Return objects: differences, tables and not_understood; imported, refused,
  never_started and not_understood. judgeLegacy is what ‹ledger legacy archive› says.

Documents:

- README.md | Its guides are topics now: runs, traces, years, legacy, troubles. Recipes are in
  fixtures/recipes, figures in scripts/bench/README.md, the map of the code in src/README.md.
`,
} satisfies Topic;
