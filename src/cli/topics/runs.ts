import type { Topic } from "../topic.ts";

const CALL = `{"call_id":"c1","mint":"m1","caller_name":"ann","chain":"sol",` +
  `"alert_ts_ms":1704067200000,"created_at":"2024-01-01T00:00:00Z"}`;

const topic: Topic = {
  name: "runs",
  summary: "a run's folder, its results as Parquet, and the catalog of all runs",
  pieces: [
    "A run has a folder, runs/YYYY-MM/run_id=ID/, with a manifest (run.json) that says what it was, " +
    "which code and parameters made it, what it left and how it ended. Its results are Parquet files " +
    "of known columns, every row checked before any is stored. _SUCCESS comes last of all.",
    {
      shows: "begin one",
      line:
        `ledger runs create --run-type policy --run-id tight --parameters '{"stop_loss_bps":300}'`,
    },
    { shows: "which results can be stored, and what is in them", line: "ledger runs schema" },
    {
      shows: "store some: NDJSON, JSON, CSV or Parquet",
      line: `echo '${CALL}' | ledger runs write tight alerts`,
    },
    {
      shows: "it ended well; --summary keeps what it is ranked by",
      line: `ledger runs finish tight --summary '{"avg_return_bps":31.5}'`,
    },
    {
      shows: "another one did not",
      line:
        "ledger runs create --run-type policy --run-id wide && ledger runs finish wide --status failed --error 'no candles'",
    },
    "The catalog is made from the manifests, and can be deleted at any time. It takes runs that have " +
    "ended, and says of each other one why not.",
    { shows: "bring it up to date", line: "ledger runs sync" },
    { shows: "the latest", line: "ledger runs query --limit 10" },
    {
      shows: "where a result is, for a program that reads Parquet",
      line: "ledger runs query --run-id tight --artifact-type alerts",
    },
    { shows: "the best", line: "ledger runs rank --by avg_return_bps" },
    { shows: "two side by side", line: "ledger runs diff tight wide" },
    { shows: "everything about one", line: "ledger runs show tight" },
    {
      shows: "a question to the results of all runs",
      line:
        `ledger query --db catalog "select caller_name, count(*) as calls from alerts group by all"`,
    },
    { shows: "are they whole, to the byte?", line: "ledger runs verify --all --deep" },
    "How a run stands:",
    {
      terms: [
        ["completed, failed", "it has ended, and is catalogued"],
        ["pending, running", "it was begun, or is at work"],
        ["crashed", "the program that owned it is gone"],
        ["stale", "begun from a shell, and nobody wrote to it for an hour (--stale-after)"],
        ["unfinished", "it says that it completed and lacks _SUCCESS: finish it again"],
      ],
    },
    { shows: "those that did not end", line: "ledger runs query --status stale" },
    "A month's results can be put together so that a question opens few files (ledger runs compact), and old " +
    "months be archived (ledger runs prune). `runs` alone, beside the executable, stands for `ledger runs`.",
  ],
  see: ["runs create", "runs write", "runs finish", "runs sync", "runs query"],
};
export default topic;
