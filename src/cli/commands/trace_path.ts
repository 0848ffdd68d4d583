import { quoted } from "../../base/error.ts";
import { clipped, humanNumber } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { PathAcross, TracedRun } from "../../ledger/traces.ts";
import { noEventCalled } from "../../trace/event/filter.ts";
import { pathSteps } from "../../trace/ask/lineage.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { asIs, format, ledgerFlags } from "../flags.ts";
import { freshen, openFor } from "../open.ts";
import {
  type Column,
  fieldColumns,
  humanDuration,
  plain,
  print,
  printJson,
  printRows,
  rowFormat,
  say,
  showTracedTime,
} from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace path",
  summary: "what led to an event: from a fill back to its signal",
  description: "Follows the causes of an event back to its origin and prints the chain, origin " +
    "first: what each event held, its own time (market time), when the program created it (wall " +
    "time), and the wall time since the step before and on the bus. Exits with code 3 where the " +
    "causes form a circle. Where the log has events of the same correlation, also prints the " +
    "run and its artifacts.",
  examples: {
    "ledger trace path f1": "the chain that led to this event",
    "ledger trace path f1 --json": "the same, whole, as one JSON object",
    "ledger trace path f1 --format csv": "its steps as rows",
  },
  positionals: [{ name: "EVENT_ID", summary: "the event's id", required: true }],
  flags: { "format": format(), "as-is": asIs(), ...ledgerFlags() },
  run: async ({ world, flags, words: [event_id] }) => {
    await using ledger = openFor(world, flags);
    await freshen(world, ledger, flags, "log");
    const { traces } = ledger;
    const found = await traces.pathAcross(event_id);
    sayWhatIsMissing(world, traces.damage);
    if (found.end === "absent" && !found.logged_event) throw noEventCalled(traces.dir, event_id);
    const steps = pathSteps(found.path);
    const format = rowFormat(flags);
    if (format === "json") printJson(world, { ...found, path: steps });
    else if (format === "table") {
      if (steps.length > 0) printRows(world, steps, COLUMNS);
      printEnds(world, found);
    } else printRows(world, steps, FIELDS, format);
    sayProblems(world, found);
    return found.end === "cycle" ? EXIT_FINDINGS : EXIT_OK;
  },
});

const COLUMNS: Column[] = [
  { field: "step", right: true },
  { field: "event_type", title: "type" },
  { field: "event_id" },
  { field: "source_container", title: "source", optional: true },
  { field: "timestamp", title: "market time", show: showTracedTime },
  { field: "created_at", title: "wall time", show: showTracedTime, optional: true },
  { field: "hop_ms", title: "after", right: true, show: duration },
  { field: "queue_time_ms", title: "queued", right: true, show: duration, optional: true },
  { field: "since_origin_ms", title: "in all", right: true, show: duration, optional: true },
  { field: "data", show: payload },
];

const FIELDS = fieldColumns(
  "step event_id event_type timestamp correlation_id causation_id source_container destination " +
    "created_at emitted_at received_at processed_at hop_ms queue_time_ms since_origin_ms data",
);

function duration(ms: unknown): string {
  return typeof ms === "number" ? humanDuration(ms) : "";
}

const VALUE_CHARS_MAX = 40, PAYLOAD_CHARS_MAX = 160;

/** What an event held, as far as it fits: what is most asked for comes first. */
function payload(data: unknown): string {
  const { symbol, strength, price, quantity, ...others } = data as Record<string, unknown>;
  const pairs = Object.entries({ symbol, strength, price, quantity, ...others })
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => {
      const text = typeof value === "number" ? humanNumber(value) : plain(value);
      return `${plain(name)}=${clipped(text, VALUE_CHARS_MAX)}`;
    });
  return clipped(pairs.join(" "), PAYLOAD_CHARS_MAX);
}

function described({ event_type, run_id, event_id }: Record<string, unknown>): string {
  const of_run = run_id ? ` of run ${run_id}` : "";
  return plain(`${event_type}${of_run} in the log (${event_id})`);
}

/** Where the chain goes on in the log, and the runs that it belongs to. */
function printEnds(world: World, { logged_event, logged_cause, runs }: PathAcross): void {
  if (logged_event) print(world, `led to ${described(logged_event)}`);
  if (logged_cause) print(world, `\nbegan with ${described(logged_cause)}`);
  for (const run of runs) printRun(world, run);
}

function sayProblems(world: World, found: PathAcross): void {
  const { end, missing_cause, logged_cause, cycle, repeated, crossings } = found;
  if (end === "missing_cause" && !logged_cause) {
    say(world, `the chain ends early: its cause ${quoted(missing_cause)} was not traced`);
    say(world, "if it is an event of the log, index it and ask again: ledger rebuild");
  }
  if (end === "cycle") say(world, `the causes form a cycle: ${plain(cycle!.join(" -> "))}`);
  for (const { event_id, events } of repeated) {
    say(world, `${events} events have the id ${quoted(event_id)}; the chain follows one of them`);
  }
  for (const { event_id, cause_correlation_id } of crossings) {
    say(world, `${quoted(event_id)} was caused by an event of ${quoted(cause_correlation_id)}`);
  }
}

function printRun(world: World, { run_id, status, artifacts }: TracedRun): void {
  print(world, `\nrun ${plain(run_id)}${status ? `, ${status}` : ""}`);
  for (const { artifact_type, artifact_path } of artifacts) {
    print(world, `  ${plain(artifact_type).padEnd(10)} ${plain(artifact_path)}`);
  }
}
