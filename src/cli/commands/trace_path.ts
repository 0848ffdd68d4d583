import * as z from "zod/mini";
import { EXIT_OK, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { PathAcross, TracedRun } from "../../ledger/traces.ts";
import { noEventCalled } from "../../trace/event/filter.ts";
import { pathSteps } from "../../trace/ask/lineage.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { humanDuration, plain, print, printRows, say, showTracedTime } from "../output.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace path",
  summary: "what led to an event: from the fill back to its signal",
  description: "Follows the causes of an event to where it began and prints the chain, origin " +
    "first, with the time from each step to the next. Where the log names the same correlation, " +
    "also the run that made it and what it left (as far as the index knows: ledger rebuild).",
  examples: [
    { line: "ledger trace path f1", shows: "the chain that ended in this event" },
    { line: "ledger trace path f1 --json", shows: "the same for programs" },
  ],
  positionals: [{ name: "EVENT_ID", summary: "the event's id", required: true }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [event_id] }) => {
    await using ledger = openFor(world, flags);
    const { traces } = ledger;
    const found = await traces.pathAcross(event_id);
    sayWhatIsMissing(world, traces.damage);
    const { logged_event, runs } = found;
    if (found.end === "absent" && !logged_event) throw noEventCalled(traces.dir, event_id);
    if (flags.json) {
      print(world, JSON.stringify({ ...found, path: pathSteps(found.path) }));
      return EXIT_OK;
    }
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
      ], "table");
    }
    if (logged_event) print(world, `led to ${described(logged_event)}`);
    tellEnd(world, found);
    for (const run of runs) tellRun(world, run);
    return EXIT_OK;
  },
});

function duration(ms: unknown): string {
  return typeof ms === "number" ? humanDuration(ms) : "";
}

function described({ event_type, run_id, event_id }: Record<string, unknown>): string {
  const of_run = run_id ? ` of run ${run_id}` : "";
  return plain(`${event_type}${of_run} in the log (${event_id})`);
}

function tellEnd(world: World, found: PathAcross): void {
  const { end, missing_cause, logged_cause, cycle, repeated, crossings } = found;
  if (logged_cause) print(world, `\nbegan with ${described(logged_cause)}`);
  else if (end === "missing_cause") {
    say(
      world,
      `the chain is cut: the cause ${
        quoted(missing_cause)
      } was not traced, and is no event of the ` +
        `log that the index knows (ledger rebuild)`,
    );
  }
  if (end === "cycle") say(world, `the chain runs in a circle: ${plain(cycle!.join(" -> "))}`);
  for (const { event_id, events } of repeated) {
    say(world, `${events} events have the id ${quoted(event_id)}; one of them was followed`);
  }
  for (const { event_id, cause_correlation_id } of crossings) {
    say(world, `${quoted(event_id)} was caused by an event of ${quoted(cause_correlation_id)}`);
  }
}

function tellRun(world: World, { run_id, status, artifacts }: TracedRun): void {
  print(world, `\nrun ${plain(run_id)}${status ? `, ${status}` : ""}`);
  for (const { artifact_type, artifact_path } of artifacts) {
    print(world, `  ${plain(artifact_type).padEnd(10)} ${plain(artifact_path)}`);
  }
}
