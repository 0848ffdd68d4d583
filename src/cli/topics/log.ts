import type { Topic } from "../topic.ts";

const topic: Topic = {
  name: "log",
  summary: "what events are, where they stand, and what damage looks like",
  pieces: [
    "The log is the truth; everything else is made from it. An event is one line of JSON with an " +
    "event_id, an event_type, a timestamp_ms, and the fields of its type. Lines are only ever " +
    "added.",
    {
      shows: "append an event; the id it prints says that it is on the disk",
      line: "ledger emit run.started --run-id r1",
    },
    {
      shows: "append many: one event a line",
      line:
        `printf '{"event_type":"run.started","run_id":"r2"}\\n{"event_type":"run.failed","run_id":"r2","error":"no candles"}\\n' | ledger emit --stdin`,
    },
    "It is plain text below data/ledger/events/, and stays readable without this program:",
    {
      terms: [
        [
          "day=YYYY-MM-DD/part-NNNNNN.jsonl",
          "the events of a day (UTC, by their timestamp_ms). A part that reaches 100 MiB is left, " +
          "and the next number is begun.",
        ],
        [
          "part-NNNNNN.WRITER.jsonl",
          "the same, written by one writer alone: ledger help durability",
        ],
        [
          "part-NNNNNN.parquet",
          "a finished part of an old day, after ledger compact; it is read like the others",
        ],
        ["_sealed.json", "what finished parts hold, and a digest of each"],
        ["_schema.json", "event types of your own, their versions and migrations"],
        ["_quarantine/", "torn ends and bad lines that were taken out; nothing is deleted"],
      ],
    },
    {
      shows: "look at the files themselves",
      line: "head -n 2 data/ledger/events/day=*/part-000001.jsonl",
    },
    { shows: "read it through this program", line: "ledger log -n 20" },
    { shows: "what went wrong lately", line: "ledger log --since 2h --type run.failed" },
    {
      shows: "a spreadsheet of it",
      line: "ledger log --run-id r2 --format csv",
    },
    "Events stand in the order in which their writers got the lock, which is not always the order " +
    "of their timestamps. The same event_id twice is the same event emitted twice: both lines " +
    "stay, the first counts. So it is safe to emit again after any error.",
    "A type that nobody knows is refused when it is emitted, because a typo would hide the event " +
    "for ever; in the log it is kept. Types of your own are registered with a JSON Schema.",
    { shows: "the types there are", line: "ledger schema list" },
    "Torn: a part does not end in a newline, because its writer was killed. That line was never " +
    "acknowledged; the next writer moves it to _quarantine/. Corrupt: a whole line that is no " +
    "event. It is reported, read around, and left where it is.",
    { shows: "is every line whole?", line: "ledger verify" },
    { shows: "take damage out of the way, keeping every byte", line: "ledger verify --repair" },
  ],
  see: ["emit", "log", "status", "verify", "schema register"],
};
export default topic;
