import type { Topic } from "../topic.ts";

const topic: Topic = {
  name: "index",
  summary: "asking questions in SQL, and keeping the answers up to date",
  pieces: [
    "Questions are answered by DuckDB databases that are made from the log and from the runs. They " +
    "hold nothing of their own: delete them whenever you like, and build them again.",
    {
      terms: [
        ["index/runs.duckdb", "the log as tables: runs, phases, trials, artifacts, events"],
        ["index/catalog.duckdb", "the runs' manifests and artifacts (ledger help runs)"],
        ["index/alerts.duckdb", "every call, and which runs used it"],
      ],
    },
    {
      shows: "something to ask about",
      line:
        `ledger emit run.created --run-id r1 --run-type policy --config '{}' --data-fingerprint fp`,
    },
    { shows: "take in what is new", line: "ledger rebuild" },
    { shows: "what there is to ask, with queries to begin with", line: "ledger query < /dev/null" },
    {
      shows: "the latest runs and how they stand",
      line: `ledger query "select * from latest_runs limit 10"`,
    },
    {
      shows: "the same for a program",
      line: `ledger query --json "select run_id, status from latest_runs"`,
    },
    "A run is pending, running, completed or failed, by what the log says of it. Nobody is made to " +
    "wait: whoever builds works on a copy and puts it in place when it is done; whoever reads keeps " +
    "what he opened. Queries cannot write.",
    {
      shows: "from nothing, with rows and digests: the same log gives the same digests",
      line: "ledger rebuild --full --verbose",
    },
    { shows: "take in what is new once, as a cron job would", line: "ledger watch --once" },
    {
      shows: "keep up while the log grows; Ctrl-C ends it",
      line: "ledger watch --health 127.0.0.1:9184",
    },
    "With --health it answers /healthz (503 and a reason when it falls behind) and /metrics for " +
    "Prometheus. An index that is damaged or out of date is set aside and built again, with a line " +
    "that says so. Lines that are no events are rows of rejected_lines.",
  ],
  see: ["rebuild", "query", "watch", "doctor"],
};
export default topic;
