/** The lab, shown: real commands, each echoed as it would be typed, with what it really prints. */
import { EXIT_FINDINGS, EXIT_OK } from "../base/error.ts";
import { shellWord } from "../base/format.ts";
import type { World } from "../base/world.ts";
import { Ledger } from "../ledger/ledger.ts";
import { checkLab } from "./lab.ts";
import { eventId } from "./strategy.ts";

/** Runs a command line: what the command line itself hands down, since it stands above this floor. */
type RunCommand = (args: readonly string[], world: World) => Promise<number>;

/** How the tour looks. */
export interface TourLook {
  print(text: string): void;
  /** How a command line is set off. */
  command(line: string): string;
  /** How words about it are set off. */
  words(text: string): string;
}

/** What is shown: some words, and the command that they are about. */
interface TourStep {
  words: string;
  args: readonly string[];
}

/** What happens before there is something to show. */
export const INTRODUCTION =
  "A lab is recorded: three policies and a baseline over the same 240 calls, all\n" +
  "writing at once, and a fifth run that is killed half-way. Prices, and the time\n" +
  "that work takes, are made up.";

/** The run with most to tell, and the one it is compared with. */
const RUN = "wide-stop";
const OTHER_RUN = "tight-stop";

const TIMINGS = "select run_id, phase_name, duration_ms from phase_timings " +
  "order by run_id, phase_order";
const WORST = "select run_id, call_id, exit_reason, realized_return_bps from trades " +
  "order by realized_return_bps limit 3";

/** The steps that make what the others ask. */
const FIRST_STEPS: readonly TourStep[] = [
  {
    words: "The log is plain text, one event a line. The last that was heard of the killed run:",
    args: ["log", "--run-id", "killed", "-n", "5"],
  },
  {
    words: "What is queried is made from it, and can be deleted and made again:",
    args: ["rebuild"],
  },
];

function laterSteps(worst: { run_id: string; call_id: string }): TourStep[] {
  const sold = eventId(worst.run_id, worst.call_id, "sold");
  return [
    {
      words: "The latest runs, as the log tells of them. `killed` never said that it ended:",
      args: ["query", "select run_id, run_type, status from latest_runs limit 10"],
    },
    {
      words: "It held a lock on its folder, and the lock is free: so its program has died.",
      args: ["runs", "query", "--status", "crashed"],
    },
    {
      words: "Where the time went, phase by phase; one phase has begun and not ended:",
      args: ["query", TIMINGS],
    },
    { words: "Which policy did best?", args: ["runs", "rank", "--by", "avg_return_bps"] },
    { words: "What is different about two of them?", args: ["runs", "diff", OTHER_RUN, RUN] },
    {
      words: "The worst trades of all runs, from their Parquet files:",
      args: ["query", "--db", "catalog", WORST],
    },
    {
      words: "The worst one, from the fill that closed it back to the signal it began with:",
      args: ["trace", "path", sold],
    },
    { words: "And how long such steps took:", args: ["trace", "latency", worst.run_id] },
    { words: "Is all that was written still whole? The log, and the runs:", args: ["verify"] },
    { words: "", args: ["runs", "verify", "--all"] },
  ];
}

/** Shows a lab, and says whether all that was acknowledged is there. Returns the exit code. */
export async function showLab(
  world: World,
  run: RunCommand,
  look: TourLook,
  acknowledged: readonly string[],
): Promise<number> {
  await using ledger = new Ledger({ world });
  const failed = await showSteps(world, run, look, FIRST_STEPS) ||
    await showSteps(world, run, look, laterSteps(await worstTrade(ledger)));
  if (failed) return failed;
  const events = await checkLab(ledger, acknowledged);
  const counted = acknowledged.length;
  look.print(`\nAll ${counted} acknowledged events are in the log (it has ${events}), each once.`);
  return EXIT_OK;
}

/**
 * Stops at the first command that does not end well, and returns its exit code. Findings are no bad
 * end: a killed process may have left half a line, and `verify` says what to do about it.
 */
async function showSteps(
  world: World,
  run: RunCommand,
  look: TourLook,
  steps: readonly TourStep[],
): Promise<number> {
  for (const { words, args } of steps) {
    if (words !== "") look.print(`\n${look.words(words)}`);
    look.print(look.command(`$ ledger ${args.map(shellWord).join(" ")}`));
    const code = await run(args, world);
    if (code !== EXIT_OK && code !== EXIT_FINDINGS) return code;
  }
  return EXIT_OK;
}

/** The trade that lost most, of a lab that is catalogued. */
async function worstTrade(ledger: Ledger): Promise<{ run_id: string; call_id: string }> {
  const [worst] = await ledger.query(WORST, { db: "catalog" });
  return worst as { run_id: string; call_id: string };
}

/** What to try next, in a lab that was shown. */
export async function whatNext(world: World, look: TourLook): Promise<void> {
  await using ledger = new Ledger({ world });
  const { run_id, call_id } = await worstTrade(ledger);
  look.print(`\n${look.words("The lab stays as it is. Try:")}`);
  const lines = [
    ["ledger runs show wide-stop", "all about one run"],
    [`ledger trace tree ${eventId(run_id, call_id, "signal")}`, "all that came of that signal"],
    [
      "ledger runs finish killed --status failed --error 'out of memory'",
      "say how the crashed run ended",
    ],
    ["ledger query", "tables, and queries to begin with"],
    ["ledger doctor", "whether machine, folders and ledger are fit"],
    ["ledger help", "everything else"],
  ];
  const width = Math.max(...lines.map(([line]) => line.length));
  for (const [line, shows] of lines) {
    look.print(`  ${look.command(line)}${" ".repeat(width - line.length)}  # ${shows}`);
  }
}
