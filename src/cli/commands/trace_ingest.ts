import { interruptedBy } from "../../base/world.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { choice, ledgerFlags, toggle } from "../flags.ts";
import { inputFrom, isStandardInput } from "../input.ts";
import { openFor } from "../open.ts";
import { counted, humanCount, print, printJson, Progress, withProgress } from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";
import { sayDamage } from "../traces.ts";

const SIGNAL = `{"event_id":"s1","event_type":"SIGNAL","correlation_id":"bt1","created_at":` +
  `1704067200000000,"processed_at":1704067200004000}`;
const FILL = `{"event_id":"f1","event_type":"FILL","correlation_id":"bt1","causation_id":"s1",` +
  `"created_at":1704067200009000,"processed_at":1704067200010000}`;

export default defineCommand({
  name: "trace ingest",
  summary: "add traced events of another program",
  description: "Reads traced events as NDJSON, one a line: event_type and, where known, " +
    "event_id, correlation_id, causation_id, source_container, destination, timestamp, " +
    "created_at, emitted_at, received_at, processed_at (microseconds since 1970, or ISO times; UTC " +
    "unless they say otherwise), data. All of them are durable when the command returns. Any " +
    "number of processes may ingest at once. An event whose event_id is stored already is passed " +
    "over, so what was cut off can be ingested again; an event without one gets a new id each time.",
  examples: {
    [`echo '${SIGNAL}' | ledger trace ingest`]: "a signal",
    [`echo '${FILL}' | ledger trace ingest`]: "the fill that it led to",
  },
  positionals: [{
    name: "FILE",
    summary: "a file or a pipe of NDJSON; - or nothing reads standard input",
  }],
  flags: {
    "on-error": choice(
      ["stop", "skip"],
      "what a bad line does; earlier lines are kept (default: stop)",
    ),
    "compact": toggle("turn it into Parquet at once, as ledger trace compact does"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags, words: [file = "-"] }) => {
    await using ledger = openFor(world, flags);
    using input = await inputFrom(world, file);
    using progress = new Progress(world);
    using stop = stopOnInterrupt(world);
    const watched = withProgress(input, progress, await input.size_bytes());
    const report = await ledger.traces.ingest(watched, {
      on_error: flags["on-error"],
      signal: stop.signal,
      onBadLine: ({ where, message }) => progress.say(`line ${where?.line} skipped: ${message}`),
      name: isStandardInput(file) ? "standard input" : file,
    });
    progress.clear();
    const damage = flags.compact && !stop.signal.aborted
      ? (await ledger.traces.compact()).recovered.damage
      : [];
    sayDamage(world, damage);
    const passed_over = report.duplicates > 0
      ? `, ${humanCount(report.duplicates)} stored before`
      : "";
    const skipped = report.bad > 0 ? `, ${counted(report.bad, "line")} skipped` : "";
    if (flags.json) printJson(world, report);
    else print(world, counted(report.events, "event") + passed_over + skipped);
    const signal = stop.stoppedBy();
    if (signal) throw interruptedBy(signal).with({ detail: { durable: report.events } });
    return report.bad > 0 || damage.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});
