/** The program's commands, each as it is given in the lab that holds every kind of file. */
import { ARCHIVES, LAB_DAYS, linesOfRun, noonOf, tracedLines } from "./every_kind.ts";

/** A command line of the lab. */
export interface LabCommand {
  args: string[];
  stdin?: string;
  /** It changes nothing but what is derived. */
  reads: boolean;
  /** It brings something up to date, and has nothing to say of it the second time. */
  derives?: true;
  /** It opens DuckDB. */
  asks_duckdb?: true;
  /** What is done first, so that there is something to do. */
  first?: string[][];
  /** What it says when it is given again after it has succeeded: an error, where it is done once. */
  again_code?: number;
}

const event = (event_id: string, at_ms = noonOf(LAB_DAYS[3]) + 50_000) => [
  ...["emit", "run.failed", "--run-id", "r9", "--error", "x", "--event-id", event_id],
  ...["--timestamp-ms", String(at_ms)],
];
const trades =
  '{"call_id":"c1","entry_ts_ms":1704067200000,"entry_px":1,"exit_ts_ms":1704067200001,"exit_px":1,"exit_reason":"stop",' +
  '"realized_return_bps":1,"stop_out":true,"max_adverse_excursion_bps":0,"time_exposed_ms":1,' +
  '"tail_capture":null}\n';

/** All of them, by a short name. The month is that of the lab's runs. */
export function labCommands(month: string): Record<string, LabCommand> {
  const asks = (...args: string[]): LabCommand => ({ args, reads: true, asks_duckdb: true });
  const reads = (...args: string[]): LabCommand => ({ args, reads: true });
  const writes = (args: string[], stdin?: string): LabCommand => ({ args, stdin, reads: false });
  return {
    "emit": writes(event("new-1")),
    "emit to a new day": writes(event("new-2", noonOf("2026-01-27"))),
    "emit a stream": writes(
      ["emit", "--stdin", "--ack"],
      linesOfRun("run-n", noonOf(LAB_DAYS[3])),
    ),
    "emit by a writer": writes([...event("new-3"), "--writer", "w9"]),
    "log": reads("log"),
    "log, last": reads("log", "-n", "3"),
    "log of a run": reads("log", "--run-id", "run-1", "--raw"),
    "status": reads("status", "--json"),
    "verify": reads("verify", "--json"),
    "verify --deep": reads("verify", "--deep", "--json"),
    "verify --repair": writes(["verify", "--repair"]),
    "seal": writes(["seal"]),
    "compact": writes(["compact", "--before", LAB_DAYS[3], "--all"]),
    "restore": writes(["restore", LAB_DAYS[1]]),
    "pull": writes(["pull", "box-2"]),
    "retain": { ...writes(["retain", "--days", "1", "--archive", ARCHIVES]), asks_duckdb: true },
    "archive import": {
      ...writes(["archive", "import", `${ARCHIVES}/ledger-${LAB_DAYS[0]}.tar`]),
      again_code: 1,
    },
    "rebuild": { ...asks("rebuild"), derives: true },
    "rebuild --full": { ...asks("rebuild", "--full"), derives: true },
    "rebuild of more": { ...asks("rebuild"), derives: true, first: [["rebuild"], event("new-4")] },
    "watch --once": { ...asks("watch", "--once"), derives: true },
    "query": asks("query", "--json", "select event_id from events order by 1"),
    "query runs": asks("query", "--json", "select run_id, status from latest_runs order by 1"),
    "query catalog": asks("query", "--db", "catalog", "--json", "select run_id from trades"),
    "query metrics": asks("query", "--db", "catalog", "--json", "select * from metrics"),
    "report": asks("report"),
    "schema list": reads("schema", "list", "--json"),
    "schema show": reads("schema", "show", "risk.breached"),
    "schema register": writes(["schema", "register", "risk.new", "-"], '{"type":"object"}'),
    "schema migrate": {
      ...writes(["schema", "migrate", "risk.breached", "--default", "x=1"]),
      again_code: 2,
    },
    "runs create": {
      ...writes(["runs", "create", "--run-type", "policy", "--run-id", "new-1", "--no-git"]),
      again_code: 2,
    },
    "runs create --input": {
      ...writes([
        ...["runs", "create", "--run-type", "policy", "--run-id", "new-2", "--no-git"],
        ...["--input", "prices.csv", "--rehash"],
      ]),
      again_code: 2,
    },
    "runs verify --inputs": reads("runs", "verify", "--all", "--inputs", "--json"),
    "runs query --input": asks("runs", "query", "--input", "prices.csv", "--json"),
    "runs write": writes(["runs", "write", "running-1", "trades", "-"], trades),
    "runs write, by columns": {
      ...writes(["runs", "write", "running-1", "trades", "-"], trades.repeat(1_000)),
      asks_duckdb: true,
    },
    "runs attach": writes(["runs", "attach", "running-1", "-", "--as", "plots/a.txt"], "a plot"),
    "runs attach, in place of another": {
      ...writes(["runs", "attach", "running-1", "-", "--as", "a.csv"], "x\n"),
      first: [["runs", "attach", "running-1", "data/ledger/events/_schema.json", "--as", "a.csv"]],
    },
    "runs write metrics": writes(
      ["runs", "write", "running-1", "metrics", "-"],
      '{"name":"loss","step":3,"value":0.125}\n',
    ),
    "runs claim": {
      ...asks(
        "runs",
        "claim",
        "running-1",
        ..."--metric m --higher --trials 1 --hypothesis h".split(" "),
      ),
      reads: false,
    },
    "runs claim, look": asks("runs", "claim", "running-1", "--json"),
    "runs log": writes(["runs", "log", "running-1", "stdout"], "another line\n"),
    "runs finish": { ...writes(["runs", "finish", "running-1"]), again_code: 2 },
    "runs sync": { ...asks("runs", "sync"), derives: true },
    "runs annotate": writes(["runs", "annotate", "done-1", "--tag", "best", "--group", "g"]),
    "runs annotate, by a beginning": {
      ...writes(["runs", "annotate", "don", "--name", "one", "--link", "retry-of=failed-1"]),
      asks_duckdb: true,
    },
    "runs group": {
      ...asks("runs", "group", "g", "--by", "run_type", "--metric", "timing.total_ms", "--json"),
      first: [["runs", "annotate", "done-1", "--group", "g"]],
    },
    "runs lineage": {
      ...asks("runs", "lineage", "failed-1", "--uses", "done-1", "--artifact", "trades", "--json"),
      reads: false,
    },
    "runs query": asks("runs", "query", "--json"),
    "runs show": asks("runs", "show", "done-1", "--json"),
    "runs rerun": reads("runs", "rerun", "done-1", "--json"),
    "runs diff": asks("runs", "diff", "done-1", "failed-1", "--json"),
    "runs verify": reads("runs", "verify", "--all", "--deep", "--json"),
    "runs compact": { ...asks("runs", "compact", "--month", month), reads: false },
    "runs prune": {
      ...asks("runs", "prune", "--before", "2999-01", "--yes", "--archive", ARCHIVES),
      reads: false,
    },
    "artifacts put": writes(["artifacts", "put", "done-1", "summary", "-"], '{"c":3}'),
    "trace ingest": writes(["trace", "ingest", "-"], tracedLines("c9", ["s9", "o9", "f9"])),
    "trace query": asks("trace", "query", "--json"),
    "trace path": asks("trace", "path", "f1", "--json"),
    "trace tree": asks("trace", "tree", "s2", "--json"),
    "trace latency": asks("trace", "latency", "c1", "--json"),
    "trace sample": asks("trace", "sample"),
    "trace export": asks("trace", "export", "--to", "otlp-json"),
    "trace stats": asks("trace", "stats", "--json"),
    "trace compact": { ...asks("trace", "compact"), reads: false },
    "trace publish": { ...asks("trace", "publish", "c1"), reads: false },
    "doctor": asks("doctor", "--json"),
  };
}
