import { read_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { defineCommand, runWord } from "../command.ts";
import { runsFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanBytes, print, printJson } from "../output.ts";

const STREAMS = ["stdout", "stderr"] as const;

export default defineCommand({
  name: "runs log",
  summary: "append a run's output to its log files",
  description: "Appends standard input to logs/stdout.txt or logs/stderr.txt in the run's " +
    "folder. The text is durable when the command returns.",
  examples: {
    "echo 'simulated 117 trades' | ledger runs log demo-1 stdout": "what it printed",
    "echo 'no candles for 2 calls' | ledger runs log demo-1 stderr": "its warnings",
  },
  positionals: [
    runWord(),
    { name: "STREAM", summary: STREAMS.join(" or "), required: true, choices: STREAMS },
  ],
  flags: runsFlags(),
  run: async ({ world, flags, words: [run_id, stream] }) => {
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.find(run_id);
    const added = await run.appendLog(stream as typeof STREAMS[number], chunksOf(world));
    if (flags.json) printJson(world, added);
    else print(world, `${added.path} ${humanBytes(added.bytes)} added`);
  },
});

async function* chunksOf(world: World): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(read_bytes);
  for (;;) {
    const count = await world.stdin.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}
