import { quoted } from "../../base/error.ts";
import { names_shown_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { latencyMs, type TracedEvent } from "../../trace/event/event.ts";
import { nothingCalled } from "../../trace/event/filter.ts";
import type { Lineage } from "../../trace/ask/lineage.ts";
import type { LedgerTraces } from "../../ledger/traces.ts";
import { defineCommand } from "../command.ts";
import { ledgerFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { Branches } from "../branches.ts";
import { counted, humanDuration, paintFor, plain, print, say } from "../output.ts";
import { sayWhatIsMissing } from "../traces.ts";

export default defineCommand({
  name: "trace tree",
  summary: "the events that an event caused, or all of a correlation, as a tree",
  description: "Draws events below their causes: all of a correlation, beginning with those that " +
    "nothing in it caused, or one event and what followed. Effects in another correlation are in " +
    "its own tree. Reports causes that were not traced or are in another correlation, cycles, " +
    "and ids that several events share.",
  examples: {
    "ledger trace tree bt1": "a whole run",
    "ledger trace tree s1": "what one event caused",
  },
  positionals: [{ name: "NAME", summary: "a correlation, or an event's id", required: true }],
  flags: ledgerFlags(),
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
    await sayProblems(world, ledger.traces, lineage, shown);
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
  const branches = new Branches();
  for (const { event, depth, is_last } of lineage.treeOf(root)) {
    shown.add(event);
    const latency_ms = latencyMs(event);
    const took = latency_ms === undefined || latency_ms < 0 ? "" : `  ${humanDuration(latency_ms)}`;
    const source = event.source_container === "unknown" ? "" : `  ${plain(event.source_container)}`;
    print(
      world,
      `${dim(branches.before(depth, is_last))}${bold(plain(event.event_type))} ` +
        plain(event.event_id) +
        `${dim(source + took)}`,
    );
  }
}

/** Reports problems of the events that were shown, not of others in their correlation. */
async function sayProblems(
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
    const where = cause ? `an event of ${quoted(cause.correlation_id)}` : "which was not traced";
    say(
      world,
      `${counted(orphans.length, "event")} whose cause is not shown here, such as ` +
        `${quoted(event_id)} (caused by ${quoted(causation_id)}, ${where})`,
    );
  }
  const cycles = problems.cycles.filter((cycle) => cycle.some(isShown));
  for (const cycle of cycles.slice(0, names_shown_max)) {
    say(world, `a cycle: ${plain(cycle.join(" -> "))}`);
  }
  if (cycles.length > names_shown_max) {
    say(world, `and ${cycles.length - names_shown_max} more cycles`);
  }
  const repeated = problems.repeated.filter(({ event_id }) => isShown(event_id));
  for (const { event_id, events } of repeated.slice(0, names_shown_max)) {
    say(world, `${events} events share the id ${quoted(event_id)}`);
  }
  if (repeated.length > names_shown_max) {
    say(world, `and ${repeated.length - names_shown_max} more ids that several events share`);
  }
}
