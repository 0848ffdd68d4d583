import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { EXPORT_FORMS, exportTraces } from "../../trace/export.ts";
import { defineCommand } from "../command.ts";
import { choice, dir, text } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, say } from "../output.ts";
import { usage } from "../parse.ts";

const traceExport = defineCommand({
  name: "trace export",
  summary: "traces for Jaeger and Tempo (OpenTelemetry), or as a flame chart (Chrome)",
  description:
    "otlp-json: a correlation is a trace, an event a span from its creation to the end " +
    "of its processing, its cause the parent. chrome: for chrome://tracing or ui.perfetto.dev, " +
    "a row for each source.",
  examples: [
    {
      line: "ledger trace export --to otlp-json --correlation unknown > otlp.json",
      shows: "for OpenTelemetry",
    },
    { line: "ledger trace export --to chrome > chrome.json", shows: "a flame chart of everything" },
  ],
  flags: z.strictObject({
    "to": choice(EXPORT_FORMS, { description: "which form; has to be given" }),
    "correlation": text({ value: "ID", description: "only of this correlation" }),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    if (flags.to === undefined) throw usage(traceExport, "in which form? --to otlp-json or chrome");
    await using ledger = openFor(world, flags);
    const events = await ledger.traces.query({ correlation_id: flags.correlation });
    print(world, JSON.stringify(exportTraces(events, flags.to)));
    say(world, counted(events.length, "event"));
    return EXIT_OK;
  },
});
export default traceExport;
