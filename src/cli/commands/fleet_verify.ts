import type { World } from "../../base/world.ts";
import type { FleetVerification } from "../../fleet/boxes.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { text, toggle } from "../flags.ts";
import { chainName, fleetFlags, fleetWord, openFleet, sayNoBox } from "../fleet.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "fleet verify",
  summary: "whether the segments of each box are whole, and a chain",
  description:
    "Follows the hash chain of each box in the store: no segment is missing, each follows " +
    "the one before it, and none is another box's. --deep reads every segment, and compares its " +
    "lines with its digest; of all boxes, it also reads the ids of all events from their table, and " +
    "names those that stand in several days: merges settle what repeats within one. A chain whose " +
    "first segments were removed by fleet retain begins behind them. What is wrong is listed (exit 3).",
  examples: {
    "ledger fleet verify": "the chain of each box",
    "ledger fleet verify --deep --box research-1": "every segment of one box, read back",
  },
  positionals: [fleetWord()],
  flags: {
    "box": text("NAME", "this one alone"),
    "deep": toggle("read every segment"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    using fleet = await openFleet(world, flags, url);
    const { boxes, findings, ids } = await fleet.verify({
      only: flags.box,
      deep: flags.deep,
    });
    if (boxes.length === 0) sayNoBox(world, fleet);
    if (flags.json) printJson(world, { boxes, findings, ids });
    else {
      for (const { name, source, segments, bytes, lines_bytes } of boxes) {
        const of_box = findings.filter((each) => each.box === name && each.source === source);
        const verdict = of_box.length === 0 ? "whole" : counted(of_box.length, "finding");
        const held = `${counted(segments, "segment")}, ${humanBytes(bytes)}`;
        const of_lines = `${humanBytes(lines_bytes)} of lines`;
        print(world, `${chainName(name, source)}: ${held}, ${of_lines}: ${verdict}`);
      }
      for (const { box, source, seq, problem } of findings) {
        const place = seq === 0 ? box : `${chainName(box, source)}, segment ${seq}`;
        print(world, `${place}: ${problem}`);
      }
      if (ids) printIds(world, ids);
    }
    const of_ids = ids ? ids.count + ids.problems.length : 0;
    return findings.length + of_ids > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});

function printIds(
  world: World,
  { rows, count, first, unsettled_days, problems }: NonNullable<FleetVerification["ids"]>,
): void {
  const several = count === 0
    ? "no id stands in several days"
    : `${counted(count, "id")} in several days`;
  print(world, `events: ${counted(rows, "row")}, ${several}`);
  for (const { event_id, places } of first) print(world, `${event_id}: ${places.join("; ")}`);
  if (count > first.length) print(world, `and ${counted(count - first.length, "other")}`);
  for (const problem of problems) print(world, problem);
  if (unsettled_days.length > 0) {
    const days = `${counted(unsettled_days.length, "day")} from ${unsettled_days[0]} on`;
    say(world, `${days} not merged yet: what repeats within them is not in duplicates`);
  }
}
