import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK, placeText } from "../../base/error.ts";
import { interruptedBy } from "../../base/world.ts";
import { fileInput } from "../file_input.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir } from "../flags.ts";
import { openFor, stopOnInterrupt } from "../open.ts";
import { counted, print, say } from "../output.ts";

/** A signal, its order and its fill, as another program may have traced them. */
const DEMO = [
  `{"event_type":"SIGNAL","event_id":"s1","created_at":1769169600000000,` +
  `"processed_at":1769169600000900,"source_container":"momentum"}`,
  `{"event_type":"ORDER","event_id":"o1","causation_id":"s1","created_at":1769169600001200,` +
  `"processed_at":1769169600003000,"source_container":"risk"}`,
  `{"event_type":"FILL","event_id":"f1","causation_id":"o1","created_at":1769169600005400,` +
  `"processed_at":1769169600006000,"source_container":"broker"}`,
];

export default defineCommand({
  name: "trace ingest",
  summary: "take in events that another program traced, one JSON object a line",
  description: "Fields: event_type (has to be there), event_id, timestamp, correlation_id, " +
    "causation_id, source_container, destination, created_at, emitted_at, received_at, " +
    "processed_at, data, version, sequence_number, partition_key. Times are whole microseconds " +
    "UTC. All of it is durable when the command ends; `trace compact` makes Parquet of it.",
  examples: [
    {
      line: `printf '%s\\n' '${DEMO.join("' '")}' | ledger trace ingest -`,
      shows: "a signal, its order and its fill",
    },
    {
      line: `echo '{"event_type":"BAR","data":{"symbol":"SPY","close":470.5}}' | ` +
        `ledger trace ingest --on-error skip`,
      shows: "bad lines are told and passed over",
    },
  ],
  positionals: [{ name: "FILE", summary: "the file; - or nothing is standard input" }],
  flags: z.strictObject({
    "on-error": choice(["stop", "skip"], { description: "what a bad line does (default: stop)" }),
    "dir": dir(),
    "json": asJson(),
  }),
  run: async ({ world, flags, words }) => {
    await using ledger = openFor(world, flags);
    const [path = "-"] = words;
    const file = path === "-" ? undefined : fileInput(world, path);
    const stop = stopOnInterrupt(world);
    try {
      const report = await ledger.traces.ingest(file ?? world.stdin, {
        on_error: flags["on-error"],
        signal: stop.signal,
        name: path === "-" ? undefined : path,
        onBadLine: (error) => say(world, `${placeText(error.where)}: ${error.message}`),
      });
      const bad = report.bad > 0 ? `, ${counted(report.bad, "bad line")} skipped` : "";
      if (flags.json) print(world, JSON.stringify(report));
      else say(world, `${counted(report.events, "event")} durable${bad}`);
      const signal = stop.stoppedBy();
      if (signal) throw interruptedBy(signal).with({ detail: { durable: report.events } });
      return report.bad > 0 ? EXIT_FINDINGS : EXIT_OK;
    } finally {
      stop.done();
      file?.close();
    }
  },
});
