import { EXPORT_FORMATS, exportTraces } from "../../trace/ask/export.ts";
import { defineCommand } from "../command.ts";
import { choice, force, ledgerFlags, required, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, printJson, say } from "../output.ts";
import { openOutput } from "../output_file.ts";
import { queryTraces } from "../traces.ts";

export default defineCommand({
  name: "trace export",
  summary: "export traces for Jaeger, Tempo, or a flame chart",
  description: "Writes traces as OpenTelemetry JSON, for Jaeger and Tempo (a correlation is a " +
    "trace, the cause of an event its parent span), or in Chrome's trace format, for " +
    "chrome://tracing, Perfetto and Speedscope. Both are one JSON object; with --out, --json says " +
    "beside it what is in the file.",
  examples: {
    "ledger trace export bt1 --to otlp-json": "one run, to standard output",
    "ledger trace export bt1 --to chrome --out data/ledger/bt1.trace.json":
      "a flame chart, into a file",
  },
  positionals: [{ name: "CORRELATION", summary: "the correlation's id; without it, all events" }],
  flags: {
    "to": required(
      choice(EXPORT_FORMATS, "the format"),
      `in which format? --to ${EXPORT_FORMATS.join(" or --to ")}`,
    ),
    "out": text("FILE", "where to write (default: standard output)"),
    "force": force(),
    ...ledgerFlags(),
  },
  run: async ({ world, flags, words: [correlation_id] }) => {
    await using ledger = openFor(world, flags);
    const events = await queryTraces(world, ledger, { correlation_id });
    using output = openOutput(world, flags.out, ledger, { force: flags.force });
    output.write(`${JSON.stringify(exportTraces(events, flags.to))}\n`);
    output.finish();
    if (flags.json && flags.out !== undefined) {
      printJson(world, { path: flags.out, format: flags.to, events: events.length });
    }
    say(world, `${counted(events.length, "event")} exported`);
  },
});
