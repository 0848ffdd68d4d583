import { quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { PathAcross, TracedRun } from "../../ledger/traces.ts";
import { noEventCalled } from "../../trace/event/filter.ts";
import { pathSteps } from "../../trace/ask/lineage.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  humanDuration,
  plain,
  print,
  printJson,
  printRows,
  say,
  showTracedTime,
} from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace path",
  summary: "what led to an event: from a fill back to its signal",
  description: "Follows the causes of an event back to its origin and prints the chain, origin " +
    "first, with the time between steps. Where the index has events of the same correlation, " +
    "also prints the run and its artifacts; to index the log: ledger rebuild.",
  examples: {
    "ledger trace path f1": "the chain that led to this event",
    "ledger trace path f1 --json": "the same, as JSON",
  },
  positionals: [{ name: "EVENT_ID", summary: "the event's id", required: true }],
  flags: ledgerFlags(),
  run: async ({ world, flags, words: [event_id] }) => {
    await using ledger = openFor(world, flags);
    const { traces } = ledger;
    const found = await traces.pathAcross(event_id);
    sayWhatIsMissing(world, traces.damage);
    const { logged_event, runs } = found;
    if (found.end === "absent" && !logged_event) throw noEventCalled(traces.dir, event_id);
    if (flags.json) return printJson(world, { ...found, path: pathSteps(found.path) });
    if (found.path.length > 0) {
      printRows(world, pathSteps(found.path), [
        { field: "step", right: true },
        { field: "event_type", title: "type" },
        { field: "event_id" },
        { field: "source_container", title: "source" },
        { field: "timestamp", title: "time", show: showTracedTime },
        { field: "hop_ms", title: "after", right: true, show: duration },
        { field: "queue_time_ms", title: "queued", right: true, show: duration },
        { field: "since_origin_ms", title: "in all", right: true, show: duration },
      ]);
    }
    if (logged_event) print(world, `led to ${described(logged_event)}`);
    printEnd(world, found);
    for (const run of runs) printRun(world, run);
  },
});

function duration(ms: unknown): string {
  return typeof ms === "number" ? humanDuration(ms) : "";
}

function described({ event_type, run_id, event_id }: Record<string, unknown>): string {
  const of_run = run_id ? ` of run ${run_id}` : "";
  return plain(`${event_type}${of_run} in the log (${event_id})`);
}

function printEnd(world: World, found: PathAcross): void {
  const { end, missing_cause, logged_cause, cycle, repeated, crossings } = found;
  if (logged_cause) print(world, `\nbegan with ${described(logged_cause)}`);
  else if (end === "missing_cause") {
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
