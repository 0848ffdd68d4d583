import type { Topic } from "../topic.ts";

export default {
  name: "durability",
  summary: "what an acknowledgement promises, and what to do when there is none",
  see: ["emit", "verify", "doctor"],
  text: String.raw`
An event is acknowledged when its line, with the newline that ends it, is on the disk (fdatasync). The
id that is printed is the acknowledgement.

  # one event, one acknowledgement
  ledger emit run.started --run-id r1 --event-id r1-started

  # a stream: with --ack, each id once it is durable
  echo '{"event_type":"run.failed","run_id":"r1","error":"no candles"}' | ledger emit --stdin --ack

With --ack every input line has one answer, in the order of the lines: an id, or TAB LINE TAB CODE TAB
MESSAGE for a line that is refused, or an empty line for a blank one. So a client that waits for each
answer never hangs; where the stream ends early, so do the answers. --ack=json answers with an object
each. Without --on-error skip a refused line is the last.

  $ printf '{"event_type":"run.started","run_id":"r9","event_id":"e1"}\n{"event_type":"run.started"}\n' | ledger emit --stdin --ack=json --on-error skip
  {"line":1,"event_id":"e1"}
  {"line":2,"error":{"code":"invalid","message":"cannot emit this run.started event: run_id is missing; it has to be a run id: 1 to 200 characters, no slash, backslash or control character, not \".\" or \"..\"","hint":"see: ledger schema show run.started"}}
  1 event durable, 1 bad line skipped

Whatever happens, one of three things is true:

- acknowledged | it is in the log, and survives a killed process and a power cut
- an error | nothing of it was written, or the message says how much was
- durability unknown | the disk did not confirm the sync: the line may be there. Emit it again with the
  same event_id.

The same event_id counts once however often it is emitted. So a writer that is not sure emits again,
with an id of its own:

  # the second time changes nothing in the index
  ledger emit run.started --run-id r1 --event-id r1-started

Any number of processes may emit at once; they take turns by a lock for each day, which ends with the
process that holds it. A writer that waits longer than --lock-wait-ms (10 s) gets exit code 75, and
nothing was written.

A writer that is killed leaves at most one torn line. It was never acknowledged, and the next writer
moves it to quarantine. A line that a reader sees may not be durable yet: the promise is the
acknowledgement, not the sight of the line.

  # faster; handed to the operating system, may be lost in a power cut
  ledger emit run.started --run-id r2 --durability os

Network file systems: locks cannot be trusted there, so every process writes parts of its own. On a
local disk that raises the throughput of processes that emit without a pause; it costs a part for each
of them and day, and orders events only within a writer: emit all events of a run through one.

  # a name that no other process has; or set LEDGER_WRITER
  ledger emit run.started --run-id r3 --writer "$(hostname -s)-$$"

  # do locks lock and syncs sync on this disk?
  ledger doctor || true

Exit codes: 0 ok, 1 failed, 2 usage or invalid input, 3 done with findings, 75 busy (try again), 130
interrupted.
`,
} satisfies Topic;
