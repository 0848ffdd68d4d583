import * as z from "zod/mini";
import { EXIT_OK, quoted } from "../../base/error.ts";
import { ARTIFACT_KINDS, type ArtifactKind } from "../../ledger/artifacts.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { isStandardInput, openFor, readInput } from "../open.ts";
import { print } from "../output.ts";
import { usage } from "../parse.ts";

const KINDS = ["trades", ...ARTIFACT_KINDS] as const;

const artifactsPut = defineCommand({
  name: "artifacts put",
  summary: "store a run's trades, summary or configuration beside the log",
  description: "Writes artifacts/runs/RUN/trades.parquet, summary.json or config.json in the " +
    "ledger's folder: whole or not at all, durable when the command returns. Trades come as NDJSON, " +
    "a JSON array, CSV or Parquet, and every row is checked. Then an artifact.created event says " +
    "so in the log.",
  examples: [
    {
      line: `echo '{"trades":12,"avg_return_bps":31.5}' | ledger artifacts put r1 summary -`,
      shows: "store a summary; prints its path",
    },
    {
      line: `echo '{"stop_loss_bps":500}' | ledger artifacts put r1 config - --json`,
      shows: "store a configuration; prints path and acknowledgement",
    },
  ],
  positionals: [
    { name: "RUN", summary: "the run's id", required: true },
    {
      name: "KIND",
      summary: KINDS.join(", "),
      required: true,
      choices: () => KINDS,
    },
    { name: "FILE", summary: "a file with it; - for standard input", required: true },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [run_id, kind, file] }) => {
    if (!KINDS.includes(kind as ArtifactKind)) {
      throw usage(artifactsPut, `KIND is ${quoted(kind)}; it has to be ${KINDS.join(", ")}`);
    }
    const ledger = openFor(world, flags);
    try {
      const stored = kind === "trades"
        ? await ledger.putTrades(run_id, isStandardInput(file) ? { stdin: true } : { path: file })
        : await ledger.putArtifact(run_id, kind as ArtifactKind, await readInput(world, file));
      print(world, flags.json ? JSON.stringify(stored) : stored.path);
      return EXIT_OK;
    } finally {
      await ledger.close();
    }
  },
});
export default artifactsPut;
