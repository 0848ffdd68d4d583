import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import type { TracedEvent } from "../../trace/event.ts";
import type { CausationPath } from "../../trace/lineage.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, format } from "../flags.ts";
import { openFor } from "../open.ts";
import { type Column, print, printRows, rowFormat, say } from "../output.ts";
import { usage } from "../parse.ts";
import { hopMs, ms, utcMicroseconds } from "../traces.ts";

const tracePath = defineCommand({
  name: "trace path",
  summary: "which events led to this one: from any fill back to its signal",
  description:
    "Prints the chain of causes, the origin first, with the time from each cause to its " +
    "effect. Follows causes into other correlations, and says so. When the chain ends at a cause " +
    "that is not there, or in a circle, it says that too, and exits with 3.",
  examples: [
    { line: "ledger trace path f1", shows: "from the signal to the fill" },
    { line: "ledger trace path f1 --json", shows: "the same for programs" },
  ],
  positionals: [{ name: "EVENT_ID", summary: "the event to begin with", required: true }],
  flags: z.strictObject({ "format": format(), "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words }) => {
    const [event_id] = words;
    if (event_id === undefined) throw usage(tracePath, "which event? Its id is missing");
    await using ledger = openFor(world, flags);
    const found = await ledger.traces.path(event_id);
    if (found.end === "absent") throw absent(event_id);
    const printed = rowFormat(flags.format, flags.json, "table");
    const steps = found.path.map((event, at) => stepOf(event, found.path[at - 1], found.path[0]));
    if (flags.json && flags.format === undefined) {
      print(world, JSON.stringify({ ...found, path: steps }));
    } else printRows(world, steps, COLUMNS, printed);
    for (const note of notesOn(found)) say(world, note);
    return found.end === "root" ? EXIT_OK : EXIT_FINDINGS;
  },
});
export default tracePath;

function stepOf(event: TracedEvent, cause: TracedEvent | undefined, origin: TracedEvent) {
  const { data: _, ...facts } = event;
  return {
    ...facts,
    hop_ms: cause ? hopMs(cause, event) : null,
    since_origin_ms: hopMs(origin, event),
  };
}

const COLUMNS: Column[] = [
  { field: "event_type", title: "type" },
  { field: "event_id", title: "event" },
  { field: "source_container", title: "source" },
  { field: "created_at", title: "created", show: (value) => utcMicroseconds(value as number) },
  { field: "hop_ms", title: "hop ms", right: true, show: ms },
  { field: "since_origin_ms", title: "total ms", right: true, show: ms },
];

function notesOn(found: CausationPath<TracedEvent>): string[] {
  const notes = found.repeated.map(({ event_id, events }) =>
    `note: ${events} events have the id ${quoted(event_id)}; the likeliest one was followed`
  );
  for (const { causation_id, cause_correlation_id } of found.crossings) {
    notes.push(`note: ${quoted(causation_id)} belongs to correlation ${cause_correlation_id}`);
  }
  if (found.missing_cause !== undefined) {
    notes.push(`note: the chain ends here: there is no event ${quoted(found.missing_cause)}`);
  }
  if (found.cycle) {
    notes.push(`note: the chain goes round in a circle: ${found.cycle.join(" -> ")}`);
  }
  return notes;
}

function absent(event_id: string): LedgerError {
  return new LedgerError({
    code: "not_found",
    message: `there is no traced event ${quoted(event_id)}`,
    hint: "to see some: ledger trace query --limit 10",
  });
}
