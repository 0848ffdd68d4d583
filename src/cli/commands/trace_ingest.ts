import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { interruptedBy } from "../../base/world.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir, toggle } from "../flags.ts";
import { inputFrom, isStandardInput, openFor, stopOnInterrupt } from "../open.ts";
import { counted, print, Progress, say, withProgress } from "../output.ts";
import { sayDamage } from "../trace_damage.ts";

const SIGNAL = `{"event_id":"s1","event_type":"SIGNAL","correlation_id":"bt1","created_at":` +
  `1704067200000000,"processed_at":1704067200004000}`;
const FILL = `{"event_id":"f1","event_type":"FILL","correlation_id":"bt1","causation_id":"s1",` +
  `"created_at":1704067200009000,"processed_at":1704067200010000}`;

export default defineCommand({
  name: "trace ingest",
  summary: "take in traced events of another program",
  description: "Reads traced events as NDJSON, one a line: event_type, and as far as it is known " +
    "event_id, correlation_id, causation_id, source_container, destination, timestamp, " +
    "created_at, emitted_at, received_at, processed_at (microseconds since 1970), data. Everything " +
    "is durable when it returns. Any number of processes may do so at once. An event that is taken " +
    "in twice is there twice: ids are not compared.",
  examples: [
    { line: `echo '${SIGNAL}' | ledger trace ingest`, shows: "a signal" },
    { line: `echo '${FILL}' | ledger trace ingest`, shows: "the fill that it led to" },
  ],
  positionals: [{
    name: "FILE",
    summary: "a file or a pipe of NDJSON; - or nothing reads standard input",
  }],
  flags: z.strictObject({
    "on-error": choice(["stop", "skip"], {
      description: "what a bad line does; what came before it is kept (default: stop)",
    }),
    "compact": toggle({
      description: "make Parquet of it at once; else `ledger trace compact` does",
    }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags, words: [file = "-"] }) => {
    await using ledger = openFor(world, flags);
    using input = await inputFrom(world, file);
    using progress = new Progress(world);
    const stop = stopOnInterrupt(world);
    try {
      const told = withProgress(input, progress, await input.size_bytes());
      const report = await ledger.traces.ingest(told, {
        on_error: flags["on-error"],
        signal: stop.signal,
        onBadLine: (error) => {
          progress.clear();
          say(world, `line ${error.where?.line} skipped: ${error.message}`);
        },
        name: isStandardInput(file) ? "standard input" : file,
      });
      progress.clear();
      const compacted = flags.compact && !stop.signal.aborted
        ? await ledger.traces.compact()
        : undefined;
      sayDamage(world, compacted?.recovered.damage ?? []);
      print(
        world,
        flags.json ? JSON.stringify(report) : counted(report.events, "event") +
          (report.bad > 0 ? `, ${counted(report.bad, "line")} skipped` : ""),
      );
      const signal = stop.stoppedBy();
      if (signal) throw interruptedBy(signal).with({ detail: { durable: report.events } });
      const has_findings = report.bad > 0 || compacted?.recovered.damage.length;
      return has_findings ? EXIT_FINDINGS : EXIT_OK;
    } finally {
      stop.done();
    }
  },
});
