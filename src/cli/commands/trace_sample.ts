import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { sample_rate } from "../../base/limits.ts";
import { CRITICAL_TYPES } from "../../trace/event/event.ts";
import { noEventsOf } from "../../trace/event/filter.ts";
import { sampleEvents } from "../../trace/ask/sampler.ts";
import { defineCommand } from "../command.ts";
import { count, dir, force, number, text, texts } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, say } from "../output.ts";
import { openOutput } from "../output_file.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace sample",
  summary: "a smaller trace that still has everything that matters",
  description:
    "Keeps every critical event with five events around it, and of the others a share, " +
    "more where more is going on and some of every type. The same seed gives the same sample. " +
    "Writes NDJSON, which `ledger trace ingest` reads.",
  examples: [
    { line: "ledger trace sample --rate 0.1 --seed 7", shows: "of all traces, to standard output" },
    {
      line: "ledger trace sample --correlation bt1 --rate 0.5 --out data/ledger/sample.ndjson",
      shows: "of one run, into a file",
    },
  ],
  flags: z.strictObject({
    "rate": number({ description: `the share of what is not critical (default: ${sample_rate})` }),
    "seed": count({ description: "another seed draws others (default: 1)" }),
    "correlation": text({ value: "ID", description: "only of this correlation" }),
    "critical": texts({
      value: "TYPE",
      description: `types to keep all of (default: ${CRITICAL_TYPES.join(", ")})`,
    }),
    "out": text({ value: "FILE", description: "where to (default: standard output)" }),
    "force": force(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id: flags.correlation });
    sayWhatIsMissing(world, ledger.traces.damage);
    if (events.length === 0 && flags.correlation !== undefined) {
      throw noEventsOf(ledger.traces.dir, flags.correlation);
    }
    const sample = sampleEvents(events, {
      rate: flags.rate === undefined ? undefined : Number(flags.rate),
      seed: flags.seed,
      critical_types: flags.critical,
    });
    using output = openOutput(world, flags.out, ledger, { force: flags.force });
    for (const event of sample) output.write(`${JSON.stringify(event)}\n`);
    output.finish();
    say(world, `${counted(sample.length, "event")} of ${counted(events.length, "event")} kept`);
    return EXIT_OK;
  },
});
