import type { Topic } from "../topic.ts";

export default {
  name: "log",
  summary: "what events are, where they are stored, and what damage looks like",
  see: ["emit", "log", "status", "verify", "schema register"],
  text: String.raw`
The log is the source of truth; everything else is derived from it. An event is one line of JSON with
an event_id, an event_type, a timestamp_ms and the fields of its type. Lines are only ever appended.

  # append an event; the id it prints says that it is on the disk
  ledger emit run.started --run-id r1

  $ printf '{"event_type":"run.started","run_id":"r2"}\n{"event_type":"run.failed","run_id":"r2","error":"no candles"}\n' | ledger emit --stdin
  2 events durable
  $ ledger status
  day         parts  sealed  events  bytes  stored
  2026-01-23      1       0       2  236 B   236 B

  data/ledger: 2 events in 1 part of 1 day, 236 B
  newest: run.failed 1769174320945_8e7b925c, 2026-01-23 13:18:40.945Z (1 s ago)
  torn: none
  $ ledger log --type run.failed --format table
  2026-01-23 13:18:40.945Z  run.failed          r2              {"error":"no candles"}

It is plain text below data/ledger/events/, and stays readable without this program:

- day=YYYY-MM-DD/part-NNNNNN.jsonl | the events of a day (UTC, by their timestamp_ms). A part is one
  file; at 100 MiB the next number begins.
- part-NNNNNN.WRITER.jsonl | the same, written by one writer alone: ledger help durability
- part-NNNNNN.parquet | a finished part of an old day, after ledger compact; it is read like the others
- _sealed.json | what finished parts hold, and a digest of each
- _schema.json | types of your own, their versions and migrations
- _quarantine/ | torn ends and bad lines that were moved out; nothing is deleted

  # look at the files themselves
  head -n 2 data/ledger/events/day=*/part-000001.jsonl

  # read it through this program
  ledger log -n 20

  # what went wrong lately
  ledger log --since 2h --type run.failed

  # one run as a spreadsheet
  ledger log --run-id r2 --format csv

Events stand in the order in which their writers got the lock, which is not always the order of their
timestamps. The same event_id twice is the same event emitted twice: both lines stay, the first counts.
So it is safe to emit again after any error.

An unknown type is refused when it is emitted, because a typo would hide the event for ever; in the
log it is kept. Register types of your own with a JSON Schema. A migration renames or fills fields of
older versions as they are read; the log is never rewritten.

  $ ledger emit run.startd --run-id r1 || true
  error: cannot emit an event of type "run.startd": no such type is known
   hint: did you mean run.started or run.created or run.failed? To add a type of your own: ledger schema register run.startd SCHEMA.json
  $ echo '{"type":"object","required":["level"],"properties":{"level":{"enum":["low","high"]}}}' | ledger schema register risk.breached -
  registered risk.breached, version 1
  $ ledger emit risk.breached --event-data '{"level":"high"}'
  1769174325945_8e7b9263
  $ ledger schema migrate risk.breached --rename level=severity
  risk.breached is now at version 2; older events are read as this version
  $ ledger log --type risk.breached
  {"event_type":"risk.breached","timestamp_ms":1769174325945,"event_id":"1769174325945_8e7b9263","severity":"high","event_version":2}
  $ ledger log --type risk.breached --raw
  {"event_type":"risk.breached","level":"high","timestamp_ms":1769174325945,"event_id":"1769174325945_8e7b9263"}

  # the types there are
  ledger schema list

Torn: a part does not end in a newline, because its writer was killed. That line was never
acknowledged; the next writer moves it to _quarantine/. Corrupt: a whole line that is no event. It is
reported, skipped, and left where it is.

  # is every line whole?
  ledger verify

  # move damage out of the way, keeping every byte
  ledger verify --repair
`,
} satisfies Topic;
