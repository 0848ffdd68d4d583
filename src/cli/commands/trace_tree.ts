import * as z from "zod/mini";
import { EXIT_OK, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { names_shown_max, tree_depth_drawn_max } from "../../base/limits.ts";
import { latencyMs, type TracedEvent } from "../../trace/event/event.ts";
import { nothingCalled } from "../../trace/event/filter.ts";
import type { Lineage, TreeLine } from "../../trace/ask/lineage.ts";
import type { LedgerTraces } from "../../ledger/traces.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanDuration, paintFor, plain, print, say } from "../output.ts";
import { sayWhatIsMissing } from "../trace_damage.ts";

export default defineCommand({
  name: "trace tree",
  summary: "what came of an event in its correlation, or all of a correlation",
  description: "Draws events below what caused them. Given a correlation, begins at every event " +
    "that nothing in it caused; given an event, there. What it caused in another correlation is in " +
    "the tree of that one. Says what is amiss: causes that were not traced or lie in another " +
    "correlation, circles, ids that several events have.",
  examples: [
    { line: "ledger trace tree bt1", shows: "a whole run" },
    { line: "ledger trace tree s1", shows: "what came of one event" },
  ],
  positionals: [{ name: "NAME", summary: "a correlation, or an event's id", required: true }],
  flags: z.strictObject({ "json": asJson(), "dir": dir() }),
  run: async ({ world, flags, words: [name] }) => {
    await using ledger = openFor(world, flags);
    const { lineage, roots } = await ledger.traces.lineage(name);
    sayWhatIsMissing(world, ledger.traces.damage);
    if (roots.length === 0) throw nothingCalled(ledger.traces.dir, name);
    const shown = new Set<TracedEvent>();
    if (flags.json) print(world, "[");
    for (const root of roots) {
      if (flags.json) printTree(world, lineage, root, shown);
      else draw(world, lineage, root, shown);
    }
    if (flags.json) print(world, "]");
    await tellProblems(world, ledger.traces, lineage, shown);
    return EXIT_OK;
  },
});

function printTree(
  world: World,
  lineage: Lineage<TracedEvent>,
  root: TracedEvent,
  shown: Set<TracedEvent>,
): void {
  for (const { event, depth } of lineage.treeOf(root)) {
    const { data: _, ...fields } = event;
    print(world, `${shown.size === 0 ? "  " : ", "}${JSON.stringify({ depth, ...fields })}`);
    shown.add(event);
  }
}

function draw(
  world: World,
  lineage: Lineage<TracedEvent>,
  root: TracedEvent,
  shown: Set<TracedEvent>,
): void {
  const { bold, dim } = paintFor(world, world.stdout);
  /** For each depth, whether a line goes on below. */
  const open: boolean[] = [];
  for (const { event, depth, is_last } of lineage.treeOf(root)) {
    shown.add(event);
    open[depth] = !is_last;
    open.length = depth + 1;
    const latency_ms = latencyMs(event);
    const took = latency_ms === undefined || latency_ms < 0 ? "" : `  ${humanDuration(latency_ms)}`;
    const source = event.source_container === "unknown" ? "" : `  ${plain(event.source_container)}`;
    print(
      world,
      `${dim(branches(depth, open, is_last))}${bold(plain(event.event_type))} ` +
        plain(event.event_id) +
        `${dim(source + took)}`,
    );
  }
}

function branches(
  depth: number,
  open: readonly boolean[],
  is_last: TreeLine<TracedEvent>["is_last"],
): string {
  if (depth === 0) return "";
  const elbow = is_last ? "└─ " : "├─ ";
  if (depth > tree_depth_drawn_max) return `(${depth}) ${elbow}`;
  return open.slice(1, depth).map((goes_on) => goes_on ? "│  " : "   ").join("") + elbow;
}

/** What is amiss with the events that were shown; of others in their correlation nobody asked. */
async function tellProblems(
  world: World,
  traces: LedgerTraces,
  lineage: Lineage<TracedEvent>,
  shown: ReadonlySet<TracedEvent>,
): Promise<void> {
  const problems = lineage.problems();
  const isShown = (event_id: string) => lineage.withId(event_id).some((each) => shown.has(each));
  const orphans = problems.orphans.filter((event) => shown.has(event));
  if (orphans.length > 0) {
    const [{ event_id, causation_id }] = orphans;
    const [cause] = await traces.query({ event_ids: [causation_id], without_data: true });
    say(
      world,
      `${counted(orphans.length, "event")} whose cause is not among these, such as ` +
        `${quoted(event_id)} (caused by ${quoted(causation_id)}, ` +
        `${cause ? `an event of ${quoted(cause.correlation_id)}` : "which was not traced"})`,
    );
  }
  const cycles = problems.cycles.filter((cycle) => cycle.some(isShown));
  for (const cycle of cycles.slice(0, names_shown_max)) {
    say(world, `a circle: ${plain(cycle.join(" -> "))}`);
  }
  if (cycles.length > names_shown_max) {
    say(world, `and ${cycles.length - names_shown_max} more circles`);
  }
  const repeated = problems.repeated.filter(({ event_id }) => isShown(event_id));
  for (const { event_id, events } of repeated.slice(0, names_shown_max)) {
    say(world, `${events} events have the id ${quoted(event_id)}`);
  }
  if (repeated.length > names_shown_max) {
    say(world, `and ${repeated.length - names_shown_max} more ids that several events have`);
  }
}
