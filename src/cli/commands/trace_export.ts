import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { EXPORT_FORMATS, exportTraces } from "../../trace/ask/export.ts";
import { noEventsOf } from "../../trace/event/filter.ts";
import { defineCommand } from "../command.ts";
import { choice, dir, force, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, say } from "../output.ts";
import { openOutput } from "../output_file.ts";
import { usage } from "../parse.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

const traceExport = defineCommand({
  name: "trace export",
  summary: "traces for Jaeger, Tempo, or a flame chart",
  description: "Writes traces as OpenTelemetry JSON (correlation is the trace, cause the parent " +
    "span), which Jaeger and Tempo take, or in Chrome's trace format, which chrome://tracing, " +
    "Perfetto and Speedscope draw.",
  examples: [
    { line: "ledger trace export bt1 --to otlp-json", shows: "one run, to standard output" },
    {
      line: "ledger trace export bt1 --to chrome --out data/ledger/bt1.trace.json",
      shows: "a flame chart, into a file",
    },
  ],
  positionals: [{ name: "CORRELATION", summary: "which one; without it, all there is" }],
  flags: z.strictObject({
    "to": choice(EXPORT_FORMATS, { description: "the form; has to be given" }),
    "out": text({ value: "FILE", description: "where to (default: standard output)" }),
    "force": force(),
    "dir": dir(),
  }),
  run: async ({ world, flags, words: [correlation_id] }) => {
    if (flags.to === undefined) {
      throw usage(traceExport, `in which form? --to ${EXPORT_FORMATS.join(" or --to ")}`);
    }
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id });
    sayWhatIsMissing(world, ledger.traces.damage);
    if (events.length === 0 && correlation_id !== undefined) {
      throw noEventsOf(ledger.traces.dir, correlation_id);
    }
    using output = openOutput(world, flags.out, ledger, { force: flags.force });
    output.write(`${JSON.stringify(exportTraces(events, flags.to))}\n`);
    output.finish();
    say(world, `${counted(events.length, "event")} exported`);
    return EXIT_OK;
  },
});
export default traceExport;
