import * as z from "zod/mini";
import { EXIT_OK, LedgerError, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { TracedEvent } from "../../trace/event.ts";
import type { Lineage } from "../../trace/lineage.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, say } from "../output.ts";
import { usage } from "../parse.ts";
import { hopMs, ms } from "../traces.ts";

const LINES_MAX = 1_000;

const traceTree = defineCommand({
  name: "trace tree",
  summary: "what came of an event, or of a whole run, as a tree",
  description:
    "Prints each event below its cause, with the time since then. Given a correlation, " +
    "all its trees; what is not as it should be (missing causes, circles) is said after them.",
  examples: [
    { line: "ledger trace tree s1", shows: "what came of a signal" },
    { line: "ledger trace tree unknown", shows: "all trees of a correlation" },
  ],
  positionals: [{ name: "NAME", summary: "a correlation, or an event's id", required: true }],
  flags: z.strictObject({
    "limit": count({ short: "n", description: `at most so many lines (default: ${LINES_MAX})` }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags, words }) => {
    const [name] = words;
    if (name === undefined) throw usage(traceTree, "of what? A correlation or an event is missing");
    await using ledger = openFor(world, flags);
    const { lineage, roots } = await ledger.traces.lineage(name);
    if (roots.length === 0) {
      throw new LedgerError({
        code: "not_found",
        message: `there is no correlation and no traced event ${quoted(name)}`,
        hint: "to see some: ledger trace query --limit 10",
      });
    }
    if (flags.json) printJson(world, lineage, roots);
    else printTrees(world, lineage, roots, flags.limit ?? LINES_MAX);
    for (const note of notesOn(lineage)) say(world, note);
    return EXIT_OK;
  },
});
export default traceTree;

function printJson(world: World, lineage: Lineage<TracedEvent>, roots: TracedEvent[]): void {
  const lines = roots.flatMap((root) => [...lineage.treeOf(root)]);
  const { orphans, ...problems } = lineage.problems();
  print(
    world,
    JSON.stringify({
      events: lines.map(({ event: { data: _, ...event }, depth }) => ({ depth, ...event })),
      ...problems,
      orphans: orphans.map(({ event_id }) => event_id),
    }),
  );
}

function printTrees(
  world: World,
  lineage: Lineage<TracedEvent>,
  roots: TracedEvent[],
  lines_max: number,
): void {
  let printed = 0;
  for (const root of roots) {
    /** For each depth, what stands before the branches below it. */
    const indents = [""];
    for (const { event, depth, is_last } of lineage.treeOf(root)) {
      if (printed++ >= lines_max) {
        return say(world, `… and more: --limit ${lines_max * 10} shows more of it`);
      }
      const branch = depth === 0 ? "" : is_last ? "└─ " : "├─ ";
      const indent = depth === 0 ? "" : indents[depth - 1];
      indents[depth] = depth === 0 ? "" : `${indent}${is_last ? "   " : "│  "}`;
      print(world, `${indent}${branch}${wordsFor(event, lineage.causeOf(event))}`);
    }
  }
}

function wordsFor(event: TracedEvent, cause: TracedEvent | undefined): string {
  const hop = cause ? ms(hopMs(cause, event)) : "";
  return `${event.event_type} ${event.event_id}  ${event.source_container}` +
    (hop === "" ? "" : `  +${hop} ms`);
}

function notesOn(lineage: Lineage<TracedEvent>): string[] {
  const { orphans, cycles, repeated, crossings } = lineage.problems();
  const notes: string[] = [];
  const elsewhere = "event has a cause that is not among them";
  if (orphans.length > 0) {
    notes.push(
      `note: ${counted(orphans.length, elsewhere, "events have causes that are not among them")}`,
    );
  }
  for (const cycle of cycles) notes.push(`note: a circle: ${cycle.join(" -> ")}`);
  if (repeated.length > 0) {
    notes.push(`note: ${counted(repeated.length, "id is had", "ids are had")} by several events`);
  }
  if (crossings.length > 0) {
    notes.push(`note: ${counted(crossings.length, "cause lies", "causes lie")} elsewhere`);
  }
  return notes;
}
