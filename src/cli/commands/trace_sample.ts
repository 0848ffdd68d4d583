import { sample_rate } from "../../base/limits.ts";
import { sampleEvents } from "../../trace/ask/sampler.ts";
import { CRITICAL_TYPES } from "../../trace/event/event.ts";
import { defineCommand } from "../command.ts";
import { count, force, ledgerFlags, number, text, texts } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, printJson, printRows, say } from "../output.ts";
import { openOutput } from "../output_file.ts";
import { queryTraces } from "../traces.ts";

export default defineCommand({
  name: "trace sample",
  summary: "a smaller trace that keeps every critical event",
  description: "Keeps every critical event with five events around it, and a share of the " +
    "others: more where there are many, and some of every type. The same seed gives the same " +
    "sample. Writes NDJSON, for ledger trace ingest; with --json a JSON array, or with --out " +
    "beside it what is in the file.",
  examples: {
    "ledger trace sample --rate 0.1 --seed 7": "of all traces, to standard output",
    "ledger trace sample --correlation bt1 --rate 0.5 --out data/ledger/sample.ndjson":
      "of one run, into a file",
  },
  flags: {
    "rate": number(`the share of events that are not critical (default: ${sample_rate})`),
    "seed": count("seeds the choice of events (default: 1)"),
    "correlation": text("ID", "only this correlation"),
    "critical": texts("TYPE", `types to keep whole (default: ${CRITICAL_TYPES.join(", ")})`),
    "out": text("FILE", "where to write (default: standard output)"),
    "force": force(),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const events = await queryTraces(world, ledger, { correlation_id: flags.correlation });
    const sample = sampleEvents(events, {
      rate: flags.rate === undefined ? undefined : Number(flags.rate),
      seed: flags.seed,
      critical_types: flags.critical,
    });
    if (flags.json && flags.out === undefined) printRows(world, sample, [], "json");
    else {
      using output = openOutput(world, flags.out, ledger, { force: flags.force });
      for (const event of sample) output.write(`${JSON.stringify(event)}\n`);
      output.finish();
      if (flags.json) {
        const kept = { events: sample.length, of_events: events.length };
        printJson(world, { path: flags.out, ...kept });
      }
    }
    say(world, `${counted(sample.length, "event")} of ${counted(events.length, "event")} kept`);
  },
});
