import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { ARTIFACT_TYPES, artifactDefinition } from "../../runs/artifacts/definitions.ts";
import { artifactType } from "../artifact_type.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir, noEvents, runsDir } from "../flags.ts";
import { isStandardInput, openFor } from "../open.ts";
import { counted, humanBytes, print } from "../output.ts";

const ALERT = `{"call_id":"c1","mint":"m1","caller_name":"ann","chain":"sol",` +
  `"alert_ts_ms":1704067200000,"created_at":"2024-01-01T00:00:00Z"}`;

const runsWrite = defineCommand({
  name: "runs write",
  summary: "store a run's results as Parquet, every row checked",
  description: "Reads rows as NDJSON, a JSON array, CSV or Parquet, checks each against the " +
    "schema of its type (see: ledger runs schema), and stores them in the run's folder, in place of " +
    "what was stored of that type before. A bad row is told with its number and column, and then " +
    "nothing is stored.",
  examples: [
    {
      line: `echo '${ALERT}' | ledger runs write demo-1 alerts`,
      shows: "rows from another program",
    },
    {
      line:
        `printf 'call_id,pool_usd\\nc1,5400.5\\n' | ledger runs write demo-1 features --format csv`,
      shows: "columns of one's own",
    },
  ],
  positionals: [
    { name: "ID", summary: "the run's id, or the beginning of it", required: true },
    {
      name: "TYPE",
      summary: ARTIFACT_TYPES.join(", "),
      required: true,
      choices: () => ARTIFACT_TYPES,
    },
    { name: "FILE", summary: "a file with rows; - or nothing reads standard input" },
  ],
  flags: z.strictObject({
    "format": choice(["ndjson", "json", "csv", "parquet"], {
      value: "FORMAT",
      description:
        "ndjson, json, csv or parquet (default: by the file's name, or what it looks like)",
    }),
    "codec": choice(["snappy", "zstd"], {
      description: "how it is compressed (default: snappy)",
    }),
    "no-events": noEvents(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words: [run_id, typed, file = "-"] }) => {
    const type = artifactType(runsWrite, typed);
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.find(run_id, { events: !flags["no-events"] });
    const format = flags.format;
    const source = isStandardInput(file)
      ? { stdin: true as const, format }
      : { path: file, format };
    const stored = await run.writeArtifact(type, source, { codec: flags.codec });
    const path = `${run.folder}/${artifactDefinition(type).path}`;
    print(
      world,
      flags.json
        ? JSON.stringify({ ...stored, path })
        : `${path} ${counted(stored.rows, "row")}, ${humanBytes(stored.bytes)}` +
          (stored.replaced_rows === undefined
            ? ""
            : `, in place of ${counted(stored.replaced_rows, "row")}`),
    );
    return EXIT_OK;
  },
});
export default runsWrite;
