import type { Topic } from "../topic.ts";

export default {
  name: "years",
  summary: "sealing, compacting, archiving old days, and merging other boxes",
  see: ["seal", "compact", "restore", "retain", "archive import", "pull"],
  text: String.raw`
A log that only grows has to be bounded, proven whole and moved, without losing a byte. Killed at any
step, each command below can simply be run again.

Seal: each finished part of a day that is over is closed with its digest, and chained to the part
that was sealed before it. Nothing in between can change, vanish or be reordered unseen. Archiving a
day and importing it are chained too. ‹ledger watch› seals by itself.

  $ ledger emit run.started --run-id new
  1769174320945_8e7b925b
  $ printf '{"event_type":"run.started","run_id":"old","timestamp_ms":1767225600000,"event_id":"old-1"}\n{"event_type":"run.completed","run_id":"old","summary":{"trades":9},"artifact_paths":{},"timestamp_ms":1767229200000,"event_id":"old-2"}\n' | ledger emit --stdin
  2 events durable
  $ ledger seal
  day=2026-01-01/part-000001.jsonl  2 events, 229 B  524990f3ab01b48b3f78ef7fe3a52839aff8500eb35eb6e52d555dff1cd941a1
  Save this digest on another machine: it later proves that nothing before it was altered
  $ ledger verify --deep
  3 events in 2 parts of 2 days, 338 B: whole
  0 events emitted more than once, in parts that are not sealed
  1 part (229 B) proven unchanged since sealed; the chain ends with number 2, seal 524990f3ab01b48b3f78ef7fe3a52839aff8500eb35eb6e52d555dff1cd941a1
  1 part not sealed yet: no digest proves it unchanged

Save the digest of the last seal on another machine, or on paper: as long as the chain still has it,
nothing before it was altered.

Compact: sealed days become Parquet with typed columns, a fraction of their size. A part's lines are
removed only after the Parquet file has given every byte of them back. log, verify, rebuild and query
read both, and offsets in the index stay what they were. A part of less than 10 kB would grow, so it
stays as it is unless --all is given; --dry-run lists what would be compacted.

  $ ledger compact --before 2026-01-20 --all
  day=2026-01-01/part-000001.jsonl  2 events, 229 B -> 1.9 kB
  1 part compacted: 229 B -> 1.9 kB, every byte read back
  $ ls data/ledger/events/day=2026-01-01
  .lock
  _sealed.json
  part-000001.parquet
  $ ledger log --run-id old --type run.completed
  {"event_type":"run.completed","run_id":"old","summary":{"trades":9},"artifact_paths":{},"timestamp_ms":1767229200000,"event_id":"old-2"}
  $ ledger rebuild
  data/ledger/index/runs.duckdb built from nothing: 3 new events (338 B), 3 events in all, 0 runs
  $ ledger restore 2026-01-01
  day=2026-01-01/part-000001.jsonl  229 B, as it was sealed
  1 part restored

Retain: old days go into archives, one file a day, or for good. A day stays while a run that began in
it is running, or while it is not indexed, not over, or not as it was sealed; the reason is printed.
The index keeps the rows, marked (is_archived, and the table archived_days), unless --forget is given.

  $ ledger retain --days 14 --archive data/ledger/archive --dry-run
  2026-01-01  2 events in 1 part, 229 B -> data/ledger/archive/ledger-2026-01-01.tar
  1 day removed from the log: 2 events, 229 B
  nothing was done: --dry-run
  $ ledger retain --days 14 --archive data/ledger/archive
  2026-01-01  2 events in 1 part, 229 B -> data/ledger/archive/ledger-2026-01-01.tar
  1 day removed from the log: 2 events, 229 B
  $ ledger query "select run_id, status from latest_runs where run_id = 'old'"
  run_id  status
  old     completed
  $ ledger archive import data/ledger/archive/ledger-2026-01-01.tar
  day=2026-01-01/part-000001.jsonl  2 events, 229 B, as it was sealed
  2026-01-01 is back in the log; to index it again: ledger rebuild
  $ ledger verify --deep
  3 events in 2 parts of 2 days, 338 B: whole
  0 events emitted more than once, in parts that are not sealed
  1 part (229 B) proven unchanged since sealed; the chain ends with number 4, seal 905d6d0f198c2eff34c0c2dbc98009d676f382db165d5600193a52666d207cdd
  1 part not sealed yet: no digest proves it unchanged

Pull: merge the ledger of another box, copied here or mounted. What node7 wrote into
part-000001.jsonl stands here as part-000001.node7.jsonl, byte for byte, and grows with each pull.

  $ ledger pull boxes/node7 --dry-run
  pulling boxes/node7/data/ledger as node7, after its folder; for another name: --as HOST
  day=2026-01-23/part-000001.jsonl -> day=2026-01-23/part-000001.node7.jsonl  2 lines, 200 B
  from node7: 2 lines (200 B) of 1 part, 0 runs; 0 parts and 0 runs unchanged
  nothing was taken: --dry-run
  $ ledger pull boxes/node7
  pulling boxes/node7/data/ledger as node7, after its folder; for another name: --as HOST
  day=2026-01-23/part-000001.jsonl -> day=2026-01-23/part-000001.node7.jsonl  2 lines, 200 B
  from node7: 2 lines (200 B) of 1 part, 0 runs; 0 parts and 0 runs unchanged
  to index it: ledger rebuild
  $ ledger pull boxes/node7
  pulling boxes/node7/data/ledger as node7, after its folder; for another name: --as HOST
  from node7: nothing new; 1 part and 0 runs unchanged

Pulling again under the same name, or by way of a third box, takes nothing twice: events/_pulled.json
remembers, and if it is lost the bytes show it. With --as a box gets another name, and is another box.
Types that are unknown here are registered as they are there. Runs that have ended are copied,
every artifact checked. What cannot be taken (damaged, changed, of another schema) is listed, the
rest goes on, exit code 3. Traces are not pulled.
`,
} satisfies Topic;
