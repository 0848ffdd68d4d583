import type { Topic } from "../topic.ts";

export default {
  name: "filters",
  summary: "the grammar of --where, --sort and --columns",
  see: ["runs query", "runs rank", "runs diff", "report", "query"],
  text: String.raw`
Runs are chosen, ordered and shown by one small grammar. Here three runs of a sweep:

  $ ledger emit run.created --run-id tight --run-type policy --config '{"stop_loss_bps":300}' --data-fingerprint prices-2026-01
  1769174320945_8e7b925b
  $ ledger emit run.completed --run-id tight --summary '{"sharpe":1.4,"trades_count":120}' --artifact-paths {}
  1769174321945_8e7b925c
  $ ledger emit run.created --run-id wide --run-type policy --config '{"stop_loss_bps":900}' --data-fingerprint prices-2026-01
  1769174322945_8e7b925d
  $ ledger emit run.completed --run-id wide --summary '{"sharpe":1.9,"trades_count":80}' --artifact-paths {}
  1769174323945_8e7b925e
  $ ledger emit run.created --run-id broken --run-type policy --config '{"stop_loss_bps":600}' --data-fingerprint prices-2026-01
  1769174324945_8e7b925f
  $ ledger emit run.failed --run-id broken --error "no space left"
  1769174325945_8e7b9260
  $ ledger rebuild
  data/ledger/index/runs.duckdb built from nothing: 6 new events (1.1 kB), 6 events in all, 3 runs
  $ ledger runs query --where "params.stop_loss_bps > 300 and status = 'completed'" --columns run_id,params.*,sharpe
  run_id  stop_loss_bps  sharpe
  wide              900     1.9
  $ ledger runs query --where "sharpe between 1 and 2 or error like '%space%'" --sort -sharpe --columns run_id,sharpe,error
  run_id  sharpe  error
  wide       1.9
  tight      1.4
  broken          no space left
  $ ledger runs rank --by sharpe --where "trades_count >= 50"
  rank  run_id  status     sharpe  stop_loss_bps  run_type  trades                   created
     1  wide    completed     1.9            900  policy        80  2026-01-23 13:18:42.945Z
     2  tight   completed     1.4            300  policy       120  2026-01-23 13:18:40.945Z

What may stand in a filter:

- and, or, not, ( ) | and binds more than or
- = != < <= > >= | Also <>; between A and B. A number compares as a number and never matches a text.
- in, not in | status in ('failed', 'crashed'); a value in a list: 'best' in tags
- like, not like | % stands for any characters, _ for one; a backslash takes the next one as it is
- is null, is not null | what a run lacks matches neither a comparison nor its opposite, only is null
- a name alone | git_dirty, not params.use_stops: whether it is true

Names:

- params.NAME, summary.NAME, timing.NAME, dataset.NAME | members, dots lead into objects; params are the
  manifest's parameters, or the config that was emitted
- git.branch, git.commit, git.dirty | and the other columns: run_id, run_type, status, source, created_at,
  started_at, completed_at, total_ms, artifacts, findings, presence, run_path, data_fingerprint, error,
  archive
- name, group, tags, pin, notes | what ‹ledger runs annotate› says of runs; tags is a list, notes one text.
  SQL has them in run_states, group in double quotes: "group"
- any other name | a metric of the summary: sharpe is summary.sharpe
- "on-call" | double quotes take signs, dots and words of the grammar: params."on-call"

Values:

- 'text' | single quotes; two of them stand for one
- 300, -0.5, 1e6, true, false | numbers, and whether
- 2026-01-23, 2026-01-23T14:30:00Z | times, UTC unless they say otherwise; a day includes all of it
- 90s, 30m, 2h, 7d, 1w | a while ago, beside a time; a length, beside a name in _ms, _us or _s

--sort takes names between commas, each with a minus or with :asc or :desc; times begin with the latest,
what has no value comes last. --columns takes names, and params.*, summary.*, timing.*, dataset.*, git.*
or * for all that is there. Where a filter names status, it decides which runs are listed; else they are
those that have ended.

What takes functions, casts, sums or subqueries is SQL. The error names the query that does it, such as
‹ledger query --db catalog "select run_id from run_summaries where abs(avg_return_bps) > 5"›.
`,
} satisfies Topic;
