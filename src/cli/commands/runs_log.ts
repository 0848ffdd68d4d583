import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { read_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanBytes, print } from "../output.ts";
import { usage } from "../parse.ts";

const STREAMS = ["stdout", "stderr"] as const;

const runsLog = defineCommand({
  name: "runs log",
  summary: "keep what a run printed",
  description: "Adds standard input to logs/stdout.txt or logs/stderr.txt in the run's folder. " +
    "Durable when it returns.",
  examples: [
    {
      line: "echo 'simulated 117 trades' | ledger runs log demo-1 stdout",
      shows: "what it printed",
    },
    {
      line: "echo 'no candles for 2 calls' | ledger runs log demo-1 stderr",
      shows: "and its warnings",
    },
  ],
  positionals: [
    { name: "ID", summary: "the run's id, or the beginning of it", required: true },
    { name: "STREAM", summary: STREAMS.join(" or "), required: true, choices: () => STREAMS },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir(), "runs-dir": runsDir() }),
  run: async ({ world, flags, words: [run_id, stream] }) => {
    if (stream !== "stdout" && stream !== "stderr") {
      throw usage(runsLog, `STREAM is ${JSON.stringify(stream)}; it has to be stdout or stderr`);
    }
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.find(run_id);
    const kept = await run.appendLog(stream, chunksOf(world));
    print(
      world,
      flags.json ? JSON.stringify(kept) : `${kept.path} ${humanBytes(kept.bytes)} added`,
    );
    return EXIT_OK;
  },
});
export default runsLog;

async function* chunksOf(world: World): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(read_bytes);
  for (;;) {
    const count = await world.stdin.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}
