import type { Topic } from "../topic.ts";

const topic: Topic = {
  name: "durability",
  summary: "what an acknowledgement promises, and what to do when there is none",
  pieces: [
    "An event is acknowledged when its line, with the newline that ends it, is on the disk (fdatasync). " +
    "The id that is printed is the acknowledgement.",
    {
      shows: "one event, one acknowledgement",
      line: "ledger emit run.started --run-id r1 --event-id r1-started",
    },
    {
      shows: "a stream: with --ack, each id once it is durable",
      line:
        `echo '{"event_type":"run.failed","run_id":"r1","error":"no candles"}' | ledger emit --stdin --ack`,
    },
    "With --ack every input line has one answer, in the order of the lines: an id, or TAB LINE TAB CODE " +
    "TAB MESSAGE for a line that is refused, or an empty line for a blank one. So who waits for an " +
    "answer to each line never waits in vain; where the stream ends early, so do the answers. " +
    "--ack=json answers with an object each. Without --on-error skip a refused line is the last.",
    "Whatever happens, one of three things is true:",
    {
      terms: [
        ["acknowledged", "it is in the log, and survives a killed process and a cut power supply"],
        ["an error", "nothing of it was written, or the message says how much was"],
        [
          "durability unknown",
          "the disk did not confirm the sync: the line may be there. Emit it again with the same " +
          "event_id.",
        ],
      ],
    },
    "The same event_id counts once however often it is emitted. So a writer that is not sure emits " +
    "again, with an id of its own:",
    {
      shows: "the second time changes nothing in the index",
      line: "ledger emit run.started --run-id r1 --event-id r1-started",
    },
    "Any number of processes may emit at once; they take turns by a lock for each day, which ends with " +
    "the process that holds it. Whoever waits longer than --lock-wait-ms (10 s) gets exit code 75, and " +
    "nothing was written.",
    "A writer that is killed leaves at most one torn line. It was never acknowledged, and the next " +
    "writer moves it to quarantine. A line that a reader sees may not be durable yet: the promise is " +
    "the acknowledgement, not the sight of the line.",
    {
      shows: "faster, and safe from a killed process, but not from a cut power supply",
      line: "ledger emit run.started --run-id r2 --durability os",
    },
    "Network file systems: locks cannot be trusted there, so every process writes parts of its own.",
    {
      shows: "a name that no other process has; or set LEDGER_WRITER",
      line: `ledger emit run.started --run-id r3 --writer "$(hostname -s)-$$"`,
    },
    { shows: "do locks lock and syncs sync on this disk?", line: "ledger doctor || true" },
    "Exit codes: 0 ok, 1 failed, 2 usage or invalid input, 3 done with findings, 75 busy (try again), " +
    "130 interrupted.",
  ],
  see: ["emit", "verify", "doctor"],
};
export default topic;
