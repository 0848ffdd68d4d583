import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { ARTIFACT_KINDS, type ArtifactKind } from "../../ledger.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor, readInput } from "../open.ts";
import { print } from "../output.ts";
import { flagProblem } from "../flags.ts";
import { usage } from "../parse.ts";

const artifactsPut = defineCommand({
  name: "artifacts put",
  summary: "store a run's summary or configuration beside the log",
  description: "Writes artifacts/runs/RUN/summary.json or config.json in the ledger's folder: " +
    "whole or not at all, durable when the command returns. Then an artifact.created event says " +
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
      summary: ARTIFACT_KINDS.join(" or "),
      required: true,
      choices: () => ARTIFACT_KINDS,
    },
    { name: "FILE", summary: "a file with a JSON object; - for standard input", required: true },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [run_id, kind, file] }) => {
    if (!ARTIFACT_KINDS.includes(kind as ArtifactKind)) {
      const problem = flagProblem("", kind, `it has to be ${ARTIFACT_KINDS.join(" or ")}`);
      throw usage(artifactsPut, problem.replace("--", "KIND"));
    }
    const ledger = openFor(world, flags);
    try {
      const json = await readInput(world, file);
      const stored = await ledger.putArtifact(run_id, kind as ArtifactKind, json);
      print(world, flags.json ? JSON.stringify(stored) : stored.path);
      return EXIT_OK;
    } finally {
      await ledger.close();
    }
  },
});
export default artifactsPut;
