import { type Claim, type Claimed, claimText } from "../../ledger/claims.ts";
import { defineCommand } from "../command.ts";
import { count, runsFlags, text, toggle } from "../flags.ts";
import { openForRuns, sayLags } from "../open.ts";
import { plain, print, printJson, say, utc } from "../output.ts";
import { usage } from "../parse.ts";

/** The heading of its flags in help. */
const OF_CLAIM = { group: "The claim" };

export default defineCommand({
  name: "runs claim",
  summary: "say before its trials what a run, or a group, is to show",
  description: "Appends an event that says what is expected of a run, or of the runs of a group, " +
    "which need not exist yet. Without a claim, prints those that there are, and whether each is " +
    "proven to stand before the first trial: in the same part of the log the claim comes first, or " +
    "its part was sealed earlier (ledger seal). The end of a run counts as a trial. Timestamps " +
    "prove nothing. ledger runs show says the same.",
  examples: {
    "ledger runs claim demo-1 --hypothesis 'winners go on' --metric sharpe --higher --trials 20":
      "before the trials of a run",
    "ledger runs claim --group sweep7 --hypothesis 'stops cost less' --metric max_drawdown --lower --trials 50 --holdout 2025-07-01..2025-12-31 --falsified-if 'drawdown on the holdout is above 0.2'":
      "before a sweep, with data that no trial looks at",
    "ledger runs claim demo-1": "what was claimed, and when",
  },
  positionals: [{
    name: "ID",
    summary: "the run's id, the beginning of it, or its name (default: $LEDGER_RUN_ID)",
  }],
  flags: {
    "group": text("NAME", "claim something of the runs of this group"),
    "hypothesis": text("TEXT", "what is expected", OF_CLAIM),
    "metric": text("NAME", "the metric that shows it", OF_CLAIM),
    "higher": toggle("a higher one shows it", OF_CLAIM),
    "lower": toggle("a lower one shows it", OF_CLAIM),
    "trials": count("how many trials there will be", OF_CLAIM),
    "holdout": text("FROM..TO", "data that no trial looks at: 2025-07-01..2025-12-31", OF_CLAIM),
    "falsified-if": text("TEXT", "what would show that it is wrong", OF_CLAIM),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [typed] }) => {
    const { group, json } = flags;
    const run = typed ??
      (group === undefined ? world.env("LEDGER_RUN_ID") || undefined : undefined);
    if ((run === undefined) === (group === undefined)) {
      throw usage("runs claim", run ? "ID or --group, not both" : "of which run? ID, or --group");
    }
    const claimed = (run === undefined ? { group } : { run }) as Claimed;
    const claim = claimOf(flags);
    await using ledger = openForRuns(world, flags);
    const onNotice = (notice: string) => say(world, notice);
    sayLags(world, flags, await ledger.freshen(["log"], onNotice));
    if (claim) {
      const event = await ledger.runs.claim(claimed, claim, onNotice);
      if (json) printJson(world, event);
      else print(world, plain(`${event.run_id ?? group}  ${claimText(claim)}`));
      return;
    }
    const claims = await ledger.runs.claims(claimed);
    if (json) return printJson(world, claims);
    for (const { run_id, order, claimed_at_ms, ...claim } of claims) {
      print(world, plain(`${run_id ?? claim.group}  ${utc(claimed_at_ms)}  ${claimText(claim)}`));
      print(world, plain(`  ${order.reason}`));
    }
    if (claims.length === 0) say(world, `nothing has been claimed of ${run ?? `group ${group}`}`);
  },
});

interface ClaimFlags {
  hypothesis?: string;
  metric?: string;
  higher: boolean;
  lower: boolean;
  trials?: number;
  holdout?: string;
  "falsified-if"?: string;
}

/** Undefined where nothing is claimed. */
function claimOf({ hypothesis, metric, higher, lower, ...flags }: ClaimFlags): Claim | undefined {
  const { trials, holdout, "falsified-if": falsified_if } = flags;
  const said = [hypothesis, metric, trials, holdout, falsified_if];
  if (said.every((each) => each === undefined) && !higher && !lower) return undefined;
  const lacking = [
    ...hypothesis === undefined ? ["--hypothesis TEXT"] : [],
    ...metric === undefined ? ["--metric NAME"] : [],
    ...higher || lower ? [] : ["--higher or --lower"],
    ...trials === undefined ? ["--trials N"] : [],
  ];
  if (lacking.length > 0) throw usage("runs claim", `a claim lacks ${lacking.join(", ")}`);
  if (higher && lower) throw usage("runs claim", "it is either --higher or --lower");
  const direction = higher ? "higher" : "lower";
  return {
    hypothesis: hypothesis!,
    metric: metric!,
    direction,
    trials_planned: trials!,
    holdout,
    falsified_if,
  };
}
