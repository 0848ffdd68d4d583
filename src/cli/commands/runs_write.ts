import { ARTIFACT_TYPES } from "../../runs/artifacts/definitions.ts";
import { METRICS } from "../../runs/metrics/segments.ts";
import { defineCommand, runWord } from "../command.ts";
import { choice, noEvents, runsFlags } from "../flags.ts";
import { sayFindings } from "../exit_code.ts";
import { isStandardInput } from "../input.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";
import { checkChoice } from "../parse.ts";

const ALERT = `{"call_id":"c1","mint":"m1","caller_name":"ann","chain":"sol",` +
  `"alert_ts_ms":1704067200000,"created_at":"2024-01-01T00:00:00Z"}`;

export default defineCommand({
  name: "runs write",
  summary: "store a run's results as Parquet, every row checked",
  description: "Reads rows as NDJSON, a JSON array, CSV or Parquet, checks each against the " +
    "schema of its type (ledger runs schema), and stores them in the run's folder, replacing " +
    "earlier rows of that type; rows of metrics are added to those before. A bad row, or one with " +
    "impossible values (a time in seconds, a price of 0, an exit before its entry), is reported " +
    "with its number and column, and nothing is stored. Odd values are kept, and noted in the " +
    "manifest. Parquet may be any that pandas, Polars, DuckDB and others write: types are cast " +
    "where nothing is lost, times become milliseconds, a NaN counts as null.",
  examples: {
    [`echo '${ALERT}' | ledger runs write demo-1 alerts`]: "rows from another program",
    [`printf 'call_id,pool_usd\\nc1,5400.5\\n' | ledger runs write demo-1 features --format csv`]:
      "columns of your own",
    [`echo '{"name":"loss","step":7,"value":0.31}' | ledger runs write demo-1 metrics`]:
      "a metric at one more step",
  },
  positionals: [
    runWord(),
    {
      name: "TYPE",
      summary: `${ARTIFACT_TYPES.join(", ")}, or a registered one`,
      required: true,
      choices: ARTIFACT_TYPES,
      is_open: true,
    },
    { name: "FILE", summary: "a file with rows; - or nothing reads standard input" },
  ],
  flags: {
    "format": choice(
      ["ndjson", "json", "csv", "parquet"],
      "ndjson, json, csv or parquet (default: guessed from the file's name, then its content)",
      { value: "FORMAT" },
    ),
    "codec": choice(["snappy", "zstd"], "the compression (default: snappy)"),
    "no-events": noEvents(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words }) => {
    await using ledger = openFor(world, flags);
    const types = await ledger.runs.artifactTypes();
    // `runs write MY_TYPE FILE`: that a type of one's own is none of a run, the registry knows alone.
    const own_run = world.env("LEDGER_RUN_ID");
    const is_left_out = own_run && types.registered.has(words[0]) && !types.find(words[1]);
    const [run_id, type, file = "-"] = is_left_out ? [own_run, ...words] : words;
    checkChoice("runs write", "TYPE", type, types.names());
    const run = await ledger.runs.find(run_id, { events: !flags["no-events"] });
    const source = isStandardInput(file) ? { stdin: true as const } : { path: file };
    const { format, codec } = flags;
    const stored = await run.writeArtifact(type, { ...source, format }, { codec });
    for (const note of stored.notes ?? []) say(world, `note: ${note}`);
    const path = `${run.folder}/${stored.path}`;
    if (flags.json) return printJson(world, { ...stored, path });
    const { rows, bytes, replaced_rows } = stored;
    const replaced = replaced_rows === undefined
      ? ""
      : `, replacing ${counted(replaced_rows, "row")}`;
    const stored_rows = type === METRICS ? `${counted(rows, "point")} added` : counted(rows, "row");
    print(world, `${path} ${stored_rows}, ${humanBytes(bytes)}${replaced}`);
    sayFindings(world, stored.findings);
  },
});
