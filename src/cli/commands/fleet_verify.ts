import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { text, toggle } from "../flags.ts";
import { chainName, fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { counted, humanBytes, print, printJson } from "../output.ts";

export default defineCommand({
  name: "fleet verify",
  summary: "whether the segments of each box are whole, and a chain",
  description:
    "Follows the hash chain of each box in the store: no segment is missing, each follows " +
    "the one before it, and none is another box's. --deep reads every segment, and compares its " +
    "lines with its digest. What is wrong is listed (exit 3).",
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
    const { boxes, findings } = await fleet.verify({
      only: flags.box,
      deep: flags.deep,
    });
    if (flags.json) printJson(world, { boxes, findings });
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
    }
    return findings.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});
