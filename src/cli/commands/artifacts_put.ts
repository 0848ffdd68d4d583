import { ARTIFACT_KINDS, type ArtifactKind } from "../../ledger/artifacts.ts";
import { defineCommand, runWord } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { isStandardInput, readInput } from "../input.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";

const KINDS = ["trades", ...ARTIFACT_KINDS] as const;

export default defineCommand({
  name: "artifacts put",
  summary: "store a run's trades, summary or configuration beside the log",
  description: "Writes artifacts/runs/RUN/trades.parquet, summary.json or config.json in the " +
    "ledger's folder, atomically and durably, and appends an artifact.created event to the log. " +
    "Trades come as NDJSON, a JSON array, CSV or Parquet; every row is checked. The log, or a " +
    "folder, has to know the run.",
  examples: {
    [`echo '{"trades":12,"avg_return_bps":31.5}' | ledger artifacts put r1 summary -`]:
      "store a summary; prints its path",
    [`echo '{"stop_loss_bps":500}' | ledger artifacts put r1 config - --json`]:
      "store a configuration; prints its path and the event's acknowledgement",
  },
  positionals: [
    runWord("the run's id", "RUN"),
    { name: "KIND", summary: KINDS.join(", "), required: true, choices: KINDS },
    { name: "FILE", summary: "the file to store; - for standard input", required: true },
  ],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [run_id, kind, file] }) => {
    await using ledger = openFor(world, flags);
    const text = kind === "trades" ? "" : await readInput(world, file);
    // An artifact of a run that is named by mistake would stay beside the log, and in it.
    await ledger.checkRun(run_id);
    const stored = kind === "trades"
      ? await ledger.putTrades(run_id, isStandardInput(file) ? { stdin: true } : { path: file })
      : await ledger.putArtifact(run_id, kind as ArtifactKind, text);
    if (flags.json) printJson(world, stored);
    else print(world, stored.path);
  },
});
