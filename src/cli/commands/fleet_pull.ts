import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, exitOfStopped } from "../exit_code.ts";
import { day, text } from "../flags.ts";
import { chainName, fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { counted, humanBytes, print, printJson, say } from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";

export default defineCommand({
  name: "fleet pull",
  summary: "fetch what boxes have sent, and index it here: query --fleet",
  description:
    "Fetches new segments and bundles of all boxes, this one included, into data/ledger/fleet/cache, each " +
    "proven by its chain and digest, and brings the index of that cache up to date: query --fleet " +
    "asks it, without network. The cache is no log: it is never shipped, sealed or retained, and can " +
    "be deleted. A pull that was stopped goes on where it was. A box whose next segment cannot be " +
    "taken stops there, and is named (exit 3).",
  examples: {
    "ledger fleet pull": "all boxes",
    "ledger fleet pull --since 2026-01-05 --box research-1": "one box, from that day on",
  },
  positionals: [fleetWord()],
  flags: {
    "since": day("leave events of earlier days in the store"),
    "box": text("NAME", "this one alone"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    using fleet = await openFleet(world, flags, url);
    using stop = stopOnInterrupt(world);
    const report = await fleet.pull({
      since_day: flags.since,
      box: flags.box,
      signal: stop.signal,
      onNotice: (message) => say(world, message),
    });
    const { boxes, poison, index } = report;
    if (flags.json) printJson(world, report);
    for (const { name, segments, bytes } of flags.json ? [] : boxes) {
      if (segments === 0) continue;
      print(world, `${name}: ${counted(segments, "new object")}, ${humanBytes(bytes)}`);
    }
    if (index && !flags.json) {
      const { events, rejected } = index.total;
      const bad = rejected > 0 ? `, ${counted(rejected, "rejected line")}` : "";
      print(world, `indexed: ${counted(events, "event")}${bad}`);
    }
    for (const { box, source, seq, problem } of poison) {
      say(world, `box ${chainName(box, source)} stops at segment ${seq}: ${problem}`);
    }
    return exitOfStopped(stop, poison.length > 0 ? EXIT_FINDINGS : EXIT_OK);
  },
});
