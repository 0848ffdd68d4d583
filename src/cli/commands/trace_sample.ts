import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { sampleEvents } from "../../trace/sampler.ts";
import { defineCommand } from "../command.ts";
import { count, dir, number, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanCount, print, say } from "../output.ts";

export default defineCommand({
  name: "trace sample",
  summary: "a sample that keeps every critical event and what happened around it",
  description: "Prints NDJSON that `trace ingest` takes in, of another ledger or to elsewhere. " +
    "Signals, orders, fills, breaches and portfolios stay with the five events before and after " +
    "each; of the others the rate's share, more from busy stretches. A seed gives the same " +
    "sample again.",
  examples: [
    {
      line: "ledger trace sample --rate 0.1 --seed 7 > sample.jsonl",
      shows: "one in ten, and all that is critical",
    },
    {
      line: "ledger trace sample --rate 0 | ledger trace ingest - --dir data/ledger/critical",
      shows: "a ledger of its own with what is critical",
    },
  ],
  flags: z.strictObject({
    "rate": number({ description: "the share of what is not critical (default: 0.1)" }),
    "seed": count({ description: "another seed draws others (default: 1)" }),
    "correlation": text({ value: "ID", description: "only of this correlation" }),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id: flags.correlation });
    const sampled = sampleEvents(events, {
      rate: flags.rate === undefined ? undefined : Number(flags.rate),
      seed: flags.seed,
    });
    for (const event of sampled) print(world, JSON.stringify(event));
    say(world, `${humanCount(sampled.length)} of ${counted(events.length, "event")}`);
    return EXIT_OK;
  },
});
